// The end of a decoding step: the next token is chosen and written where the next step finds it, so that
// steps follow each other without the host. The host reads the last choices from a ring, some steps behind.
#pragma once
#include "common.cuh"

namespace {

constexpr int kThreads = 1024, kWarps = kThreads / 32;

/** A score and its id; id -1: none. */
struct Choice {
  float score;
  int id;

  /** The greater score, the lower id among equals; NaN and -infinity are no choice. Any order of joining
   * gives the same. */
  __device__ void join(float otherScore, int otherId) {
    const bool better =
        id < 0 ? otherScore > -kInfinity : otherScore > score || (otherScore == score && otherId < id);
    if (otherId >= 0 && better) score = otherScore, id = otherId;
  }
  __device__ void joinWarp() {
    for (int offset = 16; offset > 0; offset /= 2) {
      const float otherScore = __shfl_xor_sync(kFullWarp, score, offset);
      const int otherId = __shfl_xor_sync(kFullWarp, id, offset);
      join(otherScore, otherId);
    }
  }
};

/** Of a block, for every thread. */
__device__ inline Choice bestOfBlock(Choice best) {
  __shared__ float scores[kWarps];
  __shared__ int ids[kWarps];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  best.joinWarp();
  if (lane == 0) scores[thread / 32] = best.score, ids[thread / 32] = best.id;
  __syncthreads();
  best = {scores[lane], ids[lane]};
  best.joinWarp();
  return best;
}

/** What a step leaves behind. */
struct Decoded {
  int *id, *position, *ring;
  int ringSize;
  /** By one thread: *position moves on; *id becomes the id, 0 where there is none, and the ring gets it, or
   * -1. */
  __device__ void moveTo(int chosen) const {
    const int next = *position + 1;
    *position = next;
    *id = max(chosen, 0);
    ring[next % ringSize] = chosen;
  }
};

}  // namespace
