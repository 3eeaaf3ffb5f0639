// The LoRA adapters (adapter.cuh), forward: down to xa, and up to y.
#include "adapter.cuh"

namespace {

// xa [rows, r] = drop(x) A^T of each layer. A block has 32 rows and every column of its gridDim.y-th part.

struct DownLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* xa;
};

constexpr int kDownRows = 32;

/**
 * kTiles: of 8 ranks, of each layer. `partial` [gridDim.x, gridDim.y, 32, kLayers * 8 kTiles] and `arrivals`
 * [gridDim.x] are for more than one part.
 */
template <int kLayers, int kTiles>
__device__ inline void down(const bfloat16* x, int rows, int in, const DownLayer (&layers)[kMostLayers],
                            float* partial, int* arrivals) {
  constexpr int kRowTiles = kDownRows / 16, kAll = kLayers * kTiles, kWidth = 8 * kAll;
  __shared__ __align__(16) float sums[kWarps][kDownRows][kWidth];
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int firstRow = static_cast<int>(blockIdx.x) * kDownRows;
  const int chunks = (in + 31) / 32;
  const int perPart = (chunks + static_cast<int>(gridDim.y) - 1) / static_cast<int>(gridDim.y);
  const int begin = static_cast<int>(blockIdx.y) * perPart, end = min(begin + perPart, chunks);

  const auto load = [&](int chunk, Eight(&xs)[kRowTiles][2]) {
    const int k = chunk * 32 + quad * 8;
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int row = firstRow + 16 * t + 8 * h + group;
        xs[t][h] = loadEightIf(chunk < end && k < in && row < rows, x + static_cast<int64>(row) * in + k);
      }
  };

  float d[kRowTiles][kAll][4] = {};
  Eight next[kRowTiles][2];
  load(begin + warp, next);
  for (int chunk = begin + warp; chunk < end; chunk += kWarps) {
    const int k = chunk * 32 + quad * 8;
    Eight as[kAll];
#pragma unroll
    for (int l = 0; l < kLayers; ++l)
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
        const int i = 8 * n + group;
        Values<8> v = {};
        if (k < in && i < layers[l].r) v = loadValues<8>(layers[l].a + static_cast<int64>(i) * in + k);
#pragma unroll
        for (int w = 0; w < 4; ++w)
          as[l * kTiles + n].words[w] = packBfloat16(v.values[2 * w], v.values[2 * w + 1]);
      }
    Eight xs[kRowTiles][2];
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) xs[t][h] = next[t][h];
    load(chunk + kWarps, next);
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const Dropout drop(layers[l].p, layers[l].seed);
#pragma unroll
      for (int t = 0; t < kRowTiles; ++t) {
        Eight kept[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = firstRow + 16 * t + 8 * h + group;
          kept[h] = xs[t][h];
          if (drop.threshold != 0)
            kept[h] = masked(kept[h], keptMask(drop, static_cast<unsigned>(row) * in + k));
        }
#pragma unroll
        for (int s = 0; s < 4; s += 2) {
          const unsigned left[4] = {kept[0].words[s], kept[1].words[s], kept[0].words[s + 1],
                                    kept[1].words[s + 1]};
#pragma unroll
          for (int n = l * kTiles; n < (l + 1) * kTiles; ++n) {
            const unsigned right[2] = {as[n].words[s], as[n].words[s + 1]};
            mma16816(d[t][n], left, right);
          }
        }
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
    for (int n = 0; n < kAll; ++n)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        float* at = &sums[warp][16 * t + 8 * h + group][8 * n + 2 * quad];
        *reinterpret_cast<float2*>(at) = make_float2(d[t][n][2 * h], d[t][n][2 * h + 1]);
      }
  __syncthreads();

  /** Ranks i .. i + 3 of all, of one row of the block. */
  const auto write = [&](int place, int i, const float4& sum) {
    const int row = firstRow + place;
    const float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const float keptScale = 1.0f / (1.0f - layers[l].p);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int own = i + e - l * 8 * kTiles;
        if (row < rows && own >= 0 && own < 8 * kTiles && own < layers[l].r)
          layers[l].xa[static_cast<int64>(row) * layers[l].r + own] = values[e] * keptScale;
      }
    }
  };
  constexpr int kValues = kDownRows * kWidth;
  const int parts = static_cast<int>(gridDim.y);
  float* ofRows = partial + static_cast<int64>(blockIdx.x) * parts * kValues;
  for (int i = 4 * tid; i < kValues; i += 4 * kThreads) {
    const float4 sum = sumOfParts(&sums[0][0][0] + i, kWarps, kValues);
    if (parts == 1)
      write(i / kWidth, i % kWidth, sum);
    else
      storeFour(ofRows + static_cast<int64>(blockIdx.y) * kValues + i, sum);
  }
  if (parts > 1 && lastToArrive(arrivals + blockIdx.x, parts)) {
    for (int i = 4 * tid; i < kValues; i += 4 * kThreads)
      write(i / kWidth, i % kWidth, sumOfParts(ofRows + i, parts, kValues));
  }
}

