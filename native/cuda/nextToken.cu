// The end of a decoding step: the greedy choice of the next token, written where the next step finds it, so
// that steps follow each other without the host. The host reads the last choices from a ring, some steps
// behind.
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

/**
 * logits [count]; *id becomes the id of the best, 0 where there is none; *position moves to it; ring
 * [ringSize] gets the id at the position modulo its size, -1 where there is none. One block.
 */
template <class T>
__device__ inline void nextToken(const T* logits, int count, int* id, int* position, int* ring,
                                 int ringSize) {
  __shared__ float scores[kWarps];
  __shared__ int ids[kWarps];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  Choice best{0.0f, -1};
  for (int i = thread * 8; i < count; i += kThreads * 8) {
    const Values<8> v = loadUpTo(logits + i, count - i);
    for (int j = 0; j < 8; ++j)
      if (i + j < count) best.join(v.values[j], i + j);
  }
  best.joinWarp();
  if (lane == 0) scores[thread / 32] = best.score, ids[thread / 32] = best.id;
  __syncthreads();
  if (thread >= 32) return;
  best = {scores[lane], ids[lane]};
  best.joinWarp();
  if (lane > 0) return;
  const int next = *position + 1;
  *position = next;
  *id = max(best.id, 0);
  ring[next % ringSize] = best.id;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    nextToken_float32(const float* logits, int count, int* id, int* position, int* ring, int ringSize) {
  nextToken(logits, count, id, position, ring, ringSize);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    nextToken_bfloat16(const bfloat16* logits, int count, int* id, int* position, int* ring, int ringSize) {
  nextToken(logits, count, id, position, ring, ringSize);
}
