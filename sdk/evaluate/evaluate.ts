/** Measures a model on held-out questions: what it gives to the reference answers, and what it answers itself. */
import { setImmediate as breathe } from "node:timers/promises";
import { makeBatch, packRows } from "../data/batches.ts";
import { checkExamples, checkLengths, type Example } from "../data/example.ts";
import { answerChat } from "../generate/answer.ts";
import { checkModel, type MistralModel } from "../model/mistral.ts";
import { displayable } from "../views/bundle.ts";
import { evaluationView } from "../views/evaluation.ts";
import { chrF } from "./chrF.ts";
import { type EvaluateOptions, resolveEvaluateOptions } from "./options.ts";

export interface Answer {
  instruction: string;
  reference: string;
  answer: string;
  /** True when the answer holds one of the expected facts; undefined where the data name none. */
  correct?: boolean;
  /** True when the model ended the answer by itself. */
  stopped: boolean;
}

/** What `evaluate` measured; a notebook shows it as a table. */
export interface Evaluation {
  /** Questions measured. */
  examples: number;
  /** Trained tokens the loss is over. */
  tokens: number;
  /** Mean of -log p over the tokens of the reference answers, in nats. */
  loss: number;
  /** exp(loss). */
  perplexity: number;
  /** 0 to 100; undefined without answers. */
  chrF?: number;
  /** Share (0 to 1) of answers that hold the expected fact, over the questions that name one. */
  expectedFact?: number;
  /** Share (0 to 1) of answers that the model ended by itself. */
  stopped?: number;
  answers: Answer[];
}

/**
 * Measures a model on held-out examples: the loss of the expected answers, weighted by tokens, and, unless
 * `answers: false`, what the model answers itself (greedy): chrF, expected facts, and whether it stops.
 *
 *     const { loss, expectedFact } = await evaluate(tuned, test);
 *
 * @throws when an option is wrong, there is no example, or one is longer than the model allows
 */
export async function evaluate(
  model: MistralModel,
  examples: readonly Example[],
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { answers: wanted, maxNewTokens, maxSeqLength, onProgress, signal } = resolveEvaluateOptions(options);
  checkModel("evaluate", model);
  checkExamples("evaluate", examples);
  if (examples.length === 0)
    throw new RangeError("evaluate: there is no example; pass held-out rows or a testFraction");
  const { maxPositions } = model.config;
  checkLengths("evaluate: examples", examples, maxPositions, "the longest text that the model was made for");
  const longest = examples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const { loss, tokens } = await meanLoss(model, examples, maxSeqLength ?? Math.max(512, longest), signal);
  const answers: Answer[] = [];
  if (wanted) {
    for (const example of examples) {
      if (signal?.aborted) break;
      answers.push(await answerOne(model, example, maxNewTokens, signal));
      onProgress?.(answers.length, examples.length);
    }
  }
  const evaluation: Evaluation = {
    examples: examples.length,
    tokens,
    loss,
    perplexity: Math.exp(loss),
    answers,
  };
  if (answers.length > 0) {
    evaluation.chrF = chrF(answers);
    evaluation.stopped = share(answers, (a) => a.stopped);
    const withFact = answers.filter((a) => a.correct !== undefined);
    if (withFact.length > 0) evaluation.expectedFact = share(withFact, (a) => a.correct === true);
  }
  return displayable(evaluation, evaluationView);
}

/** Token-weighted mean loss in nats: every trained token counts the same, however the examples are packed. */
export async function meanLoss(
  model: MistralModel,
  examples: readonly Example[],
  maxSeqLength = 512,
  signal?: AbortSignal,
): Promise<{ loss: number; tokens: number }> {
  let sum = 0;
  let tokens = 0;
  for (const row of packRows(examples, { maxSeqLength })) {
    if (signal?.aborted) break;
    const batch = makeBatch([row]);
    const { lossSum, tokenLosses } = model.loss(batch);
    sum += (await lossSum.data())[0];
    tokens += batch.trainedTokens;
    lossSum.dispose();
    tokenLosses.dispose();
    await breathe();
  }
  return { loss: sum / tokens, tokens };
}

async function answerOne(
  model: MistralModel,
  example: Example,
  maxNewTokens: number,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { text, reason } = await answerChat(model, example.prompt, { maxNewTokens, signal });
  const { expected } = example;
  return {
    instruction: example.instruction,
    reference: example.response,
    answer: text,
    correct: expected?.length
      ? expected.some((fact) => normalise(text).includes(normalise(fact)))
      : undefined,
    stopped: reason === "eos",
  };
}

/** Case, kinds of spaces and apostrophes do not make a fact wrong. */
function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\s\u00a0\u202f]+/gu, " ")
    .replace(/[’ʼ]/gu, "'");
}

function share<T>(items: readonly T[], test: (item: T) => boolean): number {
  return items.filter(test).length / items.length;
}
