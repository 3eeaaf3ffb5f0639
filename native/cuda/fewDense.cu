// Linear layers of up to 8 rows over bfloat16 weights, on the matrix units: 16 outputs are the rows of the
// instruction, the rows of x its columns. A warp takes a piece of the 16 rows of W at a time, the block's
// warps share a row, and pieces for the next step are on their way while one is multiplied. Rows of W hold
// whole pieces, so nothing is checked inside of one. The first pieces of W come before the launch before has
// ended.
#include "eight.cuh"
#include "few.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

/** The layer that this block works on, and which of that layer's blocks it is. In shared memory: registers
 * are short. */
struct Share {
  Layer<bfloat16> layer;
  int block, blocks, firstRank;
};

/** `block` counts from the first that multiplies. */
__device__ inline const Share& dealOut(const Layer<bfloat16> (&layers)[3], int block, int outputsOfBlock) {
  __shared__ Share share;
  if (threadIdx.x == 0) {
    const auto blocksOf = [&](const Layer<bfloat16>& l) {
      return (l.out + outputsOfBlock - 1) / outputsOfBlock;
    };
    const int one = blocksOf(layers[0]), two = one + blocksOf(layers[1]);
    const int second = layers[0].down.r, third = second + layers[1].down.r;
    if (block < one)
      share = {layers[0], block, one, 0};
    else if (block < two)
      share = {layers[1], block - one, two - one, second};
    else
      share = {layers[2], block - two, blocksOf(layers[2]), third};
  }
  __syncthreads();
  return share;
}

/** Pieces of W [out, in]; in is a multiple of kValues. */
struct DensePieces {
  /** Values of each of the 16 rows. */
  static constexpr int kValues = 64;
  struct Piece {
    Eight rows[2][2];
  };
  const bfloat16* data;
  int in;
  /** Where the lane's two rows go on. */
  const bfloat16* at[2];

  __device__ void start(int h, int o, int begin) {
    at[h] = data + static_cast<int64>(o) * in + begin + 8 * (static_cast<int>(threadIdx.x) % 4);
  }
  __device__ void advance(int values) {
    for (int h = 0; h < 2; ++h) at[h] += values;
  }
  __device__ void load(Piece& piece) const {
#pragma unroll
    for (int u = 0; u < 2; ++u)
#pragma unroll
      for (int h = 0; h < 2; ++h) piece.rows[u][h] = loadEight(at[h] + 32 * u);
  }
  /** `x` is where the piece begins in the lane's row of x. */
  __device__ void multiply(float (&sums)[4], const Piece& piece, const bfloat16* x) const {
    const bfloat16* own = x + 8 * (static_cast<int>(threadIdx.x) % 4);
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const Eight right = loadEight(own + 32 * u);
#pragma unroll
      for (int s = 0; s < 4; s += 2) {
        const unsigned a[4] = {piece.rows[u][0].words[s], piece.rows[u][1].words[s],
                               piece.rows[u][0].words[s + 1], piece.rows[u][1].words[s + 1]};
        const unsigned b[2] = {right.words[s], right.words[s + 1]};
        mma16816(sums, a, b);
      }
    }
  }
};

/** Of each warp, 16 outputs for each row of x; one while the other is read. */
typedef float TileSums[2][kWarps][16 * kFewRows];

/** The share's tiles of 16 outputs: every share.blocks-th, from tile share.block on. */
__device__ inline void byTiles(const bfloat16* x, DensePieces pieces, const Share& share, int rows, int in,
                               const Handoff& handoff) {
  __shared__ __align__(16) TileSums partial;
  __shared__ float xa[kMostRanks * kFewRows], b[2][16 * kSmallRank];
  const Layer<bfloat16>& layer = share.layer;
  const int out = layer.out;
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int tiles = (out + 15) / 16;
  constexpr int kStep = kWarps * DensePieces::kValues;
  const int firstBegin = warp * DensePieces::kValues;
  // What a lane reads is clamped: the outputs of a last tile, and columns without a row of x, are not
  // written.
  const bfloat16* ownX = x + static_cast<int64>(min(group, rows - 1)) * in + firstBegin;
  const auto start = [&](int tile) {
    for (int h = 0; h < 2; ++h) pieces.start(h, min(tile * 16 + 8 * h + group, out - 1), firstBegin);
  };

  int tile = share.block;
  DensePieces::Piece next;
  start(tile);
  if (firstBegin < in) pieces.load(next);
  waitForLaunchesBefore();
  const int r = layer.down.r;
  int buffer = 0;
  for (; tile < tiles; tile += share.blocks) {
    // Thread i has value i of the tile's rows of B.
    const int64 atB = static_cast<int64>(tile) * 16 * r + tid;
    const float ownB = tid < 16 * r && atB < static_cast<int64>(out) * r ? layer.b[atB] : 0.0f;
    float sums[4] = {};
    for (int step = 0; step < in - firstBegin; step += kStep) {
      const DensePieces::Piece piece = next;
      if (step + kStep < in - firstBegin) {
        pieces.advance(kStep);
        pieces.load(next);
      } else if (tile + share.blocks < tiles) {
        start(tile + share.blocks);
        pieces.load(next);
      }
      pieces.multiply(sums, piece, ownX + step);
    }
    // Thread i of the first 128 has output i % 16 of row i / 16.
    const int row = tid / 16;
    const int output = tile * 16 + tid % 16;
    const bool writes = row < rows && output < out;
    const float residual = writes ? layer.residualAt(row, output) : 0.0f;
    float* own = partial[buffer][warp];
    *reinterpret_cast<float2*>(own + group * kFewRows + 2 * quad) = make_float2(sums[0], sums[1]);
    *reinterpret_cast<float2*>(own + (group + 8) * kFewRows + 2 * quad) = make_float2(sums[2], sums[3]);
    b[buffer][tid] = ownB;
    if (tile == share.block)
      handoff.take(xa, rows);
    else
      __syncthreads();
    if (writes) {
      float sum = 0, update = 0;
      for (int w = 0; w < kWarps; ++w) sum += partial[buffer][w][tid % 16 * kFewRows + row];
      for (int i = 0; i < r; ++i)
        update += xa[(share.firstRank + i) * kFewRows + row] * b[buffer][tid % 16 * r + i];
      layer.y[row * static_cast<int64>(out) + output] =
          fromFloat<bfloat16>(sum + layer.scale * update + residual);
    }
    buffer ^= 1;  // the next tile's barrier is the one that ends the reading of this buffer
  }
}

}  // namespace

/** x [rows, in]; absent layers have 0 outputs and rank 0. `in` is a multiple of 64, ranks are at most 16. */
extern "C" __global__ void __launch_bounds__(kThreads, 3)
    fewDense(const bfloat16* x, int rows, int in, int outputsOfBlock, unsigned* words,
             MLAB_LAYER(bfloat16, 0), MLAB_LAYER(bfloat16, 1), MLAB_LAYER(bfloat16, 2)) {
  const Layer<bfloat16> layers[3] = {MLAB_VALUES(0), MLAB_VALUES(1), MLAB_VALUES(2)};
  letLaunchesAfterBegin();
  const Handoff handoff(words, layers);
  const int block = static_cast<int>(blockIdx.x);
  if (block < handoff.makers) {
    makeXa<kThreads>(Source<bfloat16>{x, rows, in, 0, nullptr, 0.0f}, layers, block, &handoff);
    return;
  }
  const Share& share = dealOut(layers, block - handoff.makers, outputsOfBlock);
  byTiles(x, {static_cast<const bfloat16*>(share.layer.w), in, {}}, share, rows, in, handoff);
}
