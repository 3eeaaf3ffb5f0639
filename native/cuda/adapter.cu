// The LoRA adapters of up to 3 linear layers that read the same x [rows, in], for bfloat16 and small ranks.
// The products with W are cuBLASLt's, and add to what is written here. Of each layer, names as in
// native/cpu/linear.cpp:
//   xa = drop(x) A^T;  y = [residual +] x W^T + scale xa B^T
//   dxa = scale keptScale dy B;  dB = scale dy^T xa;  dA = dxa^T mask(x);  dx = the sum of dy W + mask(dxa A)
// drop keeps and scales, mask only keeps. Forward is two launches for all the layers (down, up), backward two
// (backwardDy, backwardX).
//
// The kernels are bound by memory, and by the hashes of dropout, which are as many as the adapters: each
// reads or writes its large operand once for all adapters, in pieces of 16 bytes, in the places where the
// matrix units want it. A sum does not care about the order of its terms, nor a product about the order of
// its columns, so a lane's 8 neighbours simply take the places that it holds.
//
// Where several blocks make parts of one sum, the last of them to finish adds the parts, in their order: an
// atomic counts the blocks, so that no launch is needed for the sum, and the result does not depend on which
// one is the last.
#include "eight.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/** The most layers of a launch. */
constexpr int kMostLayers = 3;
/** Columns of a warp, and of a block, in the kernels that go through rows. */
constexpr int kWarpColumns = 64;
constexpr int kBlockColumns = kWarps * kWarpColumns;

/** All bits of those halves that dropout keeps; `index` is the flat index of the first. */
__device__ inline Eight keptMask(const Dropout& drop, unsigned index) {
  Eight mask;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    mask.words[i] =
        (drop.kept(index + 2 * i) ? 0x0000ffffu : 0u) | (drop.kept(index + 2 * i + 1) ? 0xffff0000u : 0u);
  return mask;
}
__device__ inline Eight masked(const Eight& v, const Eight& mask) {
  Eight y;
#pragma unroll
  for (int i = 0; i < 4; ++i) y.words[i] = v.words[i] & mask.words[i];
  return y;
}

/** Of words that hold two columns each: the first column of two rows, and the second. */
__device__ inline unsigned firstColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x5410);
}
__device__ inline unsigned secondColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x7632);
}

/** Value (row, column) of a small matrix [rows, columns]; 0 outside. */
__device__ inline float valueOr0(const float* m, int row, int rows, int column, int columns) {
  return row < rows && column < columns ? m[static_cast<int64>(row) * columns + column] : 0.0f;
}
/** Values (row, column) and (row, column + 1), column even; 0 outside. */
__device__ inline float2 pairOr0(const float* m, int row, int rows, int column, int columns) {
  if (row >= rows || column >= columns) return make_float2(0.0f, 0.0f);
  const float* at = m + static_cast<int64>(row) * columns + column;
  if (columns % 2 == 0) return *reinterpret_cast<const float2*>(at);
  return make_float2(at[0], column + 1 < columns ? at[1] : 0.0f);
}

/**
 * True in the last of `count` blocks that come here, for all its threads; what the others wrote before is
 * then there to read. The counter is 0 before, and after.
 */
__device__ inline bool lastToArrive(int* arrivals, int count) {
  __shared__ bool isLast;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    isLast = atomicAdd(arrivals, 1) == count - 1;
    if (isLast) *arrivals = 0;
  }
  __syncthreads();
  const bool last = isLast;
  if (last) __threadfence();
  return last;
}
__device__ inline void storeFour(float* p, const float4& v) { storePack(p, {v.x, v.y, v.z, v.w}); }
/** The sum of `count` places, `stride` values apart, in their order. */
__device__ inline float4 sumOfParts(const float* first, int count, int64 stride) {
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 8
  for (int part = 0; part < count; ++part) {
    const float4 v = *reinterpret_cast<const float4*>(first + part * stride);
    sum = make_float4(sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w);
  }
  return sum;
}

// ---------------------------------------------------------------------------------------------------------------------
// xa [rows, r] = drop(x) A^T of each layer. A block has 32 rows and every column of its gridDim.y-th part.

struct DownLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* xa;
};

constexpr int kDownRows = 32;

/**
 * kTiles: of 8 ranks, of each layer. `partial` [gridDim.x, gridDim.y, 32, kLayers * 8 kTiles] and `arrivals`
 * [gridDim.x] are for more than one part.
 */
