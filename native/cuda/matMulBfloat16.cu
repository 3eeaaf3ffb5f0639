// Matrix products (matMul.cuh) of bfloat16. Dynamic shared memory: kSharedBytes.
#include "matMul.cuh"

namespace {

constexpr int kDepth16 = 32;
constexpr int kStages = 3;
/** Rows of the tiles in shared memory, in values: 16-byte groups of 8 rows below each other lie in different
 * banks. */
constexpr int kDeepPitch = kDepth16 + 8;
constexpr int kLinePitch = kTile + 8;
constexpr int kTile16Values = kTile * kDeepPitch;
static_assert(kDepth16 * kLinePitch <= kTile16Values, "both layouts fit");
/** A stage holds a tile of a and one of b. */
constexpr int kSharedBytes = kStages * 2 * kTile16Values * 2;
static_assert(kSharedBytes == 61440, "as sdk/backend/cuda/matMul.ts asks for");

/** Starts to copy a tile: [kTile][kDeepPitch] where the factor is stored along the depth, else
 * [kDepth16][kLinePitch]. */
template <bool kAlongDepth>
__device__ inline void copyTile(const Factor<bfloat16>& factor, int firstLine, int firstDepth,
                                bfloat16* tile) {
  constexpr int kGroups = (kAlongDepth ? kDepth16 : kTile) / 8;  // of a row
  for (int group = threadIdx.x; group < kTile * kDepth16 / 8; group += kThreads) {
    const int row = group / kGroups, column = group % kGroups * 8;
    const int l = firstLine + (kAlongDepth ? row : column), d = firstDepth + (kAlongDepth ? column : row);
    bfloat16* to = tile + row * (kAlongDepth ? kDeepPitch : kLinePitch) + column;
    const bool rowExists = kAlongDepth ? l < factor.lines : d < factor.depth;
    const int left = !rowExists ? 0 : kAlongDepth ? factor.depth - d : factor.lines - l;
    const int64 at =
        kAlongDepth ? static_cast<int64>(l) * factor.ld + d : static_cast<int64>(d) * factor.ld + l;
    if (factor.aligned) {
      // An address inside of the matrix even where nothing is read.
      copyAsync16(to, factor.values + (left > 0 ? at : 0), left > 0);
    } else {
      for (int i = 0; i < 8; ++i)
        to[i].bits = i < left ? factor.values[at + i].bits : static_cast<unsigned short>(0);
    }
  }
}

/** The fragment of a, 16 lines from `line`, 16 deep from `deep` (see mma16816). */
template <bool kAlongDepth>
__device__ inline void fragmentA(unsigned (&fragment)[4], const bfloat16* tile, int line, int deep) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int l = line + lane / 8 % 2 * 8, d = deep + lane / 16 * 8;
  if (kAlongDepth)
    loadMatrices(fragment, tile + (l + lane % 8) * kDeepPitch + d);
  else
    loadMatricesTransposed(fragment, tile + (d + lane % 8) * kLinePitch + l);
}

/** Two fragments of b, 8 lines each from `line` and `line` + 8, 16 deep from `deep`: [0..1] and [2..3]. */
template <bool kAlongDepth>
__device__ inline void fragmentB(unsigned (&fragment)[4], const bfloat16* tile, int line, int deep) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int l = line + lane / 16 * 8, d = deep + lane / 8 % 2 * 8;
  if (kAlongDepth)
    loadMatrices(fragment, tile + (l + lane % 8) * kDeepPitch + d);
  else
    loadMatricesTransposed(fragment, tile + (d + lane % 8) * kLinePitch + l);
}

/** Warps are 2 x 4; a warp makes 64 x 32 values: 4 x 4 products of 16 x 8. */
template <bool kADeep, bool kBDeep>
__device__ inline void multiply16(const Factor<bfloat16>& a, const Factor<bfloat16>& b, Origin origin,
                                  float (&sums)[4][4][4], bfloat16* tiles) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = warp / 4 * 64, column = warp % 4 * 32;
  const int steps = (a.depth + kDepth16 - 1) / kDepth16;
  const auto copy = [&](int step) {
    if (step < steps) {
      bfloat16* stage = tiles + step % kStages * 2 * kTile16Values;
      copyTile<kADeep>(a, origin.row, step * kDepth16, stage);
      copyTile<kBDeep>(b, origin.column, step * kDepth16, stage + kTile16Values);
    }
    commitCopies();  // an empty group too, so that waitCopies counts steps
  };
  for (int step = 0; step < kStages - 1; ++step) copy(step);
  for (int step = 0; step < steps; ++step) {
    waitCopies<kStages - 2>();
    __syncthreads();  // this step's tiles are there, and all warps are done with the stage that is filled
                      // next
    copy(step + kStages - 1);
    const bfloat16* tileA = tiles + step % kStages * 2 * kTile16Values;
    const bfloat16* tileB = tileA + kTile16Values;
#pragma unroll
    for (int deep = 0; deep < kDepth16; deep += 16) {
      unsigned left[4][4], right[2][4];
#pragma unroll
      for (int i = 0; i < 4; ++i) fragmentA<kADeep>(left[i], tileA, row + i * 16, deep);
#pragma unroll
      for (int j = 0; j < 2; ++j) fragmentB<kBDeep>(right[j], tileB, column + j * 16, deep);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const unsigned pair[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
          mma16816(sums[i][j], left[i], pair);
        }
    }
  }
  waitCopies<0>();
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    matMul_bfloat16(int m, int n, int k, const bfloat16* a, int lda, int transposeA, const bfloat16* b,
                    int ldb, int transposeB, void* c, int ldc, int storageC, float alpha, float beta,
                    unsigned strideA, unsigned strideB, unsigned strideC) {
  bfloat16* tiles = reinterpret_cast<bfloat16*>(dynamicShared());
  const int64 batch = blockIdx.y;
  const Origin origin = tileOrigin(m, n);
  const Factor<bfloat16> factorA(a + batch * strideA, lda, m, k, !transposeA);
  const Factor<bfloat16> factorB(b + batch * strideB, ldb, n, k, transposeB != 0);
  float sums[4][4][4];
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int value = 0; value < 4; ++value) sums[i][j][value] = 0;
  if (transposeA) {
    if (transposeB)
      multiply16<false, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply16<false, false>(factorA, factorB, origin, sums, tiles);
  } else {
    if (transposeB)
      multiply16<true, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply16<true, false>(factorA, factorB, origin, sums, tiles);
  }
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = origin.row + warp / 4 * 64 + lane / 4;
  const int column = origin.column + warp % 4 * 32 + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int value = 0; value < 4; ++value) {
        const int r = row + i * 16 + value / 2 * 8, col = column + j * 8 + value % 2;
        if (r < m && col < n)
          finish(c, storageC, batch * strideC + static_cast<int64>(r) * ldc + col, sums[i][j][value], alpha,
                 beta);
      }
}
