// Packing for gemm: operands become cells of 32 bits in the order in which the micro-kernel reads them. With
// float arithmetic a cell is a float; with bfloat16 products it is a pair of bfloat16 that follow each other
// in the sum. Missing elements at the edges become zeros, and the sum is filled up with zeros to whole steps.
//   A: [i][cell], rows kCells cells apart: the micro-kernel reads a few rows at once.
//   B: panels of up to kPanelVecs vectors of columns, each [cell][column].
#pragma once
#include <utility>

#include "operand.h"
#include "tiles.h"

namespace mlab::MLAB_ISA {

/** Sizes for micro-kernels that hold a block of C in vector registers; chosen by measurement. */
struct VectorBlock {
  /** What a thread holds while it multiplies. */
  struct Scope {
    Scope() {}
  };
#if MLAB_WIDTH == 16
  static constexpr int kRows = 8, kPanelVecs = 3;
#elif defined(__aarch64__)
  static constexpr int kRows = 8, kPanelVecs = 2;
#else
  static constexpr int kRows = 4, kPanelVecs = 3;
#endif
  static constexpr int64_t kPanelColumns = kPanelVecs * W;
  /** Cells of one packed block, and of one step of the micro-kernel. */
  static constexpr int64_t kCells = 256, kStep = 1;
  /** The largest part of C of one task: both sides pack into 850 KB, for a level-2 cache of 1 MB. */
  static constexpr int64_t kMostRows = 256, kMostColumns = 12 * kPanelColumns;
  /** Products done, and elements of A and of B packed, in the time of one vector multiply-add. */
  static constexpr double kProducts = W, kPackedA = 1 / 0.4, kPackedB = 1 / 1.5;
};

struct FloatCells : VectorBlock {
  static constexpr int kPerCell = 1;
  static Vec multiplyAdd(Vec sum, const float* a, Vec b) { return sum + splat(*a) * b; }
  static Vec fromRow(const float* row, int64_t n) {
    return n >= W ? load(row) : loadPartial(row, static_cast<int>(n));
  }
};

#ifdef __AVX512BF16__
struct Bfloat16Cells : VectorBlock {
  static constexpr int kPerCell = 2;
  static Vec multiplyAdd(Vec sum, const float* a, Vec b) {
    int32_t pair;
    std::memcpy(&pair, a, sizeof pair);
    return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(pair), (__m512bh)b);
  }
  static Vec fromRow(const float* row, int64_t n) {
    const Vec low = FloatCells::fromRow(row, n);
    const Vec high = n > W ? FloatCells::fromRow(row + W, n - W) : Vec{};
    return (Vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
  }
  /** Cell l = (low[l], high[l]). */
  static Vec zip(Vec low, Vec high) {
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
    alignas(64) static constexpr uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                        21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                        11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return (Vec)_mm512_maskz_permutexvar_epi16(0xFFFFFFFFu, _mm512_load_si512(kOrder), both);
  }
};
#endif

#ifdef MLAB_TILES
/** The same cells for tile products (tiles.h): 32 x 32 of C at once, 16 cells a step. */
struct TileCells : Bfloat16Cells {
  using Scope = TileScope;
  static constexpr int kRows = 32, kPanelVecs = 2;
  static constexpr int64_t kPanelColumns = kPanelVecs * W;
  // Rows of A 18 cache lines apart: the 16 rows of a tile lie in different sets of the first cache, and the
  // 576 values of a block are a common width of layers.
  static constexpr int64_t kCells = 288, kStep = 16;
  // 1.5 MB packed; these processors have 2 MB of level-2 cache.
  static constexpr int64_t kMostRows = 512, kMostColumns = 24 * kPanelColumns;
  // 512 products a cycle; packing is that of Bfloat16Cells, estimated in cycles.
  static constexpr double kProducts = 512, kPackedA = 1 / 0.15, kPackedB = 1 / 0.4;
};
#endif

/** Lanes of (a, b) exchanged in groups of S: the upper (odd) groups of a against the lower (even) ones of b.
 */
template <int S, int... L>
inline void exchange(Vec& a, Vec& b, std::integer_sequence<int, L...>) {
#ifdef __clang__
  const Vec low = __builtin_shufflevector(a, b, (L & S ? W + L - S : L)...);
  const Vec high = __builtin_shufflevector(a, b, (L & S ? W + L : L + S)...);
#else
  const Vec low = __builtin_shuffle(a, b, IVec{(L & S ? W + L - S : L)...});
  const Vec high = __builtin_shuffle(a, b, IVec{(L & S ? W + L : L + S)...});
#endif
  a = low;
  b = high;
}

/** Transposes a W x W block held in W vectors. */
template <int S = W / 2>
inline void transpose(Vec* v) {
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i)
    if (!(i & S)) exchange<S>(v[i], v[i + S], std::make_integer_sequence<int, W>());
  if constexpr (S > 1) transpose<S / 2>(v);
}

