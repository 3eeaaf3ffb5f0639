// Attention (attention.cuh) of bfloat16 on Hopper's matrix units, dk and dv, for headDim 64 and 128. The
// loop is that of attentionHopper.cuh.
#include "attentionHopper.cuh"

#ifdef MLAB_HAS_WARPGROUPS

/**
 * dk and dv of kGroups * 64 keys. Each of `parts` blocks sums over heads / kvHeads / parts heads of the
 * group; with one part they are the results, with more they go to partial [2, parts, tokens, kvHeads*D] (dk
 * first), for sumParts. S^T = K Q^T, so that P^T and dS^T are left factors as they come.
 */
template <int D, int kGroups>
__device__ inline void hopperBackwardKeys(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                          const bfloat16* v, const float* logSumExp, const float* delta,
                                          const int* tiles, bfloat16* dk, bfloat16* dv, float* partial,
                                          int parts, int tokens, int heads, int kvHeads, float scale,
                                          int window) {
  constexpr int kRows = kGroups * kGroupRows, kThreads = kGroups * kGroupThreads, kStages = 3;
  constexpr int kQueries = 64, kStage = kTileBytes<D, kQueries>;
  unsigned char* keys = panelShared();                                        // [kRows, D]
  unsigned char* values = keys + kTileBytes<D, kRows>;                        // [kRows, D]
  unsigned char* queries = values + kTileBytes<D, kRows>;                     // [kStages][64, D]
  unsigned char* gradients = queries + kStages * kStage;                      // [kStages][64, D]
  float* rowValues = reinterpret_cast<float*>(gradients + kStages * kStage);  // [kStages][2, 64]
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const KeyBlock own(tiles, kRows, parts, heads, kvHeads, D, window);
  const Tile& tile = own.tile;
  const int keyRows = own.rows, end = own.queryEnd;
  const int queryTiles = (end - tile.start + kQueries - 1) / kQueries, steps = own.headCount * queryTiles;
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
  const float scale2 = scale * kLog2E;

  int copyHead = own.firstHead, copyFirst = tile.start, copyStage = 0;  // of the next step to be copied
  /** Queries, dO, log sum exp in base 2 and delta. */
  auto copyStep = [&]() {
    const int64 offset = (copyFirst + tile.queryShift) * queryStride + copyHead * D;
    const int count = tile.keyCount - copyFirst;
    copyPanels<D, kQueries, kThreads>(queries + copyStage * kStage, q + offset, queryStride, count);
    copyPanels<D, kQueries, kThreads>(gradients + copyStage * kStage, dO + offset, queryStride, count);
    if (threadIdx.x < 2 * kQueries) {
      const int row = static_cast<int>(threadIdx.x) % kQueries;
      const bool isDelta = threadIdx.x >= kQueries;
      const int64 at = static_cast<int64>(copyHead) * tokens + copyFirst + tile.queryShift + row;
      rowValues[copyStage * 2 * kQueries + threadIdx.x] = row >= count ? 0.0f
                                                          : isDelta    ? delta[at]
                                                                       : logSumExp[at] * kLog2E;
    }
    copyFirst += kQueries;
    if (copyFirst >= end) ++copyHead, copyFirst = tile.start;
    copyStage = copyStage == kStages - 1 ? 0 : copyStage + 1;
  };
  copyPanels<D, kRows, kThreads>(keys, k + own.keys, keyStride, keyRows);
  copyPanels<D, kRows, kThreads>(values, v + own.keys, keyStride, keyRows);
  copyStep();
  commitCopies();
  if (steps > 1) copyStep();
  commitCopies();
  waitCopies<1>();
  showShared();
  __syncthreads();

  const int warpKey = tile.start + 16 * warp, groupKey = tile.start + 64 * (warp / 4);
  float keyGradient[D / 8][4], valueGradient[D / 8][4], p[kQueries / 8][4], dS[kQueries / 8][4];
  unsigned packedP[kQueries / 16][4], packedS[kQueries / 16][4];
  clearSums(keyGradient);
  clearSums(valueGradient);
  const unsigned long long leftKeys = alongColumns<kRows>(keys, 64 * (warp / 4));
  const unsigned long long leftValues = alongColumns<kRows>(values, 64 * (warp / 4));
  auto beginScores = [&](int stage) {
    scoresOf<D, kRows, kQueries>(p, leftKeys, alongColumns<kQueries>(queries + stage * kStage, 0));
    commitProducts();
    scoresOf<D, kRows, kQueries>(dS, leftValues, alongColumns<kQueries>(gradients + stage * kStage, 0));
    commitProducts();
  };
  auto beginGradients = [&](int stage) {
    addColumns(valueGradient, packedP, alongRows<kQueries>(gradients + stage * kStage));
    addColumns(keyGradient, packedS, alongRows<kQueries>(queries + stage * kStage));
    commitProducts();
  };
  int first = tile.start;  // of this step
  auto hidden = [&](int n, int i) {
    const int key = warpKey + 8 * (i / 2) + lane / 4, position = first + 8 * n + 2 * (lane % 4) + i % 2;
    return position < key || position >= tile.keyCount || (window > 0 && position - key >= window);
  };
  // Some pair of this warpgroup's keys and the step's queries is hidden.
  auto isPartly = [&]() {
    return first < groupKey + 63 || first + kQueries > tile.keyCount ||
           (window > 0 && first + kQueries - 1 - groupKey >= window);
  };
  auto soften = [&](int stage) {
    const float* logSumExp2 = rowValues + stage * 2 * kQueries;
    const bool partly = isPartly();
    ready(p);
#pragma unroll
    for (int n = 0; n < kQueries / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(logSumExp2 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        p[n][i] = exp2Fast(fmaf(p[n][i], scale2, -(i % 2 ? shift.y : shift.x)));
      }
    }
    if (partly) {
#pragma unroll
      for (int n = 0; n < kQueries / 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (hidden(n, i)) p[n][i] = 0.0f;
    }
  };
  /** The step's probabilities and dS as left factors. */
  auto weigh = [&](int stage) {
    const float* delta1 = rowValues + stage * 2 * kQueries + kQueries;
    const bool partly = isPartly();
    ready(dS);
    ready(valueGradient);
    ready(keyGradient);
    packSums(packedP, p);
#pragma unroll
    for (int n = 0; n < kQueries / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(delta1 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        dS[n][i] = p[n][i] * (dS[n][i] - (i % 2 ? shift.y : shift.x));
      }
    }
    if (partly) {
#pragma unroll
      for (int n = 0; n < kQueries / 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (hidden(n, i)) dS[n][i] = 0.0f;
    }
    packSums(packedS, dS);
    ready(p);
    ready(dS);
  };
  beginProducts();
  beginScores(0);
  waitProducts<1>();
  soften(0);
  waitProducts<0>();
  weigh(0);
  int stage = 0;
  for (int step = 1; step < steps; ++step) {
    waitCopies<0>();
    showShared();
    __syncthreads();  // this step's tiles are there; those of the step before the last are free
    if (step + 1 < steps) copyStep();
    commitCopies();
    const int before = stage;
    stage = stage == kStages - 1 ? 0 : stage + 1;
    first = first + kQueries < end ? first + kQueries : tile.start;
    beginProducts();
    beginScores(stage);
    beginGradients(before);
    waitProducts<2>();
    soften(stage);
    waitProducts<0>();
    weigh(stage);
  }
  beginProducts();
  beginGradients(stage);
  waitProducts<0>();
  ready(keyGradient);
  ready(valueGradient);
  __syncthreads();  // keys and values are free

  const int row = 16 * warp;
  if (parts == 1) {
    const float scales[2] = {scale, scale}, ones[2] = {1.0f, 1.0f};
    const int64 offset = own.keys + row * keyStride;
    storePanels<D, kRows>(keyGradient, scales, keys, row, dk + offset, keyStride, keyRows - row, lane);
    storePanels<D, kRows>(valueGradient, ones, values, row, dv + offset, keyStride, keyRows - row, lane);
  } else {
    storePart(keyGradient, valueGradient, scale, partial, own, parts, tokens, row, lane);
  }
}

#define MLAB_HOPPER_BACKWARD_KEYS(D)                                                                       \
  extern "C" __global__ void __launch_bounds__(256, 1) attentionBackwardKeysHopper##D##_bfloat16(          \
      const bfloat16* dO, const bfloat16* q, const bfloat16* k, const bfloat16* v, const float* logSumExp, \
      const float* delta, const int* tiles, bfloat16* dk, bfloat16* dv, float* partial, int parts,         \
      int tokens, int heads, int kvHeads, float scale, int window) {                                       \
    hopperBackwardKeys<D, 2>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, partial, parts, tokens, heads,  \
                             kvHeads, scale, window);                                                      \
  }

MLAB_HOPPER_BACKWARD_KEYS(64)
MLAB_HOPPER_BACKWARD_KEYS(128)

#endif
