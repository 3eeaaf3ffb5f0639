// What the blocks and warps of decodeLayers.cu do in each layer, listed once in shared memory: it is the same
// in all layers, and working it out takes divisions.
#pragma once
#include "decodeRoom.cuh"

namespace {

/** A warp's units of a product. */
__device__ inline int unitsOf(const Share& share, int warp) {
  const unsigned pieces = static_cast<unsigned>(share.in) / kPiece, rest = pieces % kWarps * share.tiles;
  return static_cast<int>(pieces / kWarps * share.tiles + (rest + kWarps - 1 - warp) / kWarps);
}

/** Lists the warps' units, the same in each layer; gives the number of this thread's warp. */
__device__ inline int listUnits(const Room& room) {
  const Lanes l;
  Unit* own = shared<Unit>(room.units) + l.warp * room.mostUnits;
  int count = 0;
#pragma unroll 1
  for (int product = 0; product < kProducts; ++product) {
    const Share& share = shareOf(product);
    const int pieces = share.in / kPiece, rounds = pieces / kWarps, rest = pieces % kWarps;
    // By piece first: a piece of x is loaded once for all tiles. What is left is dealt out evenly.
#pragma unroll 1
    for (int i = 0; i < rounds * share.tiles; ++i, ++count)
      if (l.lane == 0) own[count] = Unit(share, i % share.tiles, l.warp + kWarps * (i / share.tiles));
#pragma unroll 1
    for (int i = l.warp; i < rest * share.tiles; i += kWarps, ++count)
      if (l.lane == 0) own[count] = Unit(share, i / rest, kWarps * rounds + i % rest);
  }
  return count;
}

/** Lists what the adapters need, the same in each layer. */
__device__ inline void listAdapters(const Model& m, const Room& room) {
  const Lanes l;
#pragma unroll 1
  for (int product = 0; product < kProducts; ++product) {
    const Share& share = shareOf(product);
    const int pieces = share.in / kPiece;
    int ranks = 0;
#pragma unroll 1
    for (int i = 0; i < share.projections; ++i) ranks += m.ranks[share.firstProjection + i];
#pragma unroll 1
    for (int tile = l.tid; tile < share.tiles; tile += kThreads) {
      const Place place = placeOf(share, tile);
      int firstRank = 0;
      for (int i = 0; i < place.projection; ++i) firstRank += m.ranks[share.firstProjection + i];
      const int projection = share.firstProjection + place.projection;
      shared<Up>(room.ups)[product * room.mostTiles + tile] = {projection, 16 * place.tile,
                                                               m.ranks[projection], firstRank};
    }
    if (l.lane > 0) continue;
    // A warp makes xa of the pieces of x that it brings, in all blocks: dealt out from another block on for
    // each.
    int count = 0;
    const int rounds = (pieces - l.warp + kWarps - 1) / kWarps;
#pragma unroll 1
    for (int n = (blockIdx.x + 8 * l.warp) % gridDim.x; n < ranks * rounds; n += gridDim.x, ++count) {
      int rank = n / rounds, i = share.firstProjection;
      const int piece = l.warp + kWarps * (n % rounds), word = rank * pieces + piece;
      while (rank >= m.ranks[i]) rank -= m.ranks[i++];
      shared<Down>(room.downs)[(product * room.mostDowns + count) * kWarps + l.warp] = {
          i, rank * share.in + piece * kPiece, piece, word};
    }
    shared<int>(kCountsAt)[product * kWarps + l.warp] = count;
    if (l.warp == 0) shared<int>(kRanksAt)[product] = ranks;
  }
}

}  // namespace
