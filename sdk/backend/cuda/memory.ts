/**
 * GPU memory is asked from the driver once and used again: `cuMemAlloc` and `cuMemFree` wait for the device. Work
 * runs in the order of the calls, so a block may be given away again while the work that used it is still queued.
 *
 * Recorded work is not in that order: a replay writes its blocks whenever it comes. So blocks that are taken during a
 * recording belong to an arena, which keeps them until the recording is freed.
 */
import type { CudaDriver } from "./driver.ts";

/** What a block's size is rounded up to; also its alignment. */
const GRANULARITY = 512;

/** Free blocks by size. */
type FreeBlocks = Map<number, number[]>;

/** The blocks of one recording. */
export interface Arena {
  /** Blocks that work of the same recording may take again. */
  readonly free: FreeBlocks;
  /** All of them. */
  readonly blocks: number[];
  /** It gets no more. */
  sealed: boolean;
}

export class DeviceMemory {
  private readonly free: FreeBlocks = new Map();
  private readonly sizes = new Map<number, number>();
  private readonly arenas = new Map<number, Arena>();
  /** Of the recording that is going on. */
  private arena?: Arena;
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
    const own = this.arena?.free.get(size)?.pop();
    const address = own ?? this.takeNew(size);
    this.sizes.set(address, size);
    return address;
  }

  /** Gives a block back. */
  give(address: number): void {
    const size = this.sizes.get(address);
    if (size === undefined) throw new Error(`GPU memory: ${address} is not a block in use`);
    this.sizes.delete(address);
    const arena = this.arenas.get(address);
    if (!arena) this.used -= size;
    putBack(arena ? arena.free : this.free, size, address);
  }

  /** From here to `closeArena` blocks are taken for a recording. */
  openArena(): void {
    if (this.arena) throw new Error("GPU memory: a recording is going on already");
    this.arena = { free: new Map(), blocks: [], sealed: false };
  }

  /** From here to `closeArena` only blocks are taken that the recording has already; `take` throws where none is free. */
  sealArena(): void {
    if (this.arena) this.arena.sealed = true;
  }

  closeArena(): Arena {
    const { arena } = this;
    if (!arena) throw new Error("GPU memory: no recording is going on");
    this.arena = undefined;
    return arena;
  }

  /** The recording will not run again: its blocks are as all others, and those that are in use stay so. */
  giveArena({ free, blocks }: Arena): void {
    for (const address of blocks) this.arenas.delete(address);
    for (const [size, list] of free) {
      for (const address of list) putBack(this.free, size, address);
      this.used -= size * list.length;
    }
    free.clear();
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

  private takeNew(size: number): number {
    const { arena } = this;
    if (arena?.sealed) {
      throw new Error(`GPU memory: recorded work takes ${size} bytes more than the same work took before`);
    }
    const address = this.free.get(size)?.pop() ?? this.allocate(size);
    this.used += size;
    this.peak = Math.max(this.peak, this.used);
    arena?.blocks.push(address);
    if (arena) this.arenas.set(address, arena);
    return address;
  }

  private allocate(size: number): number {
    let address: number;
    try {
      address = this.driver.allocate(size);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      this.trim();
      address = this.allocateAtLast(size);
    }
    this.held += size;
    return address;
  }

  /** With nothing left to return: says how the memory stands. */
  private allocateAtLast(size: number): number {
    try {
      return this.driver.allocate(size);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      const { free, total } = this.driver.memory();
      const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
      const message =
        `GPU memory: ${mib(size)} more are needed, and ${mib(free)} of ${mib(total)} are free; this process uses ` +
        `${mib(this.used)}. End what else uses the GPU, or take smaller batches, 4-bit weights or a smaller model`;
      throw Object.assign(new Error(message, { cause: error }), { code: "OUT_OF_MEMORY" });
    }
  }
}

/** True for the error of an op that found no room on the GPU. */
export function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === "OUT_OF_MEMORY";
}

function putBack(free: FreeBlocks, size: number, address: number): void {
  const list = free.get(size);
  if (list) list.push(address);
  else free.set(size, [address]);
}

/** Rounded up by at most a sixteenth, so that batches of slightly different length share blocks. */
export function sizeClass(bytes: number): number {
  const step = Math.max(GRANULARITY, 2 ** (Math.ceil(Math.log2(Math.max(bytes, 1))) - 5));
  return Math.max(GRANULARITY, Math.ceil(bytes / step) * step);
}
