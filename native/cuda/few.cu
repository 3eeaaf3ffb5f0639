// Linear layers for up to 8 rows, as in decoding: bound by the bytes of W, which are read as they are stored.
// Up to 3 layers that read the same x are one launch, whose blocks are dealt out to the layers.
//   xa = drop(x) A^T;  y = [residual +] x W^T + scale xa B^T
// The first blocks to begin make xa, one for each rank of each adapter, and the others wait for it when
// they have read their part of W, so that it takes no time. (Kernels without matrix units leave it to a
// launch before theirs.)
#include "eight.cuh"
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/** The most rows. */
constexpr int kFewRows = 8;

/** One adapter; r is 0 without one. */
struct DownLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* xa;
};

/** x [rows, in], xa [rows, r] float32; a block for each rank of each adapter. */
template <int N, class T>
__device__ inline void down(const T* x, int rows, int in, const DownLayer& layer, int rank) {
  __shared__ float shared[32];
  const Dropout drop(layer.p, layer.seed);
  const float* own = layer.a + static_cast<int64>(rank) * in;
  float sums[kFewRows] = {};
#pragma unroll 2
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
    if (row >= rows) continue;
    const float sum = blockSum(sums[row], shared);
    if (threadIdx.x == 0) layer.xa[row * layer.r + rank] = sum;
  }
}

/** The greatest r of adapters that are part of the launch. */
constexpr int kSmallRank = 16;

/** One layer: W [out, in] in the kernel's form, its scales where that is NF4, the adapter's xa and B, r is 0
 * without. */
template <class T>
struct Layer {
  const void* w;
  const float* absmax;
  const unsigned char* codes;
  const float *nestedAbsmax, *map, *offset;
  const float* b;
  int out;
  float scale;
  /** [rows, out], or null. */
  const T* residual;
  T* y;
  DownLayer down;

  __device__ Nf4Scales scales() const { return {absmax, codes, nestedAbsmax, map, offset}; }
  __device__ float residualAt(int row, int64 o) const {
    return residual ? toFloat(residual[static_cast<int64>(row) * out + o]) : 0.0f;
  }
};

/** The layer that this block works on, and which of that layer's blocks it is. In shared memory: registers
 * are short. */
template <class T>
struct Share {
  Layer<T> layer;
  int block, blocks;
};

/** `block` counts from the first that multiplies. */
template <class T>
__device__ inline const Share<T>& dealOut(const Layer<T> (&layers)[3], int block, int outputsOfBlock) {
  __shared__ Share<T> share;
  if (threadIdx.x == 0) {
    const auto blocksOf = [&](const Layer<T>& l) { return (l.out + outputsOfBlock - 1) / outputsOfBlock; };
    const int one = blocksOf(layers[0]), two = one + blocksOf(layers[1]);
    if (block < one)
      share = {layers[0], block, one};
    else if (block < two)
      share = {layers[1], block - one, two - one};
    else
      share = {layers[2], block - two, blocksOf(layers[2])};
  }
  __syncthreads();
  return share;
}

/** Block `rank` of those that make xa for all layers. */
template <class T>
__device__ inline void makeXa(const T* x, int rows, int in, const Layer<T> (&layers)[3], int rank) {
  DownLayer layer = layers[0].down;
  const int second = rank - layer.r, third = second - layers[1].down.r;
  if (second >= 0) layer = layers[1].down, rank = second;
  if (third >= 0) layer = layers[2].down, rank = third;
  if (in % 8 == 0)
    down<8>(x, rows, in, layer, rank);
  else
    down<1>(x, rows, in, layer, rank);
}

/**
 * Counters [3] in global memory, zero between launches: blocks that have made xa, blocks that have seen it,
 * and blocks that have begun. The first to begin make xa and wait for nobody, so nobody waits for a block
 * that does not run.
 */
struct Ready {
  int* counters;
  int makers, waiters;

  template <class T>
  __device__ Ready(int* c, const Layer<T> (&layers)[3])
      : counters(c),
        makers(layers[0].down.r + layers[1].down.r + layers[2].down.r),
        waiters(static_cast<int>(gridDim.x) - makers) {}
  /** By the thread that wrote xa. */
  __device__ void announce() const {
    __threadfence();
    atomicAdd(counters, 1);
  }
  /** The place of this block in the order in which they begin; any order where nothing is to be made. */
  __device__ int place() const {
    __shared__ int shared;
    if (makers == 0) return static_cast<int>(blockIdx.x);
    if (threadIdx.x == 0) shared = atomicAdd(counters + 2, 1);
    __syncthreads();
    return shared;
  }
  /** By the whole block. */
  __device__ void wait() const {
    if (threadIdx.x == 0) {
      while (*static_cast<volatile int*>(counters) < makers) {
      }
      __threadfence();
      if (atomicAdd(counters + 1, 1) == waiters - 1) counters[0] = 0, counters[1] = 0, counters[2] = 0;
    }
    __syncthreads();
  }
};

