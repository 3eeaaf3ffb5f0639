// Causal grouped-query attention in tiles (Dao et al. 2022, "FlashAttention"; Ainslie et al. 2023, "GQA"):
// scores exist for one tile of queries and keys at a time. Forward keeps a running maximum and sum of each
// row (online softmax) and log sum exp for backward, which is attentionBackward.cpp. Scores are kept in base
// 2, the factor log2(e) folded into q. A score that is NaN makes its row NaN; keys that a query may not see
// never reach it, except that a NaN or infinite value in the same sequence's tile does, as 0 * NaN does in
// the reference.
#include "attention.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr float kLog2E = 1.44269504088896341f;
constexpr float kLn2 = 0.69314718055994531f;
constexpr float kMinusInfinity = -__builtin_inff();

/** The running maximum and sum of every row of a query tile, and the unnormalised output. */
struct Rows {
  Scratch<float> out;  // [kQueryTile, paddedDim]
  float maximum[kQueryTile], total[kQueryTile];
  explicit Rows(int64_t paddedDim) : out(kQueryTile * paddedDim) {}
  void reset(int64_t paddedDim) {
    std::memset(out.get(), 0, static_cast<size_t>(kQueryTile * paddedDim) * sizeof(float));
    for (int64_t i = 0; i < kQueryTile; ++i) maximum[i] = kMinusInfinity, total[i] = 0;
  }
};

/**
 * Turns the scores of rows first..first+W-1 (at most `end`) against `width` keys into probabilities relative
 * to the running maximum, and scales what was accumulated before. Row i sees the columns [low, high) that
 * `seen` gives. W rows at once, because the maximum and the sum across a row are then reductions of a whole
 * block.
 */
template <typename Seen>
void onlineSoftmax(float* scores, int64_t first, int64_t end, int64_t width, int64_t paddedDim,
                   const Seen& seen, Rows& rows) {
  Vec block[W] = {};
  const int64_t count = smaller(W, end - first);
  for (int64_t i = 0; i < count; ++i) {
    float* row = scores + (first + i) * kKeyTile;
    int64_t low, high;
    seen(first + i, low, high);
    for (int64_t c = 0; c < low; ++c) row[c] = kMinusInfinity;
    for (int64_t c = high; c < width; ++c) row[c] = kMinusInfinity;
    block[i] = load(row);
    for (int64_t c = W; c < width; c += W) block[i] = max(block[i], load(row + c));
  }
  const Vec before = load(rows.maximum + first);
  const Vec maximum = max(reduceEach<Max>(block), before);
  // Nothing seen yet: subtract 0, so that masked scores stay -inf and a NaN stays NaN.
  const Vec base = maximum == splat(kMinusInfinity) ? Vec{} : maximum;
  const Vec factor = exp2(before - base);
  store(rows.maximum + first, maximum);
  Vec sums[W] = {};
  for (int64_t i = 0; i < count; ++i) {
    float* row = scores + (first + i) * kKeyTile;
    const Vec subtract = splat(base[i]);
    for (int64_t c = 0; c < width; c += W) {
      const Vec p = exp2(load(row + c) - subtract);
      store(row + c, p);
      sums[i] += p;
    }
    if (factor[i] == 1.0f) continue;
    float* out = rows.out.get() + (first + i) * paddedDim;
    for (int64_t c = 0; c < paddedDim; c += W) store(out + c, load(out + c) * splat(factor[i]));
  }
  store(rows.total + first, load(rows.total + first) * factor + reduceEach<Sum>(sums));
}

}  // namespace

Packed::Packed(const float* x, const Span* spans, int64_t count, const Tiling& tiling,
               const AttentionShape& shape, bool wantTransposed, bool wantRows)
    : padded_(tiling.padded),
      headDim_(shape.headDim),
      paddedDim_(roundUp(shape.headDim, W)),
      transposed_(wantTransposed ? shape.kvHeads * padded_ * headDim_ : 0),
      rows_(wantRows ? shape.kvHeads * padded_ * paddedDim_ : 0) {
  const int64_t stride = shape.kvHeads * headDim_;
  forEachClaim(count * shape.kvHeads, [&](auto& claim) {
    for (int64_t task = claim(); task >= 0; task = claim()) {
      const Span& span = spans[task / shape.kvHeads];
      const int64_t head = task % shape.kvHeads, start = tiling.paddedStart[task / shape.kvHeads];
      for (int64_t key = 0; key < span.keyCount; key += kKeyTile) {
        const int64_t rows = smaller(kKeyTile, span.keyCount - key);
        const float* in = x + (span.keyBegin + key) * stride + head * headDim_;
        if (wantTransposed)
          packTransposed(in, rows, headDim_, stride, const_cast<float*>(transposed(head, start + key)),
                         roundUp(rows, W));
        if (wantRows)
          packRows(in, rows, headDim_, stride, 1.0f, const_cast<float*>(this->rows(head, start + key)),
                   paddedDim_);
      }
    }
  });
}

