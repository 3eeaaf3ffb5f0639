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

}  // namespace

void attendDirect(const float* q, const CachedKeys& cached, int64_t group, int64_t dim, float scale,
                  float* o) {
  const auto& [keys, values, count, stride, ownKey, ownValue] = cached;
  const int64_t all = count + (ownKey ? 1 : 0), padded = roundUp(all, W);
  Scratch<float> scores(group * padded), query(dim);
  for (int64_t g = 0; g < group; ++g) {
    float* row = scores.get() + g * padded;
    packRows(q + g * dim, 1, dim, dim, scale * 1.44269504088896341f, query.get(), dim);
    scoreKeys(query.get(), keys, count, stride, dim, row);
    if (ownKey) scoreKeys(query.get(), ownKey, 1, dim, dim, row + count);
    const float inverse = 1.0f / softmaxSum(row, all);
    for (int64_t c = 0; c < padded; ++c) row[c] *= inverse;
  }
  const int64_t whole = dim / W * W;
  tileMatMul(group, whole, count, scores.get(), padded, 1, values, stride, o, dim, false);
  for (int64_t g = 0; g < group; ++g) {
    const float* row = scores.get() + g * padded;
    for (int64_t c = whole; c < dim; ++c) {
      float total = 0;
      for (int64_t key = 0; key < count; ++key) total += row[key] * values[key * stride + c];
      o[g * dim + c] = total;
    }
    if (ownKey)
      for (int64_t c = 0; c < dim; ++c) o[g * dim + c] += row[count] * ownValue[c];
  }
}

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
        const int64_t first = firstKey(last, shape.window), at = first * stride + head * dim;
        const CachedKeys cached = {keys + at, values + at, last + 1 - first, stride, nullptr, nullptr};
        attendDirect(q + offset, cached, group, dim, shape.scale, o + offset);
      }
  });
}

}  // namespace mlab::MLAB_ISA
