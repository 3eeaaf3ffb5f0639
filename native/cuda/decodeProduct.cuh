// The products of decodeLayers.cu: one row of x against 4-bit weights on the matrix units, 16 outputs being
// the rows of the instruction. A warp takes a piece of 256 columns of a tile of 16 outputs at a time.
#pragma once
#include "decodeRing.cuh"

namespace {

/** Two levels of a byte in bfloat16, the first in the low half. From immediates: the first load of a constant
 * is slow. */
__device__ inline unsigned levelBits(int code) {
  float level = kNf4Codebook[0];
#pragma unroll
  for (int i = 1; i < 16; ++i) level = code == i ? kNf4Codebook[i] : level;
  return bfloat16Bits(level);
}

/** x from the words of other blocks into shared memory, times gamma where there is one; the sum of squares.
 * A warp brings the pieces that it multiplies, and waits for nothing else. */
struct Bringer {
  static constexpr int kAtOnce = 8, kEarly = 2;
  float4 gamma[kEarly];
  const float* factors;
  int values;

  __device__ Bringer(const float* g, int n) : factors(g), values(n) {
#pragma unroll
    for (int c = 0; c < kEarly; ++c) gamma[c] = factorsAt(columnOf(c));
  }
  /** Where the lane's four values of half piece c begin. */
  static __device__ int columnOf(int c) {
    const int tid = threadNow();
    return kPiece * (static_cast<int>(tid / 32u) + kWarps * (c >> 1)) + kPiece / 2 * (c & 1) +
           4 * static_cast<int>(tid % 32u);
  }
  __device__ float4 factorsAt(int k) const {
    return factors && k < values ? *reinterpret_cast<const float4*>(factors + k) : make_float4(0, 0, 0, 0);
  }
  __device__ float bring(const Word* words, unsigned tag, int x) const {
    float squares = 0;
#pragma unroll 1
    for (int begin = 0; begin < values; begin += 4 * kThreads * kAtOnce) {
      Word w[kAtOnce][2];
#pragma unroll
      for (int c = 0; c < kAtOnce; ++c) w[c][0] = w[c][1] = without(tag);
      for (;;) {
        bool ready = true;
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c)
          if (begin + columnOf(c) < values && !(hasTag(w[c][0], tag) && hasTag(w[c][1], tag)))
            loadRelaxed(w[c], words + (begin + columnOf(c)) / 2);
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c)
          if (begin + columnOf(c) < values) ready &= hasTag(w[c][0], tag) && hasTag(w[c][1], tag);
        if (__all_sync(kFullWarp, ready)) break;
        pause();
      }
#pragma unroll
      for (int c = 0; c < kAtOnce; ++c) {
        const int k = begin + columnOf(c);
        if (k >= values) continue;
        unsigned low = valueOf(w[c][0]), high = valueOf(w[c][1]);
        if (factors) {
          const float4 g = c < kEarly && begin == 0 ? gamma[c] : factorsAt(k);
          const float a = lowFloat(low), b = highFloat(low), d = lowFloat(high), e = highFloat(high);
          squares += a * a + b * b + (d * d + e * e);
          low = packBfloat16(a * g.x, b * g.y), high = packBfloat16(d * g.z, e * g.w);
        }
        *shared<uint2>(x + 2 * k) = make_uint2(low, high);
      }
    }
    return warpSum(squares);
  }
};

/** The xa of a product's adapters, by all warps of the launch, each of its own pieces of x. */
struct Downs {
  Room room;
  int product, count;
  Down own;
  float4 a[2];

