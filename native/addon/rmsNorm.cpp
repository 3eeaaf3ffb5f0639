#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value rmsNormForwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "rmsNormForward");
  const int64_t rows = args.integer("rows"), dim = args.integer("dim", 1);
  const float eps = static_cast<float>(args.number("eps"));
  const float* x = args.floats("x", product(rows, dim));
  const float* gamma = args.floats("gamma", dim);
  float* y = args.floats("y", product(rows, dim));
  float* inverseRms = args.floats("inverseRms", rows);
  kernels().rmsNormForward(x, gamma, rows, dim, eps, y, inverseRms);
  return info.Env().Undefined();
}

Napi::Value rmsNormBackwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "rmsNormBackward");
  const int64_t rows = args.integer("rows"), dim = args.integer("dim", 1);
  const float* dy = args.floats("dy", product(rows, dim));
  const float* x = args.floats("x", product(rows, dim));
  const float* gamma = args.floats("gamma", dim);
  const float* inverseRms = args.floats("inverseRms", rows);
  float* dx = args.floats("dx", product(rows, dim));
  float* dGamma = args.floatsOrNull("dGamma", dim);
  kernels().rmsNormBackward(dy, x, gamma, inverseRms, rows, dim, dx, dGamma);
  return info.Env().Undefined();
}

}  // namespace mlab
