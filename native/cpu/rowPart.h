// A thread's part of the product of a few rows with a frozen weight: some of its rows, from where they lie.
// It is shared by jobs of one product (rowProduct.cpp) and by the whole of a decoded token
// (decodeLayers.cpp).
#pragma once
#include "nf4Rows.h"
#include "operand.h"
#include "threadBuffer.h"
#include "tile.h"

namespace mlab::MLAB_ISA {

/** Parts begin at even rows, so that two rows that share a group of NF4 stay together (nf4Rows.h). */
constexpr int64_t kUnit = 2;

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

/**
 * How far ahead of a dense weight its lines are asked for, in bytes, at least. The rows of a few outputs at a
 * time are several short streams, none of which the processor's own prefetching gets up to speed.
 */
constexpr int64_t kAheadBytes = 8192;

/** y[r * ldy + j] for R rows of x and J rows of w. */
template <int R, int J, class T>
inline void dots(const float* x, const T* w, int64_t in, float* y, int64_t ldy) {
  Vec total[J][R] = {};
  // The same place in rows to come.
  const int64_t ahead = J * in * (kAheadBytes / (J * in * static_cast<int64_t>(sizeof(T))) + 1);
  for (int64_t i = 0; i < in; i += W) {
    const int64_t left = in - i;
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
      const T* from = w + j * in + i;
      __builtin_prefetch(from + ahead);
      const Vec weights = loadWeights(from, left);
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

/** Rows of an NF4 matrix in a run; 0: they do not fill whole groups of lanes. */
inline int rowsPerRun(const WeightView& weight) {
  if (weight.kind != WeightView::kNf4 || weight.blockSize != kBlock || weight.in % kBlock != 0) return 0;
  if (weight.in % kGroup == 0) return 1;
  return kGroup == 2 * kBlock ? 2 : 0;  // only 16 lanes have groups of two blocks
}

/** What to ask for of a weight that is read from `row` on. */
inline Nf4Place firstLines(const WeightView& weight, int64_t row) {
  return rowsPerRun(weight) > 0 ? placeOf(weight, row) : Nf4Place{};
}

/** Lane i = b[i] . xa, for `rows` <= W rows of r <= W values that follow each other; xa is filled up with
 * zeros. Beyond the last row there are `room` values that may be read. */
inline Vec adapterRows(const float* b, int64_t r, int64_t rows, int64_t room, Vec xa) {
  IVec lane;
  for (int i = 0; i < W; ++i) lane[i] = i;
  Vec dots[W] = {};
  if (rows == W && room >= W - r) {
    // A neighbour's values are read too, and dropped: multiplied by zero, its NaN would stay.
    for (int i = 0; i < W; ++i) dots[i] = (lane < static_cast<int32_t>(r) ? load(b + i * r) : Vec{}) * xa;
  } else {
    for (int64_t i = 0; i < rows; ++i)
      dots[i] = (r == W ? load(b + i * r) : loadPartial(b + i * r, static_cast<int>(r))) * xa;
  }
  return reduceEach<Sum>(dots);
}

/** y += scale xa B^T for the rows begin..end-1 of B. A row's sum does not depend on begin and end. */
template <int R>
void addAdapter(const LinearView& layer, int64_t begin, int64_t end) {
  const LoraView& lora = layer.lora;
  const int64_t r = lora.r, out = layer.weight.out;
  for (int row = 0; row < R; ++row) {
    const float* xa = layer.xa + row * r;
    float* y = layer.y + row * out;
    if (r <= W) {
      const Vec wide = r == W ? load(xa) : loadPartial(xa, static_cast<int>(r));
      for (int64_t j = begin; j < end; j += W) {
        const int64_t rows = smaller(W, end - j);
        const Vec update = adapterRows(lora.b + j * r, r, rows, (out - j - rows) * r, wide);
        const int lanes = static_cast<int>(rows);
        if (rows == W)
          store(y + j, load(y + j) + splat(lora.scale) * update);
        else
          storePartial(y + j, loadPartial(y + j, lanes) + splat(lora.scale) * update, lanes);
      }
    } else {
      for (int64_t j = begin; j < end; ++j) {
        float total = 0;
        for (int64_t i = 0; i < r; ++i) total += xa[i] * lora.b[j * r + i];
        y[j] += lora.scale * total;
      }
    }
  }
}

/** One thread's part of a job: it lays x out for itself, which costs less than to fetch what another laid
 * out. */
template <int R>
class Part {
 public:
  /** x of the products to come. */
  void take(const float* x) {
    x_ = x;
    laidOut_ = nullptr;
  }

  /** `next`: the first lines of what the thread reads then, if that is known. */
  void run(const LinearView& layer, int64_t begin, int64_t end, Nf4Place next) {
    const WeightView& weight = layer.weight;
    const int64_t in = weight.in;
    if (weight.kind == WeightView::kNf4)
      nf4(weight, begin, end, next, layer.y);
    else if (weight.kind == WeightView::kBfloat16)
      denseRange<R>(x_, static_cast<const uint16_t*>(weight.data), in, begin, end, layer.y, weight.out);
    else
      denseRange<R>(x_, static_cast<const float*>(weight.data), in, begin, end, layer.y, weight.out);
    if (layer.lora.r > 0) addAdapter<R>(layer, begin, end);
  }

 private:
  void nf4(const WeightView& weight, int64_t begin, int64_t end, Nf4Place next, float* y) {
    const int perRun = rowsPerRun(weight);
    const int64_t whole = perRun == 0 ? begin : end - (end - begin) % perRun;
    if (begin < whole) {
      const Nf4Place first = placeOf(weight, begin);
      if (first.data != asked_.data) askForFirst(first);
      asked_ = next;
      if (perRun == 1)
        runs<1>(weight, begin, whole, next, y);
      else if constexpr (kGroup == 2 * kBlock)
        runs<2>(weight, begin, whole, next, y);
    }
    if (whole < end) decodedRange<R>(x_, weight, whole, end, y);
  }
  template <int PerRun>
  void runs(const WeightView& weight, int64_t begin, int64_t end, Nf4Place next, float* y) {
#ifdef MLAB_BFLOAT16_ROWS
    if (type_ == ComputeType::kBfloat16) return runsBy<Bfloat16Rows, PerRun>(weight, begin, end, next, y);
#endif
    runsBy<FloatRows, PerRun>(weight, begin, end, next, y);
  }
  template <class Arithmetic, int PerRun>
  void runsBy(const WeightView& weight, int64_t begin, int64_t end, Nf4Place next, float* y) {
    if (!laidOut_) {
      static thread_local ThreadBuffer buffer;
      // x is in the cache of the thread that wrote it: ask for all of its lines before the first is needed.
      for (int64_t i = 0; i < weight.in * R; i += 16) __builtin_prefetch(x_ + i);
      laidOut_ = buffer.get(weight.in * PerRun * R);
      layOut<Arithmetic, R, PerRun>(x_, weight.in, laidOut_);
    }
    nf4Range<Arithmetic, R, PerRun>(laidOut_, weight, begin, end, next, y);
  }

  const float* x_ = nullptr;
  const ComputeType type_ = computeType();
  float* laidOut_ = nullptr;
  /** Whose first lines the last product has asked for. */
  Nf4Place asked_ = {};
};

}  // namespace mlab::MLAB_ISA
