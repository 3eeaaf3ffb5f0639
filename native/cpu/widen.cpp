// Values of 16 bits to float32, exactly, and a look for those that are not finite. On one thread: the caller
// shares out.
#include "kernels.h"
#include "simd.h"

namespace mlab::MLAB_ISA {
namespace {

inline float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

inline float fromFloat16(uint16_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  // The bias of the exponent differs by 112; a product makes subnormal numbers right too.
  const uint32_t scaled = bitsOf(fromBits(magnitude << 13) * 0x1p112f);
  const uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u;
  return fromBits(scaled | special | static_cast<uint32_t>(half & 0x8000u) << 16);
}

}  // namespace

void widenBfloat16(const uint16_t* from, int64_t n, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = fromBits(static_cast<uint32_t>(from[i]) << 16);
}

void widenFloat16(const uint16_t* from, int64_t n, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = fromFloat16(from[i]);
}

int64_t firstNotFinite(const float* values, int64_t n) {
  const auto odd = [&](int64_t i) { return (bitsOf(values[i]) & 0x7f800000u) == 0x7f800000u; };
  uint32_t found = 0;
  // Without a branch, so that it is vectors.
  for (int64_t i = 0; i < n; ++i) found |= odd(i) ? 1u : 0u;
  if (found == 0) return n;
  int64_t first = 0;
  while (!odd(first)) ++first;
  return first;
}

}  // namespace mlab::MLAB_ISA
