// Attention (attention.cuh) of any storage and headDim up to 256, all arithmetic in float, dk and dv.
#include "attentionExact.cuh"

template <class T, int C, int R>
__device__ inline void exactBackwardKeys(const T* dO, const T* q, const T* k, const T* v,
                                         const float* logSumExp, const float* delta, const int* tiles, T* dk,
                                         T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,
                                         int window) {
  constexpr int kRows = 16 * R, kExactPitch = Exact<C>::pitch, kScorePitch = kRows + 4;
  float* keys = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* values = keys + kRows * kExactPitch;
  float* queries = values + kRows * kExactPitch;
  float* gradients = queries + kRows * kExactPitch;
  float* p = gradients + kRows * kExactPitch;  // [keys, queries]
  float* dS = p + kRows * kScorePitch;         // [keys, queries]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const KeyBlock own(tiles, kRows, 1, heads, kvHeads, headDim, window);
  const Tile& tile = own.tile;
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;

  loadTile<T, C>(keys, k + own.keys, keyStride, own.rows, kRows, headDim);
  loadTile<T, C>(values, v + own.keys, keyStride, own.rows, kRows, headDim);
  float keyGradient[R][C], valueGradient[R][C];
  clearExact(keyGradient);
  clearExact(valueGradient);
  for (int head = own.firstHead; head < own.firstHead + own.headCount; ++head)
    for (int first = tile.start; first < own.queryEnd; first += kRows) {
      const int64 offset = (first + tile.queryShift) * queryStride + head * headDim;
      __syncthreads();
      loadTile<T, C>(queries, q + offset, queryStride, tile.keyCount - first, kRows, headDim);
      loadTile<T, C>(gradients, dO + offset, queryStride, tile.keyCount - first, kRows, headDim);
      __syncthreads();
      float s[R][R], dP[R][R];
      exactScores<R, C>(s, keys, queries, headDim, y, x);
      exactScores<R, C>(dP, values, gradients, headDim, y, x);
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int position = first + x + 16 * j;
        const bool there = position < tile.keyCount;
        const int64 at = static_cast<int64>(head) * tokens + position + tile.queryShift;
        const float shift = there ? logSumExp[at] : 0.0f, delta1 = there ? delta[at] : 0.0f;
#pragma unroll
        for (int i = 0; i < R; ++i) {
          const int key = tile.start + y + 16 * i;
          const bool seen = there && position >= key && (window == 0 || position - key < window);
          const float probability = seen ? expf(s[i][j] * scale - shift) : 0.0f;
          const int slot = (y + 16 * i) * kScorePitch + x + 16 * j;
          p[slot] = probability;
          dS[slot] = seen ? probability * (dP[i][j] - delta1) : 0.0f;
        }
      }
      __syncthreads();
      exactProduct<R, C>(valueGradient, p, gradients, y, x);
      exactProduct<R, C>(keyGradient, dS, queries, y, x);
    }
  float scales[R], ones[R];
#pragma unroll
  for (int i = 0; i < R; ++i) scales[i] = scale, ones[i] = 1.0f;
  storeExact<T, R, C>(keyGradient, scales, dk + own.keys, keyStride, own.rows, headDim, y, x);
  storeExact<T, R, C>(valueGradient, ones, dv + own.keys, keyStride, own.rows, headDim, y, x);
}

#define MLAB_EXACT_BACKWARD_KEYS(NAME, T, C, R)                                                      \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardKeys##NAME##_##T(     \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,   \
      const int* tiles, T* dk, T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,  \
      int window) {                                                                                  \
    exactBackwardKeys<T, C, R>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, tokens, heads, kvHeads, \
                               headDim, scale, window);                                              \
  }

MLAB_EXACT_BACKWARD_KEYS(Exact4, float32, 4, 2)
MLAB_EXACT_BACKWARD_KEYS(Exact8, float32, 8, 2)
MLAB_EXACT_BACKWARD_KEYS(Exact16, float32, 16, 1)
MLAB_EXACT_BACKWARD_KEYS(Exact4, bfloat16, 4, 2)
MLAB_EXACT_BACKWARD_KEYS(Exact8, bfloat16, 8, 2)
MLAB_EXACT_BACKWARD_KEYS(Exact16, bfloat16, 16, 1)
// For 64 KB of shared memory (Turing).
MLAB_EXACT_BACKWARD_KEYS(Exact8Small, float32, 8, 1)