template <int kLayers, int kTiles>
__device__ inline void down(const bfloat16* x, int rows, int in, const DownLayer (&layers)[kMostLayers],
                            float* partial, int* arrivals) {
  constexpr int kRowTiles = kDownRows / 16, kAll = kLayers * kTiles, kWidth = 8 * kAll;
  __shared__ __align__(16) float sums[kWarps][kDownRows][kWidth];
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int firstRow = static_cast<int>(blockIdx.x) * kDownRows;
  const int chunks = (in + 31) / 32;
  const int perPart = (chunks + static_cast<int>(gridDim.y) - 1) / static_cast<int>(gridDim.y);
  const int begin = static_cast<int>(blockIdx.y) * perPart, end = min(begin + perPart, chunks);

  const auto load = [&](int chunk, Eight(&xs)[kRowTiles][2]) {
    const int k = chunk * 32 + quad * 8;
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int row = firstRow + 16 * t + 8 * h + group;
        xs[t][h] = loadEightIf(chunk < end && k < in && row < rows, x + static_cast<int64>(row) * in + k);
      }
  };

  float d[kRowTiles][kAll][4] = {};
  Eight next[kRowTiles][2];
  load(begin + warp, next);
  for (int chunk = begin + warp; chunk < end; chunk += kWarps) {
    const int k = chunk * 32 + quad * 8;
    Eight as[kAll];
#pragma unroll
    for (int l = 0; l < kLayers; ++l)
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
        const int i = 8 * n + group;
        Values<8> v = {};
        if (k < in && i < layers[l].r) v = loadValues<8>(layers[l].a + static_cast<int64>(i) * in + k);
#pragma unroll
        for (int w = 0; w < 4; ++w)
          as[l * kTiles + n].words[w] = packBfloat16(v.values[2 * w], v.values[2 * w + 1]);
      }
    Eight xs[kRowTiles][2];
#pragma unroll
    for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) xs[t][h] = next[t][h];
    load(chunk + kWarps, next);
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const Dropout drop(layers[l].p, layers[l].seed);
#pragma unroll
      for (int t = 0; t < kRowTiles; ++t) {
        Eight kept[2];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = firstRow + 16 * t + 8 * h + group;
          kept[h] = xs[t][h];
          if (drop.threshold != 0)
            kept[h] = masked(kept[h], keptMask(drop, static_cast<unsigned>(row) * in + k));
        }
