// Causal grouped-query attention of packed sequences (Dao et al. 2022, "FlashAttention", and 2023,
// "FlashAttention-2"; Ainslie et al. 2023, "GQA"): scores exist for one tile of queries and keys at a time,
// in registers. For a query i of a head: o = sum_j p_j v_j with p = softmax_j(scale * q . k_j) over the keys
// j <= i of its sequence, the last `window` of them. Forward keeps log sum exp [heads, tokens]; backward
// computes the probabilities again from it:
//   P = exp(scale q k^T - logSumExp),  dV = P^T dO,  dS = P * (dO V^T - rowsum(dO * O)),
//   dQ = scale * dS K,  dK = scale * dS^T Q.
// Every gradient has one owner: a block for each tile of keys sums dk and dv over queries and heads of the
// group, one for each tile of queries sums dq over keys. S is computed in both, which is the price of sums in
// a fixed order.
//
// Two sets of kernels: `tiled` (bfloat16 on tensor cores, headDim 32, 64, 128) and `exact` (any storage,
// headDim up to 256, all arithmetic in float). Blocks find their work in a list of tiles that the host made
// (sdk/ops/cuda/attention.ts). As on the CPU, a key that a query may not see has no part in its row, but for
// a value (or dO) that is NaN or infinite: 0 * NaN is NaN inside a tile.
//
// q, o, dO, dq [tokens, heads*headDim]; k, v, dk, dv [tokens, kvHeads*headDim].
#include "common.cuh"

constexpr float kLog2E = 1.44269504088896341f;

/** Rows of one sequence: position p of its queries is row p + queryShift of q, key j is row keyBegin + j of
 * k. */
struct Tile {
  int keyBegin, keyCount, queryShift;
  int start;  // first position of the tile (a query's or a key's)

  /** `tiles` [.., 4] */
  __device__ Tile(const int* tiles, int index)
      : keyBegin(tiles[4 * index]),
        keyCount(tiles[4 * index + 1]),
        queryShift(tiles[4 * index + 2]),
        start(tiles[4 * index + 3]) {}
};

/** First key that the query at `position` sees. */
__device__ inline int firstKey(int position, int window) {
  return window > 0 ? max(0, position - window + 1) : 0;
}
/** One past the last query, of `count`, that sees a key of [.., lastKey]. */
__device__ inline int queryEnd(int lastKey, int count, int window) {
  return window > 0 && lastKey < count - window ? lastKey + window : count;
}

// ---- tiled: bfloat16 factors, float sums ----

// 128 threads, four warps. A warp owns rows of the result (32 queries; 16 keys for dk, dv), so that
// probabilities go from one product to the next in registers and warps meet only where tiles are exchanged.
// Tiles that are walked over are double-buffered: the next one is copied while this one is multiplied.

constexpr int kTiledThreads = 128;
constexpr int kTiledQueries = 128;  // forward and dq: queries of a block
constexpr int kTiledKeys = 64;      // forward: keys of a step; dk, dv: keys of a block, and queries of a step
constexpr int kTiledKeysDq = 32;    // dq: keys of a step (its accumulators leave no registers for more)

/**
 * Values from one row of a tile to the next. Eight neighbouring rows begin in different banks, so that
 * loadMatrices reads them at once; and unlike a permutation of the columns, this leaves one address a tile to
 * be kept, from which all others are constants away (registers are what these kernels lack).
 */
template <int D>
constexpr int kPitch = D + 8;

/** Offset of a row's chunk of 8 values in a tile. */
template <int D>
__device__ inline int chunkAt(int row, int chunk) {
  return row * kPitch<D> + chunk * 8;
}

/** Starts to copy `Rows` rows of D values, `stride` apart; zeros from row `count` on. */
template <int D, int Rows>
__device__ inline void copyTile(bfloat16* shared, const bfloat16* x, int64 stride, int count) {
  constexpr int kChunks = D / 8, kStep = kTiledThreads / kChunks;
  static_assert(Rows % kStep == 0, "whole steps");
  const int row = threadIdx.x / kChunks, chunk = threadIdx.x % kChunks;
  const bfloat16* in = x + row * stride + chunk * 8;
#pragma unroll
  for (int r = 0; r < Rows; r += kStep) {
    copyAsync16(shared + chunkAt<D>(row + r, chunk), in + r * stride, row + r < count);
  }
}

/** Rows [row, row + 16) and columns [16 k, 16 k + 16) of a tile as left factor. */
template <int D>
__device__ inline void loadLeft(unsigned (&a)[4], const bfloat16* tile, int row, int k, int lane) {
  loadMatrices(a, tile + chunkAt<D>(row + (lane & 15), 2 * k + (lane >> 4)));
}

/**
 * d += a b^T for 16 * M rows of `a` from `row` on, and N * 8 rows of b; both tiles are [.., D]. d[m][n] are
 * the 8 columns of d from 8 n on.
 */
template <int D, int M, int N>
__device__ inline void productOfRows(float (&d)[M][N][4], const bfloat16* a, int row, const bfloat16* b,
                                     int lane) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    unsigned left[M][4];
#pragma unroll
    for (int m = 0; m < M; ++m) loadLeft<D>(left[m], a, row + 16 * m, k, lane);
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      unsigned right[4];
      loadMatrices(right, b + chunkAt<D>(8 * n + (lane & 7) + ((lane >> 4) << 3), 2 * k + ((lane >> 3) & 1)));
      const unsigned first[2] = {right[0], right[1]}, second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < M; ++m) {
        mma16816(d[m][n], left[m], first);
        mma16816(d[m][n + 1], left[m], second);
      }
    }
  }
}

