// Linear layers of up to 8 rows over 4-bit weights, in bfloat16: a decoding step is bound by the bytes of W,
// so everything here serves to keep them coming.
//   h = rmsNorm(x) or x;  xa = drop(h) A^T;  y = [residual +] h W^T + scale xa B^T;  or silu(y of gate) * y
//   of up
//
// The matrix units do the products: 16 outputs are the rows of the instruction, rows of x its columns. A warp
// takes a piece of 256 values of 16 rows of W at a time, the block's warps share the rows, and the next
// pieces are on their way into shared memory while one is multiplied. A lane reads 16 bytes at once, half of
// a block of 64 values that have one scale: the two blocks that four lanes hold meet different columns of x
// (zeros where a lane's half is the other block's), so their sums stay apart until they meet their scale in
// float32. Levels are rounded to bfloat16.
//
// What does not depend on the launch before (W, its scales, B, the tables) is fetched before that launch has
// ended (waitForLaunchesBefore). The norm's factor is one number for a row, so it meets the sums at the end.
#include "fewNf4.cuh"

namespace {

template <bool kNested, bool kWide>
__device__ inline void multiplyTiles(const Few& few, const Layer<bfloat16> (&layers)[3],
                                     const Handoff& handoff) {
  __shared__ Tile tiles[kMostTiles];
  __shared__ float offset[3], squares[kFewRows][kWarps], inverse[kFewRows];
  __shared__ float xa[kMostRanks * kFewRows];
  const Source<bfloat16>& source = few.source;
  const int tid = static_cast<int>(threadIdx.x), warp = tid / 32, lane = tid % 32, group = lane / 4,
            quad = lane % 4;
  const int in = source.in, rows = source.rows, pieces = static_cast<unsigned>(in) / kPiece;
  // The first blocks have one unit more than the others.
  const int unit = 1 + few.gated,
            units = (tilesOf(layers[0]) + tilesOf(layers[1]) + tilesOf(layers[2])) / unit;
  const int block = static_cast<int>(blockIdx.x) - handoff.makers,
            blocks = static_cast<int>(gridDim.x) - handoff.makers;
  const int least = static_cast<unsigned>(units) / static_cast<unsigned>(blocks),
            more = units - least * blocks;
  const int firstTile = unit * (block * least + min(block, more));
  const int count = unit * (least + (block < more ? 1 : 0));
  const Room room(source, few.tilesOfBlock, max(layers[0].down.r, max(layers[1].down.r, layers[2].down.r)));

  if (tid < count) tiles[tid] = locate<kNested>(layers, few, firstTile + tid);
  __syncthreads();

  unsigned char* ownPieces = room.pieces + warp * kStages * kPieceBytes;
  /** Ends a group of copies, whether there is a piece left or not. */
  const auto fetch = [&](int stage, Cursor& coming) {
    if (coming.tile < count) {
      const Tile& tile = tiles[coming.tile];
      unsigned char* to = ownPieces + stage * kPieceBytes;
      // Rows that a last tile does not have are read from its last one, and not written.
      const int last = tile.outputs - 1;
      const unsigned char* from = tile.packed + coming.piece * (kPiece / 2) + 16 * quad;
      const unsigned char *low = from + min(group, last) * (in / 2),
                          *high = from + min(group + 8, last) * (in / 2);
      copyAsync16(to + 16 * lane, low, true);
      copyAsync16(to + 16 * (32 + lane), low + 64, true);
      copyAsync16(to + 16 * (64 + lane), high, true);
      copyAsync16(to + 16 * (96 + lane), high + 64, true);
      const int scale = min(lane % 16, last) * (in / kNf4Block) + 4 * coming.piece;
      unsigned char* stored = to + 4 * 32 * 16;
      if constexpr (kNested) {
        const float* nested = tile.nested + (tile.firstScale + scale) / kNf4ScaleBlock;
        copyAsync4(stored + 4 * lane, lane < 16 ? static_cast<const void*>(tile.scales + scale) : nested);
      } else if (lane < 16) {
        copyAsync16(stored + 16 * lane, tile.scales + 4 * scale, true);
      }
      coming.step(kWarps, pieces);
    }
    commitCopies();
  };

  Cursor coming{0, 0};
  coming.step(warp, pieces);
  Cursor at = coming;
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) fetch(stage, coming);
  if constexpr (kNested)
#pragma unroll
    for (int i = 0; i < 3; ++i)
      if (layers[i].out > 0) {
        copyAsync4(room.map + 256 * i + tid, layers[i].map + tid);
        if (tid == 0) copyAsync4(&offset[i], layers[i].offset);
      }
  for (int i = warp; i < count; i += kWarps) {
    const Tile& tile = tiles[i];
    for (int j = lane; j < tile.outputs * tile.r; j += 32)
      copyAsync4(room.b + i * 16 * room.rank + j, tile.b + j);
  }
  commitCopies();
  const Inputs inputs(source);
  if (pieces < kWarps)
    for (int i = tid; i < count * kWarps * rows * 4; i += kThreads)
      reinterpret_cast<uint4*>(room.partial)[i] = make_uint4(0, 0, 0, 0);
  const unsigned second = levelBits(tid / 8 % 16) << 16;
#pragma unroll
  for (int i = 0; i < kTableBytes / 16 / kThreads; ++i) {
    const unsigned pair = second | levelBits(tid / 128 + i * (kThreads / 128));
    reinterpret_cast<uint4*>(room.table)[tid + i * kThreads] = make_uint4(pair, pair, pair, pair);
  }

