// Tiles of the adapters' backward (adapterBackwardDy.cu, adapterBackwardX.cu).
#pragma once
#include "adapter.cuh"

namespace {

// A warp's tiles of 16 rows and 64 columns on their way through shared memory: some are copied while one is
// used, without a barrier of the block. A lane copies columns 8 group .. 8 group + 7 of rows 2 quad + e and 8
// + 2 quad + e.

constexpr int kStages = 3;
constexpr int kTileBytes = 16 * kWarpColumns * 2;
constexpr int kStageBytes = kWarps * kStages * kTileBytes;

struct Tiles {
  unsigned char* stages;
  /** Where the lane's columns of row 0 are. */
  const bfloat16* source;
  int columns;
  bool inside;
  int end;
  int group, quad, stage;

  __device__ Tiles(unsigned char* shared, const bfloat16* m, int column, int ofColumns, int endRow)
      : stages(shared + threadIdx.x / 32 * (kStages * kTileBytes)),
        source(m + column),
        columns(ofColumns),
        inside(column < ofColumns),
        end(endRow),
        group(static_cast<int>(threadIdx.x) % 32 / 4),
        quad(static_cast<int>(threadIdx.x) % 4),
        stage(0) {}

  /** 8 columns of a row. Both ways of reading, down a column of places and along a row, meet all banks. */
  __device__ static int offset(int row, int eighth) {
    const int turn = (row >> 1 & 3) << 1 ^ (row & 1) << 2;
    return row * (kWarpColumns * 2) + (eighth ^ turn) * 16;
  }
  __device__ void copy(int to, int tile) const {
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int place = 8 * h + 2 * quad + e;
        const int row = tile + place;
        const bool valid = row < end && inside;
        copyAsync16(stages + to * kTileBytes + offset(place, group),
                    valid ? source + static_cast<int64>(row) * columns : source, valid);
      }
  }
  __device__ void start(int begin) {
#pragma unroll
    for (int s = 0; s < kStages - 1; ++s) {
      if (begin + 16 * s < end) copy(s, begin + 16 * s);
      commitCopies();
    }
  }
  /** Waits for the tile that begins at row `tile`, and starts the copy of a later one. */
  __device__ void wait(int tile) {
    waitCopies<kStages - 2>();
    __syncwarp();
    const int later = tile + 16 * (kStages - 1);
    if (later < end) copy(stage == 0 ? kStages - 1 : stage - 1, later);
    commitCopies();
  }
  __device__ Eight load(int row, int eighth) const {
    const uint4 v = *reinterpret_cast<const uint4*>(stages + stage * kTileBytes + offset(row, eighth));
    return {{v.x, v.y, v.z, v.w}};
  }
  __device__ void next() { stage = stage == kStages - 1 ? 0 : stage + 1; }
};

/**
 * Adds to d a product over 16 rows of the warp's 64 columns: d[j][2c + e] is the sum of column 8 group + 2j +
 * c and rank 2 quad + e. xs[h][e] is row 8h + 2 quad + e, right[h] rows 8h + 2 quad and the one after it of
 * rank `group`.
 */
__device__ inline void addRows(float (&d)[4][4], const Eight (&xs)[2][2], const unsigned (&right)[2]) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const unsigned left[4] = {firstColumn(xs[0][0].words[j], xs[0][1].words[j]),
                              secondColumn(xs[0][0].words[j], xs[0][1].words[j]),
                              firstColumn(xs[1][0].words[j], xs[1][1].words[j]),
                              secondColumn(xs[1][0].words[j], xs[1][1].words[j])};
    mma16816(d[j], left, right);
  }
}

}  // namespace
