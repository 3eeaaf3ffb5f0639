// A linear layer with its LoRA adapter, except for the large products, which are cuBLASLt's: what comes
// before and after them, and the whole layer for a few rows. Names as in native/cpu/linear.cpp:
//   xa = drop(x) A^T;  y = x W^T + scale xa B^T
//   dxa = scale keptScale dy B;  dB = scale dy^T xa;  dA = dxa^T mask(x);  dx = dy W + mask(dxa A)
// drop keeps and scales, mask only keeps. The adapter's part of y and dx is written first, and cuBLASLt adds
// to it.
//
// The adapter's kernels (r <= 16, bfloat16) are bound by memory: each reads or writes its large operand once,
// in pieces of 16 bytes, in the places where the matrix units want it. A sum does not care about the order of
// its terms, nor a product about the order of its columns, so a lane's 8 neighbours simply take the places
// that it holds.
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/** Columns of a warp, and of a block, in the kernels that go through rows. */
constexpr int kWarpColumns = 64;
constexpr int kBlockColumns = kWarps * kWarpColumns;
/** The most rows of the kernels for a few rows: the columns of one matrix instruction. */
constexpr int kFewRows = 8;

/** 8 neighbours in bfloat16. */
struct Eight {
  unsigned words[4];
};
__device__ inline Eight loadEight(const bfloat16* p) {
  const uint4 v = *reinterpret_cast<const uint4*>(p);
  return {{v.x, v.y, v.z, v.w}};
}
__device__ inline Eight loadEightIf(bool valid, const bfloat16* p) {
  return valid ? loadEight(p) : Eight{{0, 0, 0, 0}};
}
__device__ inline void storeEight(bfloat16* p, const Eight& v) {
  *reinterpret_cast<uint4*>(p) = make_uint4(v.words[0], v.words[1], v.words[2], v.words[3]);
}

/** All bits of those halves that dropout keeps; `index` is the flat index of the first. */
__device__ inline Eight keptMask(const Dropout& drop, unsigned index) {
  Eight mask;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    mask.words[i] =
        (drop.kept(index + 2 * i) ? 0x0000ffffu : 0u) | (drop.kept(index + 2 * i + 1) ? 0xffff0000u : 0u);
  return mask;
}
__device__ inline void applyMask(Eight& v, const Eight& mask) {
#pragma unroll
  for (int i = 0; i < 4; ++i) v.words[i] &= mask.words[i];
}

/** Of words that hold two columns each: the first column of two rows, and the second. */
__device__ inline unsigned firstColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x5410);
}
__device__ inline unsigned secondColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x7632);
}

/** Value (row, column) of a small matrix [rows, columns]; 0 outside. */
__device__ inline float valueOr0(const float* m, int64 row, int64 rows, int column, int columns) {
  return row < rows && column < columns ? m[row * columns + column] : 0.0f;
}

// ---------------------------------------------------------------------------------------------------------------------
// xa [rows, r] = drop(x) A^T: a block takes 16 * kRowTiles rows, its warps share the columns.

template <int kTiles, int kRowTiles, int kBlockWarps>
__device__ inline void down(const bfloat16* x, const float* a, int rows, int in, int r, float p,
                            unsigned seed, float* xa) {
  constexpr int kRows = 16 * kRowTiles, kWidth = 8 * kTiles;
  float* sums = reinterpret_cast<float*>(dynamicShared());  // [kBlockWarps, kRows, kWidth]
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int64 firstRow = static_cast<int64>(blockIdx.x) * kRows;
  const Dropout drop(p, seed);
  float d[kRowTiles][kTiles][4] = {};
#pragma unroll 2
  for (int chunk = warp; chunk < (in + 31) / 32; chunk += kBlockWarps) {
    const int k = chunk * 32 + quad * 8;
    Eight xs[kRowTiles][2];
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int64 row = firstRow + 16 * t + 8 * h + group;
        xs[t][h] = loadEightIf(k < in && row < rows, x + row * in + k);
      }
    Eight as[kTiles];
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const int i = 8 * n + group;
      Values<8> v = {};
      if (k < in && i < r) v = loadValues<8>(a + static_cast<int64>(i) * in + k);
#pragma unroll
      for (int w = 0; w < 4; ++w) as[n].words[w] = packBfloat16(v.values[2 * w], v.values[2 * w + 1]);
    }
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t) {
      if (drop.threshold != 0) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int64 row = firstRow + 16 * t + 8 * h + group;
          applyMask(xs[t][h], keptMask(drop, static_cast<unsigned>(row * in + k)));
        }
      }
