/** The state of a decoding loop that runs on the GPU, and the kernels that move it on. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernels } from "../../backend/cuda/kernel.ts";

const NEXT = cudaKernels("nextToken", "nextToken", "pipppi", true);
// logits, count, seen, keys, kept ids, kept keys, weights, options, topK, random, id, position, ring, ringSize
const SAMPLE = cudaKernels("sampleToken", "sampleToken", "pippppppippppi", true);

/** Ids that the GPU remembers; the host reads them at most so many steps later. */
const RING = 64;

/** How tokens are drawn, as `generate` is asked, and what that depends on. */
export interface TokenChoice {
  temperature: number;
  topK: number;
  topP: number;
  repetitionPenalty: number;
  /** Ids of the text so far. */
  previous: readonly number[];
  /** Of the generator of the draws (data/random.ts). */
  random: readonly [number, number, number, number];
}

/** Where a decoding loop on the GPU is: the next step's token and position, and the last tokens. */
export class TokenState {
  /** Stand for memory that the steps change (`Cuda.bind`), as ops take them: [1]. */
  readonly id = new Int32Array(1);
  readonly position = new Int32Array(1);
  private readonly address: number;
  private readonly drawing?: Drawing;

  /**
   * @param count the first so many logits have a token
   * @param choice default: greedy
   */
  constructor(
    private readonly cuda: Cuda,
    private readonly count: number,
    choice?: TokenChoice,
  ) {
    this.address = cuda.memory.take(4 * (2 + RING));
    cuda.bind(this.id, this.address);
    cuda.bind(this.position, this.address + 4);
    const isGreedy = !choice || (choice.temperature === 0 && choice.repetitionPenalty === 1);
    if (!isGreedy) this.drawing = new Drawing(cuda, count, choice);
  }

  /** The next step's token, and its position; draws begin anew. */
  set(id: number, position: number): void {
    this.cuda.driver.upload(this.address, Int32Array.of(id, position));
    this.id[0] = id;
    this.position[0] = position;
    this.drawing?.restart();
  }

  /** Queues the choice: a token becomes the next step's, at the next position; the lowest id among equals. */
  advance(logits: CudaTensor): void {
    const { cuda, address, count, drawing } = this;
    const end = [address, address + 4, address + 8, RING];
    if (drawing)
      cuda.launch(SAMPLE[logits.storage], 1, 1024, [logits.address, count, ...drawing.arguments, ...end]);
    else cuda.launch(NEXT[logits.storage], 1, 1024, [logits.address, count, ...end]);
  }

  /**
   * Waits for the steps queued so far. The token at a position, of the last 64; -1 where no logit was a number.
   */
  async chosen(): Promise<(position: number) => number> {
    const ring = new Int32Array(RING);
    await this.cuda.driver.downloadAsync(this.address + 8, ring);
    return (position) => ring[position % RING];
  }

  dispose(): void {
    this.cuda.memory.give(this.address);
    this.drawing?.dispose();
  }
}

/** What sampleToken needs beside the logits. */
class Drawing {
  /** Ids that were seen; keys of the scores; ids, keys and weights of those that are kept; options; the generator. */
  private readonly addresses: number[];

  constructor(
    private readonly cuda: Cuda,
    private readonly count: number,
    private readonly choice: TokenChoice,
  ) {
    this.addresses = [count, 4 * count, 4 * count, 4 * count, 8 * count, 3 * 8, 4 * 4].map((bytes) =>
      cuda.memory.take(Math.max(bytes, 1)),
    );
  }

  get arguments(): number[] {
    const [seen, keys, keptIds, keptKeys, weights, options, random] = this.addresses;
    return [seen, keys, keptIds, keptKeys, weights, options, this.choice.topK, random];
  }

  restart(): void {
    const { driver } = this.cuda;
    const { temperature, topP, repetitionPenalty, previous, random } = this.choice;
    const [seenAt, , , , , optionsAt, randomAt] = this.addresses;
    const seen = new Uint8Array(this.count);
    for (const id of previous) if (id < this.count) seen[id] = 1;
    driver.upload(seenAt, seen);
    driver.upload(optionsAt, new Uint8Array(Float64Array.of(temperature, topP, repetitionPenalty).buffer));
    driver.upload(randomAt, Uint32Array.from(random));
  }

  dispose(): void {
    for (const address of this.addresses) this.cuda.memory.give(address);
  }
}
