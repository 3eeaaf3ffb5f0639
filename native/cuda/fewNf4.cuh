// The parts of the linear layers over 4-bit weights (fewNf4.cu): what a block works on, where it keeps it,
// and what a lane does with it.
#pragma once
#include "eight.cuh"
#include "few.cuh"
#include "nf4.cuh"

namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
/** Values of a row of W that a warp works on at a time: 4 blocks. */
constexpr int kPiece = 4 * kNf4Block;
/** Pieces of a warp that are on their way. */
constexpr int kStages = 2;
/** A piece in shared memory: 4 x 16 bytes of each lane, then its scales as they are stored. */
constexpr int kPieceBytes = 4 * 32 * 16 + 256;
/** Bytes of the table that makes two levels of a byte: a word for each byte and lane. */
constexpr int kTableBytes = 256 * 32 * 4;
constexpr unsigned kTableStride = 128;
constexpr int kMapBytes = 3 * 256 * 4;
/** Tiles of 16 outputs that a block works on at most. */
constexpr int kMostTiles = 32;

/** What a launch is given beside its layers. */
struct Few {
  Source<bfloat16> source;
  /** The most tiles of a block; all have as many or fewer by `1 + gated`. */
  int tilesOfBlock;
  /** The layers are gate and up, and layer 0's y becomes silu(gate) * up. */
  int gated;
  unsigned* handoff;
};

/** 16 outputs of one layer, or fewer. */
struct Tile {
  const unsigned char* packed;
  /** Of the first row: its scales as they are stored, and the place of the first of them among all. */
  const unsigned char* scales;
  const float* nested;
  int64 firstScale;
  /** [outputs, r], and the place of the first rank among those of all layers. */
  const float* b;
  int r, firstRank;
  /** At the first output, of rows of `stride`; the residual may be null. */
  const bfloat16* residual;
  bfloat16* y;
  int stride;
  float scale;
  int layer, outputs;
};

__device__ inline int tilesOf(const Layer<bfloat16>& layer) { return (layer.out + 15) / 16; }

/** Tile `tile` of a layer. */
template <bool kNested>
__device__ inline Tile tileOf(const Layer<bfloat16>& own, int in, int layer, int tile, int firstRank) {
  const int first = tile * 16;
  const int64 scale = static_cast<int64>(first) * (in / kNf4Block);
  return {static_cast<const unsigned char*>(own.w) + static_cast<int64>(first) * (in / 2),
          kNested ? own.codes + scale : reinterpret_cast<const unsigned char*>(own.absmax + scale),
          own.nestedAbsmax,
          scale,
          own.b + first * own.down.r,
          own.down.r,
          firstRank,
          own.residual ? own.residual + first : nullptr,
          own.y + first,
          own.out,
          own.scale,
          layer,
          min(16, own.out - first)};
}
/** Tile `index` of all layers' tiles; those of gate and up alternate. */
template <bool kNested>
__device__ inline Tile locate(const Layer<bfloat16> (&layers)[3], const Few& few, int index) {
  const int in = few.source.in, second = layers[0].down.r, third = second + layers[1].down.r;
  if (few.gated)
    return index % 2 == 0 ? tileOf<kNested>(layers[0], in, 0, index / 2, 0)
                          : tileOf<kNested>(layers[1], in, 1, index / 2, second);
  if (index < tilesOf(layers[0])) return tileOf<kNested>(layers[0], in, 0, index, 0);
  index -= tilesOf(layers[0]);
  if (index < tilesOf(layers[1])) return tileOf<kNested>(layers[1], in, 1, index, second);
  return tileOf<kNested>(layers[2], in, 2, index - tilesOf(layers[1]), third);
}

/** Dynamic shared memory of a block; the host asks for as much (sdk/ops/cuda/fewNf4.ts). Parts are multiples
 * of 16. */
struct Room {
  unsigned char *table, *pieces, *x;
  /** Of each layer the map of its scales' codes, [3][256]. */
  float* map;
  /** Of a tile float32 [16, rank]. */
  float* b;
  /** Of a tile float32 [kWarps, rows, 16]. */
  float* partial;
  int xStride, rank;
  __device__ Room(const Source<bfloat16>& source, int tiles, int r)
      : table(dynamicShared()),
        pieces(table + kTableBytes + kMapBytes),
        x(pieces + kWarps * kStages * kPieceBytes),
        map(reinterpret_cast<float*>(table + kTableBytes)),
        xStride(source.in * 2 + 64),
        rank(r) {
    b = reinterpret_cast<float*>(x + source.rows * xStride);
    partial = b + tiles * 16 * rank;
  }
};