/** d [16 * M, D] += p b, with p [16 * M, 8 * N] as productOfRows left it and b a tile [8 * N, D]. */
template <int D, int M, int N>
__device__ inline void productOfColumns(float (&d)[M][D / 8][4], const float (&p)[M][N][4], const bfloat16* b,
                                        int lane) {
#pragma unroll
  for (int k = 0; k < N / 2; ++k) {
    unsigned left[M][4];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      left[m][0] = packBfloat16(p[m][2 * k][0], p[m][2 * k][1]);
      left[m][1] = packBfloat16(p[m][2 * k][2], p[m][2 * k][3]);
      left[m][2] = packBfloat16(p[m][2 * k + 1][0], p[m][2 * k + 1][1]);
      left[m][3] = packBfloat16(p[m][2 * k + 1][2], p[m][2 * k + 1][3]);
    }
#pragma unroll
    for (int n = 0; n < D / 8; n += 2) {
      unsigned right[4];
      loadMatricesTransposed(right, b + chunkAt<D>(16 * k + (lane & 15), n + (lane >> 4)));
      const unsigned first[2] = {right[0], right[1]}, second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < M; ++m) {
        mma16816(d[m][n], left[m], first);
        mma16816(d[m][n + 1], left[m], second);
      }
    }
  }
}

template <int M, int N>
__device__ inline void clear(float (&d)[M][N][4]) {
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n) d[m][n][0] = d[m][n][1] = d[m][n][2] = d[m][n][3] = 0.0f;
}

/**
 * Writes a warp's d [16 * M, D] times factors[m][half] to rows of x, `stride` apart, `count` of them. It goes
 * through the tile's rows from `row` on, which no other warp uses any more, so that 16 bytes are written at
 * once.
 */
template <int D, int M>
__device__ inline void storeRows(const float (&d)[M][D / 8][4], const float (&factors)[M][2], bfloat16* tile,
                                 int row, bfloat16* x, int64 stride, int count, int lane) {
  __syncwarp();
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        bfloat16* target = tile + chunkAt<D>(row + 16 * m + 8 * half + lane / 4, n) + 2 * (lane % 4);
        *reinterpret_cast<unsigned*>(target) =
            packBfloat16(d[m][n][2 * half] * factors[m][half], d[m][n][2 * half + 1] * factors[m][half]);
      }
  __syncwarp();
  constexpr int kChunks = D / 8;
#pragma unroll
  for (int i = lane; i < 16 * M * kChunks; i += 32) {
    const int r = i / kChunks, chunk = i % kChunks;
    if (r < count)
      *reinterpret_cast<uint4*>(x + r * stride + chunk * 8) =
          *reinterpret_cast<const uint4*>(tile + chunkAt<D>(row + r, chunk));
  }
}

/** logSumExp may be null. */
template <int D>
__device__ inline void tiledForward(const bfloat16* q, const bfloat16* k, const bfloat16* v, const int* tiles,
                                    bfloat16* o, float* logSumExp, int tokens, int heads, int kvHeads,
                                    float scale, int window) {
  bfloat16* queries = reinterpret_cast<bfloat16*>(dynamicShared());  // [128, pitch]
  bfloat16* keys = queries + kTiledQueries * kPitch<D>;              // [2][64, pitch]
  bfloat16* values = keys + 2 * kTiledKeys * kPitch<D>;              // [2][64, pitch]
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kTiledQueries, tile.keyCount - tile.start);
  const int64 queryStride = static_cast<int64>(heads) * D, keyStride = static_cast<int64>(kvHeads) * D;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * D;
  const bfloat16* k0 = k + tile.keyBegin * keyStride + kvHead * D;
  const bfloat16* v0 = v + tile.keyBegin * keyStride + kvHead * D;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kTiledKeys * kTiledKeys, keyEnd = tile.start + rows;
  copyTile<D, kTiledQueries>(queries, q + queryOffset, queryStride, rows);
  copyTile<D, kTiledKeys>(keys, k0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  copyTile<D, kTiledKeys>(values, v0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  commitCopies();

  // Of this warp's rows 16 m + 8 half + lane / 4.
  const int warpStart = tile.start + 32 * warp;
  float out[2][D / 8][4], maximum[2][2], total[2][2];
  clear(out);
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) maximum[m][half] = -kInfinity, total[m][half] = 0.0f;

  int stage = 0;
  for (int key = firstTile; key < keyEnd; key += kTiledKeys, stage ^= 1) {
    waitCopies<0>();
    __syncthreads();
    const int next = key + kTiledKeys;
    if (next < keyEnd) {
      const int to = (stage ^ 1) * kTiledKeys * kPitch<D>;
      copyTile<D, kTiledKeys>(keys + to, k0 + next * keyStride, keyStride, tile.keyCount - next);
      copyTile<D, kTiledKeys>(values + to, v0 + next * keyStride, keyStride, tile.keyCount - next);
      commitCopies();
    }
    if (key > warpStart + 31) continue;  // later than all of this warp's queries

    float scores[2][kTiledKeys / 8][4];
    clear(scores);
    productOfRows<D>(scores, queries, 32 * warp, keys + stage * kTiledKeys * kPitch<D>, lane);
    if (key + kTiledKeys - 1 > warpStart || (window > 0 && key <= warpStart + 31 - window)) {
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int n = 0; n < kTiledKeys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int position = warpStart + 16 * m + 8 * (i / 2) + lane / 4;
            const int j = key + 8 * n + 2 * (lane % 4) + i % 2;
            if (j > position || (window > 0 && j <= position - window)) scores[m][n][i] = -kInfinity;
          }
    }
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float largest = maximum[m][half];
#pragma unroll
        for (int n = 0; n < kTiledKeys / 8; ++n)
          largest = fmaxf(largest, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
        largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 2));
        // Nothing seen yet: subtract 0, so that hidden scores stay -inf and a NaN stays NaN.
        const float base = largest == -kInfinity ? 0.0f : largest * scale2;
        const float factor = exp2Fast(maximum[m][half] * scale2 - base);
        maximum[m][half] = largest;
        float sum = total[m][half] * factor;
