// Attention (attention.cuh) of bfloat16 on tensor cores, dq, for headDim 32, 64 and 128.
#include "attentionTiles.cuh"

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
  const QueryBlock own(tiles, kTiledQueries, heads, kvHeads, D);
  const Tile& tile = own.tile;
  const int rows = own.rows, keyEnd = own.keyEnd();
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
  const bfloat16 *k0 = k + own.keys, *v0 = v + own.keys;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kTiledKeysDq * kTiledKeysDq;
  copyTile<D, kTiledQueries>(queries, q + own.queries, queryStride, rows);
  copyTile<D, kTiledQueries>(gradients, dO + own.queries, queryStride, rows);
  copyTile<D, kTiledKeysDq>(keys, k0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  copyTile<D, kTiledKeysDq>(values, v0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  commitCopies();

  const int warpStart = tile.start + 32 * warp;
  // log sum exp in base 2, and delta, of the block's queries: kept where they cost no registers.
  {
    const int row = threadIdx.x;
    const int64 at = own.rowPlace(tokens, row);
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
  storeRows<D>(out, scales, queries, 32 * warp, dq + own.queries + 32 * warp * queryStride, queryStride,
               rows - 32 * warp, lane);
}

#define MLAB_TILED_BACKWARD_QUERIES(D, BLOCKS)                                                              \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS)                                       \
      attentionBackwardQueries##D##_bfloat16(const bfloat16* dO, const bfloat16* q, const bfloat16* k,      \
                                             const bfloat16* v, const float* logSumExp, const float* delta, \
                                             const int* tiles, bfloat16* dq, int tokens, int heads,         \
                                             int kvHeads, float scale, int window) {                        \
    tiledBackwardQueries<D>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, scale,        \
                            window);                                                                        \
  }

// The second number: blocks that a multiprocessor shall hold, which limits their registers.
MLAB_TILED_BACKWARD_QUERIES(32, 3)
MLAB_TILED_BACKWARD_QUERIES(64, 2)
MLAB_TILED_BACKWARD_QUERIES(128, 2)
