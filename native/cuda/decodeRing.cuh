// How W reaches the warps of decodeLayers.cu: the pieces that a warp needs next, be it for later products,
// are on their way into its own ring in shared memory. Nobody else touches it.
#pragma once
#include "decodeRoom.cuh"

namespace {

/** The pieces of one warp: what is fetched runs kStages units ahead of what is multiplied. */
template <bool kNested>
struct Ring {
  /** Where the warp's units and slots begin in shared memory. */
  int units, count, slots;
  /** Of the next to fetch, and the slot of the next to multiply. */
  int layer, layers, next, slot;

  __device__ Ring(int unitsAt, int mostUnits, int numberOfUnits, int numberOfLayers)
      : units(unitsAt + Lanes().warp * mostUnits * static_cast<int>(sizeof(Unit))),
        count(numberOfUnits),
        slots(kRingAt + Lanes().warp * kStages * kPieceBytes<kNested>),
        layer(0),
        layers(numberOfUnits == 0 ? 0 : numberOfLayers),
        next(0),
        slot(0) {}
  __device__ Unit unitAt(int index) const {
    return readWhole(shared<Unit>(units + index * static_cast<int>(sizeof(Unit))));
  }
  /** The first half of a unit: projection, tile and piece, read at once. */
  struct Work {
    int projection, tile, piece;
  };
  __device__ Work workAt(int index) const {
    const uint2 bits = *shared<uint2>(units + index * static_cast<int>(sizeof(Unit)));
    return {static_cast<int>(bits.x & 0xffff), static_cast<int>(bits.x >> 16), static_cast<int>(bits.y)};
  }
  /** Starts the next copy into a slot; ends a group of copies whether there is one left or not. */
  __device__ void fetch(const Lanes& l, int into) {
    if (layer < layers) {
      const Unit unit = unitAt(next);
      const Projection& own = tableOf(layer).projections[unit.projection];
      const int to = slots + into * kPieceBytes<kNested>;
      const int stride = unit.in / 2u, row = l.lane / 8u, chunk = l.lane % 8u;
      const unsigned char* from =
          own.packed + 32 * static_cast<int64>(unit.offset) + row * stride + 16 * chunk;
      // Pairs of chunks are swapped by row, so that four rows are in different banks.
      const int at = to + row * 128 + ((chunk ^ row << 1) * 16);
#pragma unroll
      for (int i = 0; i < 4; ++i) copyAsync16(shared<void>(at + 512 * i), from + 4 * i * stride, true);
      const unsigned scale = unit.offset + l.lane % 16u * (unit.in / static_cast<unsigned>(kNf4Block));
      if constexpr (kNested) {
        // The codes of a row by the first lanes, its scale of the second level by the others.
        const int level = l.lane >> 4;
        const unsigned char* values =
            level == 0 ? own.scales : reinterpret_cast<const unsigned char*>(own.nested);
        copyAsync4(shared<void>(to + 2048 + 8 * (l.lane & 15) + 4 * level),
                   values + (level == 0 ? scale : 4 * (scale >> 8)));
      } else if (l.lane < 16) {
        copyAsync16(shared<void>(to + 2048 + 16 * l.lane), own.scales + 4 * static_cast<int64>(scale), true);
      }
      if (++next == count) next = 0, ++layer;
    }
    commitCopies();
  }
  /** Into the slot that was taken last. */
  __device__ void fetch(const Lanes& l) { fetch(l, slot == 0 ? kStages - 1 : slot - 1); }
  /** Where the piece to multiply lies, when it is there. */
  __device__ int take() {
    waitCopies<kStages - 1>();
    __syncwarp();
    const int piece = slots + slot * kPieceBytes<kNested>;
    slot = slot + 1 == kStages ? 0 : slot + 1;
    return piece;
  }
};

}  // namespace