#pragma unroll
        for (int n = 0; n < kTiledKeys / 8; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            scores[m][n][i] = exp2Fast(fmaf(scores[m][n][i], scale2, -base));
            sum += scores[m][n][i];
          }
        total[m][half] = sum;
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
          out[m][n][2 * half] *= factor;
          out[m][n][2 * half + 1] *= factor;
        }
      }
    productOfColumns<D>(out, scores, values + stage * kTiledKeys * kPitch<D>, lane);
  }

  float inverse[2][2];
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = total[m][half];
      sum += __shfl_xor_sync(kFullWarp, sum, 1);
      sum += __shfl_xor_sync(kFullWarp, sum, 2);
      inverse[m][half] = 1.0f / sum;
      const int row = 32 * warp + 16 * m + 8 * half + lane / 4;
      if (logSumExp && lane % 4 == 0 && row < rows)
        logSumExp[static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row] =
            maximum[m][half] * scale + logf(sum);
    }
  storeRows<D>(out, inverse, queries, 32 * warp, o + queryOffset + 32 * warp * queryStride, queryStride,
               rows - 32 * warp, lane);
}

/**
 * dk and dv of 64 keys. Each of `parts` blocks sums over heads / kvHeads / parts heads of the group; with one
 * part they are the results, with more they go to partial [2, parts, tokens, kvHeads*D] (dk first), for
 * sumParts. A warp owns 16 keys: S^T = K Q^T, so that P^T and dS^T are left factors as they come.
 */
template <int D>
__device__ inline void tiledBackwardKeys(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                         const bfloat16* v, const float* logSumExp, const float* delta,
                                         const int* tiles, bfloat16* dk, bfloat16* dv, float* partial,
                                         int parts, int tokens, int heads, int kvHeads, float scale,
                                         int window) {
  bfloat16* keys = reinterpret_cast<bfloat16*>(dynamicShared());  // [64, pitch]
  bfloat16* values = keys + kTiledKeys * kPitch<D>;               // [64, pitch]
  bfloat16* queries = values + kTiledKeys * kPitch<D>;            // [2][64, pitch]
  bfloat16* gradients = queries + 2 * kTiledKeys * kPitch<D>;     // [2][64, pitch]
  float* rowValues =
      reinterpret_cast<float*>(gradients + 2 * kTiledKeys * kPitch<D>);  // [2][2, 64]: log sum exp, delta
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int part = blockIdx.x % parts, kvHead = blockIdx.x / parts % kvHeads;
  const Tile tile(tiles, blockIdx.x / parts / kvHeads);
  const int headsOfPart = heads / kvHeads / parts,
            firstHead = kvHead * (heads / kvHeads) + part * headsOfPart;
  const int keyRows = min(kTiledKeys, tile.keyCount - tile.start);
  const int end = queryEnd(tile.start + kTiledKeys - 1, tile.keyCount, window);
  const int queryTiles = (end - tile.start + kTiledKeys - 1) / kTiledKeys, steps = headsOfPart * queryTiles;
  const int64 queryStride = static_cast<int64>(heads) * D, keyStride = static_cast<int64>(kvHeads) * D;
  const int64 keyOffset = (tile.keyBegin + tile.start) * keyStride + kvHead * D;
  const float scale2 = scale * kLog2E;

  // Threads 0..63 bring log sum exp of the step's queries, in base 2, the others delta.
  const float* rowSource = threadIdx.x < kTiledKeys ? logSumExp : delta;
  const float rowFactor = threadIdx.x < kTiledKeys ? kLog2E : 1.0f;
  auto rowValue = [&](int head, int first) {
    const int position = first + static_cast<int>(threadIdx.x) % kTiledKeys;
    return position < tile.keyCount
               ? rowSource[static_cast<int64>(head) * tokens + position + tile.queryShift] * rowFactor
               : 0.0f;
  };
  auto copyQueries = [&](int stage, int head, int first) {
    const int64 offset = (first + tile.queryShift) * queryStride + head * D;
    copyTile<D, kTiledKeys>(queries + stage * kTiledKeys * kPitch<D>, q + offset, queryStride,
                            tile.keyCount - first);
    copyTile<D, kTiledKeys>(gradients + stage * kTiledKeys * kPitch<D>, dO + offset, queryStride,
                            tile.keyCount - first);
    commitCopies();
  };

  copyTile<D, kTiledKeys>(keys, k + keyOffset, keyStride, keyRows);
  copyTile<D, kTiledKeys>(values, v + keyOffset, keyStride, keyRows);
  copyQueries(0, firstHead, tile.start);
  rowValues[threadIdx.x] = rowValue(firstHead, tile.start);

  const int warpKey = tile.start + 16 * warp;
  float keyGradient[1][D / 8][4], valueGradient[1][D / 8][4];
  clear(keyGradient);
  clear(valueGradient);
  int head = firstHead, first = tile.start;  // of this step
  for (int step = 0; step < steps; ++step) {
    const int stage = step & 1;
    waitCopies<0>();
    __syncthreads();
    int nextHead = head, nextFirst = first + kTiledKeys;
    if (nextFirst >= end) ++nextHead, nextFirst = tile.start;
    float nextRowValue = 0.0f;
    if (step + 1 < steps) {
      copyQueries(stage ^ 1, nextHead, nextFirst);
      nextRowValue = rowValue(nextHead, nextFirst);
    }

    const bfloat16* q1 = queries + stage * kTiledKeys * kPitch<D>;
    const bfloat16* dO1 = gradients + stage * kTiledKeys * kPitch<D>;
    const float* logSumExp2 = rowValues + stage * 2 * kTiledKeys;
    const float* delta1 = logSumExp2 + kTiledKeys;
    // Some pair of this warp's keys and the step's queries is hidden.
    const bool partly = first < warpKey + 15 || first + kTiledKeys > tile.keyCount ||
                        (window > 0 && first + kTiledKeys - 1 - warpKey >= window);
    auto hidden = [&](int n, int i) {
      const int key = warpKey + 8 * (i / 2) + lane / 4, position = first + 8 * n + 2 * (lane % 4) + i % 2;
      return position < key || position >= tile.keyCount || (window > 0 && position - key >= window);
    };

    float p[1][kTiledKeys / 8][4], dS[1][kTiledKeys / 8][4];
    clear(p);
    productOfRows<D>(p, keys, 16 * warp, q1, lane);
#pragma unroll
    for (int n = 0; n < kTiledKeys / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(logSumExp2 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        p[0][n][i] = exp2Fast(fmaf(p[0][n][i], scale2, -(i % 2 ? shift.y : shift.x)));
        if (partly && hidden(n, i)) p[0][n][i] = 0.0f;
      }
    }
    productOfColumns<D>(valueGradient, p, dO1, lane);
    clear(dS);
    productOfRows<D>(dS, values, 16 * warp, dO1, lane);
#pragma unroll
    for (int n = 0; n < kTiledKeys / 8; ++n) {
      const float2 shift = *reinterpret_cast<const float2*>(delta1 + 8 * n + 2 * (lane % 4));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        dS[0][n][i] = p[0][n][i] * (dS[0][n][i] - (i % 2 ? shift.y : shift.x));
        if (partly && hidden(n, i)) dS[0][n][i] = 0.0f;
      }
    }
    productOfColumns<D>(keyGradient, dS, q1, lane);

    rowValues[(stage ^ 1) * 2 * kTiledKeys + threadIdx.x] = nextRowValue;
    head = nextHead;
    first = nextFirst;
  }

  const int row = 16 * warp;
  if (parts == 1) {
    const float scales[1][2] = {{scale, scale}}, ones[1][2] = {{1.0f, 1.0f}};
    const int64 offset = keyOffset + row * keyStride;
    storeRows<D>(keyGradient, scales, keys, row, dk + offset, keyStride, keyRows - row, lane);
    storeRows<D>(valueGradient, ones, values, row, dv + offset, keyStride, keyRows - row, lane);
  } else {
    float* dkPart = partial + part * tokens * keyStride + keyOffset;
    float* dvPart = dkPart + static_cast<int64>(parts) * tokens * keyStride;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int r = row + 8 * half + lane / 4;
      if (r >= keyRows) continue;
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        const int64 at = r * keyStride + 8 * n + 2 * (lane % 4);
        const float *x = &keyGradient[0][n][2 * half], *y = &valueGradient[0][n][2 * half];
        *reinterpret_cast<float2*>(dkPart + at) = make_float2(x[0] * scale, x[1] * scale);
        *reinterpret_cast<float2*>(dvPart + at) = make_float2(y[0], y[1]);
      }
    }
  }
}

