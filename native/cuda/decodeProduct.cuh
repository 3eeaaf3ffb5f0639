// The products of decodeLayers.cu: one row of x against 4-bit weights on the matrix units, 16 outputs being
// the rows of the instruction. A warp takes a piece of 256 columns of a tile of 16 outputs at a time; the
// pieces that it needs next, be it for later products, are on their way into its own ring in shared memory.
#pragma once
#include "decodeRoom.cuh"

namespace {

/** Two levels of a byte in bfloat16, the first in the low half. From immediates: the first load of a constant
 * is slow. */
__device__ inline unsigned levelBits(int code) {
  float level = kNf4Codebook[0];
#pragma unroll
  for (int i = 1; i < 16; ++i) level = code == i ? kNf4Codebook[i] : level;
  return bfloat16Bits(level);
}

/** The pieces of one warp: what is fetched runs kStages units ahead of what is multiplied. */
template <bool kNested>
struct Ring {
  /** Where the warp's units and slots begin in shared memory. */
  int units, count, slots;
  /** Of the next to fetch, and the next to multiply. */
  int layer, layers, next, fetchSlot, slot;

  __device__ Ring(int unitsAt, int mostUnits, int numberOfUnits, int numberOfLayers)
      : units(unitsAt + Lanes().warp * mostUnits * static_cast<int>(sizeof(Unit))),
        count(numberOfUnits),
        slots(kRingAt + Lanes().warp * kStages * kPieceBytes<kNested>),
        layer(0),
        layers(numberOfUnits == 0 ? 0 : numberOfLayers),
        next(0),
        fetchSlot(0),
        slot(0) {}
  __device__ Unit unitAt(int index) const {
    return readWhole(shared<Unit>(units + index * static_cast<int>(sizeof(Unit))));
  }
  /** Starts the next copy, into the slot that was taken last; ends a group of copies whether there is one
   * left or not. */
  __device__ void fetch(const Lanes& l) {
    if (layer < layers) {
      const Unit unit = unitAt(next);
      const Projection& own = tableOf(layer).projections[unit.projection];
      const int to = slots + fetchSlot * kPieceBytes<kNested>;
      const int stride = unit.in / 2u, row = l.lane / 8u, chunk = l.lane % 8u;
      const unsigned char* from =
          own.packed + static_cast<int64>(unit.row + row) * stride + unit.piece * (kPiece / 2) + 16 * chunk;
      // Pairs of chunks are swapped by row, so that four rows are in different banks.
      const int at = to + row * 128 + ((chunk ^ row << 1) * 16);
#pragma unroll
      for (int i = 0; i < 4; ++i) copyAsync16(shared<void>(at + 512 * i), from + 4 * i * stride, true);
      const int64 scale = static_cast<int64>(unit.row + l.lane % 16u) * (unit.in / 64u) + 4 * unit.piece;
      if constexpr (kNested) {
        const void* source =
            l.lane < 16 ? static_cast<const void*>(own.scales + scale) : own.nested + (scale >> 8);
        copyAsync4(shared<void>(to + 2048 + 8 * (l.lane & 15) + 4 * (l.lane >> 4)), source);
      } else if (l.lane < 16) {
        copyAsync16(shared<void>(to + 2048 + 16 * l.lane), own.scales + 4 * scale, true);
      }
      fetchSlot = fetchSlot + 1 == kStages ? 0 : fetchSlot + 1;
      if (++next == count) next = 0, ++layer;
    }
    commitCopies();
  }
  /** Where the piece to multiply lies, when it is there. */
  __device__ int take() {
    waitCopies<kStages - 1>();
    __syncwarp();
    const int piece = slots + slot * kPieceBytes<kNested>;
    slot = slot + 1 == kStages ? 0 : slot + 1;
    return piece;
  }
};

/** x from the words of other blocks into shared memory, times gamma where there is one; the sum of squares.
 */
struct Bringer {
  static constexpr int kAtOnce = 8, kEarly = 2;
  float4 gamma[kEarly];
  const float* factors;
  int values;

