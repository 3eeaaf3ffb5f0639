// Attention of a few new tokens over a key-value cache: reading the cache is the cost, so it is read once for
// all query heads of a group, and the keys are dealt out to as many blocks as keep the GPU busy (Dao et al.
// 2023, "Flash-Decoding"). The last block of a kv head to finish joins the parts, in the order of the keys.
// New keys and values are put into the cache by the blocks that meet them. More tokens (the prompt) take
// attention.cu's forward.
//
// The number of rows in use is read from device memory and the grid depends on the capacity only, so that a
// recorded launch serves every token.
#include "common.cuh"

constexpr int kThreads = 256;
constexpr int kLeastKeys = 64;  // of a block: fewer are not worth joining
constexpr int kMostParts = 128;

typedef float float32;

/** e^x as 2^(x log2(e)); `exponentScale` is folded into the queries. */
template <class T>
constexpr float exponentScale = 1.0f;
template <>
constexpr float exponentScale<bfloat16> = 1.44269504088896341f;
__device__ inline float exponential(float x, float) { return expf(x); }
__device__ inline float exponential(float x, bfloat16) { return exp2Fast(x); }

/** W neighbours; `there` false: zeros, nothing is read. */
template <int W, class T>
__device__ inline void loadSome(float* values, const T* p, bool there) {
  if constexpr (W == 1) {
    values[0] = there ? toFloat(*p) : 0.0f;
  } else {
    Pack<T> pack = {};
    if (there) pack = loadPack(p);
#pragma unroll
    for (int i = 0; i < W; ++i) values[i] = pack.values[i];
  }
}
template <int W, class T>
__device__ inline void storeSome(T* p, const float* values) {
  if constexpr (W == 1) {
    *p = fromFloat<T>(values[0]);
  } else {
    Pack<T> pack;
#pragma unroll
    for (int i = 0; i < W; ++i) pack.values[i] = values[i];
    storePack(p, pack);
  }
}

struct Decoding {
  int tokens, heads, kvHeads, headDim, lanes, parts;
  float scale;
  int window;
};

/**
 * Keys [begin, end) for the G query rows from firstRow on, of one kv head; row r is head r % group of token r
 * / group. A group of `lanes` lanes reads a key, kSteps of them at once: lane l has the columns (l + lanes *
 * n) * W + 0..W-1. The result, not yet divided by the sum, lies in `merged` [G, headDim], maxima and sums in
 * `state` [2, G].
 */
template <class T, int W, int N, int G, int kSteps>
__device__ inline void attendKeys(const T* q, const T* k, const T* v, T* keys, T* values, const Decoding& d,
                                  int past, int kvHead, int firstRow, int begin, int end, float* merged,
                                  float (&state)[2][G]) {
  constexpr int kWarps = kThreads / 32;
  __shared__ float maxima[kWarps][G], sums[kWarps][G];
  const int group = d.heads / d.kvHeads, rows = d.tokens * group;
  const int lane = threadIdx.x % d.lanes, keyGroup = threadIdx.x / d.lanes, keyGroups = kThreads / d.lanes;
  const int64 stride = static_cast<int64>(d.kvHeads) * d.headDim;
  const float scale = d.scale * exponentScale<T>;

  float query[G][N * W], out[G][N * W], maximum[G], total[G];
#pragma unroll
  for (int g = 0; g < G; ++g) {
    const int row = firstRow + g;
    const int64 offset =
        (static_cast<int64>(row / group) * d.heads + kvHead * group + row % group) * d.headDim;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const int column = (lane + n * d.lanes) * W;
      loadSome<W>(query[g] + n * W, q + offset + column, row < rows && column < d.headDim);
    }
#pragma unroll
    for (int c = 0; c < N * W; ++c) query[g][c] *= scale, out[g][c] = 0.0f;
    maximum[g] = -kInfinity, total[g] = 0.0f;
  }

  for (int first = begin; first < end; first += keyGroups * kSteps) {
    float keyValues[kSteps][N * W], valueValues[kSteps][N * W];
#pragma unroll
    for (int u = 0; u < kSteps; ++u) {
      const int key = first + u * keyGroups + keyGroup;
      const bool isNew = key >= past;
      const int64 offset = (isNew ? key - past : key) * stride + static_cast<int64>(kvHead) * d.headDim;
      const T *keyRow = (isNew ? k : keys) + offset, *valueRow = (isNew ? v : values) + offset;
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const int column = (lane + n * d.lanes) * W;
        const bool there = key < end && column < d.headDim;
        loadSome<W>(keyValues[u] + n * W, keyRow + column, there);
        loadSome<W>(valueValues[u] + n * W, valueRow + column, there);
      }
    }
    float scores[G][kSteps];
#pragma unroll
    for (int g = 0; g < G; ++g)
#pragma unroll
      for (int u = 0; u < kSteps; ++u) {
        scores[g][u] = 0.0f;
#pragma unroll
        for (int c = 0; c < N * W; ++c) scores[g][u] = fmaf(query[g][c], keyValues[u][c], scores[g][u]);
      }
    for (int offset = d.lanes / 2; offset > 0; offset /= 2)