#pragma unroll
        for (int s = 0; s < 4; s += 2) {
          const unsigned left[4] = {kept[0].words[s], kept[1].words[s], kept[0].words[s + 1],
                                    kept[1].words[s + 1]};
#pragma unroll
          for (int n = l * kTiles; n < (l + 1) * kTiles; ++n) {
            const unsigned right[2] = {as[n].words[s], as[n].words[s + 1]};
            mma16816(d[t][n], left, right);
          }
        }
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kRowTiles; ++t)
#pragma unroll
    for (int n = 0; n < kAll; ++n)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        float* at = &sums[warp][16 * t + 8 * h + group][8 * n + 2 * quad];
        *reinterpret_cast<float2*>(at) = make_float2(d[t][n][2 * h], d[t][n][2 * h + 1]);
      }
  __syncthreads();

  /** Ranks i .. i + 3 of all, of one row of the block. */
  const auto write = [&](int place, int i, const float4& sum) {
    const int row = firstRow + place;
    const float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const float keptScale = 1.0f / (1.0f - layers[l].p);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int own = i + e - l * 8 * kTiles;
        if (row < rows && own >= 0 && own < 8 * kTiles && own < layers[l].r)
          layers[l].xa[static_cast<int64>(row) * layers[l].r + own] = values[e] * keptScale;
      }
    }
  };
  constexpr int kValues = kDownRows * kWidth;
  const int parts = static_cast<int>(gridDim.y);
  float* ofRows = partial + static_cast<int64>(blockIdx.x) * parts * kValues;
  for (int i = 4 * tid; i < kValues; i += 4 * kThreads) {
    const float4 sum = sumOfParts(&sums[0][0][0] + i, kWarps, kValues);
    if (parts == 1)
      write(i / kWidth, i % kWidth, sum);
    else
      storeFour(ofRows + static_cast<int64>(blockIdx.y) * kValues + i, sum);
  }
  if (parts > 1 && lastToArrive(arrivals + blockIdx.x, parts)) {
    for (int i = 4 * tid; i < kValues; i += 4 * kThreads)
      write(i / kWidth, i % kWidth, sumOfParts(ofRows + i, parts, kValues));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The adapter's update of a large matrix [rows, columns], S P^T with S [rows, r] and P [columns, r], computed
// as its transpose: a warp's 64 columns are the rows of the matrix instruction, where a lane has columns 8
// group .. 8 group + 7 as 8 group + 2j (upper half of instruction j) and 8 group + 2j + 1 (lower half), and
// rows 2 quad and 2 quad + 1 of 8. An instruction sums over 16, r has tiles of 8: the other half adds what S
// loses by rounding to bfloat16.

/** P of the warp's columns, as the left factor: [j][e] is the column 8 group + 2j + e. */
struct LeftFactor {
  unsigned words[4][2];

  /** Ranks i and i + 1 of B [columns, r], i = 8 tile + 2 quad. */
  __device__ static LeftFactor ofB(const float* b, int column, int columns, int i, int r) {
    LeftFactor p;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float2 v = pairOr0(b, column + 2 * j + e, columns, i, r);
        p.words[j][e] = packBfloat16(v.x, v.y);
      }
    return p;
  }
  /** The same of A [r, columns]. */
  __device__ static LeftFactor ofA(const float* a, int column, int columns, int i, int r) {
    Values<8> first = {}, second = {};
    if (column < columns && i < r) first = loadValues<8>(a + static_cast<int64>(i) * columns + column);
    if (column < columns && i + 1 < r)
      second = loadValues<8>(a + static_cast<int64>(i + 1) * columns + column);
    LeftFactor p;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        p.words[j][e] = packBfloat16(first.values[2 * j + e], second.values[2 * j + e]);
    return p;
  }

  /** d[j][2c + e] += the update of row 2 quad + e and column 8 group + 2j + c; s is of row `group`, ranks i
   * and i + 1.
   */
  __device__ void update(const float2& s, float (&d)[4][4]) const {
    const unsigned rounded = packBfloat16(s.x, s.y);
    const unsigned rest = packBfloat16(s.x - lowFloat(rounded), s.y - highFloat(rounded));
    const unsigned right[2] = {rounded, rest};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const unsigned left[4] = {words[j][0], words[j][1], words[j][0], words[j][1]};
      mma16816(d[j], left, right);
    }
  }
};

struct UpLayer {
  const float* xa;
  const float* b;
  int out, r;
  float scale;
  bfloat16* y;
};

/** Of the layers whose blocks follow each other on blockIdx.y: which one is the block's, and its block there.
 */
struct BlockOfLayer {
  int layer, block, count;

  __device__ BlockOfLayer(int out0, int out1, int out2) {
    const int outs[kMostLayers] = {out0, out1, out2};
    layer = 0;
    block = static_cast<int>(blockIdx.y);
    count = (outs[0] + kBlockColumns - 1) / kBlockColumns;
#pragma unroll
    for (int l = 1; l < kMostLayers; ++l) {
      if (layer != l - 1 || block < count) continue;
      layer = l;
      block -= count;
      count = (outs[l] + kBlockColumns - 1) / kBlockColumns;
    }
  }
};
template <class Layer>
__device__ inline Layer layerOf(const Layer (&layers)[kMostLayers], int index) {
  return index == 0 ? layers[0] : index == 1 ? layers[1] : layers[2];
}

/**
 * y [rows, out] = scale xa B^T of each layer, in the first added to `residual` where it is not null.
 * blockIdx.x has `blockRows` rows (a multiple of 16), blockIdx.y 512 columns of one layer.
 */
template <int kTiles>
__device__ inline void up(const bfloat16* residual, int rows, int blockRows,
                          const UpLayer (&layers)[kMostLayers]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
  const BlockOfLayer place(layers[0].out, layers[1].out, layers[2].out);
  const UpLayer layer = layerOf(layers, place.layer);
  const bfloat16* added = place.layer == 0 ? residual : nullptr;
  const int out = layer.out, r = layer.r;
  const int column =
      place.block * kBlockColumns + static_cast<int>(threadIdx.x) / 32 * kWarpColumns + 8 * group;
  const bool inside = column < out;

  float2 nextS[kTiles];
  Eight nextAdded[2] = {};
  const auto load = [&](int tile) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) nextS[n] = pairOr0(layer.xa, tile + group, rows, 8 * n + 2 * quad, r);
    if (added) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int row = tile + 2 * quad + e;
        nextAdded[e] = loadEightIf(row < rows && inside, added + static_cast<int64>(row) * out + column);
      }
    }
  };
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  load(begin);
  LeftFactor b[kTiles];
