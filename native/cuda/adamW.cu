// AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"), one step of all parameters at
// once:
//   m' = beta1 m + (1 - beta1) g,  v' = beta2 v + (1 - beta2) g^2,  with g = gradScale * grad
//   p' = p - lr * weightDecay * p - lr * (m' / (1 - beta1^step)) / (sqrt(v' / (1 - beta2^step)) + eps)
// The tensors stand in a list in device memory, cut into parts of equal size, a block each: hundreds of small
// matrices take one launch, and no block has more to do than another.
#include "common.cuh"

namespace {

constexpr int kThreads = 256;
/** As sdk/backend/cuda/tensorList.ts cuts. */
constexpr int kPartValues = 4096;

/** 40 bytes. */
struct Parameter {
  float* param;
  const float* grad;
  float *m, *v;
  int count;
  float weightDecay;
};
/** Values part * kPartValues.. of parameter `parameter`. */
struct Part {
  int parameter, part;
};

}  // namespace

/** In place. stepSize = lr / (1 - beta1^step), inverseRoot = 1 /
 * sqrt(1 - beta2^step).
 */
extern "C" __global__ void __launch_bounds__(kThreads)
    adamW(const Parameter* parameters, const Part* parts, float gradScale, float learningRate, float beta1,
          float oneMinusBeta1, float beta2, float oneMinusBeta2, float stepSize, float inverseRoot,
          float eps) {
  const Part part = parts[blockIdx.x];
  const Parameter p = parameters[part.parameter];
  const float decay = static_cast<float>(1.0 - static_cast<double>(learningRate) * p.weightDecay);
  const int64 begin = static_cast<int64>(part.part) * kPartValues;
  for (int inside = static_cast<int>(threadIdx.x) * 8; inside < kPartValues && begin + inside < p.count;
       inside += kThreads * 8) {
    const int64 at = begin + inside;
    const int size = p.count - at < 8 ? static_cast<int>(p.count - at) : 8;
    const Values<8> grad = loadUpTo(p.grad + at, size);
    Values<8> value = loadUpTo(p.param + at, size);
    Values<8> m = loadUpTo(p.m + at, size), v = loadUpTo(p.v + at, size);
    for (int i = 0; i < 8; ++i) {
      const float g = grad.values[i] * gradScale;
      m.values[i] = beta1 * m.values[i] + oneMinusBeta1 * g;
      v.values[i] = beta2 * v.values[i] + oneMinusBeta2 * g * g;
      value.values[i] =
          value.values[i] * decay - stepSize * m.values[i] / (sqrtf(v.values[i]) * inverseRoot + eps);
    }
    storeUpTo(p.param + at, value, size);
    storeUpTo(p.m + at, m, size);
    storeUpTo(p.v + at, v, size);
  }
}
