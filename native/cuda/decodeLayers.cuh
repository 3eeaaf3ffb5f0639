// What the parts of decodeLayers.cu share: what the launch is given, what a block works on, and how blocks
// hand values to each other within the launch.
#pragma once
#include "common.cuh"
#include "nf4.cuh"

namespace {

typedef unsigned long long Word;

constexpr int kWarps = 16;
constexpr int kThreads = 32 * kWarps;
/** The only size of heads. */
constexpr int kHead = 128;
/** Values of a row of W that a warp works on at a time: 4 blocks. */
constexpr int kPiece = 4 * kNf4Block;
/** Pieces of a warp that are on their way. */
constexpr int kStages = 3;
/** Products of a layer: q, k, v; o; gate, up; down. */
constexpr int kProducts = 4;
/** Ranks of the adapters of a product at most. */
constexpr int kMostRanks = 48;
/** Query heads of a kv head that one block attends at once. */
constexpr int kRows = 4;
/** The most parts that keys are dealt out to. */
constexpr int kMostParts = 32;

/** One projection, 64 bytes, as sdk/ops/cuda/decodeLayers.ts writes it. */
struct Projection {
  /** [out, in / 2] */
  const unsigned char* packed;
  /** Of each block of 64: codes in 8 bits, or float32. */
  const unsigned char* scales;
  const float* nested;
  /** [r, in] and [out, r], float32; r is a multiple of 4, 0 without an adapter. */
  const float *a, *b;
  int r;
  float scale;
  /** Of the second quantisation. */
  float offset;
  int unused[3];
};
/** 512 bytes. */
struct LayerTable {
  Projection projections[7];
  const float *inputNorm, *outputNorm;
  /** [capacity, kvHeads, kHead] */
  bfloat16 *keys, *values;
  /** 0: all keys are seen. */
  int window;
  int unused[7];
};

struct Model {
  const LayerTable* layers;
  int count, hidden, intermediate, heads, kvHeads;
  float eps, attentionScale;
  /** Of the adapters of the 7 projections, the same in all layers: 0 to 16, a multiple of 4. */
  int ranks[7];
  /** Rows of the caches that are in use: where the new one goes. */
  const int* position;
  /** [kHead / 2] */
  const float* inverseFrequencies;
  /** [256], of all scales. */
  const float* map;
  /** [hidden]; y may be x. */
  const bfloat16* x;
  bfloat16* y;
  /** As many words as Exchange counts, then the number of launches so far. */
  Word* exchange;
};

/** How the keys are dealt out: set s is the kRows heads from s % setsOfHead * kRows on of kv head s /
 * setsOfHead. */
struct Deal {
  int group, setsOfHead, sets, parts;
  __device__ explicit Deal(const Model& m)
      : group(m.heads / m.kvHeads),
        setsOfHead((group + kRows - 1) / kRows),
        sets(m.kvHeads * setsOfHead),
        parts(max(1, min(kMostParts, static_cast<int>(gridDim.x) / sets))) {}
};

/**
 * Words through which blocks hand each other values: the value below, a tag above. A reader looks until the
 * tag is the one that it waits for, so that a value is its own signal, which takes half of the time of a
 * barrier and the reading after it. A word is written anew only after all blocks have read it: its writer has
 * waited, in between, for something that each block makes after reading it.
 */
struct Exchange {
  Word *x, *qkv, *attended, *middle, *gated, *xa[kProducts], *parts;
  unsigned* launches;

