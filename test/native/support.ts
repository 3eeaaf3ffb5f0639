// What the tests of the native kernels share: the addon on every instruction set, and inputs whose sums are exact.
import type { Addon } from "../../sdk/backend/addon.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";

/**
 * Runs `body` once for each instruction set that this processor has. Where the addon is missing one pending test
 * says why.
 */
export function onEveryIsa(name: string, body: (addon: Addon, isa: string) => void): void {
  const addon = loadAddon();
  if (!addon) {
    it(`${name}: skipped, ${addonProblem()}`);
    return;
  }
  for (const isa of addon.info().availableIsas) {
    describe(`${name} on ${isa}`, () => {
      let before: string;
      let threads: number;
      beforeEach(() => {
        ({ isa: before, threads } = addon.info());
        addon.setIsa(isa);
      });
      afterEach(() => {
        addon.setIsa(before);
        addon.setThreads(threads);
      });
      body(addon, isa);
    });
  }
}

/** Small deterministic generator (Lehmer); uniform in [0, 1). */
export function generator(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

/**
 * Multiples of 1/4 in [-2, 2]. Products are multiples of 1/16, so sums of up to 2^18 of them, in any order, are
 * exact in float32: results must be equal to the last bit on every instruction set.
 */
export function quarters(n: number, seed: number): Float32Array {
  const random = generator(seed);
  return Float32Array.from({ length: n }, () => (Math.floor(random() * 17) - 8) / 4);
}

/** Uniform in [-1, 1). */
export function uniform(n: number, seed: number): Float32Array {
  const random = generator(seed);
  return Float32Array.from({ length: n }, () => random() * 2 - 1);
}

/** Rounded to the nearest bfloat16, ties to even. */
export function toBfloat16(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.slice().buffer);
  return new Float32Array(Uint32Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000).buffer);
}

/** An output array with marked room on both sides; check() throws when a kernel wrote there. */
export function guarded(n: number): { values: Float32Array; check(): void } {
  const room = 40;
  const mark = 12345.5;
  const whole = new Float32Array(n + 2 * room).fill(mark);
  return {
    values: whole.subarray(room, room + n),
    check() {
      const outside = [...whole.subarray(0, room), ...whole.subarray(room + n)];
      if (outside.some((x) => x !== mark)) throw new Error("a kernel wrote outside of its output");
    },
  };
}

/** op(a) op(b) in float64; `magnitude` is the same with absolute values, the base of rounding bounds. */
export function product(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  n: number,
  k: number,
  transposeA = false,
  transposeB = false,
): { values: Float64Array; magnitude: number } {
  const values = new Float64Array(m * n);
  let magnitude = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let absolute = 0;
      for (let p = 0; p < k; p++) {
        const term = a[transposeA ? p * m + i : i * k + p]! * b[transposeB ? j * k + p : p * n + j]!;
        sum += term;
        absolute += Math.abs(term);
      }
      values[i * n + j] = sum;
      magnitude = Math.max(magnitude, absolute);
    }
  }
  return { values, magnitude };
}