__device__ inline unsigned wordOf(const uint4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

/** Where a warp is among the pieces of the block's tiles: it has every kWarps-th. */
struct Cursor {
  int tile, piece;
  /** True when the tile is another one. */
  __device__ bool step(int distance, int pieces) {
    piece += distance;
    if (piece < pieces) return false;
    do {
      piece -= pieces;
      ++tile;
    } while (piece >= pieces);
    return true;
  }
};

/**
 * Where 8 neighbours of h lie within their 128, so that the lanes that read at once do not meet in a bank:
 * lane `quad` needs the 32 values from 32 quad on.
 */
__device__ inline int placeOfEight(int k) { return (k & ~127) | (k & 24) << 2 | (k & 96) >> 2; }

/** Two levels of a byte in bfloat16, the first in the low half. From immediates: the first load of a constant
 * is slow. */
__device__ inline unsigned levelBits(int code) {
  float level = kNf4Codebook[0];
#pragma unroll
  for (int i = 1; i < 16; ++i) level = code == i ? kNf4Codebook[i] : level;
  return bfloat16Bits(level);
}

/** Brings x into shared memory, times gamma where there is one; `squares` [rows][kWarps] are for its norm. */
struct Inputs {
  static constexpr int kEarly = 4096 / 8 / kThreads;
  Values<8> gamma[kEarly];

  /** Before the launch before has ended. */
  __device__ explicit Inputs(const Source<bfloat16>& source) {
    if (!source.gamma) return;
#pragma unroll
    for (int c = 0; c < kEarly; ++c) {
      const int k = 8 * (static_cast<int>(threadIdx.x) + c * kThreads);
      if (k < source.in) gamma[c] = loadValues<8>(source.gamma + k);
    }
  }
  __device__ static float place(bfloat16* to, int k, Values<8> v, const Values<8>& factor) {
    float sum = 0;
    for (int i = 0; i < 8; ++i) {
      sum += v.values[i] * v.values[i];
      v.values[i] *= factor.values[i];
    }
    storeValues(to + placeOfEight(k), v);
    return sum;
  }
  __device__ void bring(const Source<bfloat16>& source, const Room& room, float (*squares)[kWarps]) const {
    const int tid = static_cast<int>(threadIdx.x), in = source.in;
    for (int row = 0; row < source.rows; ++row) {
      const bfloat16* from = source.x + static_cast<int64>(row) * in;
      auto* to = reinterpret_cast<bfloat16*>(room.x + row * room.xStride);
      if (!source.gamma) {
        // Several loads at once; as asynchronous copies to places that are not in a row they took 8 us.
        constexpr int kAtOnce = 8;
        for (int first = 8 * tid; first < in; first += 8 * kAtOnce * kThreads) {
          Eight v[kAtOnce];
#pragma unroll
          for (int c = 0; c < kAtOnce; ++c)
            if (first + 8 * c * kThreads < in) v[c] = loadEight(from + first + 8 * c * kThreads);
#pragma unroll
          for (int c = 0; c < kAtOnce; ++c)
            if (first + 8 * c * kThreads < in) storeEight(to + placeOfEight(first + 8 * c * kThreads), v[c]);
        }
        continue;
      }
      float sum = 0;
      Values<8> v[kEarly];
#pragma unroll
      for (int c = 0; c < kEarly; ++c) {
        const int k = 8 * (tid + c * kThreads);
        if (k < in) v[c] = loadValues<8>(from + k);
      }
#pragma unroll
      for (int c = 0; c < kEarly; ++c) {
        const int k = 8 * (tid + c * kThreads);
        if (k < in) sum += place(to, k, v[c], gamma[c]);
      }
      for (int k = 8 * (tid + kEarly * kThreads); k < in; k += 8 * kThreads)
        sum += place(to, k, loadValues<8>(from + k), loadValues<8>(source.gamma + k));
      sum = warpSum(sum);
      if (tid % 32 == 0) squares[row][tid / 32] = sum;
    }
  }
};

/** What one lane does with a piece; wide is for more than 4 rows of x. */
template <bool kNested, bool kWide>
struct Multiplier {
  static constexpr int kSums = kWide ? 4 : 2;
  unsigned table;  // shared address of the lane's words
  /** The lane's row of h, at its quad's values. */
  const unsigned char* x;
  /** Whether the lane's column is one of h at its quad. */
  bool readsX;
  int group, quad;

  /** The lane's part: of the rows `group` and `group + 8`, 16 bytes of each half. */
  uint4 words[2][2];
  /** Of the two rows: the scales of 4 blocks as they are stored. */
  float4 absmax[2];
  unsigned codes[2];
  float nested[2];

  __device__ Multiplier(unsigned tableOfLane, const unsigned char* own, bool reads, int g, int q)
      : table(tableOfLane), x(own), readsX(reads), group(g), quad(q) {}

  __device__ void read(const unsigned char* piece) {
    const auto* own = reinterpret_cast<const uint4*>(piece) + threadIdx.x % 32;
    const unsigned char* stored = piece + 4 * 32 * 16;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      words[0][h] = own[64 * h];
      words[1][h] = own[64 * h + 32];
      const int row = group + 8 * h;
      if constexpr (kNested) {
        codes[h] = reinterpret_cast<const unsigned*>(stored)[row];
        nested[h] = reinterpret_cast<const float*>(stored)[16 + row];
      } else {
        absmax[h] = reinterpret_cast<const float4*>(stored)[row];
      }
    }
  }
  /** Of block `u` of the piece. `map` is the shared address of the 8-bit map. */
  __device__ float scale(int h, int u, unsigned map, float offset) const {
    if constexpr (kNested)
      return fmaf(__uint_as_float(loadShared(__dp4a(codes[h], 4u << (8 * u), map))), nested[h], offset);
    else
      return u == 0 ? absmax[h].x : u == 1 ? absmax[h].y : u == 2 ? absmax[h].z : absmax[h].w;
  }
  __device__ unsigned levels(unsigned word, int byte) const {
    return loadShared(__dp4a(word, kTableStride << (8 * byte), table));
  }
  /**
   * sums: of output rows `group` and `group + 8`, for row `quad` of x, or for rows 2 quad and 2 quad + 1.
   * `values` are zero where a lane does not read x.
   */
  __device__ void multiply(float (&sums)[kSums], int k, uint4 (&values)[2], unsigned map,
                           float offset) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const auto* own = reinterpret_cast<const uint4*>(x + 2 * k + 256 * half);
      // Two chains, so that an instruction need not wait for the one before it.
      float d[2][kWide ? 2 : 1][4] = {};
#pragma unroll
      for (int m = 0; m < 8; ++m) {
        uint4& v = values[m / 2 % 2];
        if (m % 2 == 0 && readsX) v = own[4 * (m / 2)];
        const unsigned low = wordOf(words[half][0], m / 2), high = wordOf(words[half][1], m / 2);
        const int byte = m % 2 * 2;
        const unsigned a[4] = {levels(low, byte), levels(high, byte), levels(low, byte + 1),
                               levels(high, byte + 1)};
        const unsigned b[2] = {wordOf(v, byte), wordOf(v, byte + 1)};
        if constexpr (kWide) {
          const bool first = quad < 2;
          const unsigned one[2] = {first ? b[0] : 0, first ? b[1] : 0};
          const unsigned two[2] = {first ? 0 : b[0], first ? 0 : b[1]};
          mma16816(d[m % 2][0], a, one);
          mma16816(d[m % 2][1], a, two);
        } else {
          mma16816(d[m % 2][0], a, b);
        }
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float one = scale(h, 2 * half, map, offset), two = scale(h, 2 * half + 1, map, offset);
        if constexpr (kWide) {
#pragma unroll
          for (int c = 2 * h; c < 2 * h + 2; ++c) {
            sums[c] = fmaf(d[0][0][c] + d[1][0][c], one, sums[c]);
            sums[c] = fmaf(d[0][1][c] + d[1][1][c], two, sums[c]);
          }
        } else {
          sums[h] = fmaf(d[0][0][2 * h] + d[1][0][2 * h], one, sums[h]);
          sums[h] = fmaf(d[0][0][2 * h + 1] + d[1][0][2 * h + 1], two, sums[h]);
        }
      }
    }
  }
};

}  // namespace
