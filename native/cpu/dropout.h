// The dropout mask, a pure function of (seed, flat index), so that backward and JavaScript rebuild it instead
// of storing it. Element i is kept iff hash(seed, i) >= threshold(p); kept values are scaled by 1 / (1 - p).
// p is a float (in JavaScript: Math.fround(p)); the index is row * width + column modulo 2^32.
#pragma once
#include "simd.h"

namespace mlab::MLAB_ISA {

typedef uint32_t UVec __attribute__((vector_size(W * 4)));

/** Dropout over a matrix with `width` columns; p == 0 keeps everything. */
struct Dropout {
  uint32_t seed = 0;
  uint32_t threshold = 0;
  float keptScale = 1;
  int64_t width = 0;

  Dropout() = default;
  Dropout(float p, uint32_t s, int64_t columns)
      : seed(s),
        threshold(static_cast<uint32_t>(static_cast<double>(p) * 4294967296.0)),
        keptScale(1.0f / (1.0f - p)),
        width(columns) {}
  bool active() const { return threshold != 0; }
};

/** Integer T is uint32_t or a vector of them: the same mix for one element and for a lane each. */
template <class T>
inline T dropoutHash(T seed, T index) {
  T h = seed + index * 0x9E3779B1u;
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  h ^= h >> 16;
  return h;
}

/** out = drop(in) for n neighbours of one row, the first at flat index `first`; out may be in. */
inline void applyDropout(const Dropout& drop, int64_t first, int64_t n, const float* in, float* out) {
  UVec lane;
  for (int i = 0; i < W; ++i) lane[i] = static_cast<uint32_t>(i);
  const UVec seed = UVec{} + drop.seed, threshold = UVec{} + drop.threshold;
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const UVec index = lane + static_cast<uint32_t>(first + i);
    store(out + i, dropoutHash(seed, index) >= threshold ? load(in + i) * splat(drop.keptScale) : Vec{});
  }
  for (; i < n; ++i) {
    const bool kept = dropoutHash(drop.seed, static_cast<uint32_t>(first + i)) >= drop.threshold;
    out[i] = kept ? in[i] * drop.keptScale : 0.0f;
  }
}

}  // namespace mlab::MLAB_ISA
