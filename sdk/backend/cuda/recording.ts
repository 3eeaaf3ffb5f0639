/** Work that is recorded once and then runs again without JavaScript, as a CUDA graph. */
import type { Cuda } from "./cuda.ts";
import type { Arena } from "./memory.ts";

export class Recording {
  private constructor(
    private readonly cuda: Cuda,
    private readonly graph: number,
    private readonly arena: Arena,
  ) {}

  /**
   * Runs the work once, so that its kernels are loaded, its constants uploaded, and the memory that it needs taken; then
   * records it, in the same memory. It may read only what stays where it is; what changes from replay to replay must be
   * in GPU memory (`Cuda.bind`).
   *
   * @throws what `work` throws: while it is recorded, at each call that needs the host
   */
  static of(cuda: Cuda, work: () => void): Recording {
    const { driver, memory } = cuda;
    memory.openArena();
    let graph: number | undefined;
    try {
      work();
      memory.sealArena();
      driver.beginCapture();
      try {
        work();
      } finally {
        graph = driver.endCapture();
      }
    } catch (error) {
      if (graph !== undefined) driver.freeGraph(graph);
      memory.giveArena(memory.closeArena());
      throw error;
    }
    return new Recording(cuda, graph, memory.closeArena());
  }

  /** Queues the work once more. */
  replay(): void {
    this.cuda.driver.replay(this.graph);
  }

  /** Frees it, and the memory of its results. Waits for the work that is queued. */
  dispose(): void {
    this.cuda.driver.freeGraph(this.graph);
    this.cuda.memory.giveArena(this.arena);
  }
}
