#include <cmath>

#include "../cpu/threads.h"
#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

constexpr int kBlock = 64;

/** Scales that share one float32. */
constexpr int64_t kScaleBlock = 256;
constexpr int kMapSize = 256;

/** As `nearest` in sdk/weights/doubleQuant.ts, which says why halves go to the even index. No branch: x is
 * random. */
inline int nearest(const float* map, float x) {
  int below = 0;
  for (int step = kMapSize / 2; step > 0; step /= 2)
    below += step & -static_cast<int>(map[below + step - 1] < x);
  // All but the last were looked at; beyond the map the ends are nearest.
  const int high = below > 0 ? below : 1;
  const float between = (map[high - 1] + map[high]) / 2;
  if (x == between) return high & ~1;
  return (high - 1 + (x > between)) & -static_cast<int>(x >= map[0]);
}

}  // namespace

Napi::Value quantizeNf4Entry(const Napi::CallbackInfo& info) {
  Args args(info, "quantizeNf4");
  int64_t n = 0;
  const float* values = args.floatsAny("values", n);
  uint8_t* packed = args.bytes("packed", wholes(n, 2));
  float* absmax = args.floats("absmax", wholes(n, kBlock));
  kernels().quantizeNf4(values, n, kBlock, packed, absmax);
  return info.Env().Undefined();
}

Napi::Value dequantizeNf4Entry(const Napi::CallbackInfo& info) {
  Args args(info, "dequantizeNf4");
  // The last argument says how many values there are, and so how long the others must be.
  const Napi::Value last = info[2];
  const int64_t n =
      last.IsTypedArray() ? static_cast<int64_t>(last.As<Napi::TypedArray>().ElementLength()) : 0;
  const uint8_t* packed = args.bytes("packed", wholes(n, 2));
  const float* absmax = args.floats("absmax", wholes(n, kBlock));
  float* values = args.floats("values", n);
  kernels().dequantizeNf4(packed, absmax, n, kBlock, values);
  return info.Env().Undefined();
}

Napi::Value quantizeNf4ScalesEntry(const Napi::CallbackInfo& info) {
  Args args(info, "quantizeNf4Scales");
  int64_t n = 0;
  const float* absmax = args.floatsAny("absmax", n);
  const float offset = static_cast<float>(args.number("offset"));
  const float* map = args.floats("map", kMapSize);
  uint8_t* codes = args.bytes("codes", n);
  const int64_t blocks = wholes(n, kScaleBlock);
  float* nested = args.floats("nestedAbsmax", blocks);
  parallelFor(blocks, 16, [=](int64_t begin, int64_t end) {
    float scaled[kScaleBlock];
    for (int64_t block = begin; block < end; ++block) {
      const int64_t start = block * kScaleBlock;
      const int length = static_cast<int>(start + kScaleBlock < n ? kScaleBlock : n - start);
      float most = 0;
      for (int i = 0; i < length; ++i) {
        scaled[i] = absmax[start + i] - offset;
        const float magnitude = std::fabs(scaled[i]);
        most = magnitude > most ? magnitude : most;  // false for NaN, as fmaxf
      }
      nested[block] = most;
      const float reciprocal = 1.0f / most;
      for (int i = 0; i < length; ++i) scaled[i] *= reciprocal;
      for (int i = 0; i < length; ++i) codes[start + i] = static_cast<uint8_t>(nearest(map, scaled[i]));
    }
  });
  return info.Env().Undefined();
}

}  // namespace mlab
