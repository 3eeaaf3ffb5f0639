// The LoRA adapters (adapter.cuh), backward, the first launch: what is read from dy.
#include "adapterTiles.cuh"

namespace {

struct BackwardDyLayer {
  const bfloat16* dy;
  const float* b;
  const float* xa;
  int out, r;
  float scale, dxaScale;
  float* dB;
};

/** Rows whose sums over columns wait for those of the other warps. */
constexpr int kWaitingRows = 64;

/**
 * Reads each dy once for two sums: dxa [layers, rows, 8 kTiles], with zeros beyond r, and dB [out, r]. Blocks
 * as in `up`. partialDyB [gridDim.y, rows, 8 kTiles] has dy B over the columns of each block, partialDB
 * [gridDim.y, gridDim.x, 512, 8 kTiles] dy^T xa over its rows. `arrivals` [3 gridDim.x + gridDim.y].
 */
template <int kTiles>
__device__ inline void backwardDy(int rows, int blockRows, const BackwardDyLayer (&layers)[kMostLayers],
                                  float* partialDyB, float* partialDB, float* dxa, int* arrivals) {
  constexpr int kWidth = 8 * kTiles;
  float* sums = reinterpret_cast<float*>(dynamicShared() + kStageBytes);  // [kWarps, kWaitingRows, kWidth]
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const BlockOfLayer place(layers[0].out, layers[1].out, layers[2].out);
  const BackwardDyLayer layer = layerOf(layers, place.layer);
  const int out = layer.out, r = layer.r;
  const int blockColumn = place.block * kBlockColumns;
  const int warpColumn = blockColumn + warp * kWarpColumns;
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  Tiles tiles(dynamicShared(), layer.dy, warpColumn + 8 * group, out, end);
  tiles.start(begin);

  // B as the right factor of dy B: two chunks of 32 columns, a lane has columns 8 quad .. 8 quad + 7 of each.
  unsigned bs[2][kTiles][4];
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        const int k = warpColumn + 32 * c + 8 * quad + 2 * w;
        bs[c][n][w] = packBfloat16(valueOr0(layer.b, k, out, 8 * n + group, r),
                                   valueOr0(layer.b, k + 1, out, 8 * n + group, r));
      }

  float dB[kTiles][4][4] = {};
  for (int part = begin; part < end; part += kWaitingRows) {
    const int partEnd = min(part + kWaitingRows, end);
    for (int tile = part; tile < partEnd; tile += 16) {
      unsigned xa[kTiles][2];
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = tile + 8 * h + 2 * quad;
          xa[n][h] = packBfloat16(valueOr0(layer.xa, row, rows, 8 * n + group, r),
                                  valueOr0(layer.xa, row + 1, rows, 8 * n + group, r));
        }
      tiles.wait(tile);
      float d[kTiles][4] = {};
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const Eight dys[2] = {tiles.load(group, 4 * c + quad), tiles.load(8 + group, 4 * c + quad)};
#pragma unroll
        for (int s = 0; s < 4; s += 2) {
          const unsigned left[4] = {dys[0].words[s], dys[1].words[s], dys[0].words[s + 1],
                                    dys[1].words[s + 1]};
#pragma unroll
          for (int n = 0; n < kTiles; ++n) {
            const unsigned right[2] = {bs[c][n][s], bs[c][n][s + 1]};
            mma16816(d[n], left, right);
          }
        }
      }
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = tile - part + 8 * h + group;
          float* at = sums + (warp * kWaitingRows + row) * kWidth + 8 * n + 2 * quad;
          *reinterpret_cast<float2*>(at) = make_float2(d[n][2 * h], d[n][2 * h + 1]);
        }
      Eight dys[2][2];
#pragma unroll
      for (int h = 0; h < 2; ++h)
#pragma unroll
        for (int e = 0; e < 2; ++e) dys[h][e] = tiles.load(8 * h + 2 * quad + e, group);
