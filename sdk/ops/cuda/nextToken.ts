/** The state of a decoding loop that runs on the GPU, and the kernel that moves it on. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernels } from "../../backend/cuda/kernel.ts";

const NEXT = cudaKernels("nextToken", "nextToken", "pipppi");

/** Ids that the GPU remembers; the host reads them at most so many steps later. */
const RING = 64;

/** Where a decoding loop on the GPU is: the next step's token and position, and the last tokens. */
export class TokenState {
  /** Stand for memory that the steps change (`Cuda.bind`), as ops take them: [1]. */
  readonly id = new Int32Array(1);
  readonly position = new Int32Array(1);
  private readonly address: number;

  constructor(private readonly cuda: Cuda) {
    this.address = cuda.memory.take(4 * (2 + RING));
    cuda.bind(this.id, this.address);
    cuda.bind(this.position, this.address + 4);
  }

  /** The next step's token, and its position. */
  set(id: number, position: number): void {
    this.cuda.driver.upload(this.address, Int32Array.of(id, position));
    this.id[0] = id;
    this.position[0] = position;
  }

  /**
   * Queues the greedy choice: the best of the first `count` logits, the lowest id among equals, becomes the next step's
   * token, at the next position.
   */
  advance(logits: CudaTensor, count: number): void {
    const { cuda, address } = this;
    const args = [logits.address, count, address, address + 4, address + 8, RING];
    cuda.launch(NEXT[logits.storage], 1, 1024, args);
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
  }
}
