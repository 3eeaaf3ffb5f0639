// Attention of new tokens over a key-value cache. The new keys and values are written into the caches first.
// A few tokens (decoding) are computed directly, one kv head a task: the cache is read once for all query
// heads of the group, and that reading is the cost. Many tokens (the prompt) take the tiled forward of
// attention.cpp.
#include "attention.h"

namespace mlab::MLAB_ISA {
namespace {

// Below this the tiles of the tiled forward are mostly padding.
constexpr int64_t kDirectTokens = 8;
// Multiply-adds below which starting a thread costs more than it saves (about 10 microseconds of one core).
constexpr int64_t kParallelWork = 1 << 18;

/** scores [count] = q . k for `count` keys, rows `stride` apart. Reads no lane past the end of a row. */
void scoreKeys(const float* q, const float* keys, int64_t count, int64_t stride, int64_t dim, float* scores) {
  const int64_t whole = dim / W * W;
  const int rest = static_cast<int>(dim - whole);
  for (int64_t first = 0; first < count; first += W) {
    Vec dots[W];
    for (int i = 0; i < W; ++i) {
      const float* key =
          keys + smaller(first + i, count - 1) * stride;  // past the end: any key, dropped below
      Vec total = {};
      for (int64_t c = 0; c < whole; c += W) total += load(q + c) * load(key + c);
      if (rest) total += loadPartial(q + whole, rest) * loadPartial(key + whole, rest);
      dots[i] = total;
    }
    const Vec block = reduceEach<Sum>(dots);
    if (first + W <= count)
      store(scores + first, block);
    else
      storePartial(scores + first, block, static_cast<int>(count - first));
  }
}

/** Softmax of scores (base 2) in place, without the division; returns the sum. */
float softmaxSum(float* scores, int64_t count) {
  const float minusInfinity = -__builtin_inff();
  const int64_t padded = roundUp(count, W);
  for (int64_t c = count; c < padded; ++c) scores[c] = minusInfinity;
  Vec largest = load(scores);
  for (int64_t c = W; c < padded; c += W) largest = max(largest, load(scores + c));
  const float maximum = maxLane(largest);
  const Vec base = splat(maximum == minusInfinity ? 0.0f : maximum);
  Vec total = {};
  for (int64_t c = 0; c < padded; c += W) {
    const Vec p = exp2(load(scores + c) - base);
    store(scores + c, p);
    total += p;
  }
  return sum(total);
}

/** One token's query heads of one group, q and o [group, dim], against the keys [first, last] of the group.
 */
void attendDirect(const float* q, const float* keys, const float* values, int64_t first, int64_t last,
                  int64_t group, int64_t stride, const AttentionShape& shape, float* o) {
  const int64_t dim = shape.headDim, count = last + 1 - first, padded = roundUp(count, W);
  Scratch<float> scores(group * padded), query(dim);
  for (int64_t g = 0; g < group; ++g) {
    packRows(q + g * dim, 1, dim, dim, shape.scale * 1.44269504088896341f, query.get(), dim);
    scoreKeys(query.get(), keys + first * stride, count, stride, dim, scores.get() + g * padded);
    const float inverse = 1.0f / softmaxSum(scores.get() + g * padded, count);
    for (int64_t c = 0; c < padded; ++c) scores[g * padded + c] *= inverse;
  }
  const float* rows = values + first * stride;
  const int64_t whole = dim / W * W;
  tileMatMul(group, whole, count, scores.get(), padded, 1, rows, stride, o, dim, false);
  for (int64_t g = 0; g < group; ++g)
    for (int64_t c = whole; c < dim; ++c) {
      float total = 0;
      for (int64_t key = 0; key < count; ++key) total += scores[g * padded + key] * rows[key * stride + c];
      o[g * dim + c] = total;
    }
}

}  // namespace

void attentionCached(const float* q, const float* k, const float* v, float* keys, float* values, int64_t past,
                     const AttentionShape& shape, float* o) {
  const int64_t dim = shape.headDim, stride = shape.kvHeads * dim, group = shape.heads / shape.kvHeads;
  const size_t bytes = static_cast<size_t>(shape.tokens * stride) * sizeof(float);
  std::memcpy(keys + past * stride, k, bytes);
  std::memcpy(values + past * stride, v, bytes);
  if (shape.tokens > kDirectTokens) {
    const Span span = {0, shape.tokens, 0, past + shape.tokens};
    attendSpans(q, keys, values, &span, 1, shape, o, nullptr);
    return;
  }
  const int64_t work = 2 * shape.tokens * shape.heads * dim * (past + shape.tokens);
  parallelFor(shape.kvHeads, work < kParallelWork ? shape.kvHeads : 1, [&](int64_t begin, int64_t end) {
    for (int64_t head = begin; head < end; ++head)
      for (int64_t token = 0; token < shape.tokens; ++token) {
        const int64_t offset = (token * shape.heads + head * group) * dim, last = past + token;
        attendDirect(q + offset, keys + head * dim, values + head * dim, firstKey(last, shape.window), last,
                     group, stride, shape, o + offset);
      }
  });
}

}  // namespace mlab::MLAB_ISA
