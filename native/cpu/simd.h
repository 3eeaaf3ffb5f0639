// Portable vectors for the CPU kernels, on the compilers' vector extensions: one source, one width per
// instruction set. Every kernel file is compiled once per instruction set with MLAB_ISA naming the namespace.
// Loads and stores are unaligned; tails are handled with loadPartial/storePartial. Nothing here allocates.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#define MLAB_WIDTH 16
#elif defined(__AVX2__)
#define MLAB_WIDTH 8
#else
#define MLAB_WIDTH 4
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef MLAB_ISA
#define MLAB_ISA scalar
#endif

namespace mlab::MLAB_ISA {

/** Number of floats in one vector. */
constexpr int W = MLAB_WIDTH;
typedef float Vec __attribute__((vector_size(W * 4)));
typedef int32_t IVec __attribute__((vector_size(W * 4)));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
/** The first n (< W) lanes from p, the rest zero; never reads past p + n. */
inline Vec loadPartial(const float* p, int n) {
  Vec v = {};
  std::memcpy(&v, p, static_cast<size_t>(n) * 4);
  return v;
}
inline void storePartial(float* p, Vec v, int n) { std::memcpy(p, &v, static_cast<size_t>(n) * 4); }
inline Vec splat(float x) { return x - Vec{}; }

/** Sum of all lanes, pairwise, so the result does not depend on anything but the width. */
inline float sum(Vec v) {
#ifdef __clang__
  float lanes[W];
  std::memcpy(lanes, &v, sizeof v);
  for (int half = W / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
#else
  // The same sums by shuffles: gcc 12 leaves the loops above as loops through memory.
  IVec lane;
  for (int i = 0; i < W; ++i) lane[i] = i;
#pragma GCC unroll 4
  for (int half = W / 2; half > 0; half /= 2) v += __builtin_shuffle(v, lane ^ half);
  return v[0];
#endif
}
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline float maxLane(Vec v) {
  float m = v[0];
  for (int i = 1; i < W; ++i) m = v[i] > m ? v[i] : m;
  return m;
}

/** bfloat16 to float: the upper 16 bits of the float. */
inline float fromBf16(uint16_t h) {
  uint32_t bits = static_cast<uint32_t>(h) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
inline Vec loadBf16(const uint16_t* p) {
  typedef uint16_t Half __attribute__((vector_size(W * 2)));
  Half h;
  std::memcpy(&h, p, sizeof h);
  IVec wide = __builtin_convertvector(h, IVec) << 16;
  Vec v;
  std::memcpy(&v, &wide, sizeof v);
  return v;
}

/**
 * exp(x), relative error below 2e-7 for x in [-87, 88]; below that 0, above +inf, NaN stays NaN.
 * Range reduction x = n ln2 + f, then the degree-6 polynomial for e^f on [-ln2/2, ln2/2].
 */
inline Vec exp(Vec x) {
  const Vec log2e = splat(1.44269504088896341f);
  const Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  Vec clamped = x < splat(-87.3f) ? splat(-87.3f) : x;
  clamped = clamped > splat(88.7f) ? splat(88.7f) : clamped;
  Vec n = (clamped * log2e + shift) - shift;
  Vec f = clamped - n * splat(0.693359375f);
  f = f - n * splat(-2.12194440e-4f);
  Vec p = splat(1.9875691500e-4f);
  p = p * f + splat(1.3981999507e-3f);
  p = p * f + splat(8.3334519073e-3f);
  p = p * f + splat(4.1665795894e-2f);
  p = p * f + splat(1.6666665459e-1f);
  p = p * f + splat(5.0000001201e-1f);
  p = p * f * f + f + splat(1.0f);
  // 2^n in two steps, so that n = 128 does not overflow the exponent field.
  IVec in = __builtin_convertvector(n, IVec);
  IVec half = in >> 1;
  IVec e1 = (half + 127) << 23, e2 = (in - half + 127) << 23;
  Vec s1, s2;
  std::memcpy(&s1, &e1, sizeof s1);
  std::memcpy(&s2, &e2, sizeof s2);
  Vec result = p * s1 * s2;
  result = x < splat(-87.3f) ? splat(0.0f) : result;
  result = x > splat(88.7f) ? splat(__builtin_inff()) : result;
  return x == x ? result : x;
}

}  // namespace mlab::MLAB_ISA