#pragma unroll
  for (int n = 0; n < kTiles; ++n) b[n] = LeftFactor::ofB(layer.b, column, out, 8 * n + 2 * quad, r);
  for (int tile = begin; tile < end; tile += 8) {
    float d[4][4];
    float2 s[kTiles];
#pragma unroll
    for (int n = 0; n < kTiles; ++n) s[n] = make_float2(layer.scale * nextS[n].x, layer.scale * nextS[n].y);
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        d[j][e] = lowFloat(nextAdded[e].words[j]);
        d[j][2 + e] = highFloat(nextAdded[e].words[j]);
      }
    if (tile + 8 < end) load(tile + 8);
#pragma unroll
    for (int n = 0; n < kTiles; ++n) b[n].update(s[n], d);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int row = tile + 2 * quad + e;
      Eight v;
#pragma unroll
      for (int j = 0; j < 4; ++j) v.words[j] = packBfloat16(d[j][e], d[j][2 + e]);
      if (row < rows && inside) storeEight(layer.y + static_cast<int64>(row) * out + column, v);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// A warp's tiles of 16 rows and 64 columns on their way through shared memory: some are copied while one is
// used, without a barrier of the block. A lane copies columns 8 group .. 8 group + 7 of rows 2 quad + e and 8
// + 2 quad + e.

constexpr int kStages = 3;
constexpr int kTileBytes = 16 * kWarpColumns * 2;
constexpr int kStageBytes = kWarps * kStages * kTileBytes;

struct Tiles {
  unsigned char* stages;
  /** Where the lane's columns of row 0 are. */
  const bfloat16* source;
  int columns;
  bool inside;
  int end;
  int group, quad, stage;

  __device__ Tiles(unsigned char* shared, const bfloat16* m, int column, int ofColumns, int endRow)
      : stages(shared + threadIdx.x / 32 * (kStages * kTileBytes)),
        source(m + column),
        columns(ofColumns),
        inside(column < ofColumns),
        end(endRow),
        group(static_cast<int>(threadIdx.x) % 32 / 4),
        quad(static_cast<int>(threadIdx.x) % 4),
        stage(0) {}

  /** 8 columns of a row. Both ways of reading, down a column of places and along a row, meet all banks. */
  __device__ static int offset(int row, int eighth) {
    const int turn = (row >> 1 & 3) << 1 ^ (row & 1) << 2;
    return row * (kWarpColumns * 2) + (eighth ^ turn) * 16;
  }
  __device__ void copy(int to, int tile) const {
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int place = 8 * h + 2 * quad + e;
        const int row = tile + place;
        const bool valid = row < end && inside;
        copyAsync16(stages + to * kTileBytes + offset(place, group),
                    valid ? source + static_cast<int64>(row) * columns : source, valid);
      }
  }
  __device__ void start(int begin) {
#pragma unroll
    for (int s = 0; s < kStages - 1; ++s) {
      if (begin + 16 * s < end) copy(s, begin + 16 * s);
      commitCopies();
    }
  }
  /** Waits for the tile that begins at row `tile`, and starts the copy of a later one. */
  __device__ void wait(int tile) {
    waitCopies<kStages - 2>();
    __syncwarp();
    const int later = tile + 16 * (kStages - 1);
    if (later < end) copy(stage == 0 ? kStages - 1 : stage - 1, later);
    commitCopies();
  }
  __device__ Eight load(int row, int eighth) const {
    const uint4 v = *reinterpret_cast<const uint4*>(stages + stage * kTileBytes + offset(row, eighth));
    return {{v.x, v.y, v.z, v.w}};
  }
  __device__ void next() { stage = stage == kStages - 1 ? 0 : stage + 1; }
};

/**
 * Adds to d a product over 16 rows of the warp's 64 columns: d[j][2c + e] is the sum of column 8 group + 2j +
 * c and rank 2 quad + e. xs[h][e] is row 8h + 2 quad + e, right[h] rows 8h + 2 quad and the one after it of
 * rank `group`.
 */
