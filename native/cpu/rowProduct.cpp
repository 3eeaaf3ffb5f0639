#include "rowProduct.h"

#include "operand.h"
#include "pack.h"
#include "threadBuffer.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

/** Values of the weight that one task reads at least, so that a task outweighs its scheduling. */
constexpr int64_t kTaskValues = 131072;
/** Up to so many values a thread there is one task for each: a second claim costs more than a late thread. */
constexpr int64_t kOneTaskValues = 2 << 20;

/** Least rows of a task. */
inline int64_t taskRows(const WeightView& weight) {
  const int64_t rows = kTaskValues / (weight.in + 1) + 1;
  const int64_t share = weight.out / threadCount();
  return weight.out * weight.in <= kOneTaskValues * threadCount() && share > rows ? share : rows;
}

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
//
// A run is one row of the weight, or two that follow each other where a row ends in half a group: the group
// in the middle then belongs to both, lane by lane, and x is laid out twice. So every load is whole.
constexpr int64_t kGroup = 8 * W;
constexpr int64_t kBlock = 64;

/** x of one group: eight vectors, R vectors apart, from 8 W neighbours. */
inline void layOutGroup(const float* x, float* out, int64_t apart) {
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

/** x of a run, for R rows of x: [group][s][r][lane]. */
template <int R, int PerRun>
void layOut(const float* x, int64_t in, float* out) {
  float joined[kGroup];
  const int64_t run = in * PerRun;
  for (int64_t g = 0; g < run; g += kGroup, out += kGroup * R)
    for (int r = 0; r < R; ++r) {
      const float* row = x + r * in;
      const float* from = row + (g < in ? g : g - in);
      if (g < in && g + kGroup > in) {
        std::memcpy(joined, from, sizeof joined / 2);
        std::memcpy(joined + kGroup / 2, row, sizeof joined / 2);
        from = joined;
      }
      layOutGroup(from, out + r * W, R * W);
    }
}

/** The absmax of each lane of group g of a run. */
inline Vec groupScale(const float* absmax, int64_t g) {
#if MLAB_WIDTH == 16
  return (Vec)_mm512_mask_broadcastss_ps(_mm512_set1_ps(absmax[2 * g]), 0xFF00,
                                         _mm_set_ss(absmax[2 * g + 1]));
#else
  return splat(absmax[g * kGroup / kBlock]);
#endif
}

inline IVec loadNibbles(const uint8_t* p) {
  IVec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/** part = the sums of one group of J outputs for R rows, each lane apart, not yet scaled. */
template <int R, int J>
inline void groupSums(const IVec* nibbles, const float* x, Vec (*part)[R]) {
#pragma GCC unroll 8
  for (int s = 0; s < 8; ++s) {
#pragma GCC unroll 4
    for (int t = 0; t < J; ++t) {
      // Values lie high nibble first in each byte, and bytes low to high in a lane.
      const Vec weights = nf4Lookup(nibbles[t] >> (4 * (s ^ 1)));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec in = load(x + (s * R + r) * W);
        part[t][r] = s == 0 ? weights * in : part[t][r] + weights * in;
      }
    }
  }
}

/** The lanes of the first row of a run, in the group that belongs to both. */
inline Vec firstHalf(Vec v) {
#if MLAB_WIDTH == 16
  return (Vec)_mm512_maskz_mov_ps(0x00FF, (__m512)v);
#else
  return v;  // never called: a group is one block here, or half of one
#endif
}

/** The lanes of the second row of a run, in the group that belongs to both. */
inline Vec secondHalf(Vec v) {
#if MLAB_WIDTH == 16
  return (Vec)_mm512_maskz_mov_ps(0xFF00, (__m512)v);
#else
  return v;
#endif
}

/** y[r * out + j] for the rows j of J runs of PerRun rows; Inner runs at a time share each load of x. */
template <int R, int J, int Inner, int PerRun>
void nf4Runs(const float* x, const WeightView& weight, int64_t j, float* y) {
  const int64_t in = weight.in, run = in * PerRun, groups = run / kGroup, middle = in / kGroup;
  const uint8_t* data = static_cast<const uint8_t*>(weight.data) + j * in / 2;
  const float* absmax = weight.absmax + j * in / kBlock;
  // The same place in runs to come, at least 16 lines away; without it one core does not fill the memory bus.
  const int64_t ahead = J * run / 2 * (1024 / (J * run / 2) + 1);
  Vec total[J][R] = {}, first[J][R];
  const auto addGroup = [&](int64_t g) {
#pragma GCC unroll 4
    for (int t = 0; t < J; t += Inner) {
      IVec nibbles[Inner];
      Vec part[Inner][R];
#pragma GCC unroll 4
      for (int u = 0; u < Inner; ++u) {
        const uint8_t* from = data + ((t + u) * run + g * kGroup) / 2;
        __builtin_prefetch(from + ahead);
        nibbles[u] = loadNibbles(from);
      }
      groupSums<R, Inner>(nibbles, x + g * kGroup * R, part);
#pragma GCC unroll 4
      for (int u = 0; u < Inner; ++u) {
        const Vec scale = groupScale(absmax + (t + u) * run / kBlock, g);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) total[t + u][r] += part[u][r] * scale;
      }
    }
  };
  const auto forEachSum = [&](const auto& body) {
#pragma GCC unroll 4
    for (int t = 0; t < J; ++t)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) body(t, r);
  };
  int64_t g = 0;
  if constexpr (PerRun == 2) {
    for (; g < middle; ++g) addGroup(g);
    forEachSum([&](int t, int r) {
      first[t][r] = total[t][r];
      total[t][r] = Vec{};
    });
    addGroup(g++);
    forEachSum([&](int t, int r) {
      first[t][r] += firstHalf(total[t][r]);
      total[t][r] = secondHalf(total[t][r]);
    });
  }
  for (; g < groups; ++g) addGroup(g);
  forEachSum([&](int t, int r) {
    float* to = y + r * weight.out + j + t * PerRun;
    if constexpr (PerRun == 2) *to++ = sum(first[t][r]);
    *to = sum(total[t][r]);
  });
}

