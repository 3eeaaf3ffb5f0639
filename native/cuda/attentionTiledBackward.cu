// Attention (attention.cuh) of bfloat16 on tensor cores, backward, for headDim 32, 64 and 128.
#include "attentionTiles.cuh"

/**
 * dk and dv of 64 keys. Each of `parts` blocks sums over heads / kvHeads / parts heads of the group; with one
 * part they are the results, with more they go to partial [2, parts, tokens, kvHeads*D] (dk first), for
 * sumParts. A warp owns 16 keys: S^T = K Q^T, so that P^T and dS^T are left factors as they come.
 */
template <int D>
__device__ inline void tiledBackwardKeys(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                         const bfloat16* v, const float* logSumExp, const float* delta,
                                         const int* tiles, bfloat16* dk, bfloat16* dv, float* partial,
                                         int parts, int tokens, int heads, int kvHeads, float scale,
                                         int window) {
  bfloat16* keys = reinterpret_cast<bfloat16*>(dynamicShared());  // [64, pitch]
  bfloat16* values = keys + kTiledKeys * kPitch<D>;               // [64, pitch]
  bfloat16* queries = values + kTiledKeys * kPitch<D>;            // [2][64, pitch]
  bfloat16* gradients = queries + 2 * kTiledKeys * kPitch<D>;     // [2][64, pitch]
  float* rowValues =
      reinterpret_cast<float*>(gradients + 2 * kTiledKeys * kPitch<D>);  // [2][2, 64]: log sum exp, delta
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int part = blockIdx.x % parts, kvHead = blockIdx.x / parts % kvHeads;
  const Tile tile(tiles, blockIdx.x / parts / kvHeads);
  const int headsOfPart = heads / kvHeads / parts,
            firstHead = kvHead * (heads / kvHeads) + part * headsOfPart;
  const int keyRows = min(kTiledKeys, tile.keyCount - tile.start);
  const int end = queryEnd(tile.start + kTiledKeys - 1, tile.keyCount, window);
  const int queryTiles = (end - tile.start + kTiledKeys - 1) / kTiledKeys, steps = headsOfPart * queryTiles;
  const int64 queryStride = static_cast<int64>(heads) * D, keyStride = static_cast<int64>(kvHeads) * D;
  const int64 keyOffset = (tile.keyBegin + tile.start) * keyStride + kvHead * D;
  const float scale2 = scale * kLog2E;

  // Threads 0..63 bring log sum exp of the step's queries, in base 2, the others delta.
  const float* rowSource = threadIdx.x < kTiledKeys ? logSumExp : delta;
  const float rowFactor = threadIdx.x < kTiledKeys ? kLog2E : 1.0f;
  auto rowValue = [&](int head, int first) {
    const int position = first + static_cast<int>(threadIdx.x) % kTiledKeys;
    return position < tile.keyCount
               ? rowSource[static_cast<int64>(head) * tokens + position + tile.queryShift] * rowFactor
               : 0.0f;
  };
  auto copyQueries = [&](int stage, int head, int first) {
    const int64 offset = (first + tile.queryShift) * queryStride + head * D;
    copyTile<D, kTiledKeys>(queries + stage * kTiledKeys * kPitch<D>, q + offset, queryStride,
                            tile.keyCount - first);
    copyTile<D, kTiledKeys>(gradients + stage * kTiledKeys * kPitch<D>, dO + offset, queryStride,
                            tile.keyCount - first);
    commitCopies();
  };

  copyTile<D, kTiledKeys>(keys, k + keyOffset, keyStride, keyRows);
  copyTile<D, kTiledKeys>(values, v + keyOffset, keyStride, keyRows);
  copyQueries(0, firstHead, tile.start);
  rowValues[threadIdx.x] = rowValue(firstHead, tile.start);

  const int warpKey = tile.start + 16 * warp;
  float keyGradient[1][D / 8][4], valueGradient[1][D / 8][4];
  clear(keyGradient);
  clear(valueGradient);
  int head = firstHead, first = tile.start;  // of this step
  for (int step = 0; step < steps; ++step) {
    const int stage = step & 1;
    waitCopies<0>();
    __syncthreads();
    int nextHead = head, nextFirst = first + kTiledKeys;
    if (nextFirst >= end) ++nextHead, nextFirst = tile.start;
    float nextRowValue = 0.0f;
    if (step + 1 < steps) {
      copyQueries(stage ^ 1, nextHead, nextFirst);
      nextRowValue = rowValue(nextHead, nextFirst);
    }

    const bfloat16* q1 = queries + stage * kTiledKeys * kPitch<D>;
    const bfloat16* dO1 = gradients + stage * kTiledKeys * kPitch<D>;
    const float* logSumExp2 = rowValues + stage * 2 * kTiledKeys;
    const float* delta1 = logSumExp2 + kTiledKeys;
    // Some pair of this warp's keys and the step's queries is hidden.
    const bool partly = first < warpKey + 15 || first + kTiledKeys > tile.keyCount ||
                        (window > 0 && first + kTiledKeys - 1 - warpKey >= window);
    auto hidden = [&](int n, int i) {
      const int key = warpKey + 8 * (i / 2) + lane / 4, position = first + 8 * n + 2 * (lane % 4) + i % 2;
      return position < key || position >= tile.keyCount || (window > 0 && position - key >= window);
    };

    float p[1][kTiledKeys / 8][4], dS[1][kTiledKeys / 8][4];
    clear(p);
    productOfRows<D>(p, keys, 16 * warp, q1, lane);
#pragma unroll
    for (int n = 0; n < kTiledKeys / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(logSumExp2 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        p[0][n][i] = exp2Fast(fmaf(p[0][n][i], scale2, -(i % 2 ? shift.y : shift.x)));
        if (partly && hidden(n, i)) p[0][n][i] = 0.0f;
      }
    }
    productOfColumns<D>(valueGradient, p, dO1, lane);
    clear(dS);
    productOfRows<D>(dS, values, 16 * warp, dO1, lane);
#pragma unroll
    for (int n = 0; n < kTiledKeys / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(delta1 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        dS[0][n][i] = p[0][n][i] * (dS[0][n][i] - (i % 2 ? shift.y : shift.x));
        if (partly && hidden(n, i)) dS[0][n][i] = 0.0f;
      }
    }
    productOfColumns<D>(keyGradient, dS, q1, lane);

    rowValues[(stage ^ 1) * 2 * kTiledKeys + threadIdx.x] = nextRowValue;
    head = nextHead;
    first = nextFirst;
  }

  const int row = 16 * warp;
  if (parts == 1) {
    const float scales[1][2] = {{scale, scale}}, ones[1][2] = {{1.0f, 1.0f}};
    const int64 offset = keyOffset + row * keyStride;
    storeRows<D>(keyGradient, scales, keys, row, dk + offset, keyStride, keyRows - row, lane);
    storeRows<D>(valueGradient, ones, values, row, dv + offset, keyStride, keyRows - row, lane);
  } else {
    float* dkPart = partial + part * tokens * keyStride + keyOffset;
    float* dvPart = dkPart + static_cast<int64>(parts) * tokens * keyStride;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int r = row + 8 * half + lane / 4;
      if (r >= keyRows) continue;
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        const int64 at = r * keyStride + 8 * n + 2 * (lane % 4);
        const float *x = &keyGradient[0][n][2 * half], *y = &valueGradient[0][n][2 * half];
        *reinterpret_cast<float2*>(dkPart + at) = make_float2(x[0] * scale, x[1] * scale);
        *reinterpret_cast<float2*>(dvPart + at) = make_float2(y[0], y[1]);
      }
    }
  }
}

