// The end of a greedy decoding step.
#include "nextToken.cuh"

namespace {

/**
 * logits [count]; *id becomes the id of the best, 0 where there is none; *position moves to it; ring
 * [ringSize] gets the id at the position modulo its size, -1 where there is none. One block.
 */
template <class T>
__device__ inline void nextToken(const T* logits, int count, const Decoded& decoded) {
  beginInOrder();
  const int thread = static_cast<int>(threadIdx.x);
  Choice best{0.0f, -1};
  for (int i = thread * 8; i < count; i += kThreads * 8) {
    const Values<8> v = loadUpTo(logits + i, count - i);
    for (int j = 0; j < 8; ++j)
      if (i + j < count) best.join(v.values[j], i + j);
  }
  best = bestOfBlock(best);
  if (thread == 0) decoded.moveTo(best.id);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    nextToken_float32(const float* logits, int count, int* id, int* position, int* ring, int ringSize) {
  nextToken(logits, count, {id, position, ring, ringSize});
}
extern "C" __global__ void __launch_bounds__(kThreads)
    nextToken_bfloat16(const bfloat16* logits, int count, int* id, int* position, int* ring, int ringSize) {
  nextToken(logits, count, {id, position, ring, ringSize});
}