  __device__ Downs(const Room& r, const LayerTable& layer, int p)
      : room(r), product(p), count(shared<int>(kCountsAt)[p * kWarps + threadNow() / 32u]), own{} {
    a[0] = a[1] = make_float4(0, 0, 0, 0);
    if (count > 0) load(layer, 0);
  }
  __device__ Down at(int index) const {
    return readWhole(shared<Down>(room.downs) + (product * room.mostDowns + index) * kWarps +
                     threadNow() / 32u);
  }
  __device__ const float* rowOf(const LayerTable& layer, const Down& down) const {
    return layer.projections[down.projection].a + down.offset;
  }
  __device__ void load(const LayerTable& layer, int index) {
    own = at(index);
    const float* from = rowOf(layer, own) + 8 * (threadNow() % 32u);
    a[0] = *reinterpret_cast<const float4*>(from);
    a[1] = *reinterpret_cast<const float4*>(from + 4);
  }
  __device__ void make(const LayerTable& layer, int x, Word* xa, unsigned tag) {
    const int lane = threadNow() % 32u;
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      if (i > 0) load(layer, i);
      const Values<8> h = loadValues<8>(shared<bfloat16>(x) + own.piece * kPiece + 8 * lane);
      const float* v = h.values;
      const float sum = warpSum((v[0] * a[0].x + v[1] * a[0].y) + (v[2] * a[0].z + v[3] * a[0].w) +
                                ((v[4] * a[1].x + v[5] * a[1].y) + (v[6] * a[1].z + v[7] * a[1].w)));
      if (lane == 0) give(xa + own.word, __float_as_uint(sum), tag);
    }
  }
};

/** Where a thread finds its word of a product's xa [ranks, pieces]: half a warp adds 16 pieces of a rank, a
 * part. */
struct XaPlace {
  static constexpr int kHalves = 2 * kWarps;
  int rank, part, word;
  bool there;

