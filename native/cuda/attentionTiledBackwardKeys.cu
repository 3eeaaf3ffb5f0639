// Attention (attention.cuh) of bfloat16 on tensor cores, dk and dv, for headDim 32, 64 and 128.
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
  const KeyBlock own(tiles, kTiledKeys, parts, heads, kvHeads, D, window);
  const Tile& tile = own.tile;
  const int keyRows = own.rows, end = own.queryEnd;
  const int queryTiles = (end - tile.start + kTiledKeys - 1) / kTiledKeys, steps = own.headCount * queryTiles;
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
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

  copyTile<D, kTiledKeys>(keys, k + own.keys, keyStride, keyRows);
  copyTile<D, kTiledKeys>(values, v + own.keys, keyStride, keyRows);
  copyQueries(0, own.firstHead, tile.start);
  rowValues[threadIdx.x] = rowValue(own.firstHead, tile.start);

  const int warpKey = tile.start + 16 * warp;
  float keyGradient[1][D / 8][4], valueGradient[1][D / 8][4];
  clear(keyGradient);
  clear(valueGradient);
  int head = own.firstHead, first = tile.start;  // of this step
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
    const int64 offset = own.keys + row * keyStride;
    storeRows<D>(keyGradient, scales, keys, row, dk + offset, keyStride, keyRows - row, lane);
    storeRows<D>(valueGradient, ones, values, row, dv + offset, keyStride, keyRows - row, lane);
  } else {
    storePart(keyGradient[0], valueGradient[0], scale, partial, own, parts, tokens, row, lane);
  }
}

#define MLAB_TILED_BACKWARD_KEYS(D, BLOCKS)                                                                \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS) attentionBackwardKeys##D##_bfloat16( \
      const bfloat16* dO, const bfloat16* q, const bfloat16* k, const bfloat16* v, const float* logSumExp, \
      const float* delta, const int* tiles, bfloat16* dk, bfloat16* dv, float* partial, int parts,         \
      int tokens, int heads, int kvHeads, float scale, int window) {                                       \
    tiledBackwardKeys<D>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, partial, parts, tokens, heads,      \
                         kvHeads, scale, window);                                                          \
  }

// The second number: blocks that a multiprocessor shall hold, which limits their registers.
MLAB_TILED_BACKWARD_KEYS(32, 3)
MLAB_TILED_BACKWARD_KEYS(64, 2)
MLAB_TILED_BACKWARD_KEYS(128, 2)