/** dq of 128 queries. */
template <int D>
__device__ inline void tiledBackwardQueries(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                            const bfloat16* v, const float* logSumExp, const float* delta,
                                            const int* tiles, bfloat16* dq, int tokens, int heads,
                                            int kvHeads, float scale, int window) {
  bfloat16* queries = reinterpret_cast<bfloat16*>(dynamicShared());                    // [128, pitch]
  bfloat16* gradients = queries + kTiledQueries * kPitch<D>;                           // [128, pitch]
  bfloat16* keys = gradients + kTiledQueries * kPitch<D>;                              // [2][32, pitch]
  bfloat16* values = keys + 2 * kTiledKeysDq * kPitch<D>;                              // [2][32, pitch]
  float* rowValues = reinterpret_cast<float*>(values + 2 * kTiledKeysDq * kPitch<D>);  // [2, 128]
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kTiledQueries, tile.keyCount - tile.start);
  const int64 queryStride = static_cast<int64>(heads) * D, keyStride = static_cast<int64>(kvHeads) * D;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * D;
  const bfloat16* k0 = k + tile.keyBegin * keyStride + kvHead * D;
  const bfloat16* v0 = v + tile.keyBegin * keyStride + kvHead * D;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kTiledKeysDq * kTiledKeysDq,
            keyEnd = tile.start + rows;
  copyTile<D, kTiledQueries>(queries, q + queryOffset, queryStride, rows);
  copyTile<D, kTiledQueries>(gradients, dO + queryOffset, queryStride, rows);
  copyTile<D, kTiledKeysDq>(keys, k0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  copyTile<D, kTiledKeysDq>(values, v0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  commitCopies();

  const int warpStart = tile.start + 32 * warp;
  // log sum exp in base 2, and delta, of the block's queries: kept where they cost no registers.
  {
    const int row = threadIdx.x;
    const int64 at = static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row;
    rowValues[row] = row < rows ? logSumExp[at] * kLog2E : 0.0f;
    rowValues[kTiledQueries + row] = row < rows ? delta[at] : 0.0f;
  }

  float out[2][D / 8][4];
  clear(out);
  int stage = 0;
  for (int key = firstTile; key < keyEnd; key += kTiledKeysDq, stage ^= 1) {
    waitCopies<0>();
    __syncthreads();
    const int next = key + kTiledKeysDq;
    if (next < keyEnd) {
      const int to = (stage ^ 1) * kTiledKeysDq * kPitch<D>;
      copyTile<D, kTiledKeysDq>(keys + to, k0 + next * keyStride, keyStride, tile.keyCount - next);
      copyTile<D, kTiledKeysDq>(values + to, v0 + next * keyStride, keyStride, tile.keyCount - next);
      commitCopies();
    }
    if (key > warpStart + 31) continue;  // later than all of this warp's queries

    const bool partly = key + kTiledKeysDq - 1 > warpStart || (window > 0 && key <= warpStart + 31 - window);
    float p[2][kTiledKeysDq / 8][4], dS[2][kTiledKeysDq / 8][4];
    clear(p);
    productOfRows<D>(p, queries, 32 * warp, keys + stage * kTiledKeysDq * kPitch<D>, lane);
    clear(dS);
    productOfRows<D>(dS, gradients, 32 * warp, values + stage * kTiledKeysDq * kPitch<D>, lane);
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = 32 * warp + 16 * m + 8 * half + lane / 4, position = tile.start + row;
        const float logSumExp2 = rowValues[row], delta1 = rowValues[kTiledQueries + row];
#pragma unroll
        for (int n = 0; n < kTiledKeysDq / 8; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            const float probability = exp2Fast(fmaf(p[m][n][i], scale2, -logSumExp2));
            dS[m][n][i] = probability * (dS[m][n][i] - delta1);
            const int j = key + 8 * n + 2 * (lane % 4) + i % 2;
            if (partly && (j > position || (window > 0 && j <= position - window))) dS[m][n][i] = 0.0f;
          }
      }
    productOfColumns<D>(out, dS, keys + stage * kTiledKeysDq * kPitch<D>, lane);
  }
  const float scales[2][2] = {{scale, scale}, {scale, scale}};
  storeRows<D>(out, scales, queries, 32 * warp, dq + queryOffset + 32 * warp * queryStride, queryStride,
               rows - 32 * warp, lane);
}

