// The tile registers of AMX: eight of 16 rows by 64 bytes, and the product of two of them in bfloat16, which
// gemm.cpp builds on. A test build replaces them by plain memory (MLAB_EMULATE_TILES), so that packing and
// edges are tested on processors without them. Tile numbers are literals: they are part of the instruction.
#pragma once
#include "simd.h"

#if defined(__AVX512BF16__) && (defined(MLAB_EMULATE_TILES) || defined(__AMX_BF16__))
#define MLAB_TILES

namespace mlab::MLAB_ISA {

/** Rows of a tile, and 32-bit cells in one of its rows. */
constexpr int64_t kTile = 16;

#ifdef MLAB_EMULATE_TILES

alignas(64) inline thread_local uint32_t emulatedTiles[8][kTile][kTile];
inline thread_local bool emulatedTilesConfigured = false;

/** Tile t; as on the processor, an illegal instruction where this thread has no TileScope. */
inline uint32_t (&emulatedTile(int t))[kTile][kTile] {
  if (!emulatedTilesConfigured) __builtin_trap();
  return emulatedTiles[t];
}

inline void emulateTileDot(int c, int a, int b) {
  for (int64_t i = 0; i < kTile; ++i)
    for (int64_t j = 0; j < kTile; ++j) {
      float sum;
      std::memcpy(&sum, &emulatedTile(c)[i][j], sizeof sum);
      for (int64_t p = 0; p < kTile; ++p) {
        const uint32_t left = emulatedTile(a)[i][p], right = emulatedTile(b)[p][j];
        sum += fromBf16(static_cast<uint16_t>(left)) * fromBf16(static_cast<uint16_t>(right));
        sum += fromBf16(static_cast<uint16_t>(left >> 16)) * fromBf16(static_cast<uint16_t>(right >> 16));
      }
      std::memcpy(&emulatedTile(c)[i][j], &sum, sizeof sum);
    }
}
#define MLAB_TILE_ZERO(t) std::memset(emulatedTile(t), 0, sizeof emulatedTile(t))
#define MLAB_TILE_LOAD(t, from, rowBytes) \
  for (int64_t r = 0; r < kTile; ++r)     \
  std::memcpy(emulatedTile(t)[r], reinterpret_cast<const char*>(from) + r * (rowBytes), 64)
#define MLAB_TILE_STORE(t, to, rowBytes) \
  for (int64_t r = 0; r < kTile; ++r)    \
  std::memcpy(reinterpret_cast<char*>(to) + r * (rowBytes), emulatedTile(t)[r], 64)
#define MLAB_TILE_DOT(c, a, b) emulateTileDot(c, a, b)

#else

#define MLAB_TILE_ZERO(t) _tile_zero(t)
#define MLAB_TILE_LOAD(t, from, rowBytes) _tile_loadd(t, from, rowBytes)
#define MLAB_TILE_STORE(t, to, rowBytes) _tile_stored(t, to, rowBytes)
/** Tile c [i][j] += the sum over cells p of the products of both halves of a [i][p] and b [p][j]. */
#define MLAB_TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)

#endif

/** As ldtilecfg reads it. Not on the stack: gcc's intrinsic says that it reads the first bytes only. */
struct TileConfig {
  uint8_t palette, startRow, reserved[14];
  uint16_t rowBytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);
alignas(64) constexpr TileConfig kTileConfig = {
    1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

/** All eight tiles at full size, on this thread, while it lives. */
class TileScope {
 public:
  TileScope() {
#ifdef MLAB_EMULATE_TILES
    emulatedTilesConfigured = true;
#else
    _tile_loadconfig(&kTileConfig);
#endif
  }
  ~TileScope() {
#ifdef MLAB_EMULATE_TILES
    emulatedTilesConfigured = false;
#else
    _tile_release();  // tiles in use make every switch between threads save 8 KB
#endif
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

}  // namespace mlab::MLAB_ISA
#endif
