// All layers of a decoder for one new token of one sequence, in bfloat16 over 4-bit weights, as one launch:
//   x += o(attention(rope(q(h)), rope(k(h)), v(h))), h = rmsNorm(x);  x += down(silu(gate(h)) * up(h)), h =
//   rmsNorm(x)
// with each projection y = W x + scale B (A x).
//
// What bounds a token is reading W. In launches of their own the products of a layer spend more than half of
// the time starting and ending, with memory idle. Here a block stays on its multiprocessor, and each of its
// warps has its next pieces of W under way, those of the next products included, while blocks wait for each
// other's results, which go through tagged words (Exchange). All blocks run at once: the launch is
// cooperative.
#include "decodeAttention.cuh"
#include "decodeLists.cuh"

namespace {

/** One block's state over all layers. */
template <bool kNested>
struct Decoder {
  static constexpr int x = kXAt<kNested>;
  Ring<kNested> ring;
  /** Of the warp's units, the next to multiply. */
  int at;
  /** Of this thread's output of o and down. */
  float residual;

  __device__ void product(int index, int layerIndex, unsigned tag) {
    const Lanes l;
    const LayerTable& layer = tableOf(layerIndex);
    const Share& share = shareOf(index);
    const Exchange& exchange = desk().exchange;
    const float* gamma = index == 0 ? layer.inputNorm : index == 2 ? layer.outputNorm : nullptr;
    const Bringer bringer(gamma, share.in);
    Downs downs(desk().room, layer, index);
    const Word* from = index == 0   ? exchange.x
                       : index == 1 ? exchange.attended
                       : index == 2 ? exchange.middle
                                    : exchange.gated;
    const float squares = bringer.bring(from, tag, x);
    if (l.lane == 0) shared<float>(kSquaresAt)[(index & 1) * kWarps + l.warp] = squares;
    const int pieces = share.in / kPiece;
    if (pieces % kWarps == 0)
      __syncwarp();
    else
      __syncthreads();  // the last pieces are multiplied by others than bring them
    downs.make(layer, x, exchange.xa[index], tag);
    if (layerIndex + 1 < desk().model.count) prefetchNext(index, tableOf(layerIndex + 1), downs);

    const Lanes inLoop;
    Multiplier<kNested> multiplier(inLoop);
    const Room& room = desk().room;
    const int ownSums = room.sumsOf(index, 0) + 4 * (inLoop.warp * 16 + inLoop.group + inLoop.quad * 8);
    // With fewer pieces than warps a warp does not meet all tiles.
    if (pieces < kWarps)
      for (int i = inLoop.lane; i < share.tiles * 16; i += 32)
        shared<float>(room.sumsOf(index, i / 16) + 4 * inLoop.warp * 16)[i % 16] = 0;
    __syncwarp();
    const int own = unitsOf(share, inLoop.warp), end = at + own, ranks = shared<int>(kRanksAt)[index];
    Word xa = own == 0 ? requestXa(exchange.xa[index], ranks, pieces) : 0;
    int tile = -1;
    auto unit = ring.workAt(at);
#pragma unroll 1
    while (at < end) {
      const int piece = unit.piece;
      multiplier.hold(x + piece * kPiece * 2, inLoop);
#pragma unroll 1
      do {
        // Others have made it by now, and its way is hidden here.
        if (at + 1 == end)
          xa = requestXa(exchange.xa[index], shared<int>(kRanksAt)[index], share.in / kPiece);
        const float offset = layer.projections[unit.projection].offset;
        const bool isFirst = unit.tile > tile;
        const float sum = multiplier.join(inLoop, multiplier.multiply(inLoop, ring.take(), offset));
        __syncwarp();  // the piece has been read
        ring.fetch(inLoop);
        float* to = shared<float>(ownSums + 4 * unit.tile * kTileSums);
        // Tiles come in ascending order in a warp's first pass, which leaves none out.
        if (inLoop.quad < 2) *to = isFirst ? sum : *to + sum;
        tile = max(tile, unit.tile);
        ++at;
        unit = ring.workAt(min(at, ring.count - 1));
      } while (at < end && unit.piece == piece);
    }
    takeXa(xa, exchange.xa[index], index, shared<int>(kRanksAt)[index], share.in / kPiece, tag);
    if (index + 1 == kProducts) at = 0;
    finish(index, layerIndex, tag);
  }

