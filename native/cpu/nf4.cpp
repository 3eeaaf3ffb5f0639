// NF4 quantisation of dense values and back. The arithmetic is that of bitsandbytes' CUDA kernel in IEEE
// rounding, denormals flushed to 0: code(x * (1 / absmax)), the reciprocal taken once a block. What follows
// from it is kept: a block of zeros has 0 * inf = NaN and so code 0 (which decodes to -0), a NaN takes no
// part in absmax and gets code 0, and the missing partner of an odd last value is a 0.
#include "nf4.h"

#include <cfloat>
#include <cmath>

#include "kernels.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kBlockGrain = 256;

/** Beside a larger absmax than this, a denormal is as near to 0 as makes no other code. */
constexpr float kDenormalsMatter = 32 * FLT_MIN;

inline float normalOr0(float x) { return std::fabs(x) < FLT_MIN ? 0.0f : x; }

inline int codeOf(float x) {
  int code = 0;
  for (float threshold : kNf4Thresholds) code += x > threshold;
  return code;
}

float absmaxOf(const float* values, int64_t n) {
  Vec most = {};
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const Vec v = load(values + i);
    most = max(v < Vec{} ? -v : v, most);  // the second for NaN, as fmaxf
  }
  float largest = maxLane(most);
  for (; i < n; ++i) {
    const float magnitude = std::fabs(values[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return normalOr0(largest);
}

/** The thresholds with a last one that nothing is above, as nf4Lookup wants them. */
struct Thresholds {
  alignas(64) float values[16];
  constexpr Thresholds() : values{} {
    for (int i = 0; i < 15; ++i) values[i] = kNf4Thresholds[i];
    values[15] = __builtin_inff();
  }
};
constexpr Thresholds kThresholds;

/** Codes of W values, each in its lane: how many thresholds are below, by bisection. NaN is above none. */
inline IVec codesOf(Vec x) {
  const auto above = [&](IVec index) { return (IVec)(x > nf4Lookup(index, kThresholds.values)); };
  IVec codes = (IVec)(x > splat(kNf4Thresholds[7])) & 8;
  codes += above(codes + 3) & 4;
  codes += above(codes + 1) & 2;
  return codes + (above(codes) & 1);
}

/** W codes to W / 2 bytes, the first of a pair in the high nibble. */
inline void packCodes(IVec codes, uint8_t* to) {
#if MLAB_WIDTH == 16
  // Masked with every lane on, as in nf4.h.
  const __m512i firsts = _mm512_maskz_slli_epi64(0xFF, (__m512i)codes, 4);
  const __m512i pairs = _mm512_or_si512(firsts, _mm512_maskz_srli_epi64(0xFF, (__m512i)codes, 32));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi64_epi8(0xFF, pairs));
#else
  for (int lane = 0; lane < W; lane += 2)
    to[lane / 2] = static_cast<uint8_t>(codes[lane] << 4 | codes[lane + 1]);
#endif
}

void quantizeBlock(const float* values, int64_t n, float absmax, uint8_t* packed) {
  const float reciprocal = 1.0f / absmax;
  int64_t i = 0;
  if (absmax > kDenormalsMatter)
    for (; i + W <= n; i += W) packCodes(codesOf(load(values + i) * splat(reciprocal)), packed + i / 2);
  for (; i < n; i += 2) {
    const float first = normalOr0(values[i]), second = i + 1 < n ? normalOr0(values[i + 1]) : 0.0f;
    packed[i / 2] = static_cast<uint8_t>(codeOf(first * reciprocal) << 4 | codeOf(second * reciprocal));
  }
}

}  // namespace

void quantizeNf4(const float* values, int64_t n, int blockSize, uint8_t* packed, float* absmax) {
  const int64_t blocks = (n + blockSize - 1) / blockSize;
  parallelFor(blocks, kBlockGrain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t start = block * blockSize;
      const int64_t length = start + blockSize < n ? blockSize : n - start;
      absmax[block] = absmaxOf(values + start, length);
      quantizeBlock(values + start, length, absmax[block], packed + start / 2);
    }
  });
}

void dequantizeNf4(const uint8_t* packed, const float* absmax, int64_t n, int blockSize, float* values) {
  const int64_t blocks = (n + blockSize - 1) / blockSize;
  parallelFor(blocks, kBlockGrain, [&](int64_t begin, int64_t end) {
    const int64_t start = begin * blockSize;
    const int64_t stop = end * blockSize < n ? end * blockSize : n;
    nf4Decode(packed, absmax, blockSize, start, stop - start, values + start);
  });
}

}  // namespace mlab::MLAB_ISA