/** dq of 128 queries. */
template <int D>
__device__ inline void tiledBackwardQueries(const bfloat16* dO, const bfloat16* q, const bfloat16* k,
                                            const bfloat16* v, const float* logSumExp, const float* delta,
                                            const int* tiles, bfloat16* dq, int tokens, int heads,
                                            int kvHeads, float scale, int window) {
  bfloat16* queries = reinterpret_cast<bfloat16*>(dynamicShared());                    // [128, pitch]
  bfloat16* gradients = queries + kTiledQueries * kPitch<D>;                           // [128, pitch]
  bfloat16* keys = gradients + kTiledQueries * kPitch<D>;                              // [2][32, pitch]
  bfloat16* values = keys + 2 * kTiledKeysDq * kPitch<D>;                              // [2][32, pitch]
  float* rowValues = reinterpret_cast<float*>(values + 2 * kTiledKeysDq * kPitch<D>);  // [2, 128]
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kTiledQueries, tile.keyCount - tile.start);
  const int64 queryStride = static_cast<int64>(heads) * D, keyStride = static_cast<int64>(kvHeads) * D;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * D;
  const bfloat16* k0 = k + tile.keyBegin * keyStride + kvHead * D;
  const bfloat16* v0 = v + tile.keyBegin * keyStride + kvHead * D;
  const float scale2 = scale * kLog2E;

  const int firstTile = firstKey(tile.start, window) / kTiledKeysDq * kTiledKeysDq,
            keyEnd = tile.start + rows;
  copyTile<D, kTiledQueries>(queries, q + queryOffset, queryStride, rows);
  copyTile<D, kTiledQueries>(gradients, dO + queryOffset, queryStride, rows);
  copyTile<D, kTiledKeysDq>(keys, k0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  copyTile<D, kTiledKeysDq>(values, v0 + firstTile * keyStride, keyStride, tile.keyCount - firstTile);
  commitCopies();

  const int warpStart = tile.start + 32 * warp;
  // log sum exp in base 2, and delta, of the block's queries: kept where they cost no registers.
  {
    const int row = threadIdx.x;
    const int64 at = static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row;
    rowValues[row] = row < rows ? logSumExp[at] * kLog2E : 0.0f;
    rowValues[kTiledQueries + row] = row < rows ? delta[at] : 0.0f;
  }

  float out[2][D / 8][4];
  clear(out);
  int stage = 0;
  for (int key = firstTile; key < keyEnd; key += kTiledKeysDq, stage ^= 1) {
    waitCopies<0>();
    __syncthreads();
    const int next = key + kTiledKeysDq;
    if (next < keyEnd) {
      const int to = (stage ^ 1) * kTiledKeysDq * kPitch<D>;
      copyTile<D, kTiledKeysDq>(keys + to, k0 + next * keyStride, keyStride, tile.keyCount - next);
      copyTile<D, kTiledKeysDq>(values + to, v0 + next * keyStride, keyStride, tile.keyCount - next);
      commitCopies();
    }
    if (key > warpStart + 31) continue;  // later than all of this warp's queries

    const bool partly = key + kTiledKeysDq - 1 > warpStart || (window > 0 && key <= warpStart + 31 - window);
    float p[2][kTiledKeysDq / 8][4], dS[2][kTiledKeysDq / 8][4];
    clear(p);
    productOfRows<D>(p, queries, 32 * warp, keys + stage * kTiledKeysDq * kPitch<D>, lane);
    clear(dS);
    productOfRows<D>(dS, gradients, 32 * warp, values + stage * kTiledKeysDq * kPitch<D>, lane);
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = 32 * warp + 16 * m + 8 * half + lane / 4, position = tile.start + row;
        const float logSumExp2 = rowValues[row], delta1 = rowValues[kTiledQueries + row];
#pragma unroll
        for (int n = 0; n < kTiledKeysDq / 8; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            const float probability = exp2Fast(fmaf(p[m][n][i], scale2, -logSumExp2));
            dS[m][n][i] = probability * (dS[m][n][i] - delta1);
            const int j = key + 8 * n + 2 * (lane % 4) + i % 2;
            if (partly && (j > position || (window > 0 && j <= position - window))) dS[m][n][i] = 0.0f;
          }
      }
    productOfColumns<D>(out, dS, keys + stage * kTiledKeysDq * kPitch<D>, lane);
  }
  const float scales[2][2] = {{scale, scale}, {scale, scale}};
  storeRows<D>(out, scales, queries, 32 * warp, dq + queryOffset + 32 * warp * queryStride, queryStride,
               rows - 32 * warp, lane);
}

