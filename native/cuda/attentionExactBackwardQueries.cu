// Attention (attention.cuh) of any storage and headDim up to 256, all arithmetic in float, dq.
#include "attentionExact.cuh"

template <class T, int C, int R>
__device__ inline void exactBackwardQueries(const T* dO, const T* q, const T* k, const T* v,
                                            const float* logSumExp, const float* delta, const int* tiles,
                                            T* dq, int tokens, int heads, int kvHeads, int headDim,
                                            float scale, int window) {
  constexpr int kRows = 16 * R, kExactPitch = Exact<C>::pitch, kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* gradients = queries + kRows * kExactPitch;
  float* keys = gradients + kRows * kExactPitch;
  float* values = keys + kRows * kExactPitch;
  float* dS = values + kRows * kExactPitch;  // [queries, keys]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const QueryBlock own(tiles, kRows, heads, kvHeads, headDim);
  const Tile& tile = own.tile;
  const int64 keyStride = own.stride.key;

  loadTile<T, C>(queries, q + own.queries, own.stride.query, own.rows, kRows, headDim);
  loadTile<T, C>(gradients, dO + own.queries, own.stride.query, own.rows, kRows, headDim);
  float out[R][C], shift[R], delta1[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int row = y + 16 * i;
    const int64 at = own.rowPlace(tokens, row);
    shift[i] = row < own.rows ? logSumExp[at] : 0.0f;
    delta1[i] = row < own.rows ? delta[at] : 0.0f;
  }
  for (int key = firstKey(tile.start, window) / kRows * kRows; key < own.keyEnd(); key += kRows) {
    __syncthreads();
    loadTile<T, C>(keys, k + own.keys + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
    loadTile<T, C>(values, v + own.keys + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
    __syncthreads();
    float s[R][R], dP[R][R];
    exactScores<R, C>(s, queries, keys, headDim, y, x);
    exactScores<R, C>(dP, gradients, values, headDim, y, x);
#pragma unroll
    for (int i = 0; i < R; ++i)
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int position = tile.start + y + 16 * i, at = key + x + 16 * j;
        const bool seen = at <= position && (window == 0 || at > position - window);
        dS[(y + 16 * i) * kScorePitch + x + 16 * j] =
            seen ? expf(s[i][j] * scale - shift[i]) * (dP[i][j] - delta1[i]) : 0.0f;
      }
    __syncthreads();
    exactProduct<R, C>(out, dS, keys, y, x);
  }
  float scales[R];
#pragma unroll
  for (int i = 0; i < R; ++i) scales[i] = scale;
  storeExact<T, R, C>(out, scales, dq + own.queries, own.stride.query, own.rows, headDim, y, x);
}

#define MLAB_EXACT_BACKWARD_QUERIES(NAME, T, C, R)                                                           \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardQueries##NAME##_##T(          \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,           \
      const int* tiles, T* dq, int tokens, int heads, int kvHeads, int headDim, float scale, int window) {   \
    exactBackwardQueries<T, C, R>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, headDim, \
                                  scale, window);                                                            \
  }

MLAB_EXACT_BACKWARD_QUERIES(Exact4, float32, 4, 2)
MLAB_EXACT_BACKWARD_QUERIES(Exact8, float32, 8, 2)
MLAB_EXACT_BACKWARD_QUERIES(Exact16, float32, 16, 1)
MLAB_EXACT_BACKWARD_QUERIES(Exact4, bfloat16, 4, 2)
MLAB_EXACT_BACKWARD_QUERIES(Exact8, bfloat16, 8, 2)
MLAB_EXACT_BACKWARD_QUERIES(Exact16, bfloat16, 16, 1)
// For 64 KB of shared memory (Turing).
MLAB_EXACT_BACKWARD_QUERIES(Exact8Small, float32, 8, 1)
