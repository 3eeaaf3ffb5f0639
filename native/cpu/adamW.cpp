// AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"), one step:
//   m' = beta1 m + (1 - beta1) g,  v' = beta2 v + (1 - beta2) g^2,  with g = gradScale * grad
//   p' = p - lr * weightDecay * p - lr * (m' / (1 - beta1^step)) / (sqrt(v' / (1 - beta2^step)) + eps)
// Every value is read before it is written at the same index, so the outputs may be the inputs.
#include <cmath>

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kGrain = 1 << 14;

inline Vec squareRoot(Vec x) {
  for (int lane = 0; lane < W; ++lane) x[lane] = std::sqrt(x[lane]);  // compiles to one vector instruction
  return x;
}

struct Step {
  Vec gradScale, beta1, oneMinusBeta1, beta2, oneMinusBeta2, decay, stepSize, inverseRootCorrection2, eps;

  void apply(Vec grad, Vec& param, Vec& m, Vec& v) const {
    const Vec g = grad * gradScale;
    m = beta1 * m + oneMinusBeta1 * g;
    v = beta2 * v + oneMinusBeta2 * g * g;
    param = param * decay - stepSize * m / (squareRoot(v) * inverseRootCorrection2 + eps);
  }
};

}  // namespace

void adamW(const float* param, const float* grad, const float* m, const float* v, int64_t n, float gradScale,
           float learningRate, float beta1, float beta2, float eps, float weightDecay, int64_t step,
           float* newParam, float* newM, float* newV) {
  // In double: 1 - beta2^step loses half of its digits in float for the first steps.
  const double correction1 = 1 - std::pow(static_cast<double>(beta1), static_cast<double>(step));
  const double correction2 = 1 - std::pow(static_cast<double>(beta2), static_cast<double>(step));
  const Step update = {splat(gradScale),
                       splat(beta1),
                       splat(static_cast<float>(1.0 - beta1)),
                       splat(beta2),
                       splat(static_cast<float>(1.0 - beta2)),
                       splat(static_cast<float>(1.0 - static_cast<double>(learningRate) * weightDecay)),
                       splat(static_cast<float>(learningRate / correction1)),
                       splat(static_cast<float>(1.0 / std::sqrt(correction2))),
                       splat(eps)};
  parallelFor(n, kGrain, [&](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + W <= end; i += W) {
      Vec p = load(param + i), first = load(m + i), second = load(v + i);
      update.apply(load(grad + i), p, first, second);
      store(newParam + i, p);
      store(newM + i, first);
      store(newV + i, second);
    }
    if (i == end) return;
    const int rest = static_cast<int>(end - i);
    Vec p = loadPartial(param + i, rest), first = loadPartial(m + i, rest), second = loadPartial(v + i, rest);
    update.apply(loadPartial(grad + i, rest), p, first, second);
    storePartial(newParam + i, p, rest);
    storePartial(newM + i, first, rest);
    storePartial(newV + i, second, rest);
  });
}

}  // namespace mlab::MLAB_ISA
