#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value addEntry(const Napi::CallbackInfo& info) {
  Args args(info, "add");
  int64_t n = 0;
  const float* a = args.floatsAny("a", n);
  const float* b = args.floats("b", n);
  float* y = args.floats("y", n);
  kernels().add(a, b, n, y);
  return info.Env().Undefined();
}

Napi::Value sumSquaresEntry(const Napi::CallbackInfo& info) {
  Args args(info, "sumSquares");
  int64_t n = 0;
  const float* x = args.floatsAny("x", n);
  return Napi::Number::New(info.Env(), kernels().sumSquares(x, n));
}

}  // namespace mlab
