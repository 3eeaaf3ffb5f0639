import * as tf from "@tensorflow/tfjs";
import { bfloat16ToFloat32 } from "../backend/bfloat16.ts";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import { type Cuda, type CudaTensor, sizeOf } from "../backend/cuda/cuda.ts";
import { Recording } from "../backend/cuda/recording.ts";
import type { KVCache } from "../model/kvCache.ts";
import type { MistralModel } from "../model/mistral.ts";
import { TokenState } from "../ops/cuda/nextToken.ts";

/**
 * One step of decoding on a GPU, recorded: launching its hundreds of kernels one by one takes longer than running them.
 * It reads its token and position from GPU memory and writes the greedy choice there, so that steps may be queued one
 * after another. The model's weights must not change meanwhile.
 */
export class RecordedStep {
  private readonly cuda: Cuda;
  private readonly state: TokenState;
  private readonly recording: Recording;
  private logitsOnGpu!: CudaTensor;

  /** @param id the next step's token; the step is recorded, and must be run for it */
  constructor(
    private readonly model: MistralModel,
    private readonly cache: KVCache,
    id: number,
  ) {
    this.cuda = (tf.backend() as CudaBackend).cuda;
    this.state = new TokenState(this.cuda);
    const { length } = cache;
    const start = () => this.state.set(id, length);
    try {
      start();
      this.recording = Recording.of(this.cuda, () => {
        cache.truncate(length);
        this.work();
      });
      start();
    } catch (error) {
      this.state.dispose();
      throw error;
    } finally {
      cache.truncate(length);
    }
  }

  /** Queues a step: the token that the last one chose goes into the cache, and the next one is chosen. */
  run(): void {
    this.cache.reserve(1);
    this.cache.commit(1);
    this.recording.replay();
  }

  /** As `run`, with a token of the caller. Waits, and returns the scores after it; the caller may change them. */
  runWith(id: number): Float32Array {
    this.state.set(id, this.cache.length);
    this.run();
    const { address, storage, shape } = this.logitsOnGpu;
    const raw = storage === "float32" ? new Float32Array(sizeOf(shape)) : new Uint16Array(sizeOf(shape));
    this.cuda.driver.download(address, raw);
    const logits = raw instanceof Float32Array ? raw : bfloat16ToFloat32(raw);
    return logits.subarray(0, this.model.tokenizer.vocabSize);
  }

  /** Waits for the steps queued so far: the token at a position, of the last 64; -1 where no logit was a number. */
  chosen(): Promise<(position: number) => number> {
    return this.state.chosen();
  }

  dispose(): void {
    this.recording.dispose();
    this.state.dispose();
  }

  private work(): void {
    tf.tidy(() => {
      const { model, cache, state } = this;
      const logits = model.logits(model.forwardCached(state.id, cache, state.position));
      this.logitsOnGpu = (tf.backend() as CudaBackend).values(logits);
      state.advance(this.logitsOnGpu, Math.min(model.tokenizer.vocabSize, logits.shape[1]));
    });
  }
}