#pragma unroll
      for (int s = 0; s < 4; s += 2) {
        const unsigned left[4] = {xs[t][0].words[s], xs[t][1].words[s], xs[t][0].words[s + 1],
                                  xs[t][1].words[s + 1]};
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const unsigned right[2] = {as[n].words[s], as[n].words[s + 1]};
          mma16816(d[t][n], left, right);
        }
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        float* at = sums + (warp * kRows + 16 * t + 8 * h + group) * kWidth + 8 * n + 2 * quad;
        *reinterpret_cast<float2*>(at) = make_float2(d[t][n][2 * h], d[t][n][2 * h + 1]);
      }
  __syncthreads();
  for (int i = tid; i < kRows * kWidth; i += kBlockWarps * 32) {
    float sum = 0;
    for (int w = 0; w < kBlockWarps; ++w) sum += sums[w * kRows * kWidth + i];
    const int64 row = firstRow + i / kWidth;
    const int column = i % kWidth;
    if (row < rows && column < r) xa[row * r + column] = sum * drop.keptScale;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The adapter's update of a large matrix [rows, columns], S P^T with S [rows, r] and P [columns, r], computed
// as its transpose: a warp's 64 columns are the rows of the matrix instruction, where a lane has columns 8
// group .. 8 group + 7 as 8 group + 2j (upper half of instruction j) and 8 group + 2j + 1 (lower half), and
// rows 2 quad and 2 quad + 1 of 8. An instruction sums over 16, r has tiles of 8: the other half adds what S
// loses by rounding to bfloat16.

template <int kTiles>
struct Adapter {
  unsigned words[4][kTiles][2];

  /** `columnStride` and `rankStride` say how P lies: B is [out, r], A is [r, in]. */
  __device__ Adapter(const float* p, int64 firstColumn, int columns, int r, int64 columnStride,
                     int64 rankStride) {
    const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int64 column = firstColumn + 8 * group + 2 * j + e;
          const int i = 8 * n + 2 * quad;
          const float* at = p + column * columnStride + i * rankStride;
          const float first = column < columns && i < r ? at[0] : 0.0f;
          const float second = column < columns && i + 1 < r ? at[rankStride] : 0.0f;
          words[j][n][e] = packBfloat16(first, second);
        }
  }

  /** Rows `row` + 2 quad and the one after it, this lane's 8 columns. */
  __device__ void update(const float* s, int64 row, int rows, int r, float scale, Eight (&y)[2]) const {
    const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
    float d[4][4] = {};
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const int i = 8 * n + 2 * quad;
      const float first = scale * valueOr0(s, row + group, rows, i, r);
      const float second = scale * valueOr0(s, row + group, rows, i + 1, r);
      const unsigned rounded = packBfloat16(first, second);
      const unsigned rest = packBfloat16(first - lowFloat(rounded), second - highFloat(rounded));
      const unsigned right[2] = {rounded, rest};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const unsigned left[4] = {words[j][n][0], words[j][n][1], words[j][n][0], words[j][n][1]};
        mma16816(d[j], left, right);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) y[e].words[j] = packBfloat16(d[j][e], d[j][2 + e]);
  }
};

/** y [rows, out] = scale xa B^T; blockIdx.x has `blockRows` rows (a multiple of 16), blockIdx.y 512 columns.
 */
template <int kTiles>
__device__ inline void up(const float* xa, const float* b, int rows, int out, int r, float scale,
                          int blockRows, bfloat16* y) {
  const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
  const int64 firstColumn =
      static_cast<int64>(blockIdx.y) * kBlockColumns + static_cast<int>(threadIdx.x) / 32 * kWarpColumns;
  const int64 column = firstColumn + 8 * group;
  const Adapter<kTiles> adapter(b, firstColumn, out, r, r, 1);
  const int64 begin = static_cast<int64>(blockIdx.x) * blockRows;
  for (int64 tile = begin; tile < begin + blockRows && tile < rows; tile += 8) {
    Eight part[2];
    adapter.update(xa, tile, rows, r, scale, part);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int64 row = tile + 2 * quad + e;
      if (row < rows && column < out) storeEight(y + row * out + column, part[e]);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sums over rows, G [columns, r] = X^T S with X [rows, columns] and S [rows, r]. A lane holds rows 2 quad, 2
// quad + 1, 2 quad + 8 and 2 quad + 9 of 16, and its columns as above.

template <int kTiles>
struct RowSums {
  float d[4][kTiles][4] = {};

  /** xs[h][e] is row `row` + 8h + 2 quad + e. */
  __device__ void add(const Eight (&xs)[2][2], const float* s, int64 row, int rows, int r) {
    const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
    unsigned right[kTiles][2];
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int64 first = row + 8 * h + 2 * quad;
        right[n][h] = packBfloat16(valueOr0(s, first, rows, 8 * n + group, r),
                                   valueOr0(s, first + 1, rows, 8 * n + group, r));
      }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const unsigned left[4] = {firstColumn(xs[0][0].words[j], xs[0][1].words[j]),
                                secondColumn(xs[0][0].words[j], xs[0][1].words[j]),
                                firstColumn(xs[1][0].words[j], xs[1][1].words[j]),
                                secondColumn(xs[1][0].words[j], xs[1][1].words[j])};
#pragma unroll
      for (int n = 0; n < kTiles; ++n) mma16816(d[j][n], left, right[n]);
    }
  }

  /** The lane's sum for its column `c` of 8 and rank 8n + 2 quad + e. */
  __device__ float sum(int c, int n, int e) const { return d[c / 2][n][c % 2 * 2 + e]; }
};

