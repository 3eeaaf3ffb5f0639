// Cross-entropy of a language-model head: losses = log sum exp(hidden W^T) - logit of the label, and the
// gradients of their sum, with the logits in memory for one chunk of rows at a time. Rows with a negative
// label cost nothing. The three products follow computeType().
#include <cmath>

#include "gemm.h"
#include "tile.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kChunkValues = 16 << 20;  // logits of one chunk: 64 MiB
constexpr int64_t kMinChunkRows = 64, kMaxChunkRows = 512;
constexpr int64_t kSumBlock = 64 * W;  // values that are summed in float; the sum of blocks is in double

/** exp(a - b) for a - b of at most some units: 2^x costs half of exp, and its error grows with |a - b| only.
 */
inline Vec expOfDifference(Vec a, Vec b) { return exp2((a - b) * splat(1.44269504088896341f)); }

/** -inf for no values. A NaN may be lost here, but not in the sum of the exponentials. */
float largestOf(const float* x, int64_t n) {
  Vec most = splat(-__builtin_inff());
  int64_t i = 0;
  for (; i + W <= n; i += W) most = max(load(x + i), most);
  float result = most[0];
  for (int lane = 1; lane < W; ++lane) result = most[lane] > result ? most[lane] : result;
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

/** x = exp(x - shift); returns the sum. */
double exponentiate(float* x, int64_t n, float shift) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kSumBlock) {
    const int64_t end = smaller(n, begin + kSumBlock);
    Vec sum = {};
    int64_t i = begin;
    for (; i + W <= end; i += W) {
      const Vec e = expOfDifference(load(x + i), splat(shift));
      store(x + i, e);
      sum += e;
    }
    for (int lane = 0; lane < W; ++lane) total += sum[lane];
    if (i == end) continue;
    const int rest = static_cast<int>(end - i);
    const Vec e = expOfDifference(loadPartial(x + i, rest), splat(shift));
    storePartial(x + i, e, rest);
    for (int lane = 0; lane < rest; ++lane) total += e[lane];
  }
  return total;
}

/** Returns the loss of one row and turns its logits into their gradient: softmax, less 1 at the label. */
float differentiateRow(float* logits, int64_t vocab, int64_t label) {
  const float largest = largestOf(logits, vocab), ofLabel = logits[label];
  const double total = exponentiate(logits, vocab, largest == -__builtin_inff() ? 0 : largest);
  const Vec factor = splat(static_cast<float>(1 / total));
  int64_t i = 0;
  for (; i + W <= vocab; i += W) store(logits + i, load(logits + i) * factor);
  for (; i < vocab; ++i) logits[i] *= factor[0];
  logits[label] -= 1;
  // Difference first: the loss is small where maximum and logit are large and close.
  return static_cast<float>((static_cast<double>(largest) - ofLabel) + std::log(total));
}

}  // namespace

void crossEntropy(const float* hidden, int64_t rows, const WeightView& weight, const int32_t* labels,
                  float* losses, float* dHidden, float* dWeight) {
  const int64_t dim = weight.in, vocab = weight.out;
  Scratch<int64_t> labelled(rows);
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (labels[row] >= 0) {
      labelled[count++] = row;
      continue;
    }
    losses[row] = 0;
    if (dHidden) std::memset(dHidden + row * dim, 0, static_cast<size_t>(dim) * sizeof(float));
  }
  if (count == 0) {
    if (dWeight) std::memset(dWeight, 0, static_cast<size_t>(vocab * dim) * sizeof(float));
    return;
  }
  const int64_t chunkRows =
      smaller(count, larger(kMinChunkRows, smaller(kMaxChunkRows, kChunkValues / vocab)));
  // Not a power of two: rows must not share a cache set.
  const int64_t stride = roundUp(vocab, W) + W;
  Scratch<float> logits(chunkRows * stride), chunk(chunkRows * dim);
  const auto copyRow = [&](const float* from, float* to) {
    std::memcpy(to, from, static_cast<size_t>(dim) * sizeof(float));
  };
  for (int64_t begin = 0; begin < count; begin += chunkRows) {
    const int64_t size = smaller(chunkRows, count - begin);
    const int64_t* row = labelled.get() + begin;
    for (int64_t i = 0; i < size; ++i) copyRow(hidden + row[i] * dim, chunk.get() + i * dim);
    const Term forward = term(Operand::dense(chunk.get(), dim, false), Operand::weight(weight, false), dim);
    gemm(1, size, vocab, &forward, 1, logits.get(), stride, 0, computeType());
    parallelFor(size, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        losses[row[i]] = differentiateRow(logits.get() + i * stride, vocab, labels[row[i]]);
    });
    if (dWeight) {
      const Term product =
          term(Operand::dense(logits.get(), stride, true), Operand::dense(chunk.get(), dim, true), size);
      gemm(1, vocab, dim, &product, 1, dWeight, dim, 0, computeType(), begin > 0);
    }
    if (!dHidden) continue;
    const Term product =
        term(Operand::dense(logits.get(), stride, false), Operand::weight(weight, true), vocab);
    gemm(1, size, dim, &product, 1, chunk.get(), dim, 0, computeType());
    for (int64_t i = 0; i < size; ++i) copyRow(chunk.get() + i * dim, dHidden + row[i] * dim);
  }
}

}  // namespace mlab::MLAB_ISA
