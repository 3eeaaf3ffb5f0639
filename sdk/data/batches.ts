/**
 * Examples to batches without padding. Whole examples are packed into rows, rows lie one after another in a batch,
 * and `cuSeqlens` keeps attention inside each example. Invariant: every example is in exactly one row.
 */
import { type Example, ignoredLabel } from "./example.ts";
import { Random } from "./random.ts";

/** Examples that share one row. */
export interface PackedRow {
  examples: readonly Example[];
  /** Sum of the examples' lengths; at most `maxSeqLength`. */
  tokens: number;
}

/** One micro batch: T tokens of S examples, one after another. */
export interface TokenBatch {
  /** [T] */
  ids: Int32Array;
  /** [T] the id that follows, or -100 where the model is not trained to say it */
  labels: Int32Array;
  /** [T] place inside the example; 0 where an example begins */
  positions: Int32Array;
  /** [S + 1] where each example begins, and T at the end */
  cuSeqlens: Int32Array;
  /** How many labels are not -100: what the loss of this batch is divided by, or weighted with. */
  trainedTokens: number;
}

export interface PackOptions {
  /** Tokens that fit into a row. */
  maxSeqLength: number;
  /** Order of examples and rows; equal seeds give equal rows. Default: the order of `examples`. */
  shuffleSeed?: number;
}

export interface EpochOptions {
  /** Tokens that fit into a row. */
  maxSeqLength: number;
  /** Rows that go through the model at once: costs memory. */
  microBatchSize: number;
  /** Micro batches of one optimizer step: costs time only. */
  gradientAccumulationSteps: number;
  /** Of the order; each epoch has its own. */
  seed: number;
  /** Counted from 0. */
  epoch: number;
}

/**
 * First-fit packing: each example goes into the first row with room for it.
 * @returns rows in the order of training; [] for no examples
 * @throws when an example is longer than maxSeqLength
 */
export function packRows(
  examples: readonly Example[],
  { maxSeqLength, shuffleSeed }: PackOptions,
): PackedRow[] {
  return pack(examples, maxSeqLength, shuffleSeed === undefined ? undefined : new Random(shuffleSeed));
}

function pack(examples: readonly Example[], maxSeqLength: number, random: Random | undefined): PackedRow[] {
  requirePositive("maxSeqLength", maxSeqLength);
  const order = [...examples];
  random?.shuffle(order);
  for (const { ids, line } of order) {
    if (ids.length > maxSeqLength) {
      throw new Error(
        `packRows: expected examples of at most maxSeqLength = ${maxSeqLength} tokens, got ${ids.length} in the example of line ${line}. Prepare the dataset with the same maxSeqLength.`,
      );
    }
  }

  const firstFit = new FirstFit(order.length, maxSeqLength);
  const rows: { examples: Example[]; tokens: number }[] = [];
  for (const example of order) {
    const place = firstFit.take(example.ids.length);
    rows[place] ??= { examples: [], tokens: 0 };
    rows[place].examples.push(example);
    rows[place].tokens += example.ids.length;
  }
  // First-fit leaves its emptiest rows to the end; an epoch should not end on the small steps each time.
  return random ? random.shuffle(rows) : rows;
}

/** The room left in each of `count` rows, as a tree of maxima: the first row with room is found in log(count). */
class FirstFit {
  readonly #leaves: number;
  // Node 1 is the root; the children of node n are 2 n and 2 n + 1; the rows are the last nodes.
  readonly #room: Int32Array;

  constructor(count: number, room: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, count)));
    this.#room = new Int32Array(2 * this.#leaves).fill(room);
  }

  /** Takes `length` from the first row with so much room; returns that row's number. */
  take(length: number): number {
    let node = 1;
    while (node < this.#leaves) node = this.#room[2 * node] >= length ? 2 * node : 2 * node + 1;
    const row = node - this.#leaves;
    this.#room[node] -= length;
    for (node >>= 1; node >= 1; node >>= 1) {
      this.#room[node] = Math.max(this.#room[2 * node], this.#room[2 * node + 1]);
    }
    return row;
  }
}

/**
 * Lays the examples of the rows one after another, without padding.
 * @throws when there is no row
 */
export function makeBatch(rows: readonly PackedRow[]): TokenBatch {
  const examples = rows.flatMap((row) => row.examples);
  if (examples.length === 0)
    throw new Error("makeBatch: expected at least one row with an example, got none");
  const total = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const ids = new Int32Array(total);
  const labels = new Int32Array(total);
  const positions = new Int32Array(total);
  const cuSeqlens = new Int32Array(examples.length + 1);
  let at = 0;
  let trainedTokens = 0;
  for (const [index, example] of examples.entries()) {
    ids.set(example.ids, at);
    labels.set(example.labels, at);
    for (let i = 0; i < example.ids.length; i++) {
      positions[at + i] = i;
      if (example.labels[i] !== ignoredLabel) trainedTokens++;
    }
    at += example.ids.length;
    cuSeqlens[index + 1] = at;
  }
  return { ids, labels, positions, cuSeqlens, trainedTokens };
}

/**
 * The rows of each optimizer step of one epoch. They depend on the product microBatchSize × gradientAccumulationSteps
 * only, not on how it is split; the last step may have fewer rows.
 * @returns outer array: optimizer steps
 * @throws when an option is no positive whole number, or an example is too long
 */
export function epochRows(
  examples: readonly Example[],
  { maxSeqLength, microBatchSize, gradientAccumulationSteps, seed, epoch }: EpochOptions,
): PackedRow[][] {
  requirePositive("microBatchSize", microBatchSize);
  requirePositive("gradientAccumulationSteps", gradientAccumulationSteps);
  const rows = pack(examples, maxSeqLength, new Random(seed, epoch));
  return chunks(rows, microBatchSize * gradientAccumulationSteps);
}

/** Pieces of `size`; the last may be shorter. */
export function chunks<T>(array: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(array.length / size) }, (_, i) =>
    array.slice(i * size, (i + 1) * size),
  );
}

function requirePositive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`batches: ${name} must be a positive whole number, got ${value}`);
  }
}
