// What both roads of attention (attention.cuh) share in backward: sums beside the tiles.
#include "attention.cuh"

constexpr int kSumThreads = 256;

/** delta [heads, tokens] = rowsum(dO * o) of each head; a warp a row of a head. */
template <class T>
__device__ inline void rowSums(const T* dO, const T* o, float* delta, int tokens, int heads, int headDim) {
  const int64 row = static_cast<int64>(blockIdx.x) * (kSumThreads / 32) + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int64 token = row / heads;
  float sum = 0.0f;
  if (token < tokens) {
    const T *a = dO + row * headDim, *b = o + row * headDim;
    if (headDim % Pack<T>::size == 0) {
      for (int c = lane * Pack<T>::size; c < headDim; c += 32 * Pack<T>::size) {
        const Pack<T> left = loadPack(a + c), right = loadPack(b + c);
#pragma unroll
        for (int i = 0; i < Pack<T>::size; ++i) sum = fmaf(left.values[i], right.values[i], sum);
      }
    } else {
      for (int c = lane; c < headDim; c += 32) sum = fmaf(toFloat(a[c]), toFloat(b[c]), sum);
    }
  }
  sum = warpSum(sum);
  if (token < tokens && lane == 0) delta[row % heads * tokens + token] = sum;
}

extern "C" __global__ void __launch_bounds__(kSumThreads)
    attentionDelta_float32(const float* dO, const float* o, float* delta, int tokens, int heads,
                           int headDim) {
  rowSums(dO, o, delta, tokens, heads, headDim);
}
extern "C" __global__ void __launch_bounds__(kSumThreads)
    attentionDelta_bfloat16(const bfloat16* dO, const bfloat16* o, float* delta, int tokens, int heads,
                            int headDim) {
  rowSums(dO, o, delta, tokens, heads, headDim);
}

/** dk and dv, `count` values each, a multiple of 8, from partial [2, parts, count] of the tiled backward. */
extern "C" __global__ void __launch_bounds__(kSumThreads)
    attentionSumParts_bfloat16(const float* partial, bfloat16* dk, bfloat16* dv, int parts, int count) {
  const int64 at = (static_cast<int64>(blockIdx.x) * kSumThreads + threadIdx.x) * 8;
  if (at >= 2 * static_cast<int64>(count)) return;
  const bool second = at >= count;
  const int64 column = second ? at - count : at;
  const float* in = partial + (second ? static_cast<int64>(parts) * count : 0) + column;
  Pack<bfloat16> sum = {};
  for (int part = 0; part < parts; ++part) {
    const Pack<float> low = loadPack(in + static_cast<int64>(part) * count);
    const Pack<float> high = loadPack(in + static_cast<int64>(part) * count + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum.values[i] += low.values[i];
      sum.values[i + 4] += high.values[i];
    }
  }
  storePack((second ? dv : dk) + column, sum);
}
