// Elementwise helpers of the training loop: the residual addition and the sum of squares for the gradient
// norm.
#include "kernels.h"
#include "tile.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kGrain = 1 << 15;
// Partial sums have this fixed length, so that the result does not depend on the number of threads.
constexpr int64_t kSumBlock = 1 << 13;

double blockSumSquares(const float* x, int64_t n) {
  // Half as many lanes as floats, so that a vector of doubles is one register.
  typedef float Half __attribute__((vector_size(W * 2)));
  typedef double DVec __attribute__((vector_size(W * 4)));
  constexpr int kSums = 4;  // independent, to hide the latency of the addition
  DVec total[kSums] = {};
  int64_t i = 0;
  for (; i + kSums * W / 2 <= n; i += kSums * W / 2) {
    for (int part = 0; part < kSums; ++part) {
      Half narrow;
      std::memcpy(&narrow, x + i + part * W / 2, sizeof narrow);
      const DVec wide = __builtin_convertvector(narrow, DVec);
      total[part] += wide * wide;
    }
  }
  double lanes = 0;
  for (int part = 0; part < kSums; ++part)
    for (int lane = 0; lane < W / 2; ++lane) lanes += total[part][lane];
  for (; i < n; ++i) lanes += static_cast<double>(x[i]) * x[i];
  return lanes;
}

}  // namespace

void add(const float* a, const float* b, int64_t n, float* y) {
  parallelFor(n, kGrain, [&](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + W <= end; i += W) store(y + i, load(a + i) + load(b + i));
    for (; i < end; ++i) y[i] = a[i] + b[i];
  });
}

double sumSquares(const float* x, int64_t n) {
  const int64_t blocks = (n + kSumBlock - 1) / kSumBlock;
  Scratch<double> partial(blocks);
  parallelFor(blocks, kGrain / kSumBlock, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      partial[block] = blockSumSquares(x + block * kSumBlock, smaller(kSumBlock, n - block * kSumBlock));
  });
  double total = 0;
  for (int64_t block = 0; block < blocks; ++block) total += partial[block];
  return total;
}

}  // namespace mlab::MLAB_ISA
