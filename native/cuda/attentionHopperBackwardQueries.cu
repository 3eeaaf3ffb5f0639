// Attention (attention.cuh) of bfloat16 on Hopper's matrix units, dq, for headDim 64 and 128. The
// loop is that of attentionHopper.cuh.
#include "attentionHopper.cuh"

#ifdef MLAB_HAS_WARPGROUPS

/** dq of kGroups * 64 queries. */
template <int D, int kGroups>
__device__ inline void hopperBackwardQueries(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                             const bfloat16* v, const float* logSumExp, const float* delta,
                                             const int* tiles, bfloat16* dq, int tokens, int heads,
                                             int kvHeads, float scale, int window) {
  constexpr int kRows = kGroups * kGroupRows, kThreads = kGroups * kGroupThreads, kStages = 3;
  constexpr int kKeys = 64, kStage = kTileBytes<D, kKeys>;
  unsigned char* queries = panelShared();                     // [kRows, D]
  unsigned char* gradients = queries + kTileBytes<D, kRows>;  // [kRows, D]
  unsigned char* keys = gradients + kTileBytes<D, kRows>;     // [kStages][64, D]
  unsigned char* values = keys + kStages * kStage;            // [kStages][64, D]
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const QueryBlock own(tiles, kRows, heads, kvHeads, D);
  const Tile& tile = own.tile;
  const int rows = own.rows, keyEnd = own.keyEnd();
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
  const bfloat16 *k0 = k + own.keys, *v0 = v + own.keys;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kKeys * kKeys;
  const int steps = (keyEnd - firstTile + kKeys - 1) / kKeys;
  int copyStage = 0, copyKey = firstTile;  // of the next step to be copied
  auto copyStep = [&]() {
    copyPanels<D, kKeys, kThreads>(keys + copyStage * kStage, k0 + copyKey * keyStride, keyStride,
                                   tile.keyCount - copyKey);
    copyPanels<D, kKeys, kThreads>(values + copyStage * kStage, v0 + copyKey * keyStride, keyStride,
                                   tile.keyCount - copyKey);
    copyKey += kKeys;
    copyStage = copyStage == kStages - 1 ? 0 : copyStage + 1;
  };
  copyPanels<D, kRows, kThreads>(queries, q + own.queries, queryStride, rows);
  copyPanels<D, kRows, kThreads>(gradients, dO + own.queries, queryStride, rows);
  copyStep();
  commitCopies();
  if (steps > 1) copyStep();
  commitCopies();

  const int warpStart = tile.start + 16 * warp, groupStart = tile.start + 64 * (warp / 4);
  float logSumExp2[2], delta1[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = 16 * warp + 8 * half + lane / 4;
    const int64 at = own.rowPlace(tokens, row);
    logSumExp2[half] = row < rows ? logSumExp[at] * kLog2E : 0.0f;
    delta1[half] = row < rows ? delta[at] : 0.0f;
  }
  waitCopies<1>();
  showShared();
  __syncthreads();

  float out[D / 8][4], p[kKeys / 8][4], dS[kKeys / 8][4];
  unsigned packed[kKeys / 16][4];
  clearSums(out);
  const unsigned long long leftQueries = alongColumns<kRows>(queries, 64 * (warp / 4));
  const unsigned long long leftGradients = alongColumns<kRows>(gradients, 64 * (warp / 4));
  auto beginScores = [&](int stage) {
    scoresOf<D, kRows, kKeys>(p, leftQueries, alongColumns<kKeys>(keys + stage * kStage, 0));
    commitProducts();
    scoresOf<D, kRows, kKeys>(dS, leftGradients, alongColumns<kKeys>(values + stage * kStage, 0));
    commitProducts();
  };
  auto beginGradients = [&](int stage) {
    addColumns(out, packed, alongRows<kKeys>(keys + stage * kStage));
    commitProducts();
  };
  auto soften = [&]() {
    ready(p);
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) p[n][i] = exp2Fast(fmaf(p[n][i], scale2, -logSumExp2[i / 2]));
  };
  /** The step's dS as left factor. */
  auto weigh = [&](int step) {
    const int key = firstTile + step * kKeys;
    const bool partly = key + kKeys - 1 > groupStart || (window > 0 && key <= groupStart + 63 - window);
    ready(dS);
    ready(out);
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) dS[n][i] = p[n][i] * (dS[n][i] - delta1[i / 2]);
    if (partly) hide(dS, 0.0f, warpStart, key, window, lane);
    packSums(packed, dS);
    ready(p);
    ready(dS);
  };
  beginProducts();
  beginScores(0);
  waitProducts<1>();
  soften();
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
    beginProducts();
    beginScores(stage);
    beginGradients(before);
    waitProducts<2>();
    soften();
    waitProducts<0>();
    weigh(step);
  }
  beginProducts();
  beginGradients(stage);
  waitProducts<0>();
  ready(out);
  __syncthreads();  // the queries are free
  const float scales[2] = {scale, scale};
  storePanels<D, kRows>(out, scales, queries, 16 * warp, dq + own.queries + 16 * warp * queryStride,
                        queryStride, rows - 16 * warp, lane);
}

#define MLAB_HOPPER_BACKWARD_QUERIES(D)                                                                    \
  extern "C" __global__ void __launch_bounds__(256, 1) attentionBackwardQueriesHopper##D##_bfloat16(       \
      const bfloat16* dO, const bfloat16* q, const bfloat16* k, const bfloat16* v, const float* logSumExp, \
      const float* delta, const int* tiles, bfloat16* dq, int tokens, int heads, int kvHeads, float scale, \
      int window) {                                                                                        \
    hopperBackwardQueries<D, 2>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, scale,   \
                                window);                                                                   \
  }

MLAB_HOPPER_BACKWARD_QUERIES(64)
MLAB_HOPPER_BACKWARD_QUERIES(128)

#endif
