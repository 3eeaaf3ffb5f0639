import { setImmediate as breathe } from "node:timers/promises";
import { makeBatch, packRows } from "../data/batches.ts";
import type { Example } from "../data/dataset.ts";
import type { MistralModel } from "../model/mistral.ts";

/**
 * Mean of -log p over all trained tokens of the examples, in nats, without dropout: each token counts the same.
 *
 * @param maxSeqLength tokens in one forward pass; an example may not be longer
 */
export async function validationLoss(
  model: MistralModel,
  examples: readonly Example[],
  maxSeqLength: number,
): Promise<number> {
  let sum = 0;
  let tokens = 0;
  for (const row of packRows(examples, { maxSeqLength })) {
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