/**
 * Reads dy once for two sums. partialDyB [gridDim.y, rows, r]: dy B over the block's 512 columns. partialDB
 * [gridDim.x, out, r]: dy^T xa over its `blockRows` rows (a multiple of 16).
 */
template <int kTiles>
__device__ inline void backwardDy(const bfloat16* dy, const float* b, const float* xa, int rows, int out,
                                  int r, int blockRows, float* partialDyB, float* partialDB) {
  constexpr int kWidth = 8 * kTiles;
  /** Rows whose sums over columns wait for those of the other warps. */
  constexpr int kWaiting = 128 / kTiles;
  __shared__ float sums[kWarps][kWaiting][kWidth];
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int64 firstColumn = static_cast<int64>(blockIdx.y) * kBlockColumns + warp * kWarpColumns;
  const int64 column = firstColumn + 8 * group;

  // B as the right factor of dy B: two chunks of 32 columns, a lane has columns 8 quad .. 8 quad + 7 of each.
  unsigned bs[2][kTiles][4];
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        const int64 k = firstColumn + 32 * c + 8 * quad + 2 * w;
        bs[c][n][w] =
            packBfloat16(valueOr0(b, k, out, 8 * n + group, r), valueOr0(b, k + 1, out, 8 * n + group, r));
      }

  RowSums<kTiles> dB;
  const int64 begin = static_cast<int64>(blockIdx.x) * blockRows;
  const int64 end = begin + blockRows < rows ? begin + blockRows : rows;
  for (int64 part = begin; part < end; part += kWaiting) {
    const int64 partEnd = part + kWaiting < end ? part + kWaiting : end;
    for (int64 tile = part; tile < partEnd; tile += 16) {
      // The same 16 x 64 values twice, once for each product: the second time they come from the L1 cache.
      Eight forDyB[2][2], forDB[2][2];
#pragma unroll
      for (int c = 0; c < 2; ++c)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int64 row = tile + 8 * h + group, k = firstColumn + 32 * c + 8 * quad;
          forDyB[c][h] = loadEightIf(row < rows && k < out, dy + row * out + k);
        }
#pragma unroll
      for (int h = 0; h < 2; ++h)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int64 row = tile + 8 * h + 2 * quad + e;
          forDB[h][e] = loadEightIf(row < rows && column < out, dy + row * out + column);
        }
      float d[kTiles][4] = {};
#pragma unroll
      for (int c = 0; c < 2; ++c)
#pragma unroll
        for (int s = 0; s < 4; s += 2) {
          const unsigned left[4] = {forDyB[c][0].words[s], forDyB[c][1].words[s], forDyB[c][0].words[s + 1],
                                    forDyB[c][1].words[s + 1]};
#pragma unroll
          for (int n = 0; n < kTiles; ++n) {
            const unsigned right[2] = {bs[c][n][s], bs[c][n][s + 1]};
            mma16816(d[n], left, right);
          }
        }
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          float* at = &sums[warp][static_cast<int>(tile - part) + 8 * h + group][8 * n + 2 * quad];
          *reinterpret_cast<float2*>(at) = make_float2(d[n][2 * h], d[n][2 * h + 1]);
        }
      dB.add(forDB, xa, tile, rows, r);
    }
    __syncthreads();
    const int count = static_cast<int>(partEnd - part) * kWidth;
    for (int i = tid; i < count; i += kThreads) {
      float sum = 0;
      for (int w = 0; w < kWarps; ++w) sum += sums[w][i / kWidth][i % kWidth];
      const int64 row = part + i / kWidth;
      if (i % kWidth < r) partialDyB[(static_cast<int64>(blockIdx.y) * rows + row) * r + i % kWidth] = sum;
    }
    __syncthreads();
  }

#pragma unroll
  for (int c = 0; c < 8; ++c)
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int i = 8 * n + 2 * quad + e;
        if (column < out && i < r)
          partialDB[(static_cast<int64>(blockIdx.x) * out + column + c) * r + i] = dB.sum(c, n, e);
      }
}

/**
 * Reads x and writes dx [rows, in] = mask(dxa A); partialDA [gridDim.x, r, in]: dxa^T mask(x) over the
 * block's `blockRows` rows (a multiple of 16). Both need the mask, which costs more than the products: it is
 * made once.
 */
