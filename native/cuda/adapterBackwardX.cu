// The LoRA adapters (adapter.cuh), backward, the second launch: what is read from x.
#include "adapterTiles.cuh"

namespace {

struct BackwardXLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* dA;
};

/**
 * Reads x once, writes dx [rows, in], the sum of mask(dxa A) over the layers, once, and sums dA [r, in] of
 * each. blockIdx.x has `blockRows` rows (a multiple of 16), blockIdx.y 512 columns. dxa [layers, rows, 8
 * kTiles]. partialDA [gridDim.y, gridDim.x, kLayers * 8 kTiles, 512] has dxa^T mask(x) over the rows of each
 * block; `arrivals` [gridDim.y]. Both dx and dA need the masks, which cost more than the products: they are
 * made once.
 */
template <int kLayers, int kTiles>
__device__ inline void backwardX(const bfloat16* x, const float* dxa, int rows, int in, int blockRows,
                                 bfloat16* dx, const BackwardXLayer (&layers)[kMostLayers], float* partialDA,
                                 int* arrivals) {
  constexpr int kAll = kLayers * kTiles, kWidth = 8 * kTiles;
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int blockColumn = static_cast<int>(blockIdx.y) * kBlockColumns;
  const int column = blockColumn + warp * kWarpColumns + 8 * group;
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  Tiles tiles(dynamicShared(), x, column, in, end);
  tiles.start(begin);

  // Each thread's own A waits in shared memory: there are too few registers for all of it.
  uint4* as = reinterpret_cast<uint4*>(dynamicShared() + kStageBytes) + tid;
#pragma unroll
  for (int l = 0; l < kLayers; ++l)
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const LeftFactor a = LeftFactor::ofA(layers[l].a, column, in, 8 * n + 2 * quad, layers[l].r);
#pragma unroll
      for (int j = 0; j < 4; j += 2)
        as[(2 * (l * kTiles + n) + j / 2) * kThreads] =
            make_uint4(a.words[j][0], a.words[j][1], a.words[j + 1][0], a.words[j + 1][1]);
    }

  float dA[kAll][4][4] = {};
  for (int tile = begin; tile < end; tile += 16) {
    tiles.wait(tile);
#pragma unroll 1
    for (int h = 0; h < 2; ++h) {  // together they would need more registers than there are
      const int first = tile + 8 * h;
      const Eight xs[2] = {tiles.load(8 * h + 2 * quad, group), tiles.load(8 * h + 2 * quad + 1, group)};
      float sum[2][8] = {};
#pragma unroll
      for (int l = 0; l < kLayers; ++l) {
        const Dropout drop(layers[l].p, layers[l].seed);
        const float* own = dxa + l * static_cast<int64>(rows) * kWidth;
        float d[4][4] = {};
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const uint4 v = as[2 * (l * kTiles + n) * kThreads], w = as[(2 * (l * kTiles + n) + 1) * kThreads];
          const LeftFactor a{{{v.x, v.y}, {v.z, v.w}, {w.x, w.y}, {w.z, w.w}}};
          a.update(pairOr0(own, first + group, end, 8 * n + 2 * quad, kWidth), d);
        }
        // Of the 16 rows of an instruction 8 are zeros: two halves at once would need twice the masks.
        Eight kept[2][2] = {{xs[0], xs[1]}, {{{0, 0, 0, 0}}, {{0, 0, 0, 0}}}};
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (drop.threshold != 0) {
            const unsigned index = static_cast<unsigned>(first + 2 * quad + e) * in + column;
            const Eight mask = keptMask(drop, index);
            kept[0][e] = masked(kept[0][e], mask);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
              sum[e][2 * j] += (mask.words[j] & 0x0000ffffu) != 0 ? d[j][e] : 0.0f;
              sum[e][2 * j + 1] += (mask.words[j] & 0xffff0000u) != 0 ? d[j][2 + e] : 0.0f;
            }
          } else {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
              sum[e][2 * j] += d[j][e];
              sum[e][2 * j + 1] += d[j][2 + e];
            }
          }
        }
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const unsigned right[2] = {
              packBfloat16(valueOr0(own, first + 2 * quad, end, 8 * n + group, kWidth),
                           valueOr0(own, first + 2 * quad + 1, end, 8 * n + group, kWidth)),
              0};
          addRows(dA[l * kTiles + n], kept, right);
        }
      }
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int row = first + 2 * quad + e;
        Eight v;
#pragma unroll
        for (int j = 0; j < 4; ++j) v.words[j] = packBfloat16(sum[e][2 * j], sum[e][2 * j + 1]);
        if (row < end && column < in) storeEight(dx + static_cast<int64>(row) * in + column, v);
      }
    }
    tiles.next();
  }

  constexpr int kValues = kLayers * kWidth * kBlockColumns;
  const int rowBlocks = static_cast<int>(gridDim.x);
  float* ofColumns = partialDA + static_cast<int64>(blockIdx.y) * rowBlocks * kValues;
  float* own = ofColumns + blockIdx.x * static_cast<int64>(kValues) + warp * kWarpColumns + 8 * group;
#pragma unroll
  for (int n = 0; n < kAll; ++n)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      Values<8> v;
#pragma unroll
      for (int c = 0; c < 8; ++c) v.values[c] = dA[n][c / 2][c % 2 * 2 + e];
      storeValues(own + (8 * n + 2 * quad + e) * kBlockColumns, v);
    }
  if (lastToArrive(arrivals + blockIdx.y, rowBlocks)) {
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const float* parts = ofColumns + l * kWidth * kBlockColumns;
      for (int i = 4 * tid; i < layers[l].r * kBlockColumns; i += 4 * kThreads) {
        const int at = blockColumn + i % kBlockColumns;
        if (at < in)
          storeFour(layers[l].dA + i / kBlockColumns * static_cast<int64>(in) + at,
                    sumOfParts(parts + i, rowBlocks, kValues));
      }
    }
  }
}

}  // namespace

// The names say how many layers and the greatest r. Where a kernel takes more layers than there are, `out` of
// the others is 0.
#define MLAB_ADAPTER_BACKWARD_X(NAME, LAYERS, TILES)                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                                  \
      NAME(const bfloat16* x, const float* dxa, int rows, int in, int blockRows, bfloat16* dx,               \
           const float* a0, int r0, float p0, unsigned seed0, float* dA0, const float* a1, int r1, float p1, \
           unsigned seed1, float* dA1, const float* a2, int r2, float p2, unsigned seed2, float* dA2,        \
           float* partialDA, int* arrivals) {                                                                \
    const BackwardXLayer layers[kMostLayers] = {                                                             \
        {a0, r0, p0, seed0, dA0}, {a1, r1, p1, seed1, dA1}, {a2, r2, p2, seed2, dA2}};                       \
    backwardX<LAYERS, TILES>(x, dxa, rows, in, blockRows, dx, layers, partialDA, arrivals);                  \
  }

MLAB_ADAPTER_BACKWARD_X(adapterBackwardX1x8, 1, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX2x8, 2, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX3x8, 3, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX1x16, 1, 2)