  /** Into the second cache: what this block reads beside W in the next layer's product. */
  __device__ void prefetchNext(int index, const LayerTable& next, const Downs& downs) const {
    const Lanes l;
    if (l.tid < shareOf(index).tiles) {
      const Up up = readWhole(shared<Up>(desk().room.ups) + index * desk().room.mostTiles + l.tid);
      if (up.r > 0)
        prefetchBytes(next.projections[up.projection].b + static_cast<int64>(up.row) * up.r, 64 * up.r);
    }
    if (l.lane == 0 && downs.count > 0) prefetchBytes(downs.rowOf(next, downs.at(0)), 4 * kPiece);
    if (index == 0 && l.tid == 0 && blockIdx.x < 2)
      prefetchBytes(blockIdx.x == 0 ? next.inputNorm : next.outputNorm, 4 * desk().model.hidden);
  }

  __device__ float sumOf(int product, int tile, int o) const {
    const float* own = shared<float>(desk().room.sumsOf(product, tile)) + o;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) sum += own[16 * w];
    return sum;
  }

  __device__ void finish(int index, int layerIndex, unsigned tag) {
    const Lanes l;
    const LayerTable& layer = tableOf(layerIndex);
    const Share& share = shareOf(index);
    const Exchange& exchange = desk().exchange;
    const Model& model = desk().model;
    const int unit = 1 + share.gated, outputs = share.tiles * 16 >> share.gated;
    const int tile = min((l.tid >> 4) * unit, share.tiles - unit), o = l.tid & 15;
    const bool works = l.tid < outputs;
    const Update first(desk().room, layer, index, tile, o);
    const Update second(desk().room, layer, index, tile + share.gated, o);
    __syncthreads();
    if (l.warp * 32 >= outputs) return;
    float inverse = 1;
    if ((index & 1) == 0) {
      float sum = 0;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) sum += shared<float>(kSquaresAt)[w];
      inverse = 1.0f / sqrtf(sum / static_cast<float>(share.in) + model.eps);
    }
    float y = 0;
    if (works) y = inverse * (sumOf(index, tile, o) + first.of());
    if (works && share.gated)
      y = y / (1.0f + expf(-y)) * (inverse * (sumOf(index, tile + 1, o) + second.of()));
    if ((index & 1) == 1) {
      // What the other blocks get, and what is added to later, is y as it is stored.
      y = toFloat(fromFloat<bfloat16>(y + residual));
      residual = y;
    }
    const float next = __shfl_xor_sync(kFullWarp, y, 1);
    const int output = (share.firstTile * 16 >> share.gated) + l.tid;
    if (!works) return;
    if (index == 3 && layerIndex + 1 == model.count) {
      model.y[output] = fromFloat<bfloat16>(y);
      return;
    }
    Word* to = index == 0   ? exchange.qkv
               : index == 1 ? exchange.middle
               : index == 2 ? exchange.gated
                            : exchange.x;
    if ((l.tid & 1) == 0) give(to + (output >> 1), packBfloat16(y, next), index == 3 ? tag + 1 : tag);
  }
};

/** The table of a layer comes into shared memory, 16 bytes a lane, by one warp. */
__device__ inline void bringTable(const Model& m, int layer) {
  const Lanes l;
  if (l.warp == 0 && layer < m.count)
    shared<uint4>(kLayersAt + layer % kLayers * static_cast<int>(sizeof(LayerTable)))[l.lane] =
        reinterpret_cast<const uint4*>(m.layers + layer)[l.lane];
}

