// Attention (attention.cuh) of bfloat16 on tensor cores, forward, for headDim 32, 64 and 128.
#include "attentionTiles.cuh"

/** logSumExp may be null. */
template <int D>
__device__ inline void tiledForward(const bfloat16* q, const bfloat16* k, const bfloat16* v, const int* tiles,
                                    bfloat16* o, float* logSumExp, int tokens, int heads, int kvHeads,
                                    float scale, int window) {
  bfloat16* queries = reinterpret_cast<bfloat16*>(dynamicShared());  // [128, pitch]
  bfloat16* keys = queries + kTiledQueries * kPitch<D>;              // [2][64, pitch]
  bfloat16* values = keys + 2 * kTiledKeys * kPitch<D>;              // [2][64, pitch]
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const QueryBlock own(tiles, kTiledQueries, heads, kvHeads, D);
  const Tile& tile = own.tile;
  const int rows = own.rows, keyEnd = own.keyEnd();
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
  const bfloat16 *k0 = k + own.keys, *v0 = v + own.keys;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kTiledKeys * kTiledKeys;
  copyTile<D, kTiledQueries>(queries, q + own.queries, queryStride, rows);
  copyTile<D, kTiledKeys>(keys, k0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  copyTile<D, kTiledKeys>(values, v0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  commitCopies();

  // Of this warp's rows 16 m + 8 half + lane / 4.
  const int warpStart = tile.start + 32 * warp;
  float out[2][D / 8][4], maximum[2][2], total[2][2];
  clear(out);
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) maximum[m][half] = -kInfinity, total[m][half] = 0.0f;

  int stage = 0;
  for (int key = firstTile; key < keyEnd; key += kTiledKeys, stage ^= 1) {
    waitCopies<0>();
    __syncthreads();
    const int next = key + kTiledKeys;
    if (next < keyEnd) {
      const int to = (stage ^ 1) * kTiledKeys * kPitch<D>;
      copyTile<D, kTiledKeys>(keys + to, k0 + next * keyStride, keyStride, tile.keyCount - next);
      copyTile<D, kTiledKeys>(values + to, v0 + next * keyStride, keyStride, tile.keyCount - next);
      commitCopies();
    }
    if (key > warpStart + 31) continue;  // later than all of this warp's queries

    float scores[2][kTiledKeys / 8][4];
    clear(scores);
    productOfRows<D>(scores, queries, 32 * warp, keys + stage * kTiledKeys * kPitch<D>, lane);
    if (key + kTiledKeys - 1 > warpStart || (window > 0 && key <= warpStart + 31 - window)) {
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int n = 0; n < kTiledKeys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int position = warpStart + 16 * m + 8 * (i / 2) + lane / 4;
            const int j = key + 8 * n + 2 * (lane % 4) + i % 2;
            if (j > position || (window > 0 && j <= position - window)) scores[m][n][i] = -kInfinity;
          }
    }
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float factor = soften(scores[m], half, scale2, maximum[m][half], total[m][half]);
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
          out[m][n][2 * half] *= factor;
          out[m][n][2 * half + 1] *= factor;
        }
      }
    productOfColumns<D>(out, scores, values + stage * kTiledKeys * kPitch<D>, lane);
  }

  float inverse[2][2];
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = total[m][half];
      sum += __shfl_xor_sync(kFullWarp, sum, 1);
      sum += __shfl_xor_sync(kFullWarp, sum, 2);
      inverse[m][half] = 1.0f / sum;
      const int row = 32 * warp + 16 * m + 8 * half + lane / 4;
      if (logSumExp && lane % 4 == 0 && row < rows)
        logSumExp[own.rowPlace(tokens, row)] = maximum[m][half] * scale + logf(sum);
    }
  storeRows<D>(out, inverse, queries, 32 * warp, o + own.queries + 32 * warp * queryStride, queryStride,
               rows - 32 * warp, lane);
}

#define MLAB_TILED_FORWARD(D, BLOCKS)                                                                 \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS) attentionForward##D##_bfloat16( \
      const bfloat16* q, const bfloat16* k, const bfloat16* v, const int* tiles, bfloat16* o,         \
      float* logSumExp, int tokens, int heads, int kvHeads, float scale, int window) {                \
    tiledForward<D>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, scale, window);             \
  }

// The second number: blocks that a multiprocessor shall hold, which limits their registers.
MLAB_TILED_FORWARD(32, 3)
MLAB_TILED_FORWARD(64, 2)
MLAB_TILED_FORWARD(128, 2)