  static __device__ int partsOf(int pieces) { return (pieces + 15) >> 4; }
  __device__ XaPlace(int firstHalf, int ranks, int pieces) {
    const int tid = threadNow(), parts = partsOf(pieces), half = firstHalf + tid / 16u;
    rank = half / static_cast<unsigned>(parts);
    part = half - rank * parts;
    const int piece = 16 * part + tid % 16u;
    word = rank * pieces + piece;
    there = rank < ranks && piece < pieces;
  }
};
/** Of the first parts: it has come when the piece that is multiplied meanwhile is done. */
__device__ inline Word requestXa(const Word* words, int ranks, int pieces) {
  const XaPlace own(0, ranks, pieces);
  return own.there ? loadRelaxed(words + own.word) : 0;
}
/** All xa into shared memory; `word` is what was requested. */
__device__ inline void takeXa(Word word, const Word* words, int product, int ranks, int pieces,
                              unsigned tag) {
  const int lane = threadNow() % 16u, halves = ranks * XaPlace::partsOf(pieces);
#pragma unroll 1
  for (int first = 0; first < halves; first += XaPlace::kHalves) {
    const XaPlace own(first, ranks, pieces);
    if (first > 0) word = without(tag);
    while (!__all_sync(kFullWarp, !own.there || hasTag(word, tag))) {
      pause();
      if (own.there && !hasTag(word, tag)) word = loadRelaxed(words + own.word);
    }
    float sum = own.there ? __uint_as_float(valueOf(word)) : 0.0f;
#pragma unroll
    for (int offset = 8; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    if (lane == 0 && own.rank < ranks) shared<float>(desk().room.xaOf(product, own.part))[own.rank] = sum;
  }
}

/** What a lane does with a piece. */
template <bool kNested>
struct Multiplier {
  /** Shared addresses: the lane's words of the table; the map of the scales. */
  unsigned table, map;
  /** 16 values of x, of block group / 2. They are the lane's part of the right factor for every block: its
   * column `group` is right for that block alone, and of block b only column 2 b is used. */
  unsigned x[8];

  __device__ explicit Multiplier(const Lanes& l)
      : table(sharedAddress(shared<void>(kTableAt + 4 * l.lane))), map(sharedAddress(shared<void>(kMapAt))) {}
  /** `from`: where the piece of x begins. */
  __device__ void hold(int from, const Lanes& l) {
    const auto* own = shared<uint4>(from + 2 * (kNf4Block * (l.group >> 1) + 16 * l.quad));
    const uint4 low = own[0], high = own[1];
    x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
    x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
  }
  __device__ unsigned levels(unsigned word, int byte) const {
    return loadShared(__dp4a(word, kTableStride << (8 * byte), table));
  }
  /** The sums of the rows `group` and group + 8 over the columns of the quad's block: see `join`. */
  __device__ float2 multiply(const Lanes& l, int piece, float offset) const {
    // Slots are at multiples of 128 bytes, so a block is an exclusive or away.
    const int at = piece + l.group * 128 + ((l.group & 3) * 32 | l.quad * 8);
    float scale[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int row = l.group + 8 * h;
      if constexpr (kNested) {
        const uint2 stored = *shared<uint2>(piece + 2048 + 8 * row);
        const unsigned code = stored.x >> (8 * l.quad) & 255;
        scale[h] = fmaf(__uint_as_float(loadShared(map + 4 * code)), __uint_as_float(stored.y), offset);
      } else {
        scale[h] = *shared<float>(piece + 2048 + 16 * row + 4 * l.quad);
      }
    }
    // Two blocks at a time: their products do not wait for each other, and more would not fit the registers.
    float2 own = make_float2(0, 0);
#pragma unroll
    for (int first = 0; first < 4; first += 2) {
      uint2 words[2][2];
#pragma unroll
      for (int b = 0; b < 2; ++b)
#pragma unroll
        for (int h = 0; h < 2; ++h) words[b][h] = *shared<uint2>((at ^ 32 * (first + b)) + 1024 * h);
      float d[2][4] = {};
#pragma unroll
      for (int m = 0; m < 4; ++m) {
        unsigned a[2][4];
#pragma unroll
        for (int b = 0; b < 2; ++b)
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const uint2& pair = words[b][i % 2];
            a[b][i] = levels(m < 2 ? pair.x : pair.y, m % 2 * 2 + i / 2);
          }
#pragma unroll
        for (int b = 0; b < 2; ++b) {
          const unsigned right[2] = {x[2 * m], x[2 * m + 1]};
          mma16816(d[b], a[b], right);
        }
      }
      // Quad b has column 2 b, where the sums of block b are, and scales them.
#pragma unroll
      for (int b = 0; b < 2; ++b)
        if (l.quad == first + b) own = make_float2(d[b][0], d[b][2]);
    }
    return make_float2(own.x * scale[0], own.y * scale[1]);
  }
  /** The sum over the quads: of row `group` in even quads, of row group + 8 in odd ones. */
  __device__ static float join(const Lanes& l, float2 sums) {
    const bool odd = (l.quad & 1) != 0;
    float own = odd ? sums.y : sums.x;
    own += __shfl_xor_sync(kFullWarp, odd ? sums.x : sums.y, 1);
    return own + __shfl_xor_sync(kFullWarp, own, 2);
  }
};

/** The update of one output. */
struct Update {
  Up up;
  /** Where the first part of xa lies. */
  int xa, parts;
  float scale;
  float4 b[4];

  __device__ Update(const Room& room, const LayerTable& layer, int product, int tile, int o)
      : up(readWhole(shared<Up>(room.ups) + product * room.mostTiles + tile)),
        xa(room.xaOf(product, 0)),
        parts(XaPlace::partsOf(shareOf(product).in / kPiece)),
        scale(layer.projections[up.projection].scale) {
    const float* row = layer.projections[up.projection].b + static_cast<int64>(up.row + o) * up.r;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      b[i] = 4 * i < up.r ? *reinterpret_cast<const float4*>(row + 4 * i) : make_float4(0, 0, 0, 0);
  }
  __device__ float of() const {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (4 * i >= up.r) continue;
#pragma unroll 1
      for (int part = 0; part < parts; ++part) {
        const float4 own = *shared<float4>(xa + 4 * (kMostRanks * part + up.firstRank + 4 * i));
        sum += own.x * b[i].x + own.y * b[i].y + (own.z * b[i].z + own.w * b[i].w);
      }
    }
    return scale * sum;
  }
};

}  // namespace
