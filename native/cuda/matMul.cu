// Matrix products where cuBLASLt is not there: c = alpha * op(a) op(b) + beta * c, row-major, batched.
// float32 products are exact float32 (no tf32); bfloat16 ones go through the tensor cores; sums are float32
// in both. A block makes one tile of 128 x 128 values of c, of batch blockIdx.y.
//
// Signature of both kernels "iiipiipiipiiffuuu": m, n, k; a, lda, transposeA; b, ldb, transposeB; c, ldc,
// storageC (0 float32, 1 bfloat16); alpha, beta; strideA, strideB, strideC (values from one matrix of the
// batch to the next). a is [m, k] or, transposed, [k, m]; b is [k, n] or, transposed, [n, k]; ld is the
// length of a row as stored. Grid: the tiles of c, and the batch. 256 threads. Dynamic shared memory: none
// for float32, kSharedBytes for bfloat16 (61440).
#include "common.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kTile = 128;
/** Tiles of one column of c that follow each other, so that blocks at work share rows of a and columns of b
 * in cache. */
constexpr int kBand = 8;

struct Origin {
  int row, column;
};
/** Of the tile of c that this block makes. */
__device__ inline Origin tileOrigin(int m, int n) {
  const int rows = (m + kTile - 1) / kTile, columns = (n + kTile - 1) / kTile;
  const int band = static_cast<int>(blockIdx.x) / (kBand * columns);
  const int inside = static_cast<int>(blockIdx.x) - band * kBand * columns;
  const int height = rows - band * kBand < kBand ? rows - band * kBand : kBand;
  return {(band * kBand + inside % height) * kTile, inside / height * kTile};
}

/** c = alpha * sum + beta * c for one value; c need not be initialised where beta is 0. */
__device__ inline void finish(void* c, int storageC, int64 at, float sum, float alpha, float beta) {
  float value = alpha * sum;
  if (storageC == 0) {
    float* target = static_cast<float*>(c) + at;
    if (beta != 0) value += beta * *target;
    *target = value;
  } else {
    bfloat16* target = static_cast<bfloat16*>(c) + at;
    if (beta != 0) value += beta * toFloat(*target);
    *target = fromFloat<bfloat16>(value);
  }
}

/**
 * One factor. `lines` is its dimension in c: m of a, n of b. Where kAlongDepth, it is stored as [lines,
 * depth], else as [depth, lines].
 */
template <class T>
struct Factor {
  const T* values;
  int ld, lines, depth;
  /** Every group of 16 bytes of a row begins at a multiple of 16 bytes and is wholly inside or outside of the
   * row. */
  bool aligned;

  __device__ Factor(const T* v, int stride, int l, int d, bool alongDepth)
      : values(v), ld(stride), lines(l), depth(d) {
    const int group = 16 / static_cast<int>(sizeof(T));
    aligned = ld % group == 0 && (alongDepth ? depth : lines) % group == 0 &&
              reinterpret_cast<unsigned long long>(values) % 16 == 0;
  }
};

// ---- float32
// -------------------------------------------------------------------------------------------------------

constexpr int kDepth32 = 16;
/** Of a line of the tile in shared memory: a multiple of 4, not of 32. */
constexpr int kPitch32 = kTile + 4;

/** A thread's share of a tile of `kTile` lines and kDepth32 of the depth: 8 values, on the way to shared
 * memory. */
template <bool kAlongDepth>
struct Fetched {
  float values[8];

  /** Which of the tile: 8 neighbours, along the depth or along the lines. */
  __device__ static int line() {
    return static_cast<int>(kAlongDepth ? threadIdx.x / 2 : threadIdx.x % 16 * 8);
  }
  __device__ static int deep() {
    return static_cast<int>(kAlongDepth ? threadIdx.x % 2 * 8 : threadIdx.x / 16);
  }

  __device__ void fetch(const Factor<float>& factor, int firstLine, int firstDepth) {
    const int l = firstLine + line(), d = firstDepth + deep();
    const float* from = factor.values + (kAlongDepth ? static_cast<int64>(l) * factor.ld + d
                                                     : static_cast<int64>(d) * factor.ld + l);
    const bool rowExists = kAlongDepth ? l < factor.lines : d < factor.depth;
    const int left = !rowExists ? 0 : kAlongDepth ? factor.depth - d : factor.lines - l;
    for (int half = 0; half < 2; ++half) {
      if (factor.aligned && left >= half * 4 + 4) {
        const float4 v = *reinterpret_cast<const float4*>(from + half * 4);
        values[half * 4] = v.x;
        values[half * 4 + 1] = v.y;
        values[half * 4 + 2] = v.z;
        values[half * 4 + 3] = v.w;
      } else {
        for (int i = half * 4; i < half * 4 + 4; ++i) values[i] = i < left ? from[i] : 0.0f;
      }
    }
  }