struct UpLayer {
  const float* xa;
  const float* b;
  int out, r;
  float scale;
  bfloat16* y;
};

/**
 * y [rows, out] = scale xa B^T of each layer, in the first added to `residual` where it is not null.
 * blockIdx.x has `blockRows` rows (a multiple of 16), blockIdx.y 512 columns of one layer.
 */
template <int kTiles>
__device__ inline void up(const bfloat16* residual, int rows, int blockRows,
                          const UpLayer (&layers)[kMostLayers]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
  const BlockOfLayer place(layers[0].out, layers[1].out, layers[2].out);
  const UpLayer layer = layerOf(layers, place.layer);
  const bfloat16* added = place.layer == 0 ? residual : nullptr;
  const int out = layer.out, r = layer.r;
  const int column =
      place.block * kBlockColumns + static_cast<int>(threadIdx.x) / 32 * kWarpColumns + 8 * group;
  const bool inside = column < out;

  float2 nextS[kTiles];
  Eight nextAdded[2] = {};
  const auto load = [&](int tile) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) nextS[n] = pairOr0(layer.xa, tile + group, rows, 8 * n + 2 * quad, r);
    if (added) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int row = tile + 2 * quad + e;
        nextAdded[e] = loadEightIf(row < rows && inside, added + static_cast<int64>(row) * out + column);
      }
    }
  };
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  load(begin);
  LeftFactor b[kTiles];
#pragma unroll
  for (int n = 0; n < kTiles; ++n) b[n] = LeftFactor::ofB(layer.b, column, out, 8 * n + 2 * quad, r);
  for (int tile = begin; tile < end; tile += 8) {
    float d[4][4];
    float2 s[kTiles];
#pragma unroll
    for (int n = 0; n < kTiles; ++n) s[n] = make_float2(layer.scale * nextS[n].x, layer.scale * nextS[n].y);
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        d[j][e] = lowFloat(nextAdded[e].words[j]);
        d[j][2 + e] = highFloat(nextAdded[e].words[j]);
      }
    if (tile + 8 < end) load(tile + 8);
#pragma unroll
    for (int n = 0; n < kTiles; ++n) b[n].update(s[n], d);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int row = tile + 2 * quad + e;
      Eight v;
#pragma unroll
      for (int j = 0; j < 4; ++j) v.words[j] = packBfloat16(d[j][e], d[j][2 + e]);
      if (row < rows && inside) storeEight(layer.y + static_cast<int64>(row) * out + column, v);
    }
  }
}

}  // namespace

// The names say how many layers and the greatest r. Where a kernel takes more layers than there are, `out` of
// the others is 0.
#define MLAB_ADAPTER_DOWN(NAME, LAYERS, TILES)                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                            \
      NAME(const bfloat16* x, int rows, int in, const float* a0, int r0, float p0, unsigned seed0,     \
           float* xa0, const float* a1, int r1, float p1, unsigned seed1, float* xa1, const float* a2, \
           int r2, float p2, unsigned seed2, float* xa2, float* partial, int* arrivals) {              \
    const DownLayer layers[kMostLayers] = {                                                            \
        {a0, r0, p0, seed0, xa0}, {a1, r1, p1, seed1, xa1}, {a2, r2, p2, seed2, xa2}};                 \
    down<LAYERS, TILES>(x, rows, in, layers, partial, arrivals);                                       \
  }

MLAB_ADAPTER_DOWN(adapterDown1x8, 1, 1)
MLAB_ADAPTER_DOWN(adapterDown2x8, 2, 1)
MLAB_ADAPTER_DOWN(adapterDown3x8, 3, 1)
MLAB_ADAPTER_DOWN(adapterDown1x16, 1, 2)

#define MLAB_ADAPTER_UP(NAME, TILES)                                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads) NAME(                                               \
      const bfloat16* residual, int rows, int blockRows, const float* xa0, const float* b0, int out0,        \
      int r0, float scale0, bfloat16* y0, const float* xa1, const float* b1, int out1, int r1, float scale1, \
      bfloat16* y1, const float* xa2, const float* b2, int out2, int r2, float scale2, bfloat16* y2) {       \
    const UpLayer layers[kMostLayers] = {                                                                    \
        {xa0, b0, out0, r0, scale0, y0}, {xa1, b1, out1, r1, scale1, y1}, {xa2, b2, out2, r2, scale2, y2}};  \
    up<TILES>(residual, rows, blockRows, layers);                                                            \
  }

MLAB_ADAPTER_UP(adapterUp8, 1)
MLAB_ADAPTER_UP(adapterUp16, 2)
