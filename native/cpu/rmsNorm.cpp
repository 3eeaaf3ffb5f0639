// RMSNorm (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization"): y = x * gamma / sqrt(mean(x^2) +
// eps). Backward: with n = x * inverseRms and g = dy * gamma, dx = inverseRms * (g - n * mean(g * n)); dGamma
// = sum dy * n.
#include <cmath>

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kRowGrain = 16;

float dot(const float* a, const float* b, int64_t n) {
  Vec total = {};
  int64_t i = 0;
  for (; i + W <= n; i += W) total += load(a + i) * load(b + i);
  if (i < n)
    total += loadPartial(a + i, static_cast<int>(n - i)) * loadPartial(b + i, static_cast<int>(n - i));
  return sum(total);
}

}  // namespace

void rmsNormForward(const float* x, const float* gamma, int64_t rows, int64_t dim, float eps, float* y,
                    float* inverseRms) {
  parallelFor(rows, kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = x + row * dim;
      float* out = y + row * dim;
      const float inverse = 1.0f / std::sqrt(dot(in, in, dim) / static_cast<float>(dim) + eps);
      inverseRms[row] = inverse;
      for (int64_t i = 0; i < dim; ++i) out[i] = in[i] * inverse * gamma[i];
    }
  });
}

void rmsNormBackward(const float* dy, const float* x, const float* gamma, const float* inverseRms,
                     int64_t rows, int64_t dim, float* dx, float* dGamma) {
  parallelFor(rows, kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = x + row * dim;
      const float* grad = dy + row * dim;
      const float inverse = inverseRms[row];
      float mean = 0;
      for (int64_t i = 0; i < dim; ++i) mean += grad[i] * gamma[i] * in[i];
      mean *= inverse / static_cast<float>(dim);
      float* out = dx + row * dim;
      for (int64_t i = 0; i < dim; ++i) out[i] = inverse * (grad[i] * gamma[i] - in[i] * inverse * mean);
    }
  });
  if (!dGamma) return;
  // By columns, so that no two threads write the same place and the order of the sum is fixed.
  parallelFor(dim, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) dGamma[i] = 0;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = begin; i < end; ++i)
        dGamma[i] += dy[row * dim + i] * x[row * dim + i] * inverseRms[row];
  });
}

}  // namespace mlab::MLAB_ISA
