// NF4 (Dettmers et al. 2023, "QLoRA"), bit-exact with bitsandbytes: the codebook, the decision thresholds and
// the vector decoder that every kernel shares. A value is codebook[nibble] * absmax of its block; blocks run
// over the flattened matrix, so they may cross rows. The first value of a pair is the high nibble of its
// byte.
#pragma once
#include "simd.h"

namespace mlab::MLAB_ISA {

#define MLAB_NF4_TABLE alignas(64) constexpr
#include "../nf4Tables.h"

// Here and below the masked forms with every lane on are plain instructions; for the others gcc 12 warns
// about its own headers.
/** table[low 4 bits of each lane] of 16 floats at a multiple of 64; the other bits are ignored: no need to
 * mask. */
inline Vec nf4Lookup(IVec index, const float* table = kNf4Codebook) {
#if MLAB_WIDTH == 16
  return (Vec)_mm512_maskz_permutexvar_ps(0xFFFF, (__m512i)index, _mm512_load_ps(table));
#elif MLAB_WIDTH == 8
  // vpermps sees 3 bits; the fourth, moved to the sign, chooses between the halves of the codebook.
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), (__m256i)index);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), (__m256i)index);
  return (Vec)_mm256_blendv_ps(low, high, (__m256)(index << 28));
#else
  Vec v;
  for (int i = 0; i < W; ++i) v[i] = table[index[i] & 15];
  return v;
#endif
}

/** The W codebook values of the W/2 bytes at p, in order. */
inline Vec nf4Unpack(const uint8_t* p) {
#if MLAB_WIDTH == 16
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m512i twice = _mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_unpacklo_epi8(bytes, bytes));
  return nf4Lookup((IVec)_mm512_maskz_srlv_epi32(0xFFFF, twice, _mm512_set1_epi64(4)));
#elif MLAB_WIDTH == 8
  int32_t word;
  std::memcpy(&word, p, 4);
  const __m128i bytes = _mm_cvtsi32_si128(word);
  const __m256i twice = _mm256_cvtepu8_epi32(_mm_unpacklo_epi8(bytes, bytes));
  return nf4Lookup((IVec)_mm256_srlv_epi32(twice, _mm256_set1_epi64x(4)));
#else
  Vec v;
  for (int i = 0; i < W; ++i) v[i] = kNf4Codebook[(p[i / 2] >> (i % 2 ? 0 : 4)) & 15];
  return v;
#endif
}

/** Values [start, start + n) of the flattened matrix to out; blockSize is even. */
inline void nf4Decode(const uint8_t* packed, const float* absmax, int blockSize, int64_t start, int64_t n,
                      float* out) {
  const int64_t end = start + n;
  int64_t i = start;
  while (i < end) {
    const int64_t block = i / blockSize;
    const int64_t stop = (block + 1) * blockSize < end ? (block + 1) * blockSize : end;
    const float scale = absmax[block];
    if (i & 1) *out++ = kNf4Codebook[packed[i++ / 2] & 15] * scale;
    for (; i + W <= stop; i += W, out += W) store(out, nf4Unpack(packed + i / 2) * splat(scale));
    for (; i < stop; ++i) *out++ = kNf4Codebook[(packed[i / 2] >> (i % 2 ? 0 : 4)) & 15] * scale;
  }
}

}  // namespace mlab::MLAB_ISA
