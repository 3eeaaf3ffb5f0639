// What attention over whole sequences shares with attention over a cache: a span of queries and its keys, the
// keys and values packed for the tile product, and the forward pass over spans.
#pragma once
#include "kernels.h"
#include "tile.h"

namespace mlab::MLAB_ISA {

/**
 * One sequence: query i (row queryBegin + i) is at position keyCount - queryCount + i of the keys and sees
 * the keys up to its own position. Without a cache there are as many queries as keys.
 */
struct Span {
  int64_t queryBegin, queryCount, keyBegin, keyCount;
};

/** Rows of queries and of keys in one tile. Queries: whole register blocks and whole vectors of rows. */
constexpr int64_t kQueryTile = 96;
constexpr int64_t kKeyTile = 64;
static_assert(kQueryTile % kBlockRows == 0 && kQueryTile % W == 0 && kKeyTile % W == 0);

/** o [.., heads*headDim] for every query of every span; logSumExp [heads, shape.tokens] or null: not wanted.
 */
void attendSpans(const float* q, const float* k, const float* v, const Span* spans, int64_t count,
                 const AttentionShape& shape, float* o, float* logSumExp);

/** The keys and values of one kv head that a token sees. */
struct CachedKeys {
  const float *keys, *values;  // rows of headDim values, `stride` apart
  int64_t count, stride;       // of those rows
  // The token's own [headDim], where they are not among the rows, which then may have none; otherwise null.
  const float *ownKey, *ownValue;
};

/** Attention of one token for `group` query heads of one kv head, q and o [group, dim]. */
void attendDirect(const float* q, const CachedKeys& cached, int64_t group, int64_t dim, float scale,
                  float* o);

/** First key position that the query at `position` sees. */
inline int64_t firstKey(int64_t position, int64_t window) {
  return window > 0 ? larger(0, position - window + 1) : 0;
}

/**
 * The tiles of all spans. Keys of a span start at a multiple of the vector width in the packed arrays, so
 * that a tile of them is whole vectors; `padded` is the row count with these gaps, for one kv head.
 */
struct Tiling {
  Scratch<int64_t> paddedStart;  // [spans + 1]
  int64_t padded;
  explicit Tiling(const Span* spans, int64_t count) : paddedStart(count + 1) {
    paddedStart[0] = 0;
    for (int64_t s = 0; s < count; ++s) paddedStart[s + 1] = paddedStart[s] + roundUp(spans[s].keyCount, W);
    padded = paddedStart[count];
  }
};

/**
 * Keys or values of all kv heads, tile after tile: `transposed` [headDim, tile], the tile's width rounded up
 * to W, and `rows` [tile, headDim rounded up to W]. Packed once, used by every query tile of the group;
 * contiguous, so that a row stride of 4096 bytes in the input cannot make one tile fight for a single cache
 * set. Either may be off.
 */
class Packed {
 public:
  Packed(const float* x, const Span* spans, int64_t count, const Tiling& tiling, const AttentionShape& shape,
         bool wantTransposed, bool wantRows);
  const float* transposed(int64_t kvHead, int64_t paddedRow) const {
    return transposed_.get() + (kvHead * padded_ + paddedRow) * headDim_;
  }
  const float* rows(int64_t kvHead, int64_t paddedRow) const {
    return rows_.get() + (kvHead * padded_ + paddedRow) * paddedDim_;
  }

 private:
  int64_t padded_, headDim_, paddedDim_;
  Scratch<float> transposed_, rows_;
};

}  // namespace mlab::MLAB_ISA
