import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import type { Cuda } from "../backend/cuda/cuda.ts";
import { Recording } from "../backend/cuda/recording.ts";
import type { KVCache } from "../model/kvCache.ts";
import type { MistralModel } from "../model/mistral.ts";
import { type TokenChoice, TokenState } from "../ops/cuda/nextToken.ts";

/**
 * One step of decoding on a GPU, recorded: launching its hundreds of kernels one by one takes longer than running them.
 * It reads its token and position from GPU memory and writes the token that it chooses there, so that steps may be
 * queued one after another. The model's weights must not change meanwhile.
 */
export class RecordedStep {
  private readonly cuda: Cuda;
  private readonly state: TokenState;
  private readonly recording: Recording;

  /**
   * @param id the next step's token; the step is recorded, and must be run for it
   * @param choice how the tokens after it are chosen. Default: greedy
   */
  constructor(
    private readonly model: MistralModel,
    private readonly cache: KVCache,
    id: number,
    choice?: TokenChoice,
  ) {
    this.cuda = (tf.backend() as CudaBackend).cuda;
    const count = Math.min(model.tokenizer.vocabSize, model.weights.head.shape[0]);
    this.state = new TokenState(this.cuda, count, choice);
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
      state.advance((tf.backend() as CudaBackend).values(logits));
    });
  }
}