#define MLAB_TILED_BACKWARD(D, BLOCKS)                                                                      \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS) attentionBackwardKeys##D##_bfloat16(  \
      const bfloat16* dO, const bfloat16* q, const bfloat16* k, const bfloat16* v, const float* logSumExp,  \
      const float* delta, const int* tiles, bfloat16* dk, bfloat16* dv, float* partial, int parts,          \
      int tokens, int heads, int kvHeads, float scale, int window) {                                        \
    tiledBackwardKeys<D>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, partial, parts, tokens, heads,       \
                         kvHeads, scale, window);                                                           \
  }                                                                                                         \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS)                                       \
      attentionBackwardQueries##D##_bfloat16(const bfloat16* dO, const bfloat16* q, const bfloat16* k,      \
                                             const bfloat16* v, const float* logSumExp, const float* delta, \
                                             const int* tiles, bfloat16* dq, int tokens, int heads,         \
                                             int kvHeads, float scale, int window) {                        \
    tiledBackwardQueries<D>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, scale,        \
                            window);                                                                        \
  }

// The second number: blocks that a multiprocessor shall hold, which limits their registers.
MLAB_TILED_BACKWARD(32, 3)
MLAB_TILED_BACKWARD(64, 2)
MLAB_TILED_BACKWARD(128, 2)