#define MLAB_TILED_ATTENTION(D, BLOCKS)                                                                     \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS) attentionForward##D##_bfloat16(       \
      const bfloat16* q, const bfloat16* k, const bfloat16* v, const int* tiles, bfloat16* o,               \
      float* logSumExp, int tokens, int heads, int kvHeads, float scale, int window) {                      \
    tiledForward<D>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, scale, window);                   \
  }                                                                                                         \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS) attentionBackwardKeys##D##_bfloat16(  \
      const bfloat16* dO, const bfloat16* q, const bfloat16* k, const bfloat16* v, const float* logSumExp,  \
      const float* delta, const int* tiles, bfloat16* dk, bfloat16* dv, float* partial, int parts,          \
      int tokens, int heads, int kvHeads, float scale, int window) {                                        \
    tiledBackwardKeys<D>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, partial, parts, tokens, heads,       \
                         kvHeads, scale, window);                                                           \
  }                                                                                                         \
  extern "C" __global__ void __launch_bounds__(kTiledThreads, BLOCKS)                                       \
      attentionBackwardQueries##D##_bfloat16(const bfloat16* dO, const bfloat16* q, const bfloat16* k,      \
                                             const bfloat16* v, const float* logSumExp, const float* delta, \
                                             const int* tiles, bfloat16* dq, int tokens, int heads,         \
                                             int kvHeads, float scale, int window) {                        \
    tiledBackwardQueries<D>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, scale,        \
                            window);                                                                        \
  }

// The second number: blocks that a multiprocessor shall hold, which limits their registers.
MLAB_TILED_ATTENTION(32, 3)
MLAB_TILED_ATTENTION(64, 2)
MLAB_TILED_ATTENTION(128, 2)

// ---- exact: any storage, float arithmetic ----

// 256 threads as 16 x 16 over tiles in shared memory. Thread (y, x) has the rows y + 16 i of a product's left
// factor; of scores the columns x + 16 j, of results the columns 64 (c / 4) + 4 x + c % 4.

constexpr int kExactThreads = 256;
typedef float float32;

/** headDim is at most 16 * C, C of 4, 8, 16. */
template <int C>
struct Exact {
  static constexpr int columns = 16 * C;
  static constexpr int pitch = columns + 4;  // rows start in different banks
  /** Rows of a thread, and of a tile of queries or of keys. */
  static constexpr int forwardRows = C <= 8 ? 4 : 2;
  static constexpr int backwardRows = C <= 8 ? 2 : 1;
};

/** Rows of headDim values, `stride` apart, into a tile [rows, pitch]; zeros past headDim and from row `count`
 * on. */
template <class T, int C>
__device__ inline void loadTile(float* tile, const T* x, int64 stride, int count, int rows, int headDim) {
  constexpr int kSize = Pack<T>::size, kColumns = Exact<C>::columns, kExactPitch = Exact<C>::pitch;
  if (headDim % kSize == 0) {
    for (int i = threadIdx.x; i < rows * (kColumns / kSize); i += kExactThreads) {
      const int row = i / (kColumns / kSize), column = i % (kColumns / kSize) * kSize;
      Pack<T> values = {};
      if (row < count && column < headDim) values = loadPack(x + row * stride + column);
#pragma unroll
      for (int j = 0; j < kSize; ++j) tile[row * kExactPitch + column + j] = values.values[j];
    }
  } else {
    for (int i = threadIdx.x; i < rows * kColumns; i += kExactThreads) {
      const int row = i / kColumns, column = i % kColumns;
      tile[row * kExactPitch + column] =
          row < count && column < headDim ? toFloat(x[row * stride + column]) : 0.0f;
    }
  }
}

