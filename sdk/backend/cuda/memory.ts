/**
 * GPU memory is asked from the driver once and used again: `cuMemAlloc` and `cuMemFree` wait for the device. Work
 * runs in the order of the calls, so a block may be given away again while the work that used it is still queued.
 */
import type { CudaDriver } from "./driver.ts";

/** What a block's size is rounded up to; also its alignment. */
const GRANULARITY = 512;

export class DeviceMemory {
  private readonly free = new Map<number, number[]>();
  private readonly sizes = new Map<number, number>();
  private used = 0;
  private held = 0;
  private peak = 0;

  constructor(private readonly driver: CudaDriver) {}

  /**
   * A block of at least `bytes`, with any content.
   *
   * @throws an error with `code: "OUT_OF_MEMORY"` when the GPU has no room, even after all free blocks were returned
   */
  take(bytes: number): number {
    const size = sizeClass(bytes);
    const address = this.free.get(size)?.pop() ?? this.allocate(size);
    this.sizes.set(address, size);
    this.used += size;
    this.peak = Math.max(this.peak, this.used);
    return address;
  }

  /** Gives a block back. */
  give(address: number): void {
    const size = this.sizes.get(address);
    if (size === undefined) throw new Error(`GPU memory: ${address} is not a block in use`);
    this.sizes.delete(address);
    this.used -= size;
    const list = this.free.get(size);
    if (list) list.push(address);
    else this.free.set(size, [address]);
  }

  /** Returns all free blocks to the driver. */
  trim(): void {
    for (const [size, list] of this.free) {
      for (const address of list) this.driver.free(address);
      this.held -= size * list.length;
    }
    this.free.clear();
  }

  /** Bytes in use, the most that were, and what the driver gave. */
  get bytes(): { used: number; peak: number; held: number } {
    return { used: this.used, peak: this.peak, held: this.held };
  }

  /** Starts to measure the peak anew. */
  resetPeak(): void {
    this.peak = this.used;
  }

  private allocate(size: number): number {
    let address: number;
    try {
      address = this.driver.allocate(size);
    } catch (error) {
      if ((error as { code?: string }).code !== "OUT_OF_MEMORY") throw error;
      this.trim();
      address = this.driver.allocate(size);
    }
    this.held += size;
    return address;
  }
}

/** Rounded up by at most a sixteenth, so that batches of slightly different length share blocks. */
export function sizeClass(bytes: number): number {
  const step = Math.max(GRANULARITY, 2 ** (Math.ceil(Math.log2(Math.max(bytes, 1))) - 5));
  return Math.max(GRANULARITY, Math.ceil(bytes / step) * step);
}