#pragma unroll
      for (int g = 0; g < G; ++g)
#pragma unroll
        for (int u = 0; u < kSteps; ++u) scores[g][u] += __shfl_xor_sync(kFullWarp, scores[g][u], offset);
#pragma unroll
    for (int g = 0; g < G; ++g) {
      const int position = past + (firstRow + g) / group;
      float largest = maximum[g];
#pragma unroll
      for (int u = 0; u < kSteps; ++u) {
        const int key = first + u * keyGroups + keyGroup;
        const bool seen = key < end && key <= position && (d.window == 0 || key > position - d.window);
        if (!seen) scores[g][u] = -kInfinity;
        largest = fmaxf(largest, scores[g][u]);
      }
      // Nothing seen yet: subtract 0, so that hidden scores stay -inf and a NaN stays NaN.
      const float base = largest == -kInfinity ? 0.0f : largest;
      const float factor = exponential(maximum[g] - base, T());
      maximum[g] = largest;
      total[g] *= factor;
#pragma unroll
      for (int c = 0; c < N * W; ++c) out[g][c] *= factor;
#pragma unroll
      for (int u = 0; u < kSteps; ++u) {
        const float p = exponential(scores[g][u] - base, T());
        total[g] += p;
#pragma unroll
        for (int c = 0; c < N * W; ++c) out[g][c] = fmaf(p, valueValues[u][c], out[g][c]);
      }
    }
    // The first rows' block puts new rows into the cache; nobody reads them from there in this launch.
    if (firstRow == 0)
#pragma unroll
      for (int u = 0; u < kSteps; ++u) {
        const int key = first + u * keyGroups + keyGroup;
#pragma unroll
        for (int n = 0; n < N; ++n) {
          const int column = (lane + n * d.lanes) * W;
          if (key >= past && key < end && column < d.headDim) {
            const int64 at = key * stride + static_cast<int64>(kvHead) * d.headDim + column;
            storeSome<W>(keys + at, keyValues[u] + n * W);
            storeSome<W>(values + at, valueValues[u] + n * W);
          }
        }
      }
  }

  // Joins the lane groups of a warp, then the warps.
  for (int offset = d.lanes; offset < 32; offset *= 2)
#pragma unroll
    for (int g = 0; g < G; ++g) {
      const float other = __shfl_xor_sync(kFullWarp, maximum[g], offset), largest = fmaxf(maximum[g], other);
      const float factor = largest == -kInfinity ? 1.0f : exponential(maximum[g] - largest, T());
      maximum[g] = largest;
      total[g] *= factor;
      total[g] += __shfl_xor_sync(kFullWarp, total[g], offset);
#pragma unroll
      for (int c = 0; c < N * W; ++c) {
        out[g][c] *= factor;
        out[g][c] += __shfl_xor_sync(kFullWarp, out[g][c], offset);
      }
    }
  float* warpOut = reinterpret_cast<float*>(dynamicShared());  // [kWarps][G, headDim]
  const int warp = threadIdx.x / 32;
  if (threadIdx.x % 32 < d.lanes) {
#pragma unroll
    for (int g = 0; g < G; ++g) {
      if (lane == 0) maxima[warp][g] = maximum[g], sums[warp][g] = total[g];
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int c = 0; c < W; ++c) {
          const int column = (lane + n * d.lanes) * W + c;
          if (column < d.headDim) warpOut[(warp * G + g) * d.headDim + column] = out[g][n * W + c];
        }
    }
  }
  __syncthreads();
  float factors[G][kWarps];
#pragma unroll
  for (int g = 0; g < G; ++g) {
    float largest = -kInfinity, sum = 0.0f;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) largest = fmaxf(largest, maxima[w][g]);
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      factors[g][w] = largest == -kInfinity ? 1.0f : exponential(maxima[w][g] - largest, T());
      sum += sums[w][g] * factors[g][w];
    }
    state[0][g] = largest;
    state[1][g] = sum;
    for (int c = threadIdx.x; c < d.headDim; c += kThreads) {
      float x = 0.0f;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) x = fmaf(factors[g][w], warpOut[(w * G + g) * d.headDim + c], x);
      merged[g * d.headDim + c] = x;
    }
  }
}

/**
 * q, o [tokens, heads*headDim]; k, v [tokens, kvHeads*headDim]; keys, values [capacity, kvHeads*headDim];
 * *pastAt rows of the cache are in use. partial [blocks / parts, parts, G, headDim + 2] and arrivals [blocks
 * / parts] (zero, and zero again afterwards) are for the joining. `lanes`: a power of two with lanes * N * W
 * >= headDim.
 */
