// The two arithmetics of NF4 rows (nf4Rows.h). A group of weights is one vector of nibbles, W lanes of 8
// neighbouring values. Nothing is unpacked to order: shifting all lanes brings one value of each, in its
// place, to a look-up of codebook values; x is laid out once to match, kSteps vectors a group.
#pragma once
#include "nf4.h"
#include "pack.h"

namespace mlab::MLAB_ISA {

constexpr int64_t kGroup = 8 * W;

/** Float products. Step s takes value s of every lane: value s of lane l of a group is x[8 l + s]. */
struct FloatRows {
  static constexpr int kSteps = 8;

  /** x of one group: kSteps vectors, `apart` floats apart, from kGroup neighbours. */
  static void layOut(const float* x, float* out, int64_t apart) {
#if MLAB_WIDTH == 4
    for (int s = 0; s < 8; ++s)
      for (int l = 0; l < W; ++l) out[s * apart + l] = x[l * 8 + s];
#else
    Vec v[8];
    for (int i = 0; i < 8; ++i) v[i] = load(x + i * W);
    constexpr auto kLanes = std::make_integer_sequence<int, W>();
    for (int i = 0; i < 8; ++i)
      if (!(i & 4)) exchange<4>(v[i], v[i + 4], kLanes);
    for (int i = 0; i < 8; ++i)
      if (!(i & 2)) exchange<2>(v[i], v[i + 2], kLanes);
    for (int i = 0; i < 8; ++i)
      if (!(i & 1)) exchange<1>(v[i], v[i + 1], kLanes);
#if MLAB_WIDTH == 16
    // The exchanges leave the odd lanes in the upper half.
    const IVec order = {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15};
    for (int i = 0; i < 8; ++i) v[i] = (Vec)_mm512_maskz_permutexvar_ps(0xFFFF, (__m512i)order, (__m512)v[i]);
#endif
    for (int i = 0; i < 8; ++i) store(out + i * apart, v[i]);
#endif
  }

  /** The weights of step s. Values lie high nibble first in each byte, and bytes low to high in a lane. */
  Vec look(IVec nibbles, int s) const { return nf4Lookup(nibbles >> (4 * (s ^ 1))); }
  static Vec multiply(Vec weights, Vec x) { return weights * x; }
  static Vec multiplyAdd(Vec sum, Vec weights, Vec x) { return sum + weights * x; }
};

// Intel's processors, which are those with tiles, are slower at a dot product of bfloat16 than at the
// multiplications that it saves (from cache 11.6 to 12.7 GB/s a core instead of 13.1 to 14.6).
#if defined(__AVX512BF16__) && !defined(__AMX_TILE__)
#define MLAB_BFLOAT16_ROWS
/**
 * Products of bfloat16, summed in float32. A vector is 32 words of bfloat16: word w of step s belongs to
 * x[4 w + (s ^ 1)], as the low nibble of a byte is its second value. Each lane of a sum takes words 2 l and
 * 2 l + 1, so 8 neighbouring values as above.
 */
struct Bfloat16Rows {
  static constexpr int kSteps = 4;

  static void layOut(const float* x, float* out, int64_t apart) {
    // The four values of each nibble's place together, 128 bits of them from each of four vectors.
    alignas(64) static constexpr uint16_t kOrder[32] = {1,  5,  9,  13, 17, 21, 25, 29, 0,  4,  8,
                                                        12, 16, 20, 24, 28, 3,  7,  11, 15, 19, 23,
                                                        27, 31, 2,  6,  10, 14, 18, 22, 26, 30};
    Vec v[4];
    for (int i = 0; i < 4; ++i) {
      const Vec low = load(x + 2 * i * W), high = load(x + (2 * i + 1) * W);
      const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
      v[i] = (Vec)_mm512_maskz_permutexvar_epi16(0xFFFFFFFFu, _mm512_load_si512(kOrder), both);
    }
    constexpr auto kLanes = std::make_integer_sequence<int, W>();
    exchange<8>(v[0], v[2], kLanes);
    exchange<8>(v[1], v[3], kLanes);
    exchange<4>(v[0], v[1], kLanes);
    exchange<4>(v[2], v[3], kLanes);
    for (int i = 0; i < 4; ++i) store(out + i * apart, v[i]);
  }

  Vec look(IVec nibbles, int s) const {
    const __m512i index = _mm512_maskz_srli_epi16(0xFFFFFFFFu, (__m512i)nibbles, 4 * s);
    return (Vec)_mm512_maskz_permutexvar_epi16(0xFFFFFFFFu, index, table);
  }
  static Vec multiply(Vec weights, Vec x) { return multiplyAdd(Vec{}, weights, x); }
  static Vec multiplyAdd(Vec sum, Vec weights, Vec x) {
    return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)weights, (__m512bh)x);
  }

  /** The codebook twice: a look-up sees five bits, of which the fifth belongs to a neighbour. */
  const __m512i table =
      (__m512i)_mm512_cvtne2ps_pbh(_mm512_load_ps(kNf4Codebook), _mm512_load_ps(kNf4Codebook));
};
#endif

}  // namespace mlab::MLAB_ISA