template <int kTiles>
__device__ inline void backwardX(const bfloat16* x, const float* a, const float* dxa, int rows, int in, int r,
                                 float p, unsigned seed, int blockRows, bfloat16* dx, float* partialDA) {
  const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
  const int64 firstColumn =
      static_cast<int64>(blockIdx.y) * kBlockColumns + static_cast<int>(threadIdx.x) / 32 * kWarpColumns;
  const int64 column = firstColumn + 8 * group;
  const Dropout drop(p, seed);
  const Adapter<kTiles> adapter(a, firstColumn, in, r, 1, in);
  RowSums<kTiles> dA;
  const int64 begin = static_cast<int64>(blockIdx.x) * blockRows;
  for (int64 tile = begin; tile < begin + blockRows && tile < rows; tile += 16) {
    Eight xs[2][2];
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int64 row = tile + 8 * h + 2 * quad + e;
        xs[h][e] = loadEightIf(row < rows && column < in, x + row * in + column);
      }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      Eight part[2];
      adapter.update(dxa, tile + 8 * h, rows, r, 1.0f, part);
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int64 row = tile + 8 * h + 2 * quad + e;
        if (drop.threshold != 0) {
          const Eight mask = keptMask(drop, static_cast<unsigned>(row * in + column));
          applyMask(part[e], mask);
          applyMask(xs[h][e], mask);
        }
        if (row < rows && column < in) storeEight(dx + row * in + column, part[e]);
      }
    }
    dA.add(xs, dxa, tile, rows, r);
  }
#pragma unroll
  for (int n = 0; n < kTiles; ++n)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int i = 8 * n + 2 * quad + e;
      Values<8> v;
#pragma unroll
      for (int c = 0; c < 8; ++c) v.values[c] = dA.sum(c, n, e);
      if (column < in && i < r)
        storeValues(partialDA + (static_cast<int64>(blockIdx.x) * r + i) * in + column, v);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The layer for up to 8 rows, as in decoding: bound by the bytes of W.

/** The adapter's part of y; r is 0 without one. */
struct Update {
  const float* xa;
  const float* b;
  int r;
  float scale;

  __device__ float operator()(int row, int64 o) const {
    float sum = 0;
    for (int i = 0; i < r; ++i) sum += xa[row * r + i] * b[o * r + i];
    return scale * sum;
  }
};

/** xa [rows, r] = drop(x) A^T; a block for each rank. */
template <int N, class T>
__device__ inline void downFew(const T* x, const float* a, int rows, int in, int r, const Dropout& drop,
                               float* xa) {
  __shared__ float shared[32];
  const float* own = a + static_cast<int64>(blockIdx.x) * in;
  float sums[kFewRows] = {};
  for (int k = static_cast<int>(threadIdx.x) * N; k < in; k += kThreads * N) {
    const Values<N> factor = loadValues<N>(own + k);
#pragma unroll
    for (int row = 0; row < kFewRows; ++row) {
      if (row >= rows) continue;
      const int64 at = static_cast<int64>(row) * in + k;
      const Values<N> v = loadValues<N>(x + at);
#pragma unroll
      for (int i = 0; i < N; ++i)
        if (drop.threshold == 0 || drop.kept(static_cast<unsigned>(at + i)))
          sums[row] += v.values[i] * drop.keptScale * factor.values[i];
    }
  }
#pragma unroll
  for (int row = 0; row < kFewRows; ++row) {
    const float sum = blockSum(sums[row], shared);
    if (threadIdx.x == 0 && row < rows) xa[row * r + blockIdx.x] = sum;
  }
}

/** Values of W, in float32, from its flat index on. */
template <class W>
struct DenseReader {
  const W* data;
  __device__ explicit DenseReader(const W* values) : data(values) {}
  template <int N>
  __device__ Values<N> load(int64 at) const {
    return loadValues<N>(data + at);
  }
};
struct Nf4Reader {
  const unsigned char* packed;
  Nf4Scales scales;
  const float* levels;  // [16], shared memory
  template <int N>
  __device__ Values<N> load(int64 at) const {
    const float scale = scales[at / kNf4Block];
    Values<N> v;
    if constexpr (N == 1) {
      const int pair = packed[at / 2];
      v.values[0] = levels[at % 2 == 0 ? pair >> 4 : pair & 15] * scale;
    } else {
      const unsigned word = *reinterpret_cast<const unsigned*>(packed + at / 2);
      for (int i = 0; i < N; ++i) v.values[i] = levels[nf4Code(word, i)] * scale;
    }
    return v;
  }
};

/** y [rows, out] = x W^T + update, in float32; a warp for each output. N is 8 where `in` is a multiple of it,
 * else 1. */
template <int N, class T, class Reader>
__device__ inline void few(const T* x, const Reader& reader, int rows, int out, int in, const Update& update,
                           T* y) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64 o = static_cast<int64>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (o >= out) return;
  float sums[kFewRows] = {};