__device__ inline void addRows(float (&d)[4][4], const Eight (&xs)[2][2], const unsigned (&right)[2]) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const unsigned left[4] = {firstColumn(xs[0][0].words[j], xs[0][1].words[j]),
                              secondColumn(xs[0][0].words[j], xs[0][1].words[j]),
                              firstColumn(xs[1][0].words[j], xs[1][1].words[j]),
                              secondColumn(xs[1][0].words[j], xs[1][1].words[j])};
    mma16816(d[j], left, right);
  }
}

struct BackwardDyLayer {
  const bfloat16* dy;
  const float* b;
  const float* xa;
  int out, r;
  float scale, dxaScale;
  float* dB;
};

/** Rows whose sums over columns wait for those of the other warps. */
constexpr int kWaitingRows = 64;

/**
 * Reads each dy once for two sums: dxa [layers, rows, 8 kTiles], with zeros beyond r, and dB [out, r]. Blocks
 * as in `up`. partialDyB [gridDim.y, rows, 8 kTiles] has dy B over the columns of each block, partialDB
 * [gridDim.y, gridDim.x, 512, 8 kTiles] dy^T xa over its rows. `arrivals` [3 gridDim.x + gridDim.y].
 */
template <int kTiles>
__device__ inline void backwardDy(int rows, int blockRows, const BackwardDyLayer (&layers)[kMostLayers],
                                  float* partialDyB, float* partialDB, float* dxa, int* arrivals) {
  constexpr int kWidth = 8 * kTiles;
  float* sums = reinterpret_cast<float*>(dynamicShared() + kStageBytes);  // [kWarps, kWaitingRows, kWidth]
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const BlockOfLayer place(layers[0].out, layers[1].out, layers[2].out);
  const BackwardDyLayer layer = layerOf(layers, place.layer);
  const int out = layer.out, r = layer.r;
  const int blockColumn = place.block * kBlockColumns;
  const int warpColumn = blockColumn + warp * kWarpColumns;
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  Tiles tiles(dynamicShared(), layer.dy, warpColumn + 8 * group, out, end);
  tiles.start(begin);

  // B as the right factor of dy B: two chunks of 32 columns, a lane has columns 8 quad .. 8 quad + 7 of each.
  unsigned bs[2][kTiles][4];
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        const int k = warpColumn + 32 * c + 8 * quad + 2 * w;
        bs[c][n][w] = packBfloat16(valueOr0(layer.b, k, out, 8 * n + group, r),
                                   valueOr0(layer.b, k + 1, out, 8 * n + group, r));
      }

  float dB[kTiles][4][4] = {};
  for (int part = begin; part < end; part += kWaitingRows) {
    const int partEnd = min(part + kWaitingRows, end);
    for (int tile = part; tile < partEnd; tile += 16) {
      unsigned xa[kTiles][2];
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = tile + 8 * h + 2 * quad;
          xa[n][h] = packBfloat16(valueOr0(layer.xa, row, rows, 8 * n + group, r),
                                  valueOr0(layer.xa, row + 1, rows, 8 * n + group, r));
        }
      tiles.wait(tile);
      float d[kTiles][4] = {};
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const Eight dys[2] = {tiles.load(group, 4 * c + quad), tiles.load(8 + group, 4 * c + quad)};
#pragma unroll
        for (int s = 0; s < 4; s += 2) {
          const unsigned left[4] = {dys[0].words[s], dys[1].words[s], dys[0].words[s + 1],
                                    dys[1].words[s + 1]};
#pragma unroll
          for (int n = 0; n < kTiles; ++n) {
            const unsigned right[2] = {bs[c][n][s], bs[c][n][s + 1]};
            mma16816(d[n], left, right);
          }
        }
      }
#pragma unroll
      for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = tile - part + 8 * h + group;
          float* at = sums + (warp * kWaitingRows + row) * kWidth + 8 * n + 2 * quad;
          *reinterpret_cast<float2*>(at) = make_float2(d[n][2 * h], d[n][2 * h + 1]);
        }
      Eight dys[2][2];
#pragma unroll
      for (int h = 0; h < 2; ++h)
#pragma unroll
        for (int e = 0; e < 2; ++e) dys[h][e] = tiles.load(8 * h + 2 * quad + e, group);
