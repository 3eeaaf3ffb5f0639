// A linear layer with its LoRA adapter for a few rows, and what the road through cuBLASLt needs. Names as in
// native/cpu/linear.cpp: xa = drop(x) A^T; y = x W^T + scale xa B^T. The adapters of many rows: adapter.cu.
#include "eight.cuh"
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/** The most rows of the kernels for a few rows: the columns of one matrix instruction. */
constexpr int kFewRows = 8;

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
// For adapters in float32 and of r > 16.

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