#pragma unroll 2
  for (int k = lane * N; k < in; k += 32 * N) {
    const Values<N> w = reader.template load<N>(o * in + k);
#pragma unroll
    for (int row = 0; row < kFewRows; ++row) {
      if (row >= rows) continue;
      const Values<N> v = loadValues<N>(x + static_cast<int64>(row) * in + k);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[row] += v.values[i] * w.values[i];
    }
  }
#pragma unroll
  for (int row = 0; row < kFewRows; ++row) {
    const float sum = warpSum(sums[row]);
    if (lane == row && row < rows) y[row * static_cast<int64>(out) + o] = fromFloat<T>(sum + update(row, o));
  }
}
template <class T, class Reader>
__device__ inline void fewOfAnySize(const T* x, const Reader& reader, int rows, int out, int in,
                                    const Update& update, T* y) {
  if (in % 8 == 0)
    few<8>(x, reader, rows, out, in, update, y);
  else
    few<1>(x, reader, rows, out, in, update, y);
}
template <class T>
__device__ inline void fewNf4(const T* x, const unsigned char* packed, const Nf4Scales& scales, int rows,
                              int out, int in, const Update& update, T* y) {
  __shared__ float levels[16];
  if (threadIdx.x < 16) levels[threadIdx.x] = kNf4Codebook[threadIdx.x];
  __syncthreads();
  fewOfAnySize(x, Nf4Reader{packed, scales, levels}, rows, out, in, update, y);
}

// With bfloat16 activations the matrix units do the work: 16 outputs are the rows of the instruction, the
// rows of x its columns. A warp takes a piece of the 16 rows of W at a time, the block's warps share a row,
// and pieces for the next step are on their way while this one is multiplied. Rows of W hold whole pieces, so
// nothing is checked inside of one.

/** Pieces of a bfloat16 W [out, in]; in is a multiple of kValues. */
struct DensePieces {
  /** Values of each of the 16 rows. */
  static constexpr int kValues = 64;
  struct Piece {
    Eight rows[2][2];
  };
  const bfloat16* data;
  int in;
  /** Where the lane's two rows go on. */
  const bfloat16* at[2];

  __device__ void start(int h, int o, int begin) {
    at[h] = data + static_cast<int64>(o) * in + begin + 8 * (static_cast<int>(threadIdx.x) % 4);
  }
  __device__ void advance(int values) {
    for (int h = 0; h < 2; ++h) at[h] += values;
  }
  __device__ void load(Piece& piece) const {
#pragma unroll
    for (int u = 0; u < 2; ++u)
#pragma unroll
      for (int h = 0; h < 2; ++h) piece.rows[u][h] = loadEight(at[h] + 32 * u);
  }
  /** `x` is where the piece begins in the lane's row of x. */
  __device__ void multiply(float (&sums)[4], const Piece& piece, const bfloat16* x) const {
    const bfloat16* own = x + 8 * (static_cast<int>(threadIdx.x) % 4);
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const Eight right = loadEight(own + 32 * u);
#pragma unroll
      for (int s = 0; s < 4; s += 2) {
        const unsigned a[4] = {piece.rows[u][0].words[s], piece.rows[u][1].words[s],
                               piece.rows[u][0].words[s + 1], piece.rows[u][1].words[s + 1]};
        const unsigned b[2] = {right.words[s], right.words[s + 1]};
        mma16816(sums, a, b);
      }
    }
  }
};

/**
 * Pieces of an NF4 W [out, in]; in is a multiple of kValues. The levels are rounded to bfloat16 (as decoded
 * weights are); the 64 products of a block are summed in float32 before they meet their scale.
 *
 * A byte becomes two levels through a table of 256 words in shared memory. Each lane has a table of its own,
 * so that no two lanes of a warp meet in a bank: entry `byte` of lane i is word 32 byte + i. Its address is
 * one instruction, the sum of the four bytes' products with 128 for the byte that is wanted and 0 for the
 * others.
 */
template <bool kDoubleQuant>
struct Nf4Pieces {
  static constexpr int kBlocks = 4;
  static constexpr int kValues = kBlocks * kNf4Block;
  /** Bytes from one byte's entries to the next byte's. */
  static constexpr unsigned kStride = 128;
  struct Piece {
    uint2 words[kBlocks][2];
    /** Of block `quad` of the piece, for both of the lane's rows: the scale, or what makes it. */
    float scales[2];
    unsigned codes[2];
  };
  const unsigned char* packed;
  const Nf4Scales& scales;
  int in;
  unsigned table;    // shared address of the lane's table
  const float* map;  // [256], shared memory
  /** Where the lane's two rows go on: their values, and the scales of the lane's block. */
  const unsigned char* at[2];
  unsigned block[2];