/** A launch that makes xa only: a block a rank. */
template <class T>
__device__ inline void downOnly(const T* x, int rows, int in, const Layer<T> (&layers)[3], int, int*) {
  makeXa(x, rows, in, layers, static_cast<int>(blockIdx.x));
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

/** In float32; a warp for each output, kWarps of them a block. N is 8 where `in` is a multiple of it, else 1.
 */
template <int N, class T, class Reader>
__device__ inline void byWarps(const T* x, const Reader& reader, const Share<T>& share, int rows, int in) {
  const Layer<T>& layer = share.layer;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64 o = static_cast<int64>(share.block) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (o >= layer.out) return;
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
    if (lane != row || row >= rows) continue;
    const int r = layer.down.r;
    float update = 0;
    for (int i = 0; i < r; ++i) update += layer.down.xa[row * r + i] * layer.b[o * r + i];
    layer.y[row * static_cast<int64>(layer.out) + o] =
        fromFloat<T>(sum + layer.scale * update + layer.residualAt(row, o));
  }
}
template <class T, class Reader>
__device__ inline void byWarpsOfAnySize(const T* x, const Reader& reader, const Share<T>& share, int rows,
                                        int in) {
  if (in % 8 == 0)
    byWarps<8>(x, reader, share, rows, in);
  else
    byWarps<1>(x, reader, share, rows, in);
}
template <class T>
__device__ inline void byWarpsFloat32(const T* x, int rows, int in, const Layer<T> (&layers)[3],
                                      int outputsOfBlock, int*) {
  const Share<T>& share = dealOut(layers, static_cast<int>(blockIdx.x), outputsOfBlock);
  byWarpsOfAnySize(x, DenseReader<float>(static_cast<const float*>(share.layer.w)), share, rows, in);
}
template <class T>
__device__ inline void byWarpsBfloat16(const T* x, int rows, int in, const Layer<T> (&layers)[3],
                                       int outputsOfBlock, int*) {
  const Share<T>& share = dealOut(layers, static_cast<int>(blockIdx.x), outputsOfBlock);
  byWarpsOfAnySize(x, DenseReader<bfloat16>(static_cast<const bfloat16*>(share.layer.w)), share, rows, in);
}
template <class T>
__device__ inline void byWarpsNf4(const T* x, int rows, int in, const Layer<T> (&layers)[3],
                                  int outputsOfBlock, int*) {
  const Share<T>& share = dealOut(layers, static_cast<int>(blockIdx.x), outputsOfBlock);
  __shared__ float levels[16];
  if (threadIdx.x < 16) levels[threadIdx.x] = kNf4Codebook[threadIdx.x];
  __syncthreads();
  const auto* packed = static_cast<const unsigned char*>(share.layer.w);
  byWarpsOfAnySize(x, Nf4Reader{packed, share.layer.scales(), levels}, share, rows, in);
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

/** The share's tiles of 16 outputs: every share.blocks-th, from tile share.block on. */
template <class Pieces, class Prepare>
__device__ inline void byTiles(const bfloat16* x, Pieces pieces, const Share<bfloat16>& share, int rows,
                               int in, const Prepare& prepare, const Ready& ready, TileSums& partial) {
  __shared__ float xa[kFewRows * kSmallRank], b[2][16 * kSmallRank];
  const Layer<bfloat16>& layer = share.layer;
  const int out = layer.out;
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

  int tile = share.block;
  typename Pieces::Piece next;
  start(tile);
  if (firstBegin < in) pieces.load(next);
  prepare();
  const int r = layer.down.r;
  int buffer = 0;
  for (; tile < tiles; tile += share.blocks) {
    // Thread i has value i of the tile's rows of B.
    const int64 atB = static_cast<int64>(tile) * 16 * r + tid;
    const float ownB = tid < 16 * r && atB < static_cast<int64>(out) * r ? layer.b[atB] : 0.0f;
    float sums[4] = {};
    for (int step = 0; step < in - firstBegin; step += kStep) {
      const typename Pieces::Piece piece = next;
      if (step + kStep < in - firstBegin) {
        pieces.advance(kStep);
        pieces.load(next);
      } else if (tile + share.blocks < tiles) {
        start(tile + share.blocks);
        pieces.load(next);
      }
      pieces.multiply(sums, piece, ownX + step);
    }
    // Thread i of the first 128 has output i % 16 of row i / 16.
    const int row = tid / 16;
    const int output = tile * 16 + tid % 16;
    const bool writes = row < rows && output < out;
    const float residual = writes ? layer.residualAt(row, output) : 0.0f;
    float* own = partial[buffer][warp];
    *reinterpret_cast<float2*>(own + group * kFewRows + 2 * quad) = make_float2(sums[0], sums[1]);
    *reinterpret_cast<float2*>(own + (group + 8) * kFewRows + 2 * quad) = make_float2(sums[2], sums[3]);
    b[buffer][tid] = ownB;
    if (tile == share.block && ready.makers > 0) {
      ready.wait();
      if (tid < rows * r) xa[tid] = layer.down.xa[tid];
    }
    __syncthreads();
    if (writes) {
      float sum = 0, update = 0;
      for (int w = 0; w < kWarps; ++w) sum += partial[buffer][w][tid % 16 * kFewRows + row];
      for (int i = 0; i < r; ++i) update += xa[row * r + i] * b[buffer][tid % 16 * r + i];
      layer.y[row * static_cast<int64>(out) + output] =
          fromFloat<bfloat16>(sum + layer.scale * update + residual);
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

__device__ inline void byTilesBfloat16(const bfloat16* x, int rows, int in,
                                       const Layer<bfloat16> (&layers)[3], int outputsOfBlock,
                                       int* counters) {
  const Ready ready(counters, layers);
  const int place = ready.place();
  if (place < ready.makers) {
    makeXa(x, rows, in, layers, place);
    if (threadIdx.x == 0) ready.announce();
    return;
  }
  const Share<bfloat16>& share = dealOut(layers, place - ready.makers, outputsOfBlock);
  __shared__ TileSums partial;
  const DensePieces pieces{static_cast<const bfloat16*>(share.layer.w), in, {}};
  byTiles(x, pieces, share, rows, in, Nothing{}, ready, partial);
}
__device__ inline void byTilesNf4(const bfloat16* x, int rows, int in, const Layer<bfloat16> (&layers)[3],
                                  int outputsOfBlock, int* counters) {
  const Ready ready(counters, layers);
  const int place = ready.place();
  if (place < ready.makers) {
    makeXa(x, rows, in, layers, place);
    if (threadIdx.x == 0) ready.announce();
    return;
  }
  const Share<bfloat16>& share = dealOut(layers, place - ready.makers, outputsOfBlock);
  __shared__ TileSums partial;
  __shared__ float sharedMap[256];
  const Nf4Scales scales = share.layer.scales();
  const auto* packed = static_cast<const unsigned char*>(share.layer.w);
  unsigned* table = reinterpret_cast<unsigned*>(dynamicShared());
  const unsigned own = sharedAddress(table + threadIdx.x % 32);
  const FillTables fill{table, sharedMap, scales};
  if (scales.absmax) {
    const Nf4Pieces<false> pieces{packed, scales, in, own, sharedMap, {}, {}};
    byTiles(x, pieces, share, rows, in, fill, ready, partial);
  } else {
    const Nf4Pieces<true> pieces{packed, scales, in, own, sharedMap, {}, {}};
    byTiles(x, pieces, share, rows, in, fill, ready, partial);
  }
}

}  // namespace

#define MLAB_LAYER(T, I)                                                                                 \
  const void *w##I, const float *absmax##I, const unsigned char *codes##I, const float *nestedAbsmax##I, \
      const float *map##I, const float *offset##I, const float *a##I, const float *b##I, int out##I,     \
      int r##I, float scale##I, float p##I, unsigned seed##I, float *xa##I, const T *residual##I, T *y##I
#define MLAB_VALUES(I)                                                                                  \
  {                                                                                                     \
    w##I, absmax##I, codes##I, nestedAbsmax##I, map##I, offset##I, b##I, out##I, scale##I, residual##I, \
        y##I, {                                                                                         \
      a##I, r##I, p##I, seed##I, xa##I                                                                  \
    }                                                                                                   \
  }
/** x [rows, in]; absent layers have 0 outputs and rank 0. FUNCTION says what a block does. */
#define MLAB_FEW(NAME, T, MIN_BLOCKS, FUNCTION)                                               \
  extern "C" __global__ void __launch_bounds__(kThreads, MIN_BLOCKS)                          \
      NAME(const T* x, int rows, int in, int outputsOfBlock, int* counters, MLAB_LAYER(T, 0), \
           MLAB_LAYER(T, 1), MLAB_LAYER(T, 2)) {                                              \
    const Layer<T> layers[3] = {MLAB_VALUES(0), MLAB_VALUES(1), MLAB_VALUES(2)};              \
    FUNCTION(x, rows, in, layers, outputsOfBlock, counters);                                  \
  }

MLAB_FEW(fewDown_float32, float, 1, downOnly)
MLAB_FEW(fewDown_bfloat16, bfloat16, 1, downOnly)
// After the form of W. Of the tiles, `in` is a multiple of 64, or of 256 for NF4, and ranks are at most 16.
MLAB_FEW(fewFloat32_float32, float, 1, byWarpsFloat32)
MLAB_FEW(fewFloat32_bfloat16, bfloat16, 1, byWarpsFloat32)
MLAB_FEW(fewBfloat16_float32, float, 1, byWarpsBfloat16)
MLAB_FEW(fewBfloat16_bfloat16, bfloat16, 1, byWarpsBfloat16)
MLAB_FEW(fewNf4_float32, float, 1, byWarpsNf4)
MLAB_FEW(fewNf4_bfloat16, bfloat16, 1, byWarpsNf4)
MLAB_FEW(fewTilesBfloat16, bfloat16, 3, byTilesBfloat16)
MLAB_FEW(fewTilesNf4, bfloat16, 3, byTilesNf4)
