// Rows of an NF4 matrix times a few vectors, read once and where they lie, with one of two arithmetics
// (nf4Arithmetic.h). The sum of a group is scaled by absmax afterwards, lane by lane.
//
// A run is one row of the weight, or two that follow each other where a row ends in half a group: the group
// in the middle then belongs to both, lane by lane, and x is laid out twice. So every load is whole.
#pragma once
#include "kernels.h"
#include "nf4Arithmetic.h"
#include "tile.h"

namespace mlab::MLAB_ISA {

constexpr int64_t kBlock = 64;

/** x of a run, for R rows of x: [group][step][r][lane]. */
template <class Arithmetic, int R, int PerRun>
void layOut(const float* x, int64_t in, float* out) {
  float joined[kGroup];
  const int64_t run = in * PerRun;
  for (int64_t g = 0; g < run; g += kGroup, out += Arithmetic::kSteps * W * R)
    for (int r = 0; r < R; ++r) {
      const float* row = x + r * in;
      const float* from = row + (g < in ? g : g - in);
      if (g < in && g + kGroup > in) {
        std::memcpy(joined, from, sizeof joined / 2);
        std::memcpy(joined + kGroup / 2, row, sizeof joined / 2);
        from = joined;
      }
      Arithmetic::layOut(from, out + r * W, R * W);
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
template <int R, int J, class Arithmetic>
inline void groupSums(const Arithmetic& arithmetic, const IVec* nibbles, const float* x, Vec (*part)[R]) {
#pragma GCC unroll 8
  for (int s = 0; s < Arithmetic::kSteps; ++s) {
#pragma GCC unroll 8
    for (int t = 0; t < J; ++t) {
      const Vec weights = arithmetic.look(nibbles[t], s);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec in = load(x + (s * R + r) * W);
        part[t][r] =
            s == 0 ? Arithmetic::multiply(weights, in) : Arithmetic::multiplyAdd(part[t][r], weights, in);
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

/** y[i] = the sum of all lanes of sums[i], by the same pairs as sum(). */
template <int N>
inline void storeSums(const Vec* sums, float* y) {
#pragma GCC unroll 8
  for (int i = 0; i < N; i += W) {
    Vec all[W];
#pragma GCC unroll 16
    for (int l = 0; l < W; ++l) all[l] = sums[(i + l) % N];
    const Vec each = reduceEach<Sum>(all);
    if (N - i >= W)
      store(y + i, each);
    else
      storePartial(y + i, each, N - i);
  }
}

/** Where some rows of an NF4 matrix begin; null: nowhere. */
struct Nf4Place {
  const uint8_t* data;
  const float* absmax;
  Nf4Place after(int64_t bytes) const { return {data + bytes, absmax + 2 * bytes / kBlock}; }
};

inline Nf4Place placeOf(const WeightView& weight, int64_t row) {
  const Nf4Place first = {static_cast<const uint8_t*>(weight.data), weight.absmax};
  return first.after(row * weight.in / 2);
}

/**
 * How far ahead of their use lines of a weight are asked for, in bytes: twice what the memory gives a core in
 * its latency. They are asked for in the order in which they lie, whatever the order of their use, so the
 * processor's own prefetching goes along.
 */
constexpr int64_t kAhead = 12288;

/** Asks for what lies before the first lines that nf4Range asks for. */
inline void askForFirst(Nf4Place place) {
  constexpr int64_t kLine = 64, kLineOfAbsmax = kLine * kBlock / 2 / sizeof(float);
  for (int64_t at = 0; at < kAhead; at += kLineOfAbsmax) {
    __builtin_prefetch(place.after(at).absmax);
    for (int64_t line = 0; line < kLineOfAbsmax; line += kLine) __builtin_prefetch(place.data + at + line);
  }
}

/** y[r * out + t] for the rows t of J runs of PerRun rows; Inner runs at a time share each load of x. Asks
 * for as many lines at `ask` as it reads. */
template <class Arithmetic, int R, int J, int Inner, int PerRun>
void nf4Runs(const float* x, Nf4Place rows, int64_t in, Nf4Place ask, float* y, int64_t out) {
  const int64_t run = in * PerRun, groups = run / kGroup, middle = in / kGroup;
  constexpr int64_t kGroupBytes = kGroup / 2;
  const uint8_t *const data = rows.data, *askData = ask.data;
  const float *const absmax = rows.absmax, *askAbsmax = ask.absmax;
  const Arithmetic arithmetic;
  Vec total[J][R] = {}, first[J][R];
  const auto addGroup = [&](int64_t g) __attribute__((always_inline)) {
    __builtin_prefetch(askAbsmax);
#pragma GCC unroll 8
    for (int t = 0; t < J; ++t) __builtin_prefetch(askData + t * kGroupBytes);
    askData += J * kGroupBytes;
    askAbsmax += J * (kGroup / kBlock);
#pragma GCC unroll 8
    for (int t = 0; t < J; t += Inner) {
      IVec nibbles[Inner];
      Vec part[Inner][R];
#pragma GCC unroll 8
      for (int u = 0; u < Inner; ++u) {
        nibbles[u] = loadNibbles(data + ((t + u) * run + g * kGroup) / 2);
      }
      groupSums<R, Inner>(arithmetic, nibbles, x + g * Arithmetic::kSteps * W * R, part);
#pragma GCC unroll 8
      for (int u = 0; u < Inner; ++u) {
        const Vec scale = groupScale(absmax + (t + u) * run / kBlock, g);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) total[t + u][r] += part[u][r] * scale;
      }
    }
  };
  const auto forEachSum = [&](const auto& body) {
#pragma GCC unroll 8
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
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    Vec sums[J * PerRun];
#pragma GCC unroll 8
    for (int t = 0; t < J; ++t) {
      if constexpr (PerRun == 2) sums[t * PerRun] = first[t][r];
      sums[t * PerRun + PerRun - 1] = total[t][r];
    }
    storeSums<J * PerRun>(sums, y + r * out);
  }
}

/** nf4Range, J runs at a time. */
template <class Arithmetic, int R, int J, int PerRun>
void nf4RunsOfRange(const float* x, const WeightView& weight, int64_t begin, int64_t end, Nf4Place next,
                    float* y) {
  const int64_t in = weight.in, out = weight.out;
  Nf4Place now = placeOf(weight, begin), ask = now.after(kAhead);
  const uint8_t* last = placeOf(weight, end).data;
  const auto advance = [&](int64_t rows) {
    now = now.after(rows * in / 2);
    if (ask.data) ask = ask.after(rows * in / 2);
  };
  const auto asked = [&] {
    if (last && ask.data >= last) {
      ask = next;
      last = nullptr;
    }
    return ask.data ? ask : now;  // at the very end for what is there already
  };
  int64_t j = begin;
  for (; j + J * PerRun <= end; j += J * PerRun) {
    nf4Runs<Arithmetic, R, J, R <= 2 ? J : 1, PerRun>(x, now, in, asked(), y + j, out);
    advance(J * PerRun);
  }
  for (; j < end; j += PerRun) {
    nf4Runs<Arithmetic, R, 1, 1, PerRun>(x, now, in, asked(), y + j, out);
    advance(PerRun);
  }
}

/**
 * y of the rows begin..end-1, whole runs; x as layOut wrote it. At the end it asks for the first lines at
 * `next`, which is what the thread reads then; its own first lines are asked for already.
 */
template <class Arithmetic, int R, int PerRun>
void nf4Range(const float* x, const WeightView& weight, int64_t begin, int64_t end, Nf4Place next, float* y) {
  // Several runs use a group of x while it is in the first cache; with few rows also while it is in
  // registers. The lines of the last of them must be asked for before the first begins.
  if (R == 1 && W == 16 && 8 * PerRun * weight.in / 2 <= kAhead)
    nf4RunsOfRange<Arithmetic, R, 8, PerRun>(x, weight, begin, end, next, y);
  else
    nf4RunsOfRange<Arithmetic, R, 4, PerRun>(x, weight, begin, end, next, y);
}

}  // namespace mlab::MLAB_ISA
