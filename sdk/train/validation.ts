import { setImmediate as breathe } from "node:timers/promises";
import { makeBatch, packRows } from "../data/batches.ts";
import type { Example } from "../data/dataset.ts";
import { answerChat } from "../generate/answer.ts";
import type { MistralModel } from "../model/mistral.ts";
import type { Interruption } from "../views/frontEnd.ts";
import type { SampleAnswer } from "./events.ts";

/** Enough to see whether an answer begins well; a model that does not stop yet must not hold up the training. */
const SAMPLE_TOKENS = 64;

/**
 * Mean of -log p over all trained tokens of the examples, in nats, without dropout: each token counts the same.
 *
 * @param maxSeqLength tokens in one forward pass; an example may not be longer
 * @returns undefined when it is interrupted: half a validation says nothing
 */
export async function validationLoss(
  model: MistralModel,
  examples: readonly Example[],
  maxSeqLength: number,
  interruption: Interruption,
): Promise<number | undefined> {
  let sum = 0;
  let tokens = 0;
  for (const row of packRows(examples, { maxSeqLength })) {
    if (interruption.aborted) return undefined;
    const batch = makeBatch([row]);
    const { lossSum, tokenLosses } = model.loss(batch);
    sum += (await lossSum.data())[0];
    lossSum.dispose();
    tokenLosses.dispose();
    tokens += batch.trainedTokens;
    await breathe();
  }
  return sum / Math.max(1, tokens);
}

/** The model's greedy answers to the first `count` examples that have a question. */
export async function sampleAnswers(
  model: MistralModel,
  examples: readonly Example[],
  count: number,
  interruption: Interruption,
): Promise<SampleAnswer[]> {
  const room = model.config.maxPositions - SAMPLE_TOKENS;
  const asked = examples.filter(({ prompt, ids }) => prompt.length > 0 && ids.length < room).slice(0, count);
  const samples: SampleAnswer[] = [];
  for (const { prompt, instruction, response } of asked) {
    if (interruption.aborted) break;
    const { text } = await answerChat(model, prompt, { maxNewTokens: SAMPLE_TOKENS });
    samples.push({ question: instruction, answer: text, reference: response });
  }
  return samples;
}
