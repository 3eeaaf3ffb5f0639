/** A model that says one text by heart: after each of its tokens the next one is far ahead of all others. */

import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../sdk/backend/device.ts";
import { MistralModel } from "../sdk/model/mistral.ts";
import { HOST } from "./host.ts";
import { tinyTrainableModel } from "./tinyModel.ts";

const HIDDEN = 64;
// As many ids as the tokenizer of the fixtures has.
const VOCAB = 272;

/**
 * @param chain ids, each at most once: after chain[k] comes chain[k + 1]. Any other id, and the last, is followed by
 *   a token that all tie for.
 * @param eosIds ids that end the answer. Default: that of the tokenizer.
 */
export async function scriptedModel(
  chain: readonly number[],
  { eosIds = [2], maxPositions = 128 } = {},
): Promise<MistralModel> {
  if (new Set(chain).size !== chain.length || chain.length > HIDDEN) {
    throw new Error(`scriptedModel: expected at most ${HIDDEN} different ids, got ${chain}`);
  }
  await useDevice(HOST);
  // Attention and MLP write nothing: a token's hidden state is its embedding, one coordinate of its own.
  const model = await tinyTrainableModel({ hiddenSize: HIDDEN, layers: 1, vocabSize: VOCAB, maxPositions });
  const values = model.trainableVariables();
  const embedding = new Float32Array(VOCAB * HIDDEN);
  const head = new Float32Array(VOCAB * HIDDEN);
  for (const [k, id] of chain.entries()) {
    embedding[id * HIDDEN + k] = 1;
    if (k + 1 < chain.length) head[chain[k + 1] * HIDDEN + k] = 4;
  }
  const set = (name: string, table: Float32Array) => {
    const variable = values.get(name)!;
    const value = tf.tensor(table, variable.shape);
    variable.assign(value);
    value.dispose();
  };
  set("model.embed_tokens", embedding);
  set("lm_head", head);
  for (const name of ["self_attn.o_proj", "mlp.down_proj"]) {
    const full = `model.layers.0.${name}`;
    set(full, new Float32Array(values.get(full)!.size));
  }
  return new MistralModel({ ...model.config, eosIds }, model.weights, model.tokenizer, model.source);
}