  waitForLaunchesBefore();
  inputs.bring(source, room, squares);
  waitCopies<0>();
  __syncthreads();
  if (tid < rows) {
    float sum = 0;
    for (int w = 0; w < kWarps; ++w) sum += source.gamma ? squares[tid][w] : 0.0f;
    inverse[tid] = source.gamma ? 1.0f / sqrtf(sum / static_cast<float>(in) + source.eps) : 1.0f;
  }

  const int row = kWide ? group : group / 2;
  Multiplier<kNested, kWide> multiplier(sharedAddress(room.table + 4 * lane),
                                        room.x + min(row, rows - 1) * room.xStride + 16 * quad,
                                        row < rows && (kWide || quad / 2 == group % 2), group, quad);
  float sums[Multiplier<kNested, kWide>::kSums] = {};
  uint4 values[2] = {};
  int stage = 0;
  while (at.tile < count) {
    waitCopies<kStages - 1>();
    __syncwarp();
    multiplier.read(ownPieces + stage * kPieceBytes);
    __syncwarp();  // the lanes have read the scales that others copied
    fetch(stage, coming);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    const int layer = tiles[at.tile].layer;
    multiplier.multiply(sums, at.piece * kPiece, values, sharedAddress(room.map + 256 * layer),
                        offset[layer]);
    float* own = room.partial + (at.tile * kWarps + warp) * rows * 16 + group;
    if (!at.step(kWarps, pieces)) continue;
    if constexpr (kWide) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (2 * quad + i % 2 < rows) own[(2 * quad + i % 2) * 16 + i / 2 * 8] = sums[i];
    } else if (quad < rows) {
      own[quad * 16] = sums[0];
      own[quad * 16 + 8] = sums[1];
    }
#pragma unroll
    for (float& sum : sums) sum = 0;
  }

  handoff.take(xa, rows);
  const auto valueAt = [&](int i, int r, int o) {
    const Tile& tile = tiles[i];
    float sum = 0, update = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) sum += room.partial[((i * kWarps + w) * rows + r) * 16 + o];
    const float* b = room.b + i * 16 * room.rank + o * tile.r;
    for (int j = 0; j < tile.r; ++j) update += xa[(tile.firstRank + j) * kFewRows + r] * b[j];
    sum = sum * inverse[r] + tile.scale * update;
    return tile.residual ? sum + toFloat(tile.residual[static_cast<int64>(r) * tile.stride + o]) : sum;
  };
  for (int item = tid; item < count / unit * rows * 16; item += kThreads) {
    const int o = item % 16, r = item / 16 % rows, i = item / 16 / rows * unit;
    const Tile& tile = tiles[i];
    if (o >= tile.outputs) continue;
    float y = valueAt(i, r, o);
    if (few.gated) y = y / (1.0f + expf(-y)) * valueAt(i + 1, r, o);
    tile.y[static_cast<int64>(r) * tile.stride + o] = fromFloat<bfloat16>(y);
  }
}

template <bool kNested, bool kWide>
__device__ inline void fewNf4(const Few& few, const Layer<bfloat16> (&layers)[3]) {
  letLaunchesAfterBegin();
  const Handoff handoff(few.handoff, layers);
  if (static_cast<int>(blockIdx.x) < handoff.makers)
    makeXa<kThreads>(few.source, layers, static_cast<int>(blockIdx.x), &handoff);
  else
    multiplyTiles<kNested, kWide>(few, layers, handoff);
}

}  // namespace

/** `in` is a multiple of 256, ranks are at most 16; narrow for up to 4 rows. */
#define MLAB_FEW_NF4(NAME, NESTED, WIDE)                                                               \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                            \
      NAME(const bfloat16* x, int rows, int in, int firstRow, int tilesOfBlock, const float* gamma,    \
           float eps, int gated, unsigned* handoff, MLAB_LAYER(bfloat16, 0), MLAB_LAYER(bfloat16, 1),  \
           MLAB_LAYER(bfloat16, 2)) {                                                                  \
    const Layer<bfloat16> layers[3] = {MLAB_VALUES(0), MLAB_VALUES(1), MLAB_VALUES(2)};                \
    fewNf4<NESTED, WIDE>({{x, rows, in, firstRow, gamma, eps}, tilesOfBlock, gated, handoff}, layers); \
  }

MLAB_FEW_NF4(fewNf4Absmax, false, false)
MLAB_FEW_NF4(fewNf4AbsmaxWide, false, true)
MLAB_FEW_NF4(fewNf4Nested, true, false)
MLAB_FEW_NF4(fewNf4NestedWide, true, true)