  __device__ void start(int h, int o, int begin) {
    const int quad = static_cast<int>(threadIdx.x) % 4;
    at[h] = packed + static_cast<int64>(o) * (in / 2) + begin / 2 + 8 * quad;
    block[h] = static_cast<unsigned>(o) * (in / kNf4Block) + begin / kNf4Block + quad;
  }
  __device__ void advance(int values) {
    for (int h = 0; h < 2; ++h) {
      at[h] += values / 2;
      block[h] += values / kNf4Block;
    }
  }
  __device__ void load(Piece& piece) const {
#pragma unroll
    for (int u = 0; u < kBlocks; ++u)
#pragma unroll
      for (int h = 0; h < 2; ++h)
        piece.words[u][h] = *reinterpret_cast<const uint2*>(at[h] + u * (kNf4Block / 2));
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      if constexpr (kDoubleQuant) {
        piece.scales[h] = scales.nestedAbsmax[block[h] / kNf4ScaleBlock];
        piece.codes[h] = scales.codes[block[h]];
      } else {
        piece.scales[h] = scales.absmax[block[h]];
      }
    }
  }
  __device__ unsigned levels(unsigned word, int byte) const {
    return loadShared(__dp4a(word, kStride << (8 * byte), table));
  }
  __device__ void multiply(float (&sums)[4], const Piece& piece, const bfloat16* x) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const bfloat16* own = x + 16 * (lane % 4);
    float scale[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      scale[h] = piece.scales[h];
      if constexpr (kDoubleQuant)
        scale[h] = __fadd_rn(__fmul_rn(map[piece.codes[h]], scale[h]), scales.offset);
    }
#pragma unroll
    for (int u = 0; u < kBlocks; ++u) {
      const Eight right[2] = {loadEight(own + u * kNf4Block), loadEight(own + u * kNf4Block + 8)};
      float d[4] = {};
#pragma unroll
      for (int s = 0; s < 4; ++s) {
        const unsigned low = s < 2 ? piece.words[u][0].x : piece.words[u][0].y;
        const unsigned high = s < 2 ? piece.words[u][1].x : piece.words[u][1].y;
        const int byte = s % 2 * 2;
        const unsigned a[4] = {levels(low, byte), levels(high, byte), levels(low, byte + 1),
                               levels(high, byte + 1)};
        const unsigned b[2] = {right[s / 2].words[byte], right[s / 2].words[byte + 1]};
        mma16816(d, a, b);
      }
      const float lowScale = __shfl_sync(kFullWarp, scale[0], (lane & ~3) | u);
      const float highScale = __shfl_sync(kFullWarp, scale[1], (lane & ~3) | u);
      sums[0] += d[0] * lowScale;
      sums[1] += d[1] * lowScale;
      sums[2] += d[2] * highScale;
      sums[3] += d[3] * highScale;
    }
  }
};

/** Of each warp, 16 outputs for each row of x; one while the other is read. */
typedef float TileSums[2][kWarps][16 * kFewRows];

/** y [rows, out] = x W^T + update. A block takes every gridDim.x-th tile of 16 outputs, from tile blockIdx.x
 * on. */
template <class Pieces, class Prepare>
__device__ inline void fewByTiles(const bfloat16* x, Pieces pieces, int rows, int out, int in,
                                  const Update& update, const Prepare& prepare, TileSums& partial,
                                  bfloat16* y) {
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int tiles = (out + 15) / 16;
  constexpr int kStep = kWarps * Pieces::kValues;
  const int firstBegin = warp * Pieces::kValues;
  // What a lane reads is clamped: the outputs of a last tile, and columns without a row of x, are not
  // written.
  const bfloat16* ownX = x + static_cast<int64>(min(group, rows - 1)) * in + firstBegin;
  const auto start = [&](int tile) {
    for (int h = 0; h < 2; ++h) pieces.start(h, min(tile * 16 + 8 * h + group, out - 1), firstBegin);
  };

  int tile = static_cast<int>(blockIdx.x);
  typename Pieces::Piece next;
  start(tile);
  if (firstBegin < in) pieces.load(next);
  prepare();
  int buffer = 0;
  for (; tile < tiles; tile += static_cast<int>(gridDim.x)) {
    // Thread i of the first 128 has output i % 16 of row i / 16.
    const int row = tid / 16;
    const int output = tile * 16 + tid % 16;
    const bool writes = row < rows && output < out;
    const float added = writes ? update(row, output) : 0.0f;
    float sums[4] = {};
    for (int step = 0; step < in - firstBegin; step += kStep) {
      const typename Pieces::Piece piece = next;
      if (step + kStep < in - firstBegin) {
        pieces.advance(kStep);
        pieces.load(next);
      } else if (tile + static_cast<int>(gridDim.x) < tiles) {
        start(tile + static_cast<int>(gridDim.x));
        pieces.load(next);
      }
      pieces.multiply(sums, piece, ownX + step);
    }
    float* own = partial[buffer][warp];
    *reinterpret_cast<float2*>(own + group * kFewRows + 2 * quad) = make_float2(sums[0], sums[1]);
    *reinterpret_cast<float2*>(own + (group + 8) * kFewRows + 2 * quad) = make_float2(sums[2], sums[3]);
    __syncthreads();
    if (writes) {
      float sum = 0;
      for (int w = 0; w < kWarps; ++w) sum += partial[buffer][w][tid % 16 * kFewRows + row];
      y[row * static_cast<int64>(out) + output] = fromFloat<bfloat16>(sum + added);
    }
    buffer ^= 1;  // the next tile's barrier is the one that ends the reading of this buffer
  }
}

