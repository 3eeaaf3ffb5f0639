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
/** One past the last query, of `count`, that sees a key of [.., lastKey]. */
__device__ inline int queryEnd(int lastKey, int count, int window) {
  return window > 0 && lastKey < count - window ? lastKey + window : count;
}
