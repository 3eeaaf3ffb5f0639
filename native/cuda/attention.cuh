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
#pragma once
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
/** Values from one row to the next: of q, o, dO and dq, and of k, v, dk and dv. */
struct Strides {
  int64 query, key;

  __device__ Strides(int heads, int kvHeads, int headDim)
      : query(static_cast<int64>(heads) * headDim), key(static_cast<int64>(kvHeads) * headDim) {}
};

/** What a block of forward and dq has: a tile of one head's queries. A tile of the list is for `heads`
 * blocks. */
struct QueryBlock {
  int head, kvHead;
  Tile tile;
  /** Queries that there are, at most `mostRows`. */
  int rows;
  Strides stride;
  /** Where the first of them lies in q, and the first key of their sequence in k and v. */
  int64 queries, keys;

  __device__ QueryBlock(const int* tiles, int mostRows, int heads, int kvHeads, int headDim)
      : head(blockIdx.x % heads),
        kvHead(head / (heads / kvHeads)),
        tile(tiles, blockIdx.x / heads),
        rows(min(mostRows, tile.keyCount - tile.start)),
        stride(heads, kvHeads, headDim),
        queries((tile.start + tile.queryShift) * stride.query + head * headDim),
        keys(tile.keyBegin * stride.key + kvHead * headDim) {}

  /** One past the last key that they see. */
  __device__ int keyEnd() const { return tile.start + rows; }
  /** Place of the tile's row in log sum exp and delta, [heads, tokens]. */
  __device__ int64 rowPlace(int tokens, int row) const {
    return static_cast<int64>(head) * tokens + tile.start + tile.queryShift + row;
  }
};

/**
 * What a block of dk and dv has: a tile of keys, and of the heads of their group all, or with several `parts`
 * one part. A tile of the list is for kvHeads * parts blocks.
 */
struct KeyBlock {
  int part, kvHead;
  Tile tile;
  int firstHead, headCount;
  /** Keys that there are, at most `mostRows`, and one past the last query that sees one of them. */
  int rows, queryEnd;
  Strides stride;
  /** Where the first of them lies in k and v. */
  int64 keys;

  __device__ KeyBlock(const int* tiles, int mostRows, int parts, int heads, int kvHeads, int headDim,
                      int window)
      : part(blockIdx.x % parts),
        kvHead(blockIdx.x / parts % kvHeads),
        tile(tiles, blockIdx.x / parts / kvHeads),
        headCount(heads / kvHeads / parts),
        rows(min(mostRows, tile.keyCount - tile.start)),
        stride(heads, kvHeads, headDim),
        keys((tile.keyBegin + tile.start) * stride.key + kvHead * headDim) {
    firstHead = kvHead * (heads / kvHeads) + part * headCount;
    const int lastKey = tile.start + mostRows - 1;
    queryEnd = window > 0 && lastKey < tile.keyCount - window ? lastKey + window : tile.keyCount;
  }
};

// A warp's sums as the matrix units leave them (mma16816, ptx.cuh): d[n] has rows lane / 4 and lane / 4 + 8,
// columns 8 n + 2 (lane % 4) and the next.

/**
 * Scores of one of the lane's two rows become their share of exp(scale s - the largest so far), which is
 * added to `total`. scale2 is scale in base 2. Returns what was summed before is to be multiplied by.
 */
template <int N>
__device__ inline float soften(float (&scores)[N][4], int half, float scale2, float& maximum, float& total) {
  float largest = maximum;
#pragma unroll
  for (int n = 0; n < N; ++n) largest = fmaxf(largest, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
  largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 1));
  largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 2));
  // Nothing seen yet: subtract 0, so that hidden scores stay -inf and a NaN stays NaN.
  const float base = largest == -kInfinity ? 0.0f : largest * scale2;
  const float factor = exp2Fast(maximum * scale2 - base);
  maximum = largest;
  float sum = total * factor;
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int i = 2 * half; i < 2 * half + 2; ++i) {
      scores[n][i] = exp2Fast(fmaf(scores[n][i], scale2, -base));
      sum += scores[n][i];
    }
  total = sum;
  return factor;
}

/** dk and dv of a warp's 16 keys from `row` of the block on, as one of several parts of their sum: to
 * partial. */
template <int N>
__device__ inline void storePart(const float (&dk)[N][4], const float (&dv)[N][4], float scale,
                                 float* partial, const KeyBlock& own, int parts, int tokens, int row,
                                 int lane) {
  const int64 stride = own.stride.key;
  float* dkPart = partial + own.part * tokens * stride + own.keys;
  float* dvPart = dkPart + static_cast<int64>(parts) * tokens * stride;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int r = row + 8 * half + lane / 4;
    if (r >= own.rows) continue;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const int64 at = r * stride + 8 * n + 2 * (lane % 4);
      const float *x = &dk[n][2 * half], *y = &dv[n][2 * half];
      *reinterpret_cast<float2*>(dkPart + at) = make_float2(x[0] * scale, x[1] * scale);
      *reinterpret_cast<float2*>(dvPart + at) = make_float2(y[0], y[1]);
    }
  }
}
