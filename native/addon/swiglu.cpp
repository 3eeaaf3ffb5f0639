#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value swigluForwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "swigluForward");
  int64_t n = 0;
  const float* gate = args.floatsAny("gate", n);
  const float* up = args.floats("up", n);
  float* y = args.floats("y", n);
  kernels().swigluForward(gate, up, n, y);
  return info.Env().Undefined();
}

Napi::Value swigluBackwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "swigluBackward");
  int64_t n = 0;
  const float* dy = args.floatsAny("dy", n);
  const float* gate = args.floats("gate", n);
  const float* up = args.floats("up", n);
  float* dGate = args.floats("dGate", n);
  float* dUp = args.floats("dUp", n);
  kernels().swigluBackward(dy, gate, up, n, dGate, dUp);
  return info.Env().Undefined();
}

}  // namespace mlab