  /** tile [kDepth32][kPitch32] */
  __device__ void store(float* tile) const {
    if (kAlongDepth) {
      for (int i = 0; i < 8; ++i) tile[(deep() + i) * kPitch32 + line()] = values[i];
    } else {
      float4* to = reinterpret_cast<float4*>(tile + deep() * kPitch32 + line());
      to[0] = make_float4(values[0], values[1], values[2], values[3]);
      to[1] = make_float4(values[4], values[5], values[6], values[7]);
    }
  }
};

/** A thread makes 8 x 8 values: rows 4 * (thread / 16).. and 64 beyond, columns 4 * (thread % 16).. and 64
 * beyond. */
template <bool kADeep, bool kBDeep>
__device__ inline void multiply32(const Factor<float>& a, const Factor<float>& b, Origin origin,
                                  float (&sums)[8][8], float* tiles) {
  constexpr int kTileValues = kDepth32 * kPitch32;
  const int row = static_cast<int>(threadIdx.x) / 16 * 4, column = static_cast<int>(threadIdx.x) % 16 * 4;
  Fetched<kADeep> fromA;
  Fetched<kBDeep> fromB;
  fromA.fetch(a, origin.row, 0);
  fromB.fetch(b, origin.column, 0);
  int current = 0;
  for (int depth = 0; depth < a.depth; depth += kDepth32) {
    float* tileA = tiles + current * 2 * kTileValues;
    float* tileB = tileA + kTileValues;
    // The other pair of tiles may still be read by slower warps; this pair was last read two barriers ago.
    fromA.store(tileA);
    fromB.store(tileB);
    __syncthreads();
    if (depth + kDepth32 < a.depth) {
      fromA.fetch(a, origin.row, depth + kDepth32);
      fromB.fetch(b, origin.column, depth + kDepth32);
    }
#pragma unroll 2  // more, and registers spill
    for (int d = 0; d < kDepth32; ++d) {
      float left[8], right[8];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float4 l = *reinterpret_cast<const float4*>(tileA + d * kPitch32 + row + half * 64);
        const float4 r = *reinterpret_cast<const float4*>(tileB + d * kPitch32 + column + half * 64);
        left[half * 4] = l.x;
        left[half * 4 + 1] = l.y;
        left[half * 4 + 2] = l.z;
        left[half * 4 + 3] = l.w;
        right[half * 4] = r.x;
        right[half * 4 + 1] = r.y;
        right[half * 4 + 2] = r.z;
        right[half * 4 + 3] = r.w;
      }
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[i][j] += left[i] * right[j];
    }
    current ^= 1;
  }
}

// ---- bfloat16
// ------------------------------------------------------------------------------------------------------

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

extern "C" __global__ void __launch_bounds__(kThreads, 2)
    matMul_float32(int m, int n, int k, const float* a, int lda, int transposeA, const float* b, int ldb,
                   int transposeB, void* c, int ldc, int storageC, float alpha, float beta, unsigned strideA,
                   unsigned strideB, unsigned strideC) {
  __shared__ __align__(16) float tiles[2 * 2 * kDepth32 * kPitch32];
  const int64 batch = blockIdx.y;
  const Origin origin = tileOrigin(m, n);
  const Factor<float> factorA(a + batch * strideA, lda, m, k, !transposeA);
  const Factor<float> factorB(b + batch * strideB, ldb, n, k, transposeB != 0);
  float sums[8][8];
#pragma unroll
  for (int i = 0; i < 8; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j) sums[i][j] = 0;
  if (transposeA) {
    if (transposeB)
      multiply32<false, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply32<false, false>(factorA, factorB, origin, sums, tiles);
  } else {
    if (transposeB)
      multiply32<true, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply32<true, false>(factorA, factorB, origin, sums, tiles);
  }
  const int row = origin.row + static_cast<int>(threadIdx.x) / 16 * 4;
  const int column = origin.column + static_cast<int>(threadIdx.x) % 16 * 4;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int r = row + i / 4 * 64 + i % 4;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int col = column + j / 4 * 64 + j % 4;
      if (r < m && col < n)
        finish(c, storageC, batch * strideC + static_cast<int64>(r) * ldc + col, sums[i][j], alpha, beta);
    }
  }
}

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
