#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

constexpr int kBlock = 64;

int64_t blocksOf(int64_t n) { return (n + kBlock - 1) / kBlock; }

}  // namespace

Napi::Value quantizeNf4Entry(const Napi::CallbackInfo& info) {
  Args args(info, "quantizeNf4");
  int64_t n = 0;
  const float* values = args.floatsAny("values", n);
  uint8_t* packed = args.bytes("packed", (n + 1) / 2);
  float* absmax = args.floats("absmax", blocksOf(n));
  kernels().quantizeNf4(values, n, kBlock, packed, absmax);
  return info.Env().Undefined();
}

Napi::Value dequantizeNf4Entry(const Napi::CallbackInfo& info) {
  Args args(info, "dequantizeNf4");
  // The last argument says how many values there are, and so how long the others must be.
  const Napi::Value last = info[2];
  const int64_t n =
      last.IsTypedArray() ? static_cast<int64_t>(last.As<Napi::TypedArray>().ElementLength()) : 0;
  const uint8_t* packed = args.bytes("packed", (n + 1) / 2);
  const float* absmax = args.floats("absmax", blocksOf(n));
  float* values = args.floats("values", n);
  kernels().dequantizeNf4(packed, absmax, n, kBlock, values);
  return info.Env().Undefined();
}

}  // namespace mlab
