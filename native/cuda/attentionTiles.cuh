// Tiles of the attention kernels on tensor cores (attentionTiled*.cu): bfloat16 factors, float sums.
//
// 128 threads, four warps. A warp owns rows of the result (32 queries; 16 keys for dk, dv), so that
// probabilities go from one product to the next in registers and warps meet only where tiles are exchanged.
// Tiles that are walked over are double-buffered: the next one is copied while this one is multiplied.
#pragma once
#include "attention.cuh"
#include "ptx.cuh"

constexpr int kTiledThreads = 128;
constexpr int kTiledQueries = 128;  // forward and dq: queries of a block
constexpr int kTiledKeys = 64;      // forward: keys of a step; dk, dv: keys of a block, and queries of a step
constexpr int kTiledKeysDq = 32;    // dq: keys of a step (its accumulators leave no registers for more)

/**
 * Values from one row of a tile to the next. Eight neighbouring rows begin in different banks, so that
 * loadMatrices reads them at once; and unlike a permutation of the columns, this leaves one address a tile to
 * be kept, from which all others are constants away (registers are what these kernels lack).
 */
template <int D>
constexpr int kPitch = D + 8;

/** Offset of a row's chunk of 8 values in a tile. */
template <int D>
__device__ inline int chunkAt(int row, int chunk) {
  return row * kPitch<D> + chunk * 8;
}

/** Starts to copy `Rows` rows of D values, `stride` apart; zeros from row `count` on. */
template <int D, int Rows>
__device__ inline void copyTile(bfloat16* shared, const bfloat16* x, int64 stride, int count) {
  constexpr int kChunks = D / 8, kStep = kTiledThreads / kChunks;
  static_assert(Rows % kStep == 0, "whole steps");
  const int row = threadIdx.x / kChunks, chunk = threadIdx.x % kChunks;
  const bfloat16* in = x + row * stride + chunk * 8;
#pragma unroll
  for (int r = 0; r < Rows; r += kStep) {
    copyAsync16(shared + chunkAt<D>(row + r, chunk), in + r * stride, row + r < count);
  }
}

/** Rows [row, row + 16) and columns [16 k, 16 k + 16) of a tile as left factor. */
template <int D>
__device__ inline void loadLeft(unsigned (&a)[4], const bfloat16* tile, int row, int k, int lane) {
  loadMatrices(a, tile + chunkAt<D>(row + (lane & 15), 2 * k + (lane >> 4)));
}

/**
 * d += a b^T for 16 * M rows of `a` from `row` on, and N * 8 rows of b; both tiles are [.., D]. d[m][n] are
 * the 8 columns of d from 8 n on.
 */
template <int D, int M, int N>
__device__ inline void productOfRows(float (&d)[M][N][4], const bfloat16* a, int row, const bfloat16* b,
                                     int lane) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    unsigned left[M][4];
#pragma unroll
    for (int m = 0; m < M; ++m) loadLeft<D>(left[m], a, row + 16 * m, k, lane);
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      unsigned right[4];
      loadMatrices(right, b + chunkAt<D>(8 * n + (lane & 7) + ((lane >> 4) << 3), 2 * k + ((lane >> 3) & 1)));
      const unsigned first[2] = {right[0], right[1]}, second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < M; ++m) {
        mma16816(d[m][n], left[m], first);
        mma16816(d[m][n + 1], left[m], second);
      }
    }
  }
}

/** d [16 * M, D] += p b, with p [16 * M, 8 * N] as productOfRows left it and b a tile [8 * N, D]. */
template <int D, int M, int N>
__device__ inline void productOfColumns(float (&d)[M][D / 8][4], const float (&p)[M][N][4], const bfloat16* b,
                                        int lane) {
#pragma unroll
  for (int k = 0; k < N / 2; ++k) {
    unsigned left[M][4];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      left[m][0] = packBfloat16(p[m][2 * k][0], p[m][2 * k][1]);
      left[m][1] = packBfloat16(p[m][2 * k][2], p[m][2 * k][3]);
      left[m][2] = packBfloat16(p[m][2 * k + 1][0], p[m][2 * k + 1][1]);
      left[m][3] = packBfloat16(p[m][2 * k + 1][2], p[m][2 * k + 1][3]);
    }
#pragma unroll
    for (int n = 0; n < D / 8; n += 2) {
      unsigned right[4];
      loadMatricesTransposed(right, b + chunkAt<D>(16 * k + (lane & 15), n + (lane >> 4)));
      const unsigned first[2] = {right[0], right[1]}, second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < M; ++m) {
        mma16816(d[m][n], left[m], first);
        mma16816(d[m][n + 1], left[m], second);
      }
    }
  }
}

template <int M, int N>
__device__ inline void clear(float (&d)[M][N][4]) {
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n) d[m][n][0] = d[m][n][1] = d[m][n][2] = d[m][n][3] = 0.0f;
}

/**
 * Writes a warp's d [16 * M, D] times factors[m][half] to rows of x, `stride` apart, `count` of them. It goes
 * through the tile's rows from `row` on, which no other warp uses any more, so that 16 bytes are written at
 * once.
 */
template <int D, int M>
__device__ inline void storeRows(const float (&d)[M][D / 8][4], const float (&factors)[M][2], bfloat16* tile,
                                 int row, bfloat16* x, int64 stride, int count, int lane) {
  __syncwarp();
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        bfloat16* target = tile + chunkAt<D>(row + 16 * m + 8 * half + lane / 4, n) + 2 * (lane % 4);
        *reinterpret_cast<unsigned*>(target) =
            packBfloat16(d[m][n][2 * half] * factors[m][half], d[m][n][2 * half + 1] * factors[m][half]);
      }
  __syncwarp();
  constexpr int kChunks = D / 8;
#pragma unroll
  for (int i = lane; i < 16 * M * kChunks; i += 32) {
    const int r = i / kChunks, chunk = i % kChunks;
    if (r < count)
      *reinterpret_cast<uint4*>(x + r * stride + chunk * 8) =
          *reinterpret_cast<const uint4*>(tile + chunkAt<D>(row + r, chunk));
  }
}