template <class T, int W, int N, int G, int kSteps>
__device__ inline void decode(const T* q, const T* k, const T* v, T* keys, T* values, const int* pastAt,
                              float* partial, int* arrivals, T* o, const Decoding& d) {
  beginInOrder();
  __shared__ float weights[kMostParts][G];
  __shared__ bool isLast;
  const int part = blockIdx.x % d.parts, job = blockIdx.x / d.parts;
  const int kvHead = job % d.kvHeads, firstRow = job / d.kvHeads * G;
  const int past = *pastAt, end = past + d.tokens;
  const int begin = d.window > 0 ? max(0, past - d.window + 1) : 0;  // what the first token sees
  int keysOfPart = max((end - begin + d.parts - 1) / d.parts, kLeastKeys);
  keysOfPart = (keysOfPart + 15) / 16 * 16;
  const int used = (end - begin + keysOfPart - 1) / keysOfPart;  // parts that have keys
  if (part < used) {                                             // for the whole block
    float* merged = reinterpret_cast<float*>(dynamicShared()) + kThreads / 32 * G * d.headDim;
    float state[2][G];
    const int first = begin + part * keysOfPart;
    attendKeys<T, W, N, G, kSteps>(q, k, v, keys, values, d, past, kvHead, firstRow, first,
                                   min(first + keysOfPart, end), merged, state);
    const int group = d.heads / d.kvHeads, rows = min(G, d.tokens * group - firstRow);
    auto target = [&](int g) {
      const int row = firstRow + g;
      return o + (static_cast<int64>(row / group) * d.heads + kvHead * group + row % group) * d.headDim;
    };
    const int width = d.headDim + 2;
    float* own = partial + (static_cast<int64>(job) * d.parts + part) * G * width;
#pragma unroll
    for (int g = 0; g < G; ++g) {
      if (g >= rows) continue;
      for (int c = threadIdx.x; c < d.headDim; c += kThreads) {
        const float x = merged[g * d.headDim + c];  // this thread wrote it
        if (used == 1)
          target(g)[c] = fromFloat<T>(x / state[1][g]);
        else
          own[g * width + c] = x;
      }
      if (used > 1 && threadIdx.x == 0) {
        own[g * width + d.headDim] = state[0][g];
        own[g * width + d.headDim + 1] = state[1][g];
      }
    }
    if (used > 1) {
      __threadfence();
      __syncthreads();
      if (threadIdx.x == 0) isLast = atomicAdd(arrivals + job, 1) == used - 1;
      __syncthreads();
      if (isLast) {
        __threadfence();
        const float* all = partial + static_cast<int64>(job) * d.parts * G * width;
        if (threadIdx.x == 0) arrivals[job] = 0;
        // A warp a row: weights of the parts, already divided by the sum.
        const int g = threadIdx.x / 32, lane = threadIdx.x % 32;
        if (g < rows) {
          float largest = -kInfinity, sum = 0.0f;
          for (int p = lane; p < used; p += 32)
            largest = fmaxf(largest, all[(p * G + g) * width + d.headDim]);
          largest = warpMax(largest);
          const float base = largest == -kInfinity ? 0.0f : largest;
          for (int p = lane; p < used; p += 32) {
            const float* ends = all + (p * G + g) * width + d.headDim;
            weights[p][g] = exponential(ends[0] - base, T());
            sum += weights[p][g] * ends[1];
          }
          sum = warpSum(sum);
          for (int p = lane; p < used; p += 32) weights[p][g] /= sum;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < rows * d.headDim; i += kThreads) {
          const int row = i / d.headDim, c = i % d.headDim;
          float x = 0.0f;
#pragma unroll 16
          for (int p = 0; p < used; ++p) x = fmaf(weights[p][row], all[(p * G + row) * width + c], x);
          target(row)[c] = fromFloat<T>(x);
        }
      }
    }
  }
}

// W and N: 16 bytes at once; for headDim that is no multiple of that, single values.
#define MLAB_DECODE(NAME, T, W, N, G, STEPS, BLOCKS)                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads, BLOCKS)                                             \
      NAME##_##T(const T* q, const T* k, const T* v, T* keys, T* values, const int* pastAt, float* partial,  \
                 int* arrivals, T* o, int tokens, int heads, int kvHeads, int headDim, int lanes, int parts, \
                 float scale, int window) {                                                                  \
    decode<T, W, N, G, STEPS>(q, k, v, keys, values, pastAt, partial, arrivals, o,                           \
                              {tokens, heads, kvHeads, headDim, lanes, parts, scale, window});               \
  }

MLAB_DECODE(attentionCached1, bfloat16, 8, 1, 1, 4, 2)
MLAB_DECODE(attentionCached2, bfloat16, 8, 1, 2, 4, 2)
MLAB_DECODE(attentionCached4, bfloat16, 8, 1, 4, 2, 2)
MLAB_DECODE(attentionCachedAny, bfloat16, 1, 8, 2, 4, 1)
MLAB_DECODE(attentionCached1, float32, 4, 2, 1, 4, 1)
MLAB_DECODE(attentionCached2, float32, 4, 2, 2, 4, 1)
MLAB_DECODE(attentionCached4, float32, 4, 2, 4, 4, 1)
MLAB_DECODE(attentionCachedAny, float32, 1, 8, 2, 4, 1)