template <int R, int PerRun>
void nf4Range(const float* x, const WeightView& weight, int64_t begin, int64_t end, float* y) {
  // Four runs use a group of x while it is in the first cache; with few rows also while it is in registers.
  constexpr int J = 4;
  int64_t j = begin;
  for (; j + J * PerRun <= end; j += J * PerRun) nf4Runs<R, J, R <= 2 ? J : 1, PerRun>(x, weight, j, y);
  for (; j < end; j += PerRun) nf4Runs<R, 1, 1, PerRun>(x, weight, j, y);
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

template <int R, int PerRun>
void nf4Product(const float* x, const WeightView& weight, float* y) {
  static thread_local ThreadBuffer buffer;
  float* laidOut = buffer.get(weight.in * PerRun * R);
  layOut<R, PerRun>(x, weight.in, laidOut);
  const int64_t runs = weight.out / PerRun, grain = taskRows(weight) / PerRun;
  parallelFor(runs, grain, [&](int64_t begin, int64_t end) {
    nf4Range<R, PerRun>(laidOut, weight, begin * PerRun, end * PerRun, y);
  });
  if (runs * PerRun < weight.out) decodedRange<R>(x, weight, runs * PerRun, weight.out, y);
}

template <int R>
void product(const float* x, const WeightView& weight, float* y) {
  if (weight.kind == WeightView::kNf4 && weight.blockSize == kBlock && weight.in % kBlock == 0) {
    if (weight.in % kGroup == 0) return nf4Product<R, 1>(x, weight, y);
    // Only 16 lanes have groups of two blocks.
    if constexpr (kGroup == 2 * kBlock) return nf4Product<R, 2>(x, weight, y);
  }
  parallelFor(weight.out, taskRows(weight), [&](int64_t begin, int64_t end) {
    if (weight.kind == WeightView::kNf4)
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
