// What attention needs tile by tile, and other kernels in part: scratch memory, dynamic tasks, a small matrix
// product on tiles that already lie in cache, and 2^x. Everything is inside the instruction set's namespace
// and no standard container is used: their functions are merged across files by the linker, and one compiled
// for AVX-512 must never serve the scalar kernels.
#pragma once
#include <atomic>
#include <cmath>
#include <cstdint>
#include <new>
#include <utility>

#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {

inline int64_t roundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/** Uninitialised memory for n values, aligned to a cache line, freed with the object. */
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t n)
      : data_(static_cast<T*>(::operator new(static_cast<size_t>(n > 0 ? n : 1) * sizeof(T), kAlign))) {}
  ~Scratch() { ::operator delete(data_, kAlign); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  static constexpr std::align_val_t kAlign{64};
  T* data_;
};

/**
 * Runs body(claim) on every thread; `claim()` hands out the tasks 0..tasks-1, then -1. For tasks of uneven
 * cost: causal attention rows cost as much as they have keys. Results must not depend on who gets which task.
 */
template <typename Body>
void forEachClaim(int64_t tasks, const Body& body) {
  std::atomic<int64_t> next{0};
  auto claim = [&]() -> int64_t {
    const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
    return task < tasks ? task : -1;
  };
  parallelFor(smaller(tasks, threadCount()), 1, [&](int64_t, int64_t) { body(claim); });
}

struct Sum {
  static Vec combine(Vec a, Vec b) { return a + b; }
};
struct Max {
  static Vec combine(Vec a, Vec b) { return max(a, b); }
};

template <typename Op, int Half, int... Lane>
inline Vec fold(Vec a, Vec b, std::integer_sequence<int, Lane...>) {
  // Of every run of 2*Half lanes, the lower half comes from a's and the upper from b's.
  return Op::combine(__builtin_shufflevector(a, b, ((Lane & Half) ? Lane - Half + W : Lane)...),
                     __builtin_shufflevector(a, b, ((Lane & Half) ? Lane + W : Lane + Half)...));
}

/** Lane i of the result is the sum (or maximum) of all lanes of v[i]: W reductions for about the price of
 * three. */
template <typename Op, int Half = W / 2>
inline Vec reduceEach(Vec* v) {
  for (int i = 0; i < Half; ++i)
    v[i] = fold<Op, Half>(v[i], v[i + Half], std::make_integer_sequence<int, W>{});
  if constexpr (Half > 1) return reduceEach<Op, Half / 2>(v);
  return v[0];
}

/** 2^x, relative error below 2e-7 for x in [-126, 127]; far below 0, above +inf, NaN stays NaN. */
inline Vec exp2(Vec x) {
  // The degree-6 polynomial is a least-squares fit at Chebyshev nodes on [-1/2, 1/2], 5e-9 off before
  // rounding.
#if MLAB_WIDTH == 16
  // max and min give their second operand where either is NaN.
  __m512 clamped = _mm512_maskz_max_ps(0xFFFF, _mm512_set1_ps(-200.0f), reinterpret_cast<__m512>(x));
  clamped = _mm512_maskz_min_ps(0xFFFF, _mm512_set1_ps(200.0f), clamped);
  const __m512 n = _mm512_maskz_roundscale_ps(0xFFFF, clamped, _MM_FROUND_TO_NEAREST_INT);
  const Vec f = reinterpret_cast<Vec>(clamped - n);
#else
  const Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  Vec clamped = x < splat(-126.0f) ? splat(-126.0f) : x;
  clamped = clamped > splat(128.0f) ? splat(128.0f) : clamped;
  const Vec n = (clamped + shift) - shift;
  const Vec f = clamped - n;
#endif
  Vec p = splat(1.54614475e-04f);
  p = p * f + splat(1.33908674e-03f);
  p = p * f + splat(9.61805667e-03f);
  p = p * f + splat(5.55035710e-02f);
  p = p * f + splat(2.40226509e-01f);
  p = p * f + splat(6.93147188e-01f);
  p = p * f + splat(1.0f);
#if MLAB_WIDTH == 16
  return reinterpret_cast<Vec>(_mm512_maskz_scalef_ps(0xFFFF, reinterpret_cast<__m512>(p), n));
#else
  // 2^(n-1) fits the exponent field for n = 128 too; the doubling then overflows to infinity as it should.
  const IVec exponent = (__builtin_convertvector(n, IVec) + 126) << 23;
  Vec power;
  std::memcpy(&power, &exponent, sizeof power);
  Vec result = p * power * splat(2.0f);
  result = x < splat(-126.0f) ? splat(0.0f) : result;
  return x == x ? result : x;
#endif
}

