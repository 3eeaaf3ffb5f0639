#include "rowProduct.h"

#include "operand.h"
#include "threadBuffer.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

/** Values of the weight that one task reads at least, so that a task outweighs its scheduling. */
constexpr int64_t kTaskValues = 131072;

/** Sums kept in registers at once. */
constexpr int kSums = W == 16 ? 16 : 8;
/** Outputs of a dense weight computed together, so that loads of x are shared and latencies overlap. */
template <int R>
constexpr int kTogether = kSums / R < 4 ? (kSums / R < 1 ? 1 : kSums / R) : 4;

inline Vec loadWeights(const float* p, int64_t n) {
  return n >= W ? load(p) : loadPartial(p, static_cast<int>(n));
}
inline Vec loadWeights(const uint16_t* p, int64_t n) {
  if (n >= W) return loadBf16(p);
  Vec v = {};
  for (int i = 0; i < n; ++i) v[i] = fromBf16(p[i]);
  return v;
}

/** y[r * ldy + j] for R rows of x and J rows of w. */
template <int R, int J, class T>
inline void dots(const float* x, const T* w, int64_t in, float* y, int64_t ldy) {
  Vec total[J][R] = {};
  for (int64_t i = 0; i < in; i += W) {
    const int64_t left = in - i;
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
      const Vec weights = loadWeights(w + j * in + i, left);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        total[j][r] += weights * (left >= W ? load(x + r * in + i)
                                            : loadPartial(x + r * in + i, static_cast<int>(left)));
    }
  }
  for (int j = 0; j < J; ++j)
    for (int r = 0; r < R; ++r) y[r * ldy + j] = sum(total[j][r]);
}

template <int R, class T>
void denseRange(const float* x, const T* w, int64_t in, int64_t begin, int64_t end, float* y, int64_t ldy) {
  constexpr int J = kTogether<R>;
  int64_t j = begin;
  for (; j + J <= end; j += J) dots<R, J>(x, w + j * in, in, y + j, ldy);
  for (; j < end; ++j) dots<R, 1>(x, w + j * in, in, y + j, ldy);
}

// NF4 without unpacking to order: one 32-bit lane holds 8 neighbouring values, so shifting all lanes by 4
// bits s times brings the s-th value of every lane to the lookup. x is laid out once to match: value s of
// lane l of group g is x[(g W + l) 8 + s], at [g][s][r][l]. The sum of a group is scaled by absmax
// afterwards, lane by lane.
constexpr int64_t kGroup = 8 * W;
/** Values lie high nibble first in each byte, and bytes low to high in a lane. */
constexpr int shiftOf(int s) { return 4 * (s ^ 1); }

template <int R>
void layOut(const float* x, int64_t in, float* out) {
  for (int64_t g = 0; g < in; g += kGroup)
    for (int s = 0; s < 8; ++s)
      for (int r = 0; r < R; ++r)
        for (int l = 0; l < W; ++l) {
          const int64_t i = g + l * 8 + s;
          *out++ = i < in ? x[r * in + i] : 0.0f;
        }
}

/** The absmax of each lane of group g, `count` blocks in the row; lanes beyond the row get 0. */
inline Vec groupScale(const float* absmax, int64_t g, int64_t count) {
#if MLAB_WIDTH == 16
  const float low = absmax[2 * g], high = 2 * g + 1 < count ? absmax[2 * g + 1] : 0.0f;
  return (Vec)_mm512_mask_broadcastss_ps(_mm512_set1_ps(low), 0xFF00, _mm_set_ss(high));
#else
  (void)count;
  return splat(absmax[g * kGroup / 64]);
#endif
}