  __device__ Exchange(const Model& m, int sets, int parts) {
    x = m.exchange;
    qkv = x + m.hidden / 2;
    attended = qkv + (m.heads + 2 * m.kvHeads) * (kHead / 2);
    middle = attended + m.heads * (kHead / 2);
    gated = middle + m.hidden / 2;
    Word* next = gated + m.intermediate / 2;
    const int most = max(max(m.hidden, m.intermediate), m.heads * kHead) / kPiece;
    for (int i = 0; i < kProducts; ++i, next += kMostRanks * most) xa[i] = next;
    this->parts = next;
    launches = reinterpret_cast<unsigned*>(next + sets * parts * kRows * (kHead + 2));
  }
};

__device__ inline void give(Word* at, unsigned value, unsigned tag) {
  storeRelaxed(at, static_cast<Word>(tag) << 32 | value);
}
__device__ inline bool hasTag(Word word, unsigned tag) { return static_cast<unsigned>(word >> 32) == tag; }
__device__ inline unsigned valueOf(Word word) { return static_cast<unsigned>(word); }

/** A word that has another tag. */
__device__ inline Word without(unsigned tag) { return static_cast<Word>(~tag) << 32; }

/** By a whole warp, up to N words, `stride` apart: floats; `count` may be less. Zeros where there is none. */
template <int N>
__device__ inline void takeFloats(float (&values)[N], const Word* at, int64 stride, int count, unsigned tag) {
  Word words[N];
  // A value for all, so that registers are free until here.
#pragma unroll
  for (int i = 0; i < N; ++i) words[i] = without(tag);
  for (;;) {
    bool ready = true;
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i < count && !hasTag(words[i], tag)) words[i] = loadRelaxed(at + i * stride);
#pragma unroll
    for (int i = 0; i < N; ++i) ready &= i >= count || hasTag(words[i], tag);
    if (__all_sync(kFullWarp, ready)) break;
    pause();
  }
#pragma unroll
  for (int i = 0; i < N; ++i) values[i] = i < count ? __uint_as_float(valueOf(words[i])) : 0.0f;
}

/** A block's share of one product; the same in each layer. Units are tiles of 16 outputs, or pairs of them.
 */
struct Share {
  int in, firstTile, tiles;
  /** Of the layer's projections. */
  int firstProjection, projections;
  /** Tiles of the first and of the second projection. */
  int tilesOfFirst, tilesOfSecond;
  int gated;
};
__device__ inline Share shareOf(const Model& m, int product) {
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  const int head = kHead / 16;
  Share s = {};
  int units = m.hidden / 16;
  s.projections = 1;
  if (product == 0) {
    s.in = m.hidden, s.projections = 3;
    s.tilesOfFirst = m.heads * head, s.tilesOfSecond = m.kvHeads * head;
    units = s.tilesOfFirst + 2 * s.tilesOfSecond;
  } else if (product == 1) {
    s.in = m.heads * kHead, s.firstProjection = 3;
  } else if (product == 2) {
    s.in = m.hidden, s.firstProjection = 4, s.projections = 2, s.gated = 1;
    units = m.intermediate / 16;
  } else {
    s.in = m.intermediate, s.firstProjection = 6;
  }
  const int least = units / blocks, more = units - least * blocks, unit = 1 + s.gated;
  s.firstTile = unit * (block * least + min(block, more));
  s.tiles = unit * (least + (block < more ? 1 : 0));
  return s;
}
/** Of the block's tile: the place of its projection among the product's, and its own place there. */
struct Place {
  int projection, tile;
};
__device__ inline Place placeOf(const Share& s, int tile) {
  int global = s.firstTile + tile;
  if (s.gated) return {global % 2, global / 2};
  if (s.projections == 1 || global < s.tilesOfFirst) return {0, global};
  global -= s.tilesOfFirst;
  if (global < s.tilesOfSecond) return {1, global};
  return {2, global - s.tilesOfSecond};
}

/** One piece of work of a warp: a piece of 256 columns of a tile. 16 bytes, read at once. */
struct alignas(16) Unit {
  /** Of the layer's projections; of the block's tiles of the product; of the row's pieces. */
  unsigned short projection, tile;
  int piece;
  /** Of the piece in its first row: the place of its first scale, and a 32nd of that of its first byte. */
  unsigned offset;
  /** Columns of W. */
  int in;

  __device__ Unit(const Share& s, int t, int i) : tile(static_cast<unsigned short>(t)), piece(i), in(s.in) {
    const Place place = placeOf(s, t);
    projection = static_cast<unsigned short>(s.firstProjection + place.projection);
    offset = 16 * place.tile * static_cast<unsigned>(s.in / kNf4Block) + (kPiece / kNf4Block) * i;
  }
};
/** What an output of a tile gets from its adapter: rows of B, and where its ranks begin. */
struct alignas(16) Up {
  int projection, row, r, firstRank;
};
/** A warp's part of xa: 256 columns of a rank. */
struct alignas(16) Down {
  /** Of A [r, in]. */
  int projection, offset;
  int piece;
  /** Place in the words, [ranks, pieces]. */
  int word;
};
/** 16 bytes at once. */
template <class T>
__device__ inline T readWhole(const T* from) {
  static_assert(sizeof(T) == 16, "one access");
  union Both {
    uint4 bits;
    T value;
    __device__ Both() {}
  } both;
  both.bits = *reinterpret_cast<const uint4*>(from);
  return both.value;
}

}  // namespace