/** Rows of packed A from an operand stored [i][p]. `buffer`: kCells * kPerCell floats. */
template <class Cells>
void packRowsDirect(const Operand& a, int64_t i0, int64_t rows, int64_t p0, int64_t depth, float* buffer,
                    float* out) {
  constexpr int K = Cells::kPerCell;
  for (int64_t i = 0; i < rows; ++i, out += Cells::kCells) {
    if (K == 1) {
      a.read(i0 + i, p0, depth, out);
      continue;
    }
    const float* row = a.view(i0 + i, p0, depth, buffer);
    for (int64_t p = 0; p < depth; p += K * W) store(out + p / K, Cells::fromRow(row + p, depth - p));
  }
}

/** Views of `count` <= `capacity` stored rows, null beyond; `buffer` holds `count` rows of `length` floats.
 */
inline void viewRows(const Operand& o, int64_t row, int64_t count, int64_t capacity, int64_t column,
                     int64_t length, float* buffer, const float** views) {
  for (int64_t r = 0; r < capacity; ++r)
    views[r] = r < count ? o.view(row + r, column, length, buffer + r * length) : nullptr;
}

inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/** Cells of `depth` values, filled up to whole steps of the micro-kernel. */
template <class Cells>
constexpr int64_t steppedCells(int64_t depth) {
  constexpr int64_t kStepValues = Cells::kPerCell * Cells::kStep;
  return (depth + kStepValues - 1) / kStepValues * Cells::kStep;
}

/** A vector of cells from K stored rows: lane l holds their elements at `at` + l. Null rows are zeros. */
template <class Cells>
inline Vec cellsOfRows(const float* const* rows, int64_t at, int64_t n) {
  const Vec first = rows[0] ? FloatCells::fromRow(rows[0] + at, n) : Vec{};
#ifdef __AVX512BF16__
  if constexpr (Cells::kPerCell == 2)
    return Cells::zip(first, rows[1] ? FloatCells::fromRow(rows[1] + at, n) : Vec{});
#endif
  return first;
}

/** Rows of packed A from an operand stored [p][i]. `buffer`: K * W * rows floats. */
template <class Cells>
void packRowsTransposed(const Operand& a, int64_t i0, int64_t rows, int64_t p0, int64_t depth, float* buffer,
                        float* out) {
  constexpr int K = Cells::kPerCell;
  for (int64_t p = 0; p < depth; p += K * W) {
    const float* views[K * W];
    viewRows(a, p0 + p, least(depth - p, K * W), K * W, i0, rows, buffer, views);
    for (int64_t i = 0; i < rows; i += W) {
      Vec block[W];
#pragma GCC unroll 16
      for (int r = 0; r < W; ++r) block[r] = cellsOfRows<Cells>(views + K * r, i, rows - i);
      transpose(block);
      for (int64_t r = 0; r < least(rows - i, W); ++r) store(out + (i + r) * Cells::kCells + p / K, block[r]);
    }
  }
}

/** A panel of packed B, `vecs` vectors wide, from an operand stored [j][p]. `buffer`: W * kCells * K floats.
 */
template <class Cells>
void packPanelTransposed(const Operand& b, int64_t j0, int64_t columns, int64_t p0, int64_t depth, int vecs,
                         float* buffer, float* out) {
  constexpr int K = Cells::kPerCell;
  const int64_t width = vecs * W;
  for (int v = 0; v < vecs; ++v) {
    const float* views[W];
    viewRows(b, j0 + v * W, columns - v * W, W, p0, depth, buffer, views);
    for (int64_t p = 0; p < depth; p += K * W) {
      Vec block[W];
#pragma GCC unroll 16
      for (int r = 0; r < W; ++r) block[r] = views[r] ? Cells::fromRow(views[r] + p, depth - p) : Vec{};
      transpose(block);
      const int64_t cells = least(steppedCells<Cells>(depth - p), W);
      for (int64_t q = 0; q < cells; ++q) store(out + (p / K + q) * width + v * W, block[q]);
    }
  }
}

/** All panels of packed B from an operand stored [p][j]. `buffer`: K * columns floats. */
template <class Cells>
void packPanelsDirect(const Operand& b, int64_t j0, int64_t columns, int64_t p0, int64_t depth, float* buffer,
                      float* out) {
  constexpr int K = Cells::kPerCell;
  for (int64_t p = 0; p < steppedCells<Cells>(depth) * K; p += K) {
    const float* views[K];
    viewRows(b, p0 + p, least(depth - p, K), K, j0, columns, buffer, views);
    for (int64_t j = 0; j < columns; j += W) {
      const int64_t panel = j / Cells::kPanelColumns;
      const int64_t width =
          least(Cells::kPanelColumns, (columns - panel * Cells::kPanelColumns + W - 1) / W * W);
      store(out + panel * Cells::kCells * Cells::kPanelColumns + p / K * width + j % Cells::kPanelColumns,
            cellsOfRows<Cells>(views, j, columns - j));
    }
  }
}

}  // namespace mlab::MLAB_ISA
