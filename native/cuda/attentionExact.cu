// Attention (attention.cuh) of any storage and headDim up to 256, all arithmetic in float.
//
// 256 threads as 16 x 16 over tiles in shared memory. Thread (y, x) has the rows y + 16 i of a product's left
// factor; of scores the columns x + 16 j, of results the columns 64 (c / 4) + 4 x + c % 4.
#include "attention.cuh"

constexpr int kExactThreads = 256;
typedef float float32;

/** headDim is at most 16 * C, C of 4, 8, 16. */
template <int C>
struct Exact {
  static constexpr int columns = 16 * C;
  static constexpr int pitch = columns + 4;  // rows start in different banks
  /** Rows of a thread, and of a tile of queries or of keys. */
  static constexpr int forwardRows = C <= 8 ? 4 : 2;
  static constexpr int backwardRows = C <= 8 ? 2 : 1;
};

/** Rows of headDim values, `stride` apart, into a tile [rows, pitch]; zeros past headDim and from row `count`
 * on. */
template <class T, int C>
__device__ inline void loadTile(float* tile, const T* x, int64 stride, int count, int rows, int headDim) {
  constexpr int kSize = Pack<T>::size, kColumns = Exact<C>::columns, kExactPitch = Exact<C>::pitch;
  if (headDim % kSize == 0) {
    for (int i = threadIdx.x; i < rows * (kColumns / kSize); i += kExactThreads) {
      const int row = i / (kColumns / kSize), column = i % (kColumns / kSize) * kSize;
      Pack<T> values = {};
      if (row < count && column < headDim) values = loadPack(x + row * stride + column);
#pragma unroll
      for (int j = 0; j < kSize; ++j) tile[row * kExactPitch + column + j] = values.values[j];
    }
  } else {
    for (int i = threadIdx.x; i < rows * kColumns; i += kExactThreads) {
      const int row = i / kColumns, column = i % kColumns;
      tile[row * kExactPitch + column] =
          row < count && column < headDim ? toFloat(x[row * stride + column]) : 0.0f;
    }
  }
}

/** d[i][j] = sum over headDim of a[y + 16 i] * b[x + 16 j]. */
template <int R, int C>
__device__ inline void exactScores(float (&d)[R][R], const float* a, const float* b, int headDim, int y,
                                   int x) {
  constexpr int kExactPitch = Exact<C>::pitch;
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int j = 0; j < R; ++j) d[i][j] = 0.0f;
  for (int c = 0; c < headDim; c += 4) {
    float4 left[R], right[R];
#pragma unroll
    for (int i = 0; i < R; ++i) {
      left[i] = *reinterpret_cast<const float4*>(a + (y + 16 * i) * kExactPitch + c);
      right[i] = *reinterpret_cast<const float4*>(b + (x + 16 * i) * kExactPitch + c);
    }
#pragma unroll
    for (int i = 0; i < R; ++i)
#pragma unroll
      for (int j = 0; j < R; ++j) {
        d[i][j] = fmaf(left[i].x, right[j].x, d[i][j]);
        d[i][j] = fmaf(left[i].y, right[j].y, d[i][j]);
        d[i][j] = fmaf(left[i].z, right[j].z, d[i][j]);
        d[i][j] = fmaf(left[i].w, right[j].w, d[i][j]);
      }
  }
}