/** The nibbles of a group; of half a group, with the upper lanes zero, where `half` is set. */
inline IVec loadNibbles(const uint8_t* p, bool half) {
#if MLAB_WIDTH == 16
  if (half) return (IVec)_mm512_maskz_loadu_epi32(0x00FF, p);
#else
  (void)half;  // rows are whole blocks of 64 values, which are whole groups here
#endif
  IVec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/** Adds one group of J outputs for R rows. */
template <int R, int J>
inline void addGroup(const IVec* nibbles, const float* x, const Vec* scale, Vec (*total)[R]) {
  Vec part[J][R];
#pragma GCC unroll 8
  for (int s = 0; s < 8; ++s) {
#pragma GCC unroll 4
    for (int t = 0; t < J; ++t) {
      const Vec weights = nf4Lookup(nibbles[t] >> shiftOf(s));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec in = load(x + (s * R + r) * W);
        part[t][r] = s == 0 ? weights * in : part[t][r] + weights * in;
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < J; ++t)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) total[t][r] += part[t][r] * scale[t];
}

/** y[r * out + j] for J neighbouring outputs j; Inner of them at a time share each load of x. */
template <int R, int J, int Inner>
void nf4Dots(const float* x, const WeightView& weight, int64_t j, float* y) {
  const int64_t in = weight.in, blocks = in / 64;
  const uint8_t* rows = static_cast<const uint8_t*>(weight.data) + j * in / 2;
  const float* absmax = weight.absmax + j * blocks;
  // The same place in rows to come, at least a page away; without it one core does not fill the memory bus.
  const int64_t ahead = J * in / 2 * (4096 / (J * in / 2) + 1);
  Vec total[J][R] = {};
  auto group = [&](int64_t g, bool half) {
#pragma GCC unroll 4
    for (int t = 0; t < J; t += Inner) {
      IVec nibbles[Inner];
      Vec scale[Inner];
#pragma GCC unroll 4
      for (int u = 0; u < Inner; ++u) {
        const uint8_t* from = rows + ((t + u) * in + g * kGroup) / 2;
        __builtin_prefetch(from + ahead);
        nibbles[u] = loadNibbles(from, half);
        scale[u] = groupScale(absmax + (t + u) * blocks, g, blocks);
      }
      addGroup<R, Inner>(nibbles, x + g * kGroup * R, scale, total + t);
    }
  };
  const int64_t whole = in / kGroup;
  for (int64_t g = 0; g < whole; ++g) group(g, false);
  if (whole * kGroup < in) group(whole, true);
  for (int t = 0; t < J; ++t)
    for (int r = 0; r < R; ++r) y[r * weight.out + j + t] = sum(total[t][r]);
}

template <int R>
void nf4Range(const float* x, const WeightView& weight, int64_t begin, int64_t end, float* y) {
  // Four outputs use a group of x while it is in the first cache; with few rows also while it is in
  // registers.
  int64_t j = begin;
  for (; j + 4 <= end; j += 4) nf4Dots<R, 4, R <= 2 ? 4 : 1>(x, weight, j, y);
  for (; j < end; ++j) nf4Dots<R, 1, 1>(x, weight, j, y);
}

/** NF4 whose rows do not begin at block borders: decode some rows, then as dense. */
template <int R>
void decodedRange(const float* x, const WeightView& weight, int64_t begin, int64_t end, float* y) {
  static thread_local ThreadBuffer buffer;
  constexpr int64_t kRows = 4;
  const int64_t in = weight.in;
  float* rows = buffer.get(kRows * in);
  for (int64_t j = begin; j < end; j += kRows) {
    const int64_t count = j + kRows < end ? kRows : end - j;
    Operand::weight(weight, false).read(j, 0, count * in, rows);
    denseRange<R>(x, rows, in, 0, count, y + j, weight.out);
  }
}

template <int R>
void product(const float* x, const WeightView& weight, float* y) {
  const int64_t grain = kTaskValues / (weight.in + 1) + 4;
  const bool aligned = weight.kind == WeightView::kNf4 && weight.blockSize == 64 && weight.in % 64 == 0;
  static thread_local ThreadBuffer buffer;
  float* laidOut = nullptr;
  if (aligned) {
    laidOut = buffer.get((weight.in + kGroup - 1) / kGroup * kGroup * R);
    layOut<R>(x, weight.in, laidOut);
  }
  parallelFor(weight.out, grain, [&](int64_t begin, int64_t end) {
    if (aligned)
      nf4Range<R>(laidOut, weight, begin, end, y);
    else if (weight.kind == WeightView::kNf4)
      decodedRange<R>(x, weight, begin, end, y);
    else if (weight.kind == WeightView::kBfloat16)
      denseRange<R>(x, static_cast<const uint16_t*>(weight.data), weight.in, begin, end, y, weight.out);
    else
      denseRange<R>(x, static_cast<const float*>(weight.data), weight.in, begin, end, y, weight.out);
  });
}

}  // namespace

void rowProduct(const float* x, int64_t rows, const WeightView& weight, float* y) {
  switch (rows) {
    case 1:
      return product<1>(x, weight, y);
    case 2:
      return product<2>(x, weight, y);
    case 3:
      return product<3>(x, weight, y);
    case 4:
      return product<4>(x, weight, y);
    case 5:
      return product<5>(x, weight, y);
    case 6:
      return product<6>(x, weight, y);
    case 7:
      return product<7>(x, weight, y);
    case 8:
      return product<8>(x, weight, y);
  }
}

}  // namespace mlab::MLAB_ISA
