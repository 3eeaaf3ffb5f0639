#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value adamWEntry(const Napi::CallbackInfo& info) {
  Args args(info, "adamW");
  const int64_t step = args.integer("step", 1);
  const float gradScale = static_cast<float>(args.number("gradScale"));
  const float learningRate = static_cast<float>(args.number("learningRate"));
  const float beta1 = static_cast<float>(args.number("beta1"));
  const float beta2 = static_cast<float>(args.number("beta2"));
  const float eps = static_cast<float>(args.number("eps"));
  const float weightDecay = static_cast<float>(args.number("weightDecay"));
  args.require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "beta1 and beta2 must be in [0, 1)");
  int64_t n = 0;
  const float* param = args.floatsAny("param", n);
  const float* grad = args.floats("grad", n);
  const float* m = args.floats("m", n);
  const float* v = args.floats("v", n);
  float* newParam = args.floats("newParam", n);
  float* newM = args.floats("newM", n);
  float* newV = args.floats("newV", n);
  kernels().adamW(param, grad, m, v, n, gradScale, learningRate, beta1, beta2, eps, weightDecay, step,
                  newParam, newM, newV);
  return info.Env().Undefined();
}

}  // namespace mlab