/** Columns (in vectors) and rows of the register block: as many accumulators as the register file holds. */
constexpr int kBlockVecs = W == 16 ? 4 : 2;
constexpr int kBlockRows = 6;

template <int R, int N>
inline void tileBlock(int64_t k, const float* a, int64_t rowStride, int64_t kStride, const float* b,
                      int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  Vec acc[R][N];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < N; ++j) acc[i][j] = accumulate ? load(c + i * ldc + j * W) : Vec{};
  for (int64_t p = 0; p < k; ++p) {
    Vec row[N];
    for (int j = 0; j < N; ++j) row[j] = load(b + p * ldb + j * W);
    for (int i = 0; i < R; ++i) {
      const Vec factor = splat(a[i * rowStride + p * kStride]);
      for (int j = 0; j < N; ++j) acc[i][j] += factor * row[j];
    }
  }
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < N; ++j) store(c + i * ldc + j * W, acc[i][j]);
}

template <int N>
inline void tileColumns(int64_t m, int64_t k, const float* a, int64_t rowStride, int64_t kStride,
                        const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t i = 0;
  for (; i + kBlockRows <= m; i += kBlockRows)
    tileBlock<kBlockRows, N>(k, a + i * rowStride, rowStride, kStride, b, ldb, c + i * ldc, ldc, accumulate);
  const float* rest = a + i * rowStride;
  float* out = c + i * ldc;
  switch (m - i) {
    case 5:
      return tileBlock<5, N>(k, rest, rowStride, kStride, b, ldb, out, ldc, accumulate);
    case 4:
      return tileBlock<4, N>(k, rest, rowStride, kStride, b, ldb, out, ldc, accumulate);
    case 3:
      return tileBlock<3, N>(k, rest, rowStride, kStride, b, ldb, out, ldc, accumulate);
    case 2:
      return tileBlock<2, N>(k, rest, rowStride, kStride, b, ldb, out, ldc, accumulate);
    case 1:
      return tileBlock<1, N>(k, rest, rowStride, kStride, b, ldb, out, ldc, accumulate);
    default:
      return;
  }
}

/**
 * c [m,n] = (or, accumulating, +=) a [m,k] b [k,n]. Element (i,p) of a is a[i*rowStride + p*kStride], so a
 * transposed is the same code; rows of b and c are ldb and ldc apart; n is a multiple of W.
 */
inline void tileMatMul(int64_t m, int64_t n, int64_t k, const float* a, int64_t rowStride, int64_t kStride,
                       const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t j = 0;
  for (; j + kBlockVecs * W <= n; j += kBlockVecs * W)
    tileColumns<kBlockVecs>(m, k, a, rowStride, kStride, b + j, ldb, c + j, ldc, accumulate);
  for (; j < n; j += W) tileColumns<1>(m, k, a, rowStride, kStride, b + j, ldb, c + j, ldc, accumulate);
}

/** dst [rows, padded] = src rows `stride` apart, times `factor`; columns from `columns` to `padded` are zero.
 */
inline void packRows(const float* src, int64_t rows, int64_t columns, int64_t stride, float factor,
                     float* dst, int64_t padded) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* in = src + r * stride;
    float* out = dst + r * padded;
    int64_t i = 0;
    for (; i < columns; ++i) out[i] = in[i] * factor;
    for (; i < padded; ++i) out[i] = 0;
  }
}

/** dst [columns, padded] = src^T for src [rows, columns] with rows `stride` apart; zero from `rows` on. */
inline void packTransposed(const float* src, int64_t rows, int64_t columns, int64_t stride, float* dst,
                           int64_t padded) {
  for (int64_t c = 0; c < columns; ++c) {
    float* out = dst + c * padded;
    int64_t r = 0;
    for (; r < rows; ++r) out[r] = src[r * stride + c];
    for (; r < padded; ++r) out[r] = 0;
  }
}

}  // namespace mlab::MLAB_ISA
