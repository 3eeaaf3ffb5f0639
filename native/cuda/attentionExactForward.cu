// Attention (attention.cuh) of any storage and headDim up to 256, all arithmetic in float, forward.
#include "attentionExact.cuh"

template <class T, int C, int R>
__device__ inline void exactForward(const T* q, const T* k, const T* v, const int* tiles, T* o,
                                    float* logSumExp, int tokens, int heads, int kvHeads, int headDim,
                                    float scale, int window) {
  constexpr int kRows = 16 * R, kExactPitch = Exact<C>::pitch, kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // [kRows, pitch]
  float* keys = queries + kRows * kExactPitch;                 // [kRows, pitch]; then the values
  float* scores = keys + kRows * kExactPitch;                  // [kRows, kScorePitch]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const QueryBlock own(tiles, kRows, heads, kvHeads, headDim);
  const Tile& tile = own.tile;
  const int64 keyStride = own.stride.key;

  loadTile<T, C>(queries, q + own.queries, own.stride.query, own.rows, kRows, headDim);
  float out[R][C], maximum[R], total[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) maximum[i] = -kInfinity, total[i] = 0.0f;

  for (int key = firstKey(tile.start, window) / kRows * kRows; key < own.keyEnd(); key += kRows) {
    const int count = tile.keyCount - key;
    __syncthreads();
    loadTile<T, C>(keys, k + own.keys + key * keyStride, keyStride, count, kRows, headDim);
    __syncthreads();
    float s[R][R];
    exactScores<R, C>(s, queries, keys, headDim, y, x);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int position = tile.start + y + 16 * i;
      float largest = maximum[i];
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int at = key + x + 16 * j;
        s[i][j] *= scale;
        if (at > position || (window > 0 && at <= position - window)) s[i][j] = -kInfinity;
        largest = fmaxf(largest, s[i][j]);
      }
      for (int offset = 8; offset > 0; offset /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, offset));
      // Nothing seen yet: subtract 0, so that hidden scores stay -inf and a NaN stays NaN.
      const float base = largest == -kInfinity ? 0.0f : largest;
      const float factor = expf(maximum[i] - base);
      maximum[i] = largest;
      total[i] *= factor;
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const float p = expf(s[i][j] - base);
        total[i] += p;
        scores[(y + 16 * i) * kScorePitch + x + 16 * j] = p;
      }
#pragma unroll
      for (int c = 0; c < C; ++c) out[i][c] *= factor;
    }
    __syncthreads();
    loadTile<T, C>(keys, v + own.keys + key * keyStride, keyStride, count, kRows, headDim);
    __syncthreads();
    exactProduct<R, C>(out, scores, keys, y, x);
  }

  float inverse[R];
#pragma unroll
  for (int i = 0; i < R; ++i) {
    float sum = total[i];
    for (int offset = 8; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    inverse[i] = 1.0f / sum;
    const int row = y + 16 * i;
    if (logSumExp && x == 0 && row < own.rows) logSumExp[own.rowPlace(tokens, row)] = maximum[i] + logf(sum);
  }
  storeExact<T, R, C>(out, inverse, o + own.queries, own.stride.query, own.rows, headDim, y, x);
}

#define MLAB_EXACT_FORWARD(NAME, T, C, R)                                                                  \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionForward##NAME##_##T(                \
      const T* q, const T* k, const T* v, const int* tiles, T* o, float* logSumExp, int tokens, int heads, \
      int kvHeads, int headDim, float scale, int window) {                                                 \
    exactForward<T, C, R>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, headDim, scale, window);   \
  }

MLAB_EXACT_FORWARD(Exact4, float32, 4, 4)
MLAB_EXACT_FORWARD(Exact8, float32, 8, 4)
MLAB_EXACT_FORWARD(Exact16, float32, 16, 2)
MLAB_EXACT_FORWARD(Exact4, bfloat16, 4, 4)
MLAB_EXACT_FORWARD(Exact8, bfloat16, 8, 4)
MLAB_EXACT_FORWARD(Exact16, bfloat16, 16, 2)
// For 64 KB of shared memory (Turing).
MLAB_EXACT_FORWARD(Exact8Small, float32, 8, 2)