#pragma unroll
      for (int n = 0; n < kTiles; ++n) addRows(dB[n], dys, xa[n]);
      tiles.next();
    }
    __syncthreads();
    float* target = partialDyB + (static_cast<int64>(blockIdx.y) * rows + part) * kWidth;
    for (int i = 4 * tid; i < (partEnd - part) * kWidth; i += 4 * kThreads)
      storeFour(target + i, sumOfParts(sums + i, kWarps, kWaitingRows * kWidth));
    __syncthreads();
  }

  constexpr int kValues = kBlockColumns * kWidth;
  const int rowBlocks = static_cast<int>(gridDim.x);
  float* ofColumns = partialDB + static_cast<int64>(blockIdx.y) * rowBlocks * kValues;
  float* own =
      ofColumns + blockIdx.x * static_cast<int64>(kValues) + (warp * kWarpColumns + 8 * group) * kWidth;
#pragma unroll
  for (int n = 0; n < kTiles; ++n)
#pragma unroll
    for (int c = 0; c < 8; ++c)
      *reinterpret_cast<float2*>(own + c * kWidth + 8 * n + 2 * quad) =
          make_float2(dB[n][c / 2][c % 2 * 2], dB[n][c / 2][c % 2 * 2 + 1]);

  if (lastToArrive(arrivals + place.layer * rowBlocks + blockIdx.x, place.count)) {
    const int64 first = static_cast<int64>(begin) * kWidth, stride = static_cast<int64>(rows) * kWidth;
    const float* parts = partialDyB + (static_cast<int>(blockIdx.y) - place.block) * stride + first;
    float* target = dxa + place.layer * stride + first;
    for (int i = 4 * tid; i < (end - begin) * kWidth; i += 4 * kThreads) {
      const float4 v = sumOfParts(parts + i, place.count, stride);
      const float s = layer.dxaScale;
      storeFour(target + i, make_float4(s * v.x, s * v.y, s * v.z, s * v.w));
    }
  }
  if (lastToArrive(arrivals + kMostLayers * rowBlocks + blockIdx.y, rowBlocks)) {
    for (int i = 4 * tid; i < kValues; i += 4 * kThreads) {
      const int column = blockColumn + i / kWidth;
      const float4 v = sumOfParts(ofColumns + i, rowBlocks, kValues);
      const float values[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int e = 0; e < 4; ++e)
        if (column < out && i % kWidth + e < r)
          layer.dB[static_cast<int64>(column) * r + i % kWidth + e] = layer.scale * values[e];
    }
  }
}

}  // namespace

// The names say how many layers and the greatest r. Where a kernel takes more layers than there are, `out` of
// the others is 0.
#define MLAB_ADAPTER_BACKWARD_DY(NAME, TILES)                                                             \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                               \
      NAME(int rows, int blockRows, const bfloat16* dy0, const float* b0, const float* xa0, int out0,     \
           int r0, float scale0, float dxaScale0, float* dB0, const bfloat16* dy1, const float* b1,       \
           const float* xa1, int out1, int r1, float scale1, float dxaScale1, float* dB1,                 \
           const bfloat16* dy2, const float* b2, const float* xa2, int out2, int r2, float scale2,        \
           float dxaScale2, float* dB2, float* partialDyB, float* partialDB, float* dxa, int* arrivals) { \
    const BackwardDyLayer layers[kMostLayers] = {{dy0, b0, xa0, out0, r0, scale0, dxaScale0, dB0},        \
                                                 {dy1, b1, xa1, out1, r1, scale1, dxaScale1, dB1},        \
                                                 {dy2, b2, xa2, out2, r2, scale2, dxaScale2, dB2}};       \
    backwardDy<TILES>(rows, blockRows, layers, partialDyB, partialDB, dxa, arrivals);                     \
  }

MLAB_ADAPTER_BACKWARD_DY(adapterBackwardDy8, 1)
MLAB_ADAPTER_BACKWARD_DY(adapterBackwardDy16, 2)