  __device__ Bringer(const float* g, int n) : factors(g), values(n) {
#pragma unroll
    for (int c = 0; c < kEarly; ++c) gamma[c] = factorsAt(4 * (threadNow() + c * kThreads));
  }
  __device__ float4 factorsAt(int k) const {
    return factors && k < values ? *reinterpret_cast<const float4*>(factors + k) : make_float4(0, 0, 0, 0);
  }
  __device__ float bring(const Word* words, unsigned tag, int x) const {
    float squares = 0;
    for (int begin = 0; begin < values; begin += 4 * kThreads * kAtOnce) {
      Word w[kAtOnce][2];
      const int first = begin + 4 * threadNow();
      for (;;) {
        bool ready = true;
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c) w[c][0] = w[c][1] = 0;
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c)
          if (first + 4 * c * kThreads < values) loadRelaxed(w[c], words + first / 2 + 2 * c * kThreads);
#pragma unroll
        for (int c = 0; c < kAtOnce; ++c)
          if (first + 4 * c * kThreads < values) ready &= hasTag(w[c][0], tag) && hasTag(w[c][1], tag);
        if (ready) break;
        pause();
      }
#pragma unroll
      for (int c = 0; c < kAtOnce; ++c) {
        const int k = first + 4 * c * kThreads;
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
    return squares;
  }
};

/** The xa of a product's adapters, by all warps of the launch. */
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

/** All xa into shared memory: half a warp adds the pieces of a rank. */
__device__ inline void takeXa(const Word* words, int ranks, int pieces, unsigned tag) {
  const int tid = threadNow(), lane = tid % 16u;
#pragma unroll 1
  for (int first = 0; first < ranks; first += kThreads / 16) {
    const int rank = first + tid / 16u;
    float sum = 0;
#pragma unroll 1
    for (int begin = 0; begin < pieces; begin += 64) {
      float values[4] = {};
      const int count = rank < ranks ? (pieces - begin - lane + 15) >> 4 : 0;
      takeFloats(values, words + rank * pieces + begin + lane, 16, count, tag);
      sum += (values[0] + values[1]) + (values[2] + values[3]);
    }
#pragma unroll 1
    for (int offset = 8; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    if (lane == 0 && rank < ranks) shared<float>(kXaAt)[rank] = sum;
  }
}

/** What a lane does with a piece. */
template <bool kNested>
struct Multiplier {
  /** Shared addresses: the lane's words of the table; the map of the scales. */
  unsigned table, map;
  /** The lane's columns of x: of each of 4 blocks 16 values. */
  unsigned x[4][8];

  __device__ explicit Multiplier(const Lanes& l)
      : table(sharedAddress(shared<void>(kTableAt + 4 * l.lane))), map(sharedAddress(shared<void>(kMapAt))) {}
  /** `from`: where the piece of x begins. */
  __device__ void hold(int from, int quad) {
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      const auto* own = shared<uint4>(from + 2 * (kNf4Block * b + 16 * quad));
      const uint4 low = own[0], high = own[1];
      x[b][0] = low.x, x[b][1] = low.y, x[b][2] = low.z, x[b][3] = low.w;
      x[b][4] = high.x, x[b][5] = high.y, x[b][6] = high.z, x[b][7] = high.w;
    }
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
          const unsigned right[2] = {x[first + b][2 * m], x[first + b][2 * m + 1]};
          mma16816(d[b], a[b], right);
        }
      }
      // All columns are the same x, so all lanes of a group have the sums; each scales one block's.
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
  float scale;
  float4 b[4];

  __device__ Update(const Room& room, const LayerTable& layer, int product, int tile, int o)
      : up(readWhole(shared<Up>(room.ups) + product * room.mostTiles + tile)),
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
      const float4 xa = *shared<float4>(kXaAt + 4 * (up.firstRank + 4 * i));
      sum += xa.x * b[i].x + xa.y * b[i].y + (xa.z * b[i].z + xa.w * b[i].w);
    }
    return scale * sum;
  }
};

}  // namespace
