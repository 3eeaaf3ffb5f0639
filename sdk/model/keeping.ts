/** What a layer keeps from the forward to the backward; the rest is made again there (`dropping` in sdk/ops/remake.ts). */

/** From the most memory to the least. */
export const KEEPINGS = ["all", "lean", "attention", "input"] as const;

/**
 * - `all`: everything that backward reads.
 * - `lean`: all but what costs next to nothing to make again: norms and SwiGLU. Two thirds of the memory.
 * - `attention`: the layer's input and the result of attention, which costs the most in long sequences.
 * - `input`: the layer's input only.
 */
export type Keeping = (typeof KEEPINGS)[number];

/** The ops whose outputs are not kept. */
export const DROPPED_OPS: Readonly<Record<Keeping, ReadonlySet<string>>> = {
  all: new Set(),
  lean: new Set(["RmsNorm", "Swiglu"]),
  attention: new Set(["RmsNorm", "Swiglu", "Linear", "Rope"]),
  input: new Set(["RmsNorm", "Swiglu", "Linear", "Rope", "Attention"]),
};