/** d[i][j] = sum over headDim of a[y + 16 i] * b[x + 16 j]. */
template <int R, int C>
__device__ inline void exactScores(float (&d)[R][R], const float* a, const float* b, int headDim, int y,
                                   int x) {
  constexpr int kExactPitch = Exact<C>::pitch;
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int j = 0; j < R; ++j) d[i][j] = 0.0f;
  for (int c = 0; c < headDim; c += 4) {
    float4 left[R], right[R];
#pragma unroll
    for (int i = 0; i < R; ++i) {
      left[i] = *reinterpret_cast<const float4*>(a + (y + 16 * i) * kExactPitch + c);
      right[i] = *reinterpret_cast<const float4*>(b + (x + 16 * i) * kExactPitch + c);
    }
#pragma unroll
    for (int i = 0; i < R; ++i)
#pragma unroll
      for (int j = 0; j < R; ++j) {
        d[i][j] = fmaf(left[i].x, right[j].x, d[i][j]);
        d[i][j] = fmaf(left[i].y, right[j].y, d[i][j]);
        d[i][j] = fmaf(left[i].z, right[j].z, d[i][j]);
        d[i][j] = fmaf(left[i].w, right[j].w, d[i][j]);
      }
  }
}

/** d[i] += p[y + 16 i] b, with p [16 R, 16 R + 4] and b [16 R, pitch]. */
template <int R, int C>
__device__ inline void exactProduct(float (&d)[R][C], const float* p, const float* b, int y, int x) {
  constexpr int kExactPitch = Exact<C>::pitch, kScorePitch = 16 * R + 4;
  for (int j = 0; j < 16 * R; j += 4) {
    float4 left[R];
#pragma unroll
    for (int i = 0; i < R; ++i)
      left[i] = *reinterpret_cast<const float4*>(p + (y + 16 * i) * kScorePitch + j);
#pragma unroll
    for (int e = 0; e < 4; ++e)
#pragma unroll
      for (int c = 0; c < C; c += 4) {
        const float4 right = *reinterpret_cast<const float4*>(b + (j + e) * kExactPitch + 16 * c + 4 * x);
#pragma unroll
        for (int i = 0; i < R; ++i) {
          const float factor = e == 0 ? left[i].x : e == 1 ? left[i].y : e == 2 ? left[i].z : left[i].w;
          d[i][c] = fmaf(factor, right.x, d[i][c]);
          d[i][c + 1] = fmaf(factor, right.y, d[i][c + 1]);
          d[i][c + 2] = fmaf(factor, right.z, d[i][c + 2]);
          d[i][c + 3] = fmaf(factor, right.w, d[i][c + 3]);
        }
      }
  }
}

/** Column of a result that thread x holds in d[..][c]. */
__device__ inline int exactColumn(int c, int x) { return 64 * (c / 4) + 4 * x + c % 4; }

template <int R, int C>
__device__ inline void clearExact(float (&d)[R][C]) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) d[i][c] = 0.0f;
}

/** Writes d[i] * factors[i] to the rows y + 16 i below `count`, `stride` apart. */
template <class T, int R, int C>
__device__ inline void storeExact(const float (&d)[R][C], const float (&factors)[R], T* rows, int64 stride,
                                  int count, int headDim, int y, int x) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) {
      const int row = y + 16 * i, column = exactColumn(c, x);
      if (row < count && column < headDim) rows[row * stride + column] = fromFloat<T>(d[i][c] * factors[i]);
    }
}

template <class T, int C>
__device__ inline void exactForward(const T* q, const T* k, const T* v, const int* tiles, T* o,
                                    float* logSumExp, int tokens, int heads, int kvHeads, int headDim,
                                    float scale, int window) {
  constexpr int R = Exact<C>::forwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // [kRows, pitch]
  float* keys = queries + kRows * kExactPitch;                 // [kRows, pitch]; then the values
  float* scores = keys + kRows * kExactPitch;                  // [kRows, kScorePitch]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kRows, tile.keyCount - tile.start), keyEnd = tile.start + rows;
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * headDim;
  const int64 keyOffset = tile.keyBegin * keyStride + kvHead * headDim;

  loadTile<T, C>(queries, q + queryOffset, queryStride, rows, kRows, headDim);
  float out[R][C], maximum[R], total[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) maximum[i] = -kInfinity, total[i] = 0.0f;

  for (int key = firstKey(tile.start, window) / kRows * kRows; key < keyEnd; key += kRows) {
    const int count = tile.keyCount - key;
    __syncthreads();
    loadTile<T, C>(keys, k + keyOffset + key * keyStride, keyStride, count, kRows, headDim);
    __syncthreads();
    float s[R][R];
    exactScores<R, C>(s, queries, keys, headDim, y, x);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int position = tile.start + y + 16 * i;
      float largest = maximum[i];
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int at = key + x + 16 * j;
        s[i][j] *= scale;
        if (at > position || (window > 0 && at <= position - window)) s[i][j] = -kInfinity;
        largest = fmaxf(largest, s[i][j]);
      }
      for (int offset = 8; offset > 0; offset /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, offset));
      // Nothing seen yet: subtract 0, so that hidden scores stay -inf and a NaN stays NaN.
      const float base = largest == -kInfinity ? 0.0f : largest;
      const float factor = expf(maximum[i] - base);
      maximum[i] = largest;
      total[i] *= factor;
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const float p = expf(s[i][j] - base);
        total[i] += p;
        scores[(y + 16 * i) * kScorePitch + x + 16 * j] = p;
      }
#pragma unroll
      for (int c = 0; c < C; ++c) out[i][c] *= factor;
    }
    __syncthreads();
    loadTile<T, C>(keys, v + keyOffset + key * keyStride, keyStride, count, kRows, headDim);
    __syncthreads();
    exactProduct<R, C>(out, scores, keys, y, x);
  }

  float inverse[R];
