/**
 * The one seeded generator of the lab: shuffles, splits, adapter initialisation and sampling draw from it, so that
 * a run is repeated by its seed alone. Algorithm: sfc32 (Chris Doty-Humphrey), 128 bits of state.
 */

/** The whole state of a generator: four unsigned 32-bit integers. */
export type RandomState = readonly [number, number, number, number];

export class Random {
  // Int32 words; `state` shows them unsigned.
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /**
   * @param seed any safe integer; equal seeds give equal sequences
   * @param stream separates sequences of one seed (such as the epoch); default 0
   * @throws when seed or stream is not a safe integer
   */
  constructor(seed: number, stream = 0) {
    requireInteger("seed", seed);
    requireInteger("stream", stream);
    this.#a = Math.floor(seed / 2 ** 32) | 0;
    this.#b = seed | 0;
    this.#c = (stream | 0) ^ Math.floor(stream / 2 ** 32);
    this.#counter = 1;
    // Near seeds start with near states; twenty rounds take them apart.
    for (let i = 0; i < 20; i++) this.#word();
  }

  /** Continues where `state` was read. */
  static fromState(state: RandomState): Random {
    const random = new Random(0);
    [random.#a, random.#b, random.#c, random.#counter] = state.map((word) => word | 0);
    return random;
  }

  /** For checkpoints: `Random.fromState(random.state)` goes on with the same numbers. */
  get state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
  }

  /** Uniform in [0, 1), 53 random bits. */
  next(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /**
   * Uniform whole number in [0, n).
   * @throws when n is not a positive safe integer
   */
  int(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new Error(`Random.int: n must be a positive safe integer, got ${n}`);
    }
    return Math.floor(this.next() * n);
  }

  /** Shuffles the array in place (Fisher-Yates) and returns it. */
  shuffle<T>(array: T[]): T[] {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [array[i], array[j]] = [array[j], array[i]];
    }
    return array;
  }

  /** Standard normal number: mean 0, variance 1 (Box-Muller). */
  normal(): number {
    // 1 - next() lies in (0, 1], so the logarithm is finite. The second number of the pair is not kept:
    // it would be a part of the state that `state` cannot show.
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  #word(): number {
    const out = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out;
  }
}

function requireInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw new Error(`Random: ${name} must be a safe integer, got ${value}`);
}