/** d[i] += p[y + 16 i] b, with p [16 R, 16 R + 4] and b [16 R, pitch]. */
template <int R, int C>
__device__ inline void exactProduct(float (&d)[R][C], const float* p, const float* b, int y, int x) {
  constexpr int kExactPitch = Exact<C>::pitch, kScorePitch = 16 * R + 4;
  for (int j = 0; j < 16 * R; j += 4) {
    float4 left[R];
#pragma unroll
    for (int i = 0; i < R; ++i)
      left[i] = *reinterpret_cast<const float4*>(p + (y + 16 * i) * kScorePitch + j);
#pragma unroll
    for (int e = 0; e < 4; ++e)
#pragma unroll
      for (int c = 0; c < C; c += 4) {
        const float4 right = *reinterpret_cast<const float4*>(b + (j + e) * kExactPitch + 16 * c + 4 * x);
#pragma unroll
        for (int i = 0; i < R; ++i) {
          const float factor = e == 0 ? left[i].x : e == 1 ? left[i].y : e == 2 ? left[i].z : left[i].w;
          d[i][c] = fmaf(factor, right.x, d[i][c]);
          d[i][c + 1] = fmaf(factor, right.y, d[i][c + 1]);
          d[i][c + 2] = fmaf(factor, right.z, d[i][c + 2]);
          d[i][c + 3] = fmaf(factor, right.w, d[i][c + 3]);
        }
      }
  }
}

/** Column of a result that thread x holds in d[..][c]. */
__device__ inline int exactColumn(int c, int x) { return 64 * (c / 4) + 4 * x + c % 4; }

template <int R, int C>
__device__ inline void clearExact(float (&d)[R][C]) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) d[i][c] = 0.0f;
}

/** Writes d[i] * factors[i] to the rows y + 16 i below `count`, `stride` apart. */
template <class T, int R, int C>
__device__ inline void storeExact(const float (&d)[R][C], const float (&factors)[R], T* rows, int64 stride,
                                  int count, int headDim, int y, int x) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) {
      const int row = y + 16 * i, column = exactColumn(c, x);
      if (row < count && column < headDim) rows[row * stride + column] = fromFloat<T>(d[i][c] * factors[i]);
    }
}

template <class T, int C>
__device__ inline void exactForward(const T* q, const T* k, const T* v, const int* tiles, T* o,
                                    float* logSumExp, int tokens, int heads, int kvHeads, int headDim,
                                    float scale, int window) {
  constexpr int R = Exact<C>::forwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // [kRows, pitch]
  float* keys = queries + kRows * kExactPitch;                 // [kRows, pitch]; then the values
  float* scores = keys + kRows * kExactPitch;                  // [kRows, kScorePitch]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kRows, tile.keyCount - tile.start), keyEnd = tile.start + rows;
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * headDim;
  const int64 keyOffset = tile.keyBegin * keyStride + kvHead * headDim;

  loadTile<T, C>(queries, q + queryOffset, queryStride, rows, kRows, headDim);
  float out[R][C], maximum[R], total[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) maximum[i] = -kInfinity, total[i] = 0.0f;

  for (int key = firstKey(tile.start, window) / kRows * kRows; key < keyEnd; key += kRows) {
    const int count = tile.keyCount - key;
    __syncthreads();
    loadTile<T, C>(keys, k + keyOffset + key * keyStride, keyStride, count, kRows, headDim);
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
    loadTile<T, C>(keys, v + keyOffset + key * keyStride, keyStride, count, kRows, headDim);
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
    if (logSumExp && x == 0 && row < rows)
      logSumExp[static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row] =
          maximum[i] + logf(sum);
  }
  storeExact<T, R, C>(out, inverse, o + queryOffset, queryStride, rows, headDim, y, x);
}