#pragma unroll
      for (int n = 0; n < kTiles; ++n) addRows(dB[n], dys, xa[n]);
      tiles.next();
    }
    __syncthreads();
    float* target = partialDyB + (static_cast<int64>(blockIdx.y) * rows + part) * kWidth;
    for (int i = 4 * tid; i < (partEnd - part) * kWidth; i += 4 * kThreads)
      storeFour(target + i, sumOfParts(sums + i, kWarps, kWaitingRows * kWidth));
    __syncthreads();
  }

  constexpr int kValues = kBlockColumns * kWidth;
  const int rowBlocks = static_cast<int>(gridDim.x);
  float* ofColumns = partialDB + static_cast<int64>(blockIdx.y) * rowBlocks * kValues;
  float* own =
      ofColumns + blockIdx.x * static_cast<int64>(kValues) + (warp * kWarpColumns + 8 * group) * kWidth;
#pragma unroll
  for (int n = 0; n < kTiles; ++n)
#pragma unroll
    for (int c = 0; c < 8; ++c)
      *reinterpret_cast<float2*>(own + c * kWidth + 8 * n + 2 * quad) =
          make_float2(dB[n][c / 2][c % 2 * 2], dB[n][c / 2][c % 2 * 2 + 1]);

  if (lastToArrive(arrivals + place.layer * rowBlocks + blockIdx.x, place.count)) {
    const int64 first = static_cast<int64>(begin) * kWidth, stride = static_cast<int64>(rows) * kWidth;
    const float* parts = partialDyB + (static_cast<int>(blockIdx.y) - place.block) * stride + first;
    float* target = dxa + place.layer * stride + first;
    for (int i = 4 * tid; i < (end - begin) * kWidth; i += 4 * kThreads) {
      const float4 v = sumOfParts(parts + i, place.count, stride);
      const float s = layer.dxaScale;
      storeFour(target + i, make_float4(s * v.x, s * v.y, s * v.z, s * v.w));
    }
  }
  if (lastToArrive(arrivals + kMostLayers * rowBlocks + blockIdx.y, rowBlocks)) {
    for (int i = 4 * tid; i < kValues; i += 4 * kThreads) {
      const int column = blockColumn + i / kWidth;
      const float4 v = sumOfParts(ofColumns + i, rowBlocks, kValues);
      const float values[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int e = 0; e < 4; ++e)
        if (column < out && i % kWidth + e < r)
          layer.dB[static_cast<int64>(column) * r + i % kWidth + e] = layer.scale * values[e];
    }
  }
}

struct BackwardXLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* dA;
};

/**
 * Reads x once, writes dx [rows, in], the sum of mask(dxa A) over the layers, once, and sums dA [r, in] of
 * each. blockIdx.x has `blockRows` rows (a multiple of 16), blockIdx.y 512 columns. dxa [layers, rows, 8
 * kTiles]. partialDA [gridDim.y, gridDim.x, kLayers * 8 kTiles, 512] has dxa^T mask(x) over the rows of each
 * block; `arrivals` [gridDim.y]. Both dx and dA need the masks, which cost more than the products: they are
 * made once.
 */