void attendSpans(const float* q, const float* k, const float* v, const Span* spans, int64_t count,
                 const AttentionShape& shape, float* o, float* logSumExp) {
  const int64_t dim = shape.headDim, paddedDim = roundUp(dim, W), stride = shape.heads * dim;
  const int64_t group = shape.heads / shape.kvHeads;
  const Tiling tiling(spans, count);
  const Packed keys(k, spans, count, tiling, shape, true, false);
  const Packed values(v, spans, count, tiling, shape, false, true);
  Scratch<int64_t> firstTask(count + 1);
  firstTask[0] = 0;
  for (int64_t s = 0; s < count; ++s)
    firstTask[s + 1] = firstTask[s] + shape.heads * ((spans[s].queryCount + kQueryTile - 1) / kQueryTile);

  forEachClaim(firstTask[count], [&](auto& claim) {
    Scratch<float> queries(kQueryTile * dim), scores(kQueryTile * kKeyTile);
    Rows state(paddedDim);
    int64_t s = 0;
    for (int64_t task = claim(); task >= 0; task = claim()) {
      while (task >= firstTask[s + 1]) ++s;  // tasks come in rising order
      const Span& span = spans[s];
      const int64_t tiles = (firstTask[s + 1] - firstTask[s]) / shape.heads;
      // The longest rows first, heads innermost: short tasks at the end even out the threads.
      const int64_t tile = tiles - 1 - (task - firstTask[s]) / shape.heads;
      const int64_t head = (task - firstTask[s]) % shape.heads, kvHead = head / group;
      const int64_t first = tile * kQueryTile, rows = smaller(kQueryTile, span.queryCount - first);
      const int64_t position = span.keyCount - span.queryCount + first;  // of the tile's first query
      const float* in = q + (span.queryBegin + first) * stride + head * dim;
      packRows(in, rows, dim, stride, shape.scale * kLog2E, queries.get(), dim);
      state.reset(paddedDim);

      const int64_t begin = firstKey(position, shape.window) / kKeyTile * kKeyTile;
      for (int64_t key = begin; key < position + rows; key += kKeyTile) {
        const int64_t width = smaller(kKeyTile, span.keyCount - key), padded = roundUp(width, W);
        const int64_t packedRow = tiling.paddedStart[s] + key;
        // Rows before the first key see nothing of this tile.
        const int64_t top = larger(0, key - position) / W * W, height = rows - top;
        tileMatMul(height, padded, dim, queries.get() + top * dim, dim, 1, keys.transposed(kvHead, packedRow),
                   padded, scores.get() + top * kKeyTile, kKeyTile, false);
        auto seen = [&](int64_t row, int64_t& low, int64_t& high) {
          low = smaller(larger(firstKey(position + row, shape.window) - key, 0), padded);
          high = smaller(larger(position + row + 1 - key, 0), width);
        };
        for (int64_t row = top; row < rows; row += W)
          onlineSoftmax(scores.get(), row, rows, padded, paddedDim, seen, state);
        tileMatMul(height, paddedDim, width, scores.get() + top * kKeyTile, kKeyTile, 1,
                   values.rows(kvHead, packedRow), paddedDim, state.out.get() + top * paddedDim, paddedDim,
                   true);
      }
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t token = span.queryBegin + first + i;
        const float* row = state.out.get() + i * paddedDim;
        float* target = o + token * stride + head * dim;
        const float inverse = 1.0f / state.total[i];
        for (int64_t c = 0; c < dim; ++c) target[c] = row[c] * inverse;
        if (logSumExp)
          logSumExp[head * shape.tokens + token] = (state.maximum[i] + std::log2(state.total[i])) * kLn2;
      }
    }
  });
}

void attentionForward(const float* q, const float* k, const float* v, const int32_t* cuSeqlens,
                      int64_t sequences, const AttentionShape& shape, float* o, float* logSumExp) {
  Scratch<Span> spans(sequences);
  for (int64_t s = 0; s < sequences; ++s) {
    const int64_t begin = cuSeqlens[s], length = cuSeqlens[s + 1] - begin;
    spans[s] = {begin, length, begin, length};
  }
  attendSpans(q, k, v, spans.get(), sequences, shape, o, logSumExp);
}

}  // namespace mlab::MLAB_ISA