struct Nothing {
  __device__ void operator()() const {}
};
/** Fills the tables of Nf4Pieces. */
struct FillTables {
  unsigned* table;
  float* map;
  const Nf4Scales& scales;
  __device__ void operator()() const {
    __shared__ unsigned short levels[16];
    const int tid = static_cast<int>(threadIdx.x);
    if (tid < 16) levels[tid] = bfloat16Bits(kNf4Codebook[tid]);
    if (!scales.absmax) map[tid] = scales.map[tid];
    __syncthreads();
#pragma unroll 8
    for (int byte = tid / 32; byte < 256; byte += kWarps)
      table[byte * 32 + tid % 32] = levels[byte >> 4] | static_cast<unsigned>(levels[byte & 15]) << 16;
    __syncthreads();
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// What the road through cuBLASLt needs, for float32 and for r > 16.

/** y = drop(x), both [rows, in]; y may be x. */
template <class T>
__device__ inline void dropAll(const T* x, int rows, int in, float p, unsigned seed, T* y) {
  const int64 n = static_cast<int64>(rows) * in;
  const int64 at = (static_cast<int64>(blockIdx.x) * kThreads + threadIdx.x) * 8;
  if (at >= n) return;
  const int count = n - at < 8 ? static_cast<int>(n - at) : 8;
  const Dropout drop(p, seed);
  Values<8> v = loadUpTo(x + at, count);
#pragma unroll
  for (int i = 0; i < 8; ++i)
    v.values[i] = drop.kept(static_cast<unsigned>(at + i)) ? v.values[i] * drop.keptScale : 0.0f;
  storeUpTo(y + at, v, count);
}

}  // namespace

// The number is the greatest r.
extern "C" __global__ void __launch_bounds__(kThreads)
    linearDown8(const bfloat16* x, const float* a, int rows, int in, int r, float p, unsigned seed,
                float* xa) {
  down<1, 1, kWarps>(x, a, rows, in, r, p, seed, xa);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    linearDown16(const bfloat16* x, const float* a, int rows, int in, int r, float p, unsigned seed,
                 float* xa) {
  down<2, 1, kWarps>(x, a, rows, in, r, p, seed, xa);
}
// For many rows: 64 a block of 512 threads, so that A is read less often.
extern "C" __global__ void __launch_bounds__(2 * kThreads)
    linearDownTall8(const bfloat16* x, const float* a, int rows, int in, int r, float p, unsigned seed,
                    float* xa) {
  down<1, 4, 2 * kWarps>(x, a, rows, in, r, p, seed, xa);
}
extern "C" __global__ void __launch_bounds__(2 * kThreads)
    linearDownTall16(const bfloat16* x, const float* a, int rows, int in, int r, float p, unsigned seed,
                     float* xa) {
  down<2, 4, 2 * kWarps>(x, a, rows, in, r, p, seed, xa);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    linearUp8(const float* xa, const float* b, int rows, int out, int r, float scale, int blockRows,
              bfloat16* y) {
  up<1>(xa, b, rows, out, r, scale, blockRows, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    linearUp16(const float* xa, const float* b, int rows, int out, int r, float scale, int blockRows,
               bfloat16* y) {
  up<2>(xa, b, rows, out, r, scale, blockRows, y);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    linearBackwardDy8(const bfloat16* dy, const float* b, const float* xa, int rows, int out, int r,
                      int blockRows, float* partialDyB, float* partialDB) {
  backwardDy<1>(dy, b, xa, rows, out, r, blockRows, partialDyB, partialDB);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    linearBackwardDy16(const bfloat16* dy, const float* b, const float* xa, int rows, int out, int r,
                       int blockRows, float* partialDyB, float* partialDB) {
  backwardDy<2>(dy, b, xa, rows, out, r, blockRows, partialDyB, partialDB);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    linearBackwardX8(const bfloat16* x, const float* a, const float* dxa, int rows, int in, int r, float p,
                     unsigned seed, int blockRows, bfloat16* dx, float* partialDA) {
  backwardX<1>(x, a, dxa, rows, in, r, p, seed, blockRows, dx, partialDA);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    linearBackwardX16(const bfloat16* x, const float* a, const float* dxa, int rows, int in, int r, float p,
                      unsigned seed, int blockRows, bfloat16* dx, float* partialDA) {
  backwardX<2>(x, a, dxa, rows, in, r, p, seed, blockRows, dx, partialDA);
}

/** y [n] = scale * the sum of partials [count, n], in their order; with 1 / (1 - p) for what dropout kept. */
extern "C" __global__ void __launch_bounds__(kThreads)
    linearSum(const float* partials, int count, int n, float scale, float p, float* y) {
  const int64 i = static_cast<int64>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
#pragma unroll 8
  for (int part = 0; part < count; ++part) sum += partials[static_cast<int64>(part) * n + i];
  y[i] = sum * scale * (1.0f / (1.0f - p));
}

#define MLAB_LINEAR_FEW(S, T)                                                                           \
  extern "C" __global__ void __launch_bounds__(kThreads) linearDownFew_##S(                             \
      const T* x, const float* a, int rows, int in, int r, float p, unsigned seed, float* xa) {         \
    if (in % 8 == 0)                                                                                    \
      downFew<8>(x, a, rows, in, r, Dropout(p, seed), xa);                                              \
    else                                                                                                \
      downFew<1>(x, a, rows, in, r, Dropout(p, seed), xa);                                              \
  }                                                                                                     \
  extern "C" __global__ void __launch_bounds__(kThreads)                                                \
      linearFewFloat32_##S(const T* x, const float* w, int rows, int out, int in, const float* xa,      \
                           const float* b, int r, float scale, T* y) {                                  \
    fewOfAnySize(x, DenseReader<float>(w), rows, out, in, {xa, b, r, scale}, y);                        \
  }                                                                                                     \
  extern "C" __global__ void __launch_bounds__(kThreads)                                                \
      linearFewBfloat16_##S(const T* x, const bfloat16* w, int rows, int out, int in, const float* xa,  \
                            const float* b, int r, float scale, T* y) {                                 \
    fewOfAnySize(x, DenseReader<bfloat16>(w), rows, out, in, {xa, b, r, scale}, y);                     \
  }                                                                                                     \
  extern "C" __global__ void __launch_bounds__(kThreads) linearFewNf4_##S(                              \
      const T* x, const unsigned char* packed, const float* absmax, const unsigned char* codes,         \
      const float* nestedAbsmax, const float* map, const float* offset, int rows, int out, int in,      \
      const float* xa, const float* b, int r, float scale, T* y) {                                      \
    fewNf4(x, packed, {absmax, codes, nestedAbsmax, map, offset}, rows, out, in, {xa, b, r, scale}, y); \
  }                                                                                                     \
  extern "C" __global__ void __launch_bounds__(kThreads)                                                \
      linearDropout_##S(const T* x, int rows, int in, float p, unsigned seed, T* y) {                   \
    dropAll(x, rows, in, p, seed, y);                                                                   \
  }

MLAB_LINEAR_FEW(float32, float)
MLAB_LINEAR_FEW(bfloat16, bfloat16)

// linearTiles<form of W>: in is a multiple of 64, or of 256 for NF4.
extern "C" __global__ void __launch_bounds__(kThreads)
    linearTilesBfloat16(const bfloat16* x, const bfloat16* w, int rows, int out, int in, const float* xa,
                        const float* b, int r, float scale, bfloat16* y) {
  __shared__ TileSums partial;
  fewByTiles(x, DensePieces{w, in, {}}, rows, out, in, {xa, b, r, scale}, Nothing{}, partial, y);
}
extern "C" __global__ void __launch_bounds__(kThreads, 3)
    linearTilesNf4(const bfloat16* x, const unsigned char* packed, const float* absmax,
                   const unsigned char* codes, const float* nestedAbsmax, const float* map,
                   const float* offset, int rows, int out, int in, const float* xa, const float* b, int r,
                   float scale, bfloat16* y) {
  __shared__ TileSums partial;
  __shared__ float sharedMap[256];
  const Nf4Scales scales(absmax, codes, nestedAbsmax, map, offset);
  unsigned* table = reinterpret_cast<unsigned*>(dynamicShared());
  const unsigned own = sharedAddress(table + threadIdx.x % 32);
  const Update update{xa, b, r, scale};
  const FillTables fill{table, sharedMap, scales};
  if (absmax) {
    const Nf4Pieces<false> pieces{packed, scales, in, own, sharedMap, {}, {}};
    fewByTiles(x, pieces, rows, out, in, update, fill, partial, y);
  } else {
    const Nf4Pieces<true> pieces{packed, scales, in, own, sharedMap, {}, {}};
    fewByTiles(x, pieces, rows, out, in, update, fill, partial, y);
  }
}