#pragma unroll
  for (int i = 0; i < R; ++i) {
    float sum = total[i];
    for (int offset = 8; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    inverse[i] = 1.0f / sum;
    const int row = y + 16 * i;
    if (logSumExp && x == 0 && row < rows)
      logSumExp[static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row] =
          maximum[i] + logf(sum);
  }
  storeExact<T, R, C>(out, inverse, o + queryOffset, queryStride, rows, headDim, y, x);
}

template <class T, int C>
__device__ inline void exactBackwardKeys(const T* dO, const T* q, const T* k, const T* v,
                                         const float* logSumExp, const float* delta, const int* tiles, T* dk,
                                         T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,
                                         int window) {
  constexpr int R = Exact<C>::backwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* keys = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* values = keys + kRows * kExactPitch;
  float* queries = values + kRows * kExactPitch;
  float* gradients = queries + kRows * kExactPitch;
  float* p = gradients + kRows * kExactPitch;  // [keys, queries]
  float* dS = p + kRows * kScorePitch;         // [keys, queries]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int group = heads / kvHeads, kvHead = blockIdx.x % kvHeads;
  const Tile tile(tiles, blockIdx.x / kvHeads);
  const int rows = min(kRows, tile.keyCount - tile.start);
  const int end = queryEnd(tile.start + kRows - 1, tile.keyCount, window);
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 keyOffset = (tile.keyBegin + tile.start) * keyStride + kvHead * headDim;

  loadTile<T, C>(keys, k + keyOffset, keyStride, rows, kRows, headDim);
  loadTile<T, C>(values, v + keyOffset, keyStride, rows, kRows, headDim);
  float keyGradient[R][C], valueGradient[R][C];
  clearExact(keyGradient);
  clearExact(valueGradient);
  for (int head = kvHead * group; head < (kvHead + 1) * group; ++head)
    for (int first = tile.start; first < end; first += kRows) {
      const int64 offset = (first + tile.queryShift) * queryStride + head * headDim;
      __syncthreads();
      loadTile<T, C>(queries, q + offset, queryStride, tile.keyCount - first, kRows, headDim);
      loadTile<T, C>(gradients, dO + offset, queryStride, tile.keyCount - first, kRows, headDim);
      __syncthreads();
      float s[R][R], dP[R][R];
      exactScores<R, C>(s, keys, queries, headDim, y, x);
      exactScores<R, C>(dP, values, gradients, headDim, y, x);
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int position = first + x + 16 * j;
        const bool there = position < tile.keyCount;
        const int64 at = static_cast<int64>(head) * tokens + position + tile.queryShift;
        const float shift = there ? logSumExp[at] : 0.0f, delta1 = there ? delta[at] : 0.0f;
#pragma unroll
        for (int i = 0; i < R; ++i) {
          const int key = tile.start + y + 16 * i;
          const bool seen = there && position >= key && (window == 0 || position - key < window);
          const float probability = seen ? expf(s[i][j] * scale - shift) : 0.0f;
          const int slot = (y + 16 * i) * kScorePitch + x + 16 * j;
          p[slot] = probability;
          dS[slot] = seen ? probability * (dP[i][j] - delta1) : 0.0f;
        }
      }
      __syncthreads();
      exactProduct<R, C>(valueGradient, p, gradients, y, x);
      exactProduct<R, C>(keyGradient, dS, queries, y, x);
    }
  float scales[R], ones[R];
#pragma unroll
  for (int i = 0; i < R; ++i) scales[i] = scale, ones[i] = 1.0f;
  storeExact<T, R, C>(keyGradient, scales, dk + keyOffset, keyStride, rows, headDim, y, x);
  storeExact<T, R, C>(valueGradient, ones, dv + keyOffset, keyStride, rows, headDim, y, x);
}

template <class T, int C>
__device__ inline void exactBackwardQueries(const T* dO, const T* q, const T* k, const T* v,
                                            const float* logSumExp, const float* delta, const int* tiles,
                                            T* dq, int tokens, int heads, int kvHeads, int headDim,
                                            float scale, int window) {
  constexpr int R = Exact<C>::backwardRows, kRows = 16 * R, kExactPitch = Exact<C>::pitch,
                kScorePitch = kRows + 4;
  float* queries = reinterpret_cast<float*>(dynamicShared());  // four tiles [kRows, pitch]
  float* gradients = queries + kRows * kExactPitch;
  float* keys = gradients + kRows * kExactPitch;
  float* values = keys + kRows * kExactPitch;
  float* dS = values + kRows * kExactPitch;  // [queries, keys]
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
  const Tile tile(tiles, blockIdx.x / heads);
  const int rows = min(kRows, tile.keyCount - tile.start), keyEnd = tile.start + rows;
  const int64 queryStride = static_cast<int64>(heads) * headDim,
              keyStride = static_cast<int64>(kvHeads) * headDim;
  const int64 queryOffset = (tile.start + tile.queryShift) * queryStride + head * headDim;
  const int64 keyOffset = tile.keyBegin * keyStride + kvHead * headDim;

  loadTile<T, C>(queries, q + queryOffset, queryStride, rows, kRows, headDim);
  loadTile<T, C>(gradients, dO + queryOffset, queryStride, rows, kRows, headDim);
  float out[R][C], shift[R], delta1[R];
  clearExact(out);
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int row = y + 16 * i;
    const int64 at = static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row;
    shift[i] = row < rows ? logSumExp[at] : 0.0f;
    delta1[i] = row < rows ? delta[at] : 0.0f;
  }
  for (int key = firstKey(tile.start, window) / kRows * kRows; key < keyEnd; key += kRows) {
    __syncthreads();
    loadTile<T, C>(keys, k + keyOffset + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
    loadTile<T, C>(values, v + keyOffset + key * keyStride, keyStride, tile.keyCount - key, kRows, headDim);
    __syncthreads();
    float s[R][R], dP[R][R];
    exactScores<R, C>(s, queries, keys, headDim, y, x);
    exactScores<R, C>(dP, gradients, values, headDim, y, x);
#pragma unroll
    for (int i = 0; i < R; ++i)
#pragma unroll
      for (int j = 0; j < R; ++j) {
        const int position = tile.start + y + 16 * i, at = key + x + 16 * j;
        const bool seen = at <= position && (window == 0 || at > position - window);
        dS[(y + 16 * i) * kScorePitch + x + 16 * j] =
            seen ? expf(s[i][j] * scale - shift[i]) * (dP[i][j] - delta1[i]) : 0.0f;
      }
    __syncthreads();
    exactProduct<R, C>(out, dS, keys, y, x);
  }
  float scales[R];
#pragma unroll
  for (int i = 0; i < R; ++i) scales[i] = scale;
  storeExact<T, R, C>(out, scales, dq + queryOffset, queryStride, rows, headDim, y, x);
}

