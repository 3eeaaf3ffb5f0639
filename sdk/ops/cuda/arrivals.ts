import type { Cuda } from "../../backend/cuda/cuda.ts";

const known = new WeakMap<Cuda, { address: number; count: number }>();

/** Counters of finished blocks, which launches in turn share: zero between them. */
export function arrivalsFor(cuda: Cuda, atLeast: number): number {
  let state = known.get(cuda);
  if (!state || state.count < atLeast) {
    // The smaller ones are not given back: a recording may hold their address.
    const count = Math.max(atLeast, 4096);
    state = { address: cuda.memory.take(4 * count), count };
    cuda.driver.fill(state.address, 0, count);
    known.set(cuda, state);
  }
  return state.address;
}