template <int kLayers, int kTiles>
__device__ inline void backwardX(const bfloat16* x, const float* dxa, int rows, int in, int blockRows,
                                 bfloat16* dx, const BackwardXLayer (&layers)[kMostLayers], float* partialDA,
                                 int* arrivals) {
  constexpr int kAll = kLayers * kTiles, kWidth = 8 * kTiles;
  const int tid = static_cast<int>(threadIdx.x);
  const int warp = tid / 32, group = tid % 32 / 4, quad = tid % 4;
  const int blockColumn = static_cast<int>(blockIdx.y) * kBlockColumns;
  const int column = blockColumn + warp * kWarpColumns + 8 * group;
  const int begin = static_cast<int>(blockIdx.x) * blockRows, end = min(begin + blockRows, rows);
  Tiles tiles(dynamicShared(), x, column, in, end);
  tiles.start(begin);

  // Each thread's own A waits in shared memory: there are too few registers for all of it.
  uint4* as = reinterpret_cast<uint4*>(dynamicShared() + kStageBytes) + tid;
#pragma unroll
  for (int l = 0; l < kLayers; ++l)
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const LeftFactor a = LeftFactor::ofA(layers[l].a, column, in, 8 * n + 2 * quad, layers[l].r);
#pragma unroll
      for (int j = 0; j < 4; j += 2)
        as[(2 * (l * kTiles + n) + j / 2) * kThreads] =
            make_uint4(a.words[j][0], a.words[j][1], a.words[j + 1][0], a.words[j + 1][1]);
    }

  float dA[kAll][4][4] = {};
  for (int tile = begin; tile < end; tile += 16) {
    tiles.wait(tile);
#pragma unroll 1
    for (int h = 0; h < 2; ++h) {  // together they would need more registers than there are
      const int first = tile + 8 * h;
      const Eight xs[2] = {tiles.load(8 * h + 2 * quad, group), tiles.load(8 * h + 2 * quad + 1, group)};
      float sum[2][8] = {};
#pragma unroll
      for (int l = 0; l < kLayers; ++l) {
        const Dropout drop(layers[l].p, layers[l].seed);
        const float* own = dxa + l * static_cast<int64>(rows) * kWidth;
        float d[4][4] = {};
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const uint4 v = as[2 * (l * kTiles + n) * kThreads], w = as[(2 * (l * kTiles + n) + 1) * kThreads];
          const LeftFactor a{{{v.x, v.y}, {v.z, v.w}, {w.x, w.y}, {w.z, w.w}}};
          a.update(pairOr0(own, first + group, end, 8 * n + 2 * quad, kWidth), d);
        }
        // Of the 16 rows of an instruction 8 are zeros: two halves at once would need twice the masks.
        Eight kept[2][2] = {{xs[0], xs[1]}, {{{0, 0, 0, 0}}, {{0, 0, 0, 0}}}};
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (drop.threshold != 0) {
            const unsigned index = static_cast<unsigned>(first + 2 * quad + e) * in + column;
            const Eight mask = keptMask(drop, index);
            kept[0][e] = masked(kept[0][e], mask);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
              sum[e][2 * j] += (mask.words[j] & 0x0000ffffu) != 0 ? d[j][e] : 0.0f;
              sum[e][2 * j + 1] += (mask.words[j] & 0xffff0000u) != 0 ? d[j][2 + e] : 0.0f;
            }
          } else {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
              sum[e][2 * j] += d[j][e];
              sum[e][2 * j + 1] += d[j][2 + e];
            }
          }
        }
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const unsigned right[2] = {
              packBfloat16(valueOr0(own, first + 2 * quad, end, 8 * n + group, kWidth),
                           valueOr0(own, first + 2 * quad + 1, end, 8 * n + group, kWidth)),
              0};
          addRows(dA[l * kTiles + n], kept, right);
        }
      }
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int row = first + 2 * quad + e;
        Eight v;
#pragma unroll
        for (int j = 0; j < 4; ++j) v.words[j] = packBfloat16(sum[e][2 * j], sum[e][2 * j + 1]);
        if (row < end && column < in) storeEight(dx + static_cast<int64>(row) * in + column, v);
      }
    }
    tiles.next();
  }

  constexpr int kValues = kLayers * kWidth * kBlockColumns;
  const int rowBlocks = static_cast<int>(gridDim.x);
  float* ofColumns = partialDA + static_cast<int64>(blockIdx.y) * rowBlocks * kValues;
  float* own = ofColumns + blockIdx.x * static_cast<int64>(kValues) + warp * kWarpColumns + 8 * group;
#pragma unroll
  for (int n = 0; n < kAll; ++n)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      Values<8> v;
#pragma unroll
      for (int c = 0; c < 8; ++c) v.values[c] = dA[n][c / 2][c % 2 * 2 + e];
      storeValues(own + (8 * n + 2 * quad + e) * kBlockColumns, v);
    }
  if (lastToArrive(arrivals + blockIdx.y, rowBlocks)) {
#pragma unroll
    for (int l = 0; l < kLayers; ++l) {
      const float* parts = ofColumns + l * kWidth * kBlockColumns;
      for (int i = 4 * tid; i < layers[l].r * kBlockColumns; i += 4 * kThreads) {
        const int at = blockColumn + i % kBlockColumns;
        if (at < in)
          storeFour(layers[l].dA + i / kBlockColumns * static_cast<int64>(in) + at,
                    sumOfParts(parts + i, rowBlocks, kValues));
      }
    }
  }
}

}  // namespace

