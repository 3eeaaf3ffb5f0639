// Shared memory of decodeLayers.cu: what lies where, and what all threads of a block read there.
#pragma once
#include "decodeLayers.cuh"

namespace {

/** Bytes of the table that makes two levels of a byte: a word for each byte and lane. */
constexpr int kTableBytes = 256 * 32 * 4;
constexpr unsigned kTableStride = 128;
/** A piece: 16 rows of 128 bytes; then of each row its scales as they are stored: 4 bytes and the scale of
 * the second level, or 4 floats. */
template <bool kNested>
constexpr int kPieceBytes = 2048 + (kNested ? 128 : 256);
/** Floats of a tile's sums, one of each warp and output; the padding keeps two tiles in different banks. */
constexpr int kTileSums = kWarps * 16 + 16;

/**
 * Dynamic shared memory, as bytes from its beginning: pointers that come from memory would be read as if they
 * could point anywhere. sdk/ops/cuda/decodeLayers.ts counts the same bytes.
 */
constexpr int kTableAt = 384;  // after the Desk
constexpr int kMapAt = kTableAt + kTableBytes;
constexpr int kSquaresAt = kMapAt + 256 * 4;
constexpr int kCosineAt = kSquaresAt + 2 * kWarps * 4;
constexpr int kSineAt = kCosineAt + kHead / 2 * 4;
constexpr int kSharesAt = kSineAt + kHead / 2 * 4;
/** Of each product and warp: how many Downs it has; of each product how many ranks. */
constexpr int kCountsAt = kSharesAt + kProducts * static_cast<int>(sizeof(Share));
constexpr int kRanksAt = kCountsAt + kProducts * kWarps * 4;
constexpr int kLayersAt = (kRanksAt + kProducts * 4 + 127) / 128 * 128;
/** Layers whose tables are here: what is fetched runs at most kStages layers ahead. */
constexpr int kLayers = 8;
constexpr int kRingAt = kLayersAt + kLayers * static_cast<int>(sizeof(LayerTable));
/** x [in], then the tiles' sums, of products in turns in two places: attention has the room of both; then
 * units, Ups, Downs, and xa, in two places likewise. */
template <bool kNested>
constexpr int kXAt = kRingAt + kWarps * kStages * kPieceBytes<kNested>;

/** Where the parts are that depend on the model. */
struct Room {
  int sums, units, ups, downs, xa;
  int mostTiles, mostUnits, mostDowns, mostParts;

  /** The sums of a tile of the product. */
  __device__ int sumsOf(int product, int tile) const {
    return sums + 4 * kTileSums * ((product & 1) * mostTiles + tile);
  }
  /** Part of the product's xa. */
  __device__ int xaOf(int product, int part) const {
    return xa + 4 * kMostRanks * ((product & 1) * mostParts + part);
  }
};

template <class T>
__device__ inline T* shared(int at) {
  return reinterpret_cast<T*>(dynamicShared() + at);
}

/** What all threads of a block read, at the beginning of its shared memory: registers are short. */
struct Desk {
  Model model;
  Exchange exchange;
  Deal deal;
  Room room;
};
static_assert(sizeof(Desk) <= kTableAt, "the table lies after it");

__device__ inline const Desk& desk() { return *shared<Desk>(0); }
__device__ inline const LayerTable& tableOf(int layer) {
  return shared<LayerTable>(kLayersAt)[layer % static_cast<unsigned>(kLayers)];
}
__device__ inline const Share& shareOf(int product) { return shared<Share>(kSharesAt)[product]; }

struct Lanes {
  int tid, warp, lane, group, quad;
  __device__ Lanes()
      : tid(threadNow()), warp(tid / 32u), lane(tid % 32u), group(lane / 4u), quad(lane % 4u) {}
};

}  // namespace