template <bool kNested>
__device__ inline void decodeLayers(const Model& m, int mostTiles, int mostUnits, int mostDowns) {
  const Lanes l;
  const int mostValues = max(max(m.hidden, m.intermediate), m.heads * kHead);
  Room room{kXAt<kNested> + 2 * mostValues,       0, 0, 0, 0, mostTiles, mostUnits, mostDowns,
            XaPlace::partsOf(mostValues / kPiece)};
  // o and down, whose sums have the second place, have the same tiles.
  const int oddTiles = (m.hidden / 16 + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
  room.units = max(room.sumsOf(1, oddTiles), kXAt<kNested> + kAttentionBytes);
  room.ups = room.units + static_cast<int>(sizeof(Unit)) * kWarps * mostUnits;
  room.downs = room.ups + static_cast<int>(sizeof(Up)) * kProducts * mostTiles;
  room.xa = room.downs + static_cast<int>(sizeof(Down)) * kProducts * kWarps * mostDowns;
  if (l.tid < kProducts) shared<Share>(kSharesAt)[l.tid] = shareOf(m, l.tid);
  if (l.tid == 0) {
    Desk& own = *shared<Desk>(0);
    own.model = m;
    own.room = room;
    own.deal = Deal(m);
    own.exchange = Exchange(m, own.deal.sets, own.deal.parts);
  }
#pragma unroll 1
  for (int i = 0; i <= kStages; ++i) bringTable(m, i);
  __syncthreads();
  const int units = listUnits(room);
  listAdapters(desk().model, room);
  __syncwarp();
  Decoder<kNested> decoder{Ring<kNested>(room.units, mostUnits, units, m.count), 0, 0.0f};
#pragma unroll 1
  for (int stage = 0; stage < kStages; ++stage) decoder.ring.fetch(l, stage);
  const unsigned second = levelBits(l.tid / 8 % 16) << 16;
#pragma unroll
  for (int i = 0; i < kTableBytes / 16 / kThreads; ++i) {
    const unsigned pair = second | levelBits(l.tid / 128 + i * (kThreads / 128));
    shared<uint4>(kTableAt)[l.tid + i * kThreads] = make_uint4(pair, pair, pair, pair);
  }
  if (kNested && l.tid < 256) shared<float>(kMapAt)[l.tid] = m.map[l.tid];
  letLaunchesAfterBegin();
  const Share& own = shareOf(3);
  const bool ownsOutput = l.tid < own.tiles * 16;
  if (ownsOutput) decoder.residual = toFloat(m.x[own.firstTile * 16 + l.tid]);
  const int past = *m.position;
  if (l.tid < kHead / 2)  // the angle is a product of two floats by definition, as in rope.cu
    sincosf(__fmul_rn(static_cast<float>(past), m.inverseFrequencies[l.tid]), shared<float>(kSineAt) + l.tid,
            shared<float>(kCosineAt) + l.tid);
  const Exchange& exchange = desk().exchange;
  const unsigned launches = *exchange.launches;
  unsigned tag = launches * static_cast<unsigned>(m.count + 1) + 1;
  const float following = __shfl_xor_sync(kFullWarp, decoder.residual, 1);
  if (ownsOutput && l.tid % 2 == 0)
    give(exchange.x + (own.firstTile * 16 + l.tid) / 2, packBfloat16(decoder.residual, following), tag);
  __syncthreads();

#pragma unroll 1
  for (int layer = 0; layer < m.count; ++layer, ++tag) {
    bringTable(m, layer + kStages + 1);
#pragma unroll 1
    for (int product = 0; product < kProducts; ++product) {
      decoder.product(product, layer, tag);
      if (product > 0) continue;
      __syncthreads();  // attention writes where the sums are
      attend(kXAt<kNested>, tableOf(layer), tag, past);
    }
  }
  // All blocks have begun, and read the number, when what they made has arrived here.
  if (blockIdx.x == 0 && l.tid == 0) *exchange.launches = launches + 1;
}

}  // namespace

/** hidden, intermediate and heads * 128 are multiples of 256; each block has tiles of each product. */
#define MLAB_DECODE_LAYERS(NAME, NESTED)                                                                    \
  extern "C" __global__ void __launch_bounds__(kThreads, 1) NAME(                                           \
      const LayerTable* layers, int count, int hidden, int intermediate, int heads, int kvHeads, float eps, \
      float attentionScale, const int* position, const float* inverseFrequencies, const float* map,         \
      const bfloat16* x, bfloat16* y, Word* exchange, int rankQ, int rankK, int rankV, int rankO,           \
      int rankGate, int rankUp, int rankDown, int mostTiles, int mostUnits, int mostDowns) {                \
    const Model model = {layers,                                                                            \
                         count,                                                                             \
                         hidden,                                                                            \
                         intermediate,                                                                      \
                         heads,                                                                             \
                         kvHeads,                                                                           \
                         eps,                                                                               \
                         attentionScale,                                                                    \
                         {rankQ, rankK, rankV, rankO, rankGate, rankUp, rankDown},                          \
                         position,                                                                          \
                         inverseFrequencies,                                                                \
                         map,                                                                               \
                         x,                                                                                 \
                         y,                                                                                 \
                         exchange};                                                                         \
    decodeLayers<NESTED>(model, mostTiles, mostUnits, mostDowns);                                           \
  }

MLAB_DECODE_LAYERS(decodeLayersAbsmax, false)
MLAB_DECODE_LAYERS(decodeLayersNested, true)