// The names say how many layers and the greatest r. Where a kernel takes more layers than there are, `out` of
// the others is 0.
#define MLAB_ADAPTER_DOWN(NAME, LAYERS, TILES)                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                            \
      NAME(const bfloat16* x, int rows, int in, const float* a0, int r0, float p0, unsigned seed0,     \
           float* xa0, const float* a1, int r1, float p1, unsigned seed1, float* xa1, const float* a2, \
           int r2, float p2, unsigned seed2, float* xa2, float* partial, int* arrivals) {              \
    const DownLayer layers[kMostLayers] = {                                                            \
        {a0, r0, p0, seed0, xa0}, {a1, r1, p1, seed1, xa1}, {a2, r2, p2, seed2, xa2}};                 \
    down<LAYERS, TILES>(x, rows, in, layers, partial, arrivals);                                       \
  }

MLAB_ADAPTER_DOWN(adapterDown1x8, 1, 1)
MLAB_ADAPTER_DOWN(adapterDown2x8, 2, 1)
MLAB_ADAPTER_DOWN(adapterDown3x8, 3, 1)
MLAB_ADAPTER_DOWN(adapterDown1x16, 1, 2)

#define MLAB_ADAPTER_UP(NAME, TILES)                                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads) NAME(                                               \
      const bfloat16* residual, int rows, int blockRows, const float* xa0, const float* b0, int out0,        \
      int r0, float scale0, bfloat16* y0, const float* xa1, const float* b1, int out1, int r1, float scale1, \
      bfloat16* y1, const float* xa2, const float* b2, int out2, int r2, float scale2, bfloat16* y2) {       \
    const UpLayer layers[kMostLayers] = {                                                                    \
        {xa0, b0, out0, r0, scale0, y0}, {xa1, b1, out1, r1, scale1, y1}, {xa2, b2, out2, r2, scale2, y2}};  \
    up<TILES>(residual, rows, blockRows, layers);                                                            \
  }

MLAB_ADAPTER_UP(adapterUp8, 1)
MLAB_ADAPTER_UP(adapterUp16, 2)

#define MLAB_ADAPTER_BACKWARD_DY(NAME, TILES)                                                             \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                               \
      NAME(int rows, int blockRows, const bfloat16* dy0, const float* b0, const float* xa0, int out0,     \
           int r0, float scale0, float dxaScale0, float* dB0, const bfloat16* dy1, const float* b1,       \
           const float* xa1, int out1, int r1, float scale1, float dxaScale1, float* dB1,                 \
           const bfloat16* dy2, const float* b2, const float* xa2, int out2, int r2, float scale2,        \
           float dxaScale2, float* dB2, float* partialDyB, float* partialDB, float* dxa, int* arrivals) { \
    const BackwardDyLayer layers[kMostLayers] = {{dy0, b0, xa0, out0, r0, scale0, dxaScale0, dB0},        \
                                                 {dy1, b1, xa1, out1, r1, scale1, dxaScale1, dB1},        \
                                                 {dy2, b2, xa2, out2, r2, scale2, dxaScale2, dB2}};       \
    backwardDy<TILES>(rows, blockRows, layers, partialDyB, partialDB, dxa, arrivals);                     \
  }

MLAB_ADAPTER_BACKWARD_DY(adapterBackwardDy8, 1)
MLAB_ADAPTER_BACKWARD_DY(adapterBackwardDy16, 2)

#define MLAB_ADAPTER_BACKWARD_X(NAME, LAYERS, TILES)                                                         \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                                  \
      NAME(const bfloat16* x, const float* dxa, int rows, int in, int blockRows, bfloat16* dx,               \
           const float* a0, int r0, float p0, unsigned seed0, float* dA0, const float* a1, int r1, float p1, \
           unsigned seed1, float* dA1, const float* a2, int r2, float p2, unsigned seed2, float* dA2,        \
           float* partialDA, int* arrivals) {                                                                \
    const BackwardXLayer layers[kMostLayers] = {                                                             \
        {a0, r0, p0, seed0, dA0}, {a1, r1, p1, seed1, dA1}, {a2, r2, p2, seed2, dA2}};                       \
    backwardX<LAYERS, TILES>(x, dxa, rows, in, blockRows, dx, layers, partialDA, arrivals);                  \
  }

MLAB_ADAPTER_BACKWARD_X(adapterBackwardX1x8, 1, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX2x8, 2, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX3x8, 3, 1)
MLAB_ADAPTER_BACKWARD_X(adapterBackwardX1x16, 1, 2)
