// Tiles of attention on Hopper's matrix units (attentionHopper*.cu): as attentionTiles.cuh, with warpgroups
// for warps and tiles that the matrix units read from shared memory themselves (warpgroup.cuh), so that 64
// rows are fed by the reads that feed 16 or 32 there. A warpgroup owns 64 rows of the result, and
// probabilities go from one product to the next in registers; the warpgroups of a block share the tiles that
// are walked over.
//
// The loops of backward make the scores of a step beside the sums of the step before it, which do not leave
// the matrix units idle while those become probabilities. All products of a turn of the loop end within it:
// sums that are under way across its end would be moved between registers, and the compiler then waits for
// each product.
#pragma once
#include "attention.cuh"
#include "warpgroup.cuh"

// Machine code for compute capability 9.0, and no other, has these kernels: the host asks for them by name
// (Cuda.has) and takes attentionTiled*.cu where they are not.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || defined(MLAB_EMULATOR)
#define MLAB_HAS_WARPGROUPS
#endif

constexpr int kGroupRows = 64;
constexpr int kGroupThreads = 128;

template <int D, int Rows>
constexpr int kTileBytes = Rows * D * 2;

/** Where the chunk of 8 columns lies in a tile [Rows, D]. */
template <int Rows>
__device__ inline int chunkPlace(int row, int chunk) {
  return chunk / 8 * (Rows * kPanelRowBytes) + row * kPanelRowBytes + ((chunk % 8 ^ (row & 7)) << 4);
}

/** Starts to copy `Rows` rows of D values, `stride` apart; zeros from row `count` on. */
template <int D, int Rows, int kThreads>
__device__ inline void copyPanels(unsigned char* tile, const bfloat16* x, int64 stride, int count) {
  constexpr int kChunks = D / 8, kStep = kThreads / kChunks;
  static_assert(kStep % 8 == 0, "a thread keeps its place within the rows");
  const int row = static_cast<int>(threadIdx.x) / kChunks, chunk = static_cast<int>(threadIdx.x) % kChunks;
  unsigned char* to = tile + chunkPlace<Rows>(row, chunk);
  const bfloat16* from = x + row * stride + chunk * 8;
#pragma unroll
  for (int r = 0; r < Rows; r += kStep)
    if (r + kStep <= Rows || row + r < Rows)
      copyAsync16(to + r * kPanelRowBytes, from + r * stride, row + r < count);
}

/** A tile [Rows, D] whose columns are summed over: descriptor of its rows from `row` on. */
template <int Rows>
__device__ inline unsigned long long alongColumns(const unsigned char* tile, int row) {
  return matrixDescriptor(tile + row * kPanelRowBytes, 16, 1024);
}
/** A tile [Rows, D] whose rows are summed over. */
template <int Rows>
__device__ inline unsigned long long alongRows(const unsigned char* tile) {
  return matrixDescriptor(tile, Rows * kPanelRowBytes, 1024);
}

/** d [64, 8 N] = a b^T over D columns; a and b from alongColumns, of tiles with RowsA and RowsB rows. */
template <int D, int RowsA, int RowsB, int N>
__device__ inline void scoresOf(float (&d)[N][4], unsigned long long a, unsigned long long b) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    const int inPanel = k % 4 * 32;
    multiplyShared(d, a + (k / 4 * RowsA * kPanelRowBytes + inPanel) / 16,
                   b + (k / 4 * RowsB * kPanelRowBytes + inPanel) / 16, k > 0);
  }
}

/** d [64, D] += p b, with p [64, 16 K] and b from alongRows. */
template <int K, int N>
__device__ inline void addColumns(float (&d)[N][4], const unsigned (&p)[K][4], unsigned long long b) {
#pragma unroll
  for (int k = 0; k < K; ++k) multiplyColumns(d, p[k], b + k * 16 * kPanelRowBytes / 16);
}

/** Sums as left factors of the next product. */
template <int K>
__device__ inline void packSums(unsigned (&p)[K][4], const float (&d)[2 * K][4]) {
#pragma unroll
  for (int k = 0; k < K; ++k) {
    p[k][0] = packBfloat16(d[2 * k][0], d[2 * k][1]);
    p[k][1] = packBfloat16(d[2 * k][2], d[2 * k][3]);
    p[k][2] = packBfloat16(d[2 * k + 1][0], d[2 * k + 1][1]);
    p[k][3] = packBfloat16(d[2 * k + 1][2], d[2 * k + 1][3]);
  }
}

template <int N>
__device__ inline void clearSums(float (&d)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n) d[n][0] = d[n][1] = d[n][2] = d[n][3] = 0.0f;
}

/**
 * Gives a warp's scores of queries from `position` on and keys from `key` on the value `as` where a query
 * does not see a key.
 */
template <int N>
__device__ inline void hide(float (&scores)[N][4], float as, int position, int key, int window, int lane) {
  const auto hideWhere = [&](auto isHidden) {
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (isHidden(position + 8 * (i / 2) + lane / 4, key + 8 * n + 2 * (lane % 4) + i % 2))
          scores[n][i] = as;
  };
  if (window > 0)
    hideWhere([&](int query, int other) { return other > query || other <= query - window; });
  else
    hideWhere([](int query, int other) { return other > query; });
}

/**
 * Writes a warp's 16 rows of d times factors[half] to rows of x, `stride` apart, `count` of them. They go
 * through the tile's rows from `row` on, which nobody uses any more, so that 16 bytes are written at once.
 */
template <int D, int Rows>
__device__ inline void storePanels(const float (&d)[D / 8][4], const float (&factors)[2], unsigned char* tile,
                                   int row, bfloat16* x, int64 stride, int count, int lane) {
#pragma unroll
  for (int half = 0; half < 2; ++half)
#pragma unroll
    for (int n = 0; n < D / 8; ++n) {
      unsigned char* target = tile + chunkPlace<Rows>(row + 8 * half + lane / 4, n) + 4 * (lane % 4);
      *reinterpret_cast<unsigned*>(target) =
          packBfloat16(d[n][2 * half] * factors[half], d[n][2 * half + 1] * factors[half]);
    }
  __syncwarp();
  constexpr int kChunks = D / 8;
#pragma unroll
  for (int i = lane; i < 16 * kChunks; i += 32) {
    const int r = i / kChunks, chunk = i % kChunks;
    if (r < count)
      *reinterpret_cast<uint4*>(x + r * stride + chunk * 8) =
          *reinterpret_cast<const uint4*>(tile + chunkPlace<Rows>(row + r, chunk));
  }
}
