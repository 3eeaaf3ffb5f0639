// Attention (attention.cuh) of bfloat16 on Hopper's matrix units, forward, for headDim 64 and 128. While the
// products with one step's values are under way, the scores of the next become probabilities.
#include "attentionHopper.cuh"

#ifdef MLAB_HAS_WARPGROUPS

/** kGroups warpgroups of 64 queries, kKeys keys a step. logSumExp may be null. */
template <int D, int kGroups, int kKeys>
__device__ inline void hopperForward(const bfloat16* q, const bfloat16* k, const bfloat16* v,
                                     const int* tiles, bfloat16* o, float* logSumExp, int tokens, int heads,
                                     int kvHeads, float scale, int window) {
  constexpr int kRows = kGroups * kGroupRows, kThreads = kGroups * kGroupThreads;
  constexpr int kStage = kTileBytes<D, kKeys>;
  unsigned char* queries = panelShared();                // [kRows, D]
  unsigned char* keys = queries + kTileBytes<D, kRows>;  // [2][kKeys, D]
  unsigned char* values = keys + 2 * kStage;             // [2][kKeys, D]
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const QueryBlock own(tiles, kRows, heads, kvHeads, D);
  const Tile& tile = own.tile;
  const int rows = own.rows, keyEnd = own.keyEnd();
  const int64 queryStride = own.stride.query, keyStride = own.stride.key;
  const bfloat16 *k0 = k + own.keys, *v0 = v + own.keys;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kKeys * kKeys;
  const int steps = (keyEnd - firstTile + kKeys - 1) / kKeys;
  auto copyKeys = [&](int step) {
    const int key = firstTile + step * kKeys;
    copyPanels<D, kKeys, kThreads>(keys + (step & 1) * kStage, k0 + key * keyStride, keyStride,
                                   tile.keyCount - key);
  };
  auto copyValues = [&](int step) {
    const int key = firstTile + step * kKeys;
    copyPanels<D, kKeys, kThreads>(values + (step & 1) * kStage, v0 + key * keyStride, keyStride,
                                   tile.keyCount - key);
  };
  copyPanels<D, kRows, kThreads>(queries, q + own.queries, queryStride, rows);
  copyKeys(0);
  commitCopies();
  copyValues(0);
  if (steps > 1) copyKeys(1);
  commitCopies();
  waitCopies<1>();
  showShared();
  __syncthreads();

  // Of this warp's rows 8 half + lane / 4, and of its warpgroup's 64.
  const int warpStart = tile.start + 16 * warp, groupStart = tile.start + 64 * (warp / 4);
  float out[D / 8][4], scores[kKeys / 8][4], maximum[2] = {-kInfinity, -kInfinity}, total[2] = {0.0f, 0.0f};
  unsigned p[kKeys / 16][4];
  clearSums(out);
  const unsigned long long left = alongColumns<kRows>(queries, 64 * (warp / 4));
  auto beginScores = [&](int step) {
    scoresOf<D, kRows, kKeys>(scores, left, alongColumns<kKeys>(keys + (step & 1) * kStage, 0));
    commitProducts();
  };
  /** Scores become probabilities; what was summed before is to be multiplied by `factor`. */
  auto weigh = [&](int step, float(&factor)[2]) {
    const int key = firstTile + step * kKeys;
    if (key + kKeys - 1 > groupStart || (window > 0 && key <= groupStart + 63 - window))
      hide(scores, -kInfinity, warpStart, key, window, lane);
#pragma unroll
    for (int half = 0; half < 2; ++half)
      factor[half] = soften(scores, half, scale2, maximum[half], total[half]);
  };

  float factor[2];
  beginProducts();
  beginScores(0);
  waitProducts<0>();
  ready(scores);
  weigh(0, factor);
  packSums(p, scores);
  for (int step = 0; step + 1 < steps; ++step) {
    waitCopies<0>();
    showShared();
    __syncthreads();  // keys of step + 1 and values of this one are there; the other places are free
    copyValues(step + 1);
    if (step + 2 < steps) copyKeys(step + 2);
    commitCopies();
    ready(scores);
    ready(out);
    beginProducts();
    beginScores(step + 1);
    addColumns(out, p, alongRows<kKeys>(values + (step & 1) * kStage));
    commitProducts();
    waitProducts<1>();
    ready(scores);
    weigh(step + 1, factor);
    waitProducts<0>();
    ready(out);
#pragma unroll
    for (int n = 0; n < D / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) out[n][i] *= factor[i / 2];
    packSums(p, scores);
  }
  waitCopies<0>();
  showShared();
  __syncthreads();
  ready(out);
  beginProducts();
  addColumns(out, p, alongRows<kKeys>(values + ((steps - 1) & 1) * kStage));
  commitProducts();
  waitProducts<0>();
  ready(out);

  float inverse[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = total[half];
    sum += __shfl_xor_sync(kFullWarp, sum, 1);
    sum += __shfl_xor_sync(kFullWarp, sum, 2);
    inverse[half] = 1.0f / sum;
    const int row = 16 * warp + 8 * half + lane / 4;
    if (logSumExp && lane % 4 == 0 && row < rows)
      logSumExp[own.rowPlace(tokens, row)] = maximum[half] * scale + logf(sum);
  }
  // The last scores were waited for before the last barrier: nobody reads the queries any more.
  storePanels<D, kRows>(out, inverse, queries, 16 * warp, o + own.queries + 16 * warp * queryStride,
                        queryStride, rows - 16 * warp, lane);
}

#define MLAB_HOPPER_FORWARD(D)                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 1) attentionForwardHopper##D##_bfloat16(       \
      const bfloat16* q, const bfloat16* k, const bfloat16* v, const int* tiles, bfloat16* o,      \
      float* logSumExp, int tokens, int heads, int kvHeads, float scale, int window) {             \
    hopperForward<D, 2, 128>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, scale, window); \
  }

MLAB_HOPPER_FORWARD(64)
MLAB_HOPPER_FORWARD(128)

#endif