template <class T, int C>
__device__ inline void exactBackwardKeys(const T* dO, const T* q, const T* k, const T* v,
                                         const float* logSumExp, const float* delta, const int* tiles, T* dk,
                                         T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,
                                         int window) {
  constexpr int R = Exact<C>::backwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* keys = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* values = keys + kRows * kExactPitch;
  float* queries = values + kRows * kExactPitch;
  float* gradients = queries + kRows * kExactPitch;
  float* p = gradients + kRows * kExactPitch;  // [keys, queries]
  float* dS = p + kRows * kScorePitch;         // [keys, queries]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int group = heads / kvHeads, kvHead = blockIdx.x % kvHeads;
  const Tile tile(tiles, blockIdx.x / kvHeads);
  const int rows = min(kRows, tile.keyCount - tile.start);
  const int end = queryEnd(tile.start + kRows - 1, tile.keyCount, window);
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 keyOffset = (tile.keyBegin + tile.start) * keyStride + kvHead * headDim;

  loadTile<T, C>(keys, k + keyOffset, keyStride, rows, kRows, headDim);
  loadTile<T, C>(values, v + keyOffset, keyStride, rows, kRows, headDim);
  float keyGradient[R][C], valueGradient[R][C];
  clearExact(keyGradient);
  clearExact(valueGradient);
  for (int head = kvHead * group; head < (kvHead + 1) * group; ++head)
    for (int first = tile.start; first < end; first += kRows) {
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
  storeExact<T, R, C>(keyGradient, scales, dk + keyOffset, keyStride, rows, headDim, y, x);
  storeExact<T, R, C>(valueGradient, ones, dv + keyOffset, keyStride, rows, headDim, y, x);
}

template <class T, int C>
__device__ inline void exactBackwardQueries(const T* dO, const T* q, const T* k, const T* v,
                                            const float* logSumExp, const float* delta, const int* tiles,
                                            T* dq, int tokens, int heads, int kvHeads, int headDim,
                                            float scale, int window) {
  constexpr int R = Exact<C>::backwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* gradients = queries + kRows * kExactPitch;
  float* keys = gradients + kRows * kExactPitch;
  float* values = keys + kRows * kExactPitch;
  float* dS = values + kRows * kExactPitch;  // [queries, keys]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kRows, tile.keyCount - tile.start), keyEnd = tile.start + rows;
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * headDim;
  const int64 keyOffset = tile.keyBegin * keyStride + kvHead * headDim;

  loadTile<T, C>(queries, q + queryOffset, queryStride, rows, kRows, headDim);
  loadTile<T, C>(gradients, dO + queryOffset, queryStride, rows, kRows, headDim);
  float out[R][C], shift[R], delta1[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int row = y + 16 * i;
    const int64 at = static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row;
    shift[i] = row < rows ? logSumExp[at] : 0.0f;
    delta1[i] = row < rows ? delta[at] : 0.0f;
  }
  for (int key = firstKey(tile.start, window) / kRows * kRows; key < keyEnd; key += kRows) {
    __syncthreads();
    loadTile<T, C>(keys, k + keyOffset + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
    loadTile<T, C>(values, v + keyOffset + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
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
  storeExact<T, R, C>(out, scales, dq + queryOffset, queryStride, rows, headDim, y, x);
}

#define MLAB_EXACT_ATTENTION(T, C)                                                                         \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionForwardExact##C##_##T(              \
      const T* q, const T* k, const T* v, const int* tiles, T* o, float* logSumExp, int tokens, int heads, \
      int kvHeads, int headDim, float scale, int window) {                                                 \
    exactForward<T, C>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, headDim, scale, window);      \
  }                                                                                                        \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardKeysExact##C##_##T(         \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,         \
      const int* tiles, T* dk, T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,        \
      int window) {                                                                                        \
    exactBackwardKeys<T, C>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, tokens, heads, kvHeads, headDim, \
                            scale, window);                                                                \
  }                                                                                                        \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardQueriesExact##C##_##T(      \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,         \
      const int* tiles, T* dq, int tokens, int heads, int kvHeads, int headDim, float scale, int window) { \
    exactBackwardQueries<T, C>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, headDim,  \
                               scale, window);                                                             \
  }

MLAB_EXACT_ATTENTION(float32, 4)
MLAB_EXACT_ATTENTION(float32, 8)
MLAB_EXACT_ATTENTION(float32, 16)
MLAB_EXACT_ATTENTION(bfloat16, 4)
MLAB_EXACT_ATTENTION(bfloat16, 8)
MLAB_EXACT_ATTENTION(bfloat16, 16)