#define MLAB_EXACT_ATTENTION(T, C)                                                                         \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionForwardExact##C##_##T(              \
      const T* q, const T* k, const T* v, const int* tiles, T* o, float* logSumExp, int tokens, int heads, \
      int kvHeads, int headDim, float scale, int window) {                                                 \
    exactForward<T, C>(q, k, v, tiles, o, logSumExp, tokens, heads, kvHeads, headDim, scale, window);      \
  }                                                                                                        \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardKeysExact##C##_##T(         \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,         \
      const int* tiles, T* dk, T* dv, int tokens, int heads, int kvHeads, int headDim, float scale,        \
      int window) {                                                                                        \
    exactBackwardKeys<T, C>(dO, q, k, v, logSumExp, delta, tiles, dk, dv, tokens, heads, kvHeads, headDim, \
                            scale, window);                                                                \
  }                                                                                                        \
  extern "C" __global__ void __launch_bounds__(kExactThreads) attentionBackwardQueriesExact##C##_##T(      \
      const T* dO, const T* q, const T* k, const T* v, const float* logSumExp, const float* delta,         \
      const int* tiles, T* dq, int tokens, int heads, int kvHeads, int headDim, float scale, int window) { \
    exactBackwardQueries<T, C>(dO, q, k, v, logSumExp, delta, tiles, dq, tokens, heads, kvHeads, headDim,  \
                               scale, window);                                                             \
  }

MLAB_EXACT_ATTENTION(float32, 4)
MLAB_EXACT_ATTENTION(float32, 8)
MLAB_EXACT_ATTENTION(float32, 16)
MLAB_EXACT_ATTENTION(bfloat16, 4)
MLAB_EXACT_ATTENTION(bfloat16, 8)
MLAB_EXACT_ATTENTION(bfloat16, 16)

// ---- both ----

/** delta [heads, tokens] = rowsum(dO * o) of each head; a warp a row of a head. */
template <class T>
__device__ inline void rowSums(const T* dO, const T* o, float* delta, int tokens, int heads, int headDim) {
  const int64 row = static_cast<int64>(blockIdx.x) * (kExactThreads / 32) + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int64 token = row / heads;
  float sum = 0.0f;
  if (token < tokens) {
    const T *a = dO + row * headDim, *b = o + row * headDim;
    if (headDim % Pack<T>::size == 0) {
      for (int c = lane * Pack<T>::size; c < headDim; c += 32 * Pack<T>::size) {
        const Pack<T> left = loadPack(a + c), right = loadPack(b + c);
#pragma unroll
        for (int i = 0; i < Pack<T>::size; ++i) sum = fmaf(left.values[i], right.values[i], sum);
      }
    } else {
      for (int c = lane; c < headDim; c += 32) sum = fmaf(toFloat(a[c]), toFloat(b[c]), sum);
    }
  }
  sum = warpSum(sum);
  if (token < tokens && lane == 0) delta[row % heads * tokens + token] = sum;
}

extern "C" __global__ void __launch_bounds__(kExactThreads)
    attentionDelta_float32(const float* dO, const float* o, float* delta, int tokens, int heads,
                           int headDim) {
  rowSums(dO, o, delta, tokens, heads, headDim);
}
extern "C" __global__ void __launch_bounds__(kExactThreads)
    attentionDelta_bfloat16(const bfloat16* dO, const bfloat16* o, float* delta, int tokens, int heads,
                            int headDim) {
  rowSums(dO, o, delta, tokens, heads, headDim);
}

/** dk and dv, `count` values each, a multiple of 8, from partial [2, parts, count] of the tiled backward. */
extern "C" __global__ void __launch_bounds__(kExactThreads)
    attentionSumParts_bfloat16(const float* partial, bfloat16* dk, bfloat16* dv, int parts, int count) {
  const int64 at = (static_cast<int64>(blockIdx.x) * kExactThreads + threadIdx.x) * 8;
  if (at >= 2 * static_cast<int64>(count)) return;
  const bool second = at >= count;
  const int64 column = second ? at - count : at;
  const float* in = partial + (second ? static_cast<int64>(parts) * count : 0) + column;
  Pack<bfloat16> sum = {};
  for (int part = 0; part < parts; ++part) {
    const Pack<float> low = loadPack(in + static_cast<int64>(part) * count);
    const Pack<float> high = loadPack(in + static_cast<int64>(part) * count + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum.values[i] += low.values[i];
      sum.values[i + 4] += high.values[i];
    }
  }
  storePack((second ? dv : dk) + column, sum);
}
