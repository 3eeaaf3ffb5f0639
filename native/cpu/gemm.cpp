#include "gemm.h"

#include "pack.h"
#include "threadBuffer.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

/** c [R, N vectors] += (or =) a b over `cells` cells; the last vector has `lastLanes` columns. */
template <class Cells, int R, int N>
void microKernel(int64_t cells, const float* a, const float* b, float* c, int64_t ldc, int lastLanes,
                 bool add) {
  Vec sum[R][N] = {};
#pragma GCC unroll 2
  for (int64_t p = 0; p < cells; ++p) {
    Vec column[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) column[j] = load(b + p * (N * W) + j * W);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] = Cells::multiplyAdd(sum[i][j], a + i * kCells + p, column[j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
    float* row = c + i * ldc;
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      float* to = row + j * W;
      if (j == N - 1 && lastLanes < W)
        storePartial(to, add ? loadPartial(to, lastLanes) + sum[i][j] : sum[i][j], lastLanes);
      else
        store(to, add ? load(to) + sum[i][j] : sum[i][j]);
    }
  }
}

typedef void (*MicroKernel)(int64_t, const float*, const float*, float*, int64_t, int, bool);

template <class Cells, int N, int... I>
constexpr MicroKernel kernelOf(int rows, std::integer_sequence<int, I...>) {
  constexpr MicroKernel kTable[] = {&microKernel<Cells, I + 1, N>...};
  return kTable[rows - 1];
}

template <class Cells>
MicroKernel kernelFor(int rows, int vecs) {
  constexpr auto kRows = std::make_integer_sequence<int, kTileRows>();
  if (vecs == 1) return kernelOf<Cells, 1>(rows, kRows);
  if (vecs == 2 || kPanelVecs == 2) return kernelOf<Cells, 2>(rows, kRows);
  return kernelOf<Cells, kPanelVecs>(rows, kRows);
}

/** The part of C that one task computes. */
struct Tile {
  int64_t row, column, rows, columns;
};

template <class Cells>
void packA(const Operand& a, const Tile& tile, int64_t p0, int64_t depth, float* buffer, float* out) {
  if (a.sumMajor) return packRowsTransposed<Cells>(a, tile.row, tile.rows, p0, depth, buffer, out);
  packRowsDirect<Cells>(a, tile.row, tile.rows, p0, depth, buffer, out);
}

template <class Cells>
void packB(const Operand& b, const Tile& tile, int64_t p0, int64_t depth, float* buffer, float* out) {
  if (b.sumMajor) return packPanelsDirect<Cells>(b, tile.column, tile.columns, p0, depth, buffer, out);
  for (int64_t j = 0; j < tile.columns; j += kPanelColumns, out += kCells * kPanelColumns) {
    const int64_t columns = least(tile.columns - j, kPanelColumns);
    packPanelTransposed<Cells>(b, tile.column + j, columns, p0, depth,
                               static_cast<int>((columns + W - 1) / W), buffer, out);
  }
}

template <class Cells>
void multiplyPacked(const Tile& tile, int64_t cells, const float* a, const float* b, float* c, int64_t ldc,
                    bool add) {
  for (int64_t j = 0; j < tile.columns; j += kPanelColumns) {
    const int64_t columns = least(tile.columns - j, kPanelColumns);
    const int vecs = static_cast<int>((columns + W - 1) / W);
    const int lastLanes = static_cast<int>(columns - (vecs - 1) * W);
    const float* panel = b + j / kPanelColumns * kCells * kPanelColumns;
    for (int64_t i = 0; i < tile.rows; i += kTileRows) {
      const int rows = static_cast<int>(least(tile.rows - i, kTileRows));
      kernelFor<Cells>(rows, vecs)(cells, a + i * kCells, panel, c + i * ldc + j, ldc, lastLanes, add);
    }
  }
}

template <class Cells>
void computeTile(const Tile& tile, const Term* terms, int count, float* c, int64_t ldc, bool add) {
  constexpr int64_t K = Cells::kPerCell, kDepth = kCells * K;
  static thread_local ThreadBuffer bufferA, bufferB, bufferRows;
  const int64_t longest = tile.rows > tile.columns ? tile.rows : tile.columns;
  float* a = bufferA.get(tile.rows * kCells);
  float* b = bufferB.get((tile.columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * kCells);
  float* rows = bufferRows.get(K * W * (longest > kDepth ? longest : kDepth));
  for (const Term* term = terms; term < terms + count; ++term) {
    for (int64_t p = 0; p < term->k; p += kDepth) {
      const int64_t depth = least(term->k - p, kDepth);
      packB<Cells>(term->b, tile, p, depth, rows, b);
      packA<Cells>(term->a, tile, p, depth, rows, a);
      multiplyPacked<Cells>(tile, (depth + K - 1) / K, a, b, c, ldc, add);
      add = true;
    }
    if (!add || !term->maskAfter.active()) continue;
    for (int64_t i = 0; i < tile.rows; ++i) {
      float* row = c + i * ldc;
      applyDropout(term->maskAfter, (tile.row + i) * term->maskAfter.width + tile.column, tile.columns, row,
                   row);
    }
  }
  if (add) return;
  for (int64_t i = 0; i < tile.rows; ++i)
    std::memset(c + i * ldc, 0, static_cast<size_t>(tile.columns) * sizeof(float));
}

/**
 * Tile sizes that finish first by a simple model: multiply time, packing of both sides once a tile, and the
 * threads that stand idle in the last round. The largest tile packs into 850 KB, for a level-2 cache of 1 MB.
 */
Tile chooseTile(int64_t batch, int64_t m, int64_t n) {
  // Cost of packing one element over that of one vector multiply-add, from measurement.
  constexpr double kPackA = 0.4, kPackB = 1.5;
  Tile best{};
  double bestTime = 0;
  const int threads = threadCount();
  for (int64_t r = 1; r <= 256 / kTileRows; r *= 2) {
    for (int64_t s = 1; s <= 12; ++s) {
      const int64_t rows = r * kTileRows, columns = s * kPanelColumns;
      const int64_t tiles = batch * ((m + rows - 1) / rows) * ((n + columns - 1) / columns);
      const int64_t chunk = (tiles + threads * 4 - 1) / (threads * 4);  // as parallelFor cuts
      const int64_t chunks = (tiles + chunk - 1) / chunk;
      const double rounds = static_cast<double>((chunks + threads - 1) / threads * chunk);
      const double actualRows = static_cast<double>(least(rows, m)),
                   actualColumns = static_cast<double>(least(columns, n));
      const double time =
          rounds * (actualRows * actualColumns / W + kPackA * actualRows + kPackB * actualColumns);
      if (best.rows == 0 || time < bestTime) {
        best = {0, 0, rows, columns};
        bestTime = time;
      }
    }
  }
  return best;
}

template <class Cells>
void run(int64_t batch, int64_t m, int64_t n, const Term* terms, int count, float* c, int64_t ldc,
         int64_t batchC, bool add) {
  const Tile size = chooseTile(batch, m, n);
  const int64_t down = (m + size.rows - 1) / size.rows, across = (n + size.columns - 1) / size.columns;
  // Small products are not worth waking the threads for: about 10 microseconds of work in one task.
  double work = 0;
  for (int t = 0; t < count; ++t)
    work += static_cast<double>(least(size.rows, m) * least(size.columns, n)) * terms[t].k;
  const int64_t grain = static_cast<int64_t>(2.5e5 / (work + 1)) + 1;
  parallelFor(batch * down * across, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t entry = task / (down * across), within = task % (down * across);
      const int64_t row = within / across * size.rows, column = within % across * size.columns;
      const Tile tile{row, column, least(size.rows, m - row), least(size.columns, n - column)};
      float* to = c + entry * batchC + row * ldc + column;
      if (batch == 1) {
        computeTile<Cells>(tile, terms, count, to, ldc, add);
        continue;
      }
      Term moved = terms[0];
      moved.a.data = static_cast<const float*>(moved.a.data) + entry * moved.batchA;
      moved.b.data = static_cast<const float*>(moved.b.data) + entry * moved.batchB;
      computeTile<Cells>(tile, &moved, 1, to, ldc, add);
    }
  });
}

}  // namespace

void gemm(int64_t batch, int64_t m, int64_t n, const Term* terms, int count, float* c, int64_t ldc,
          int64_t batchC, ComputeType type, bool add) {
  if (batch == 0 || m == 0 || n == 0) return;
#ifdef __AVX512BF16__
  if (type == ComputeType::kBfloat16)
    return run<Bfloat16Cells>(batch, m, n, terms, count, c, ldc, batchC, add);
#endif
  (void)type;  // without the dot product bfloat16 is no faster, and float32 no less exact
  run<FloatCells>(batch, m, n, terms, count, c, ldc, batchC, add);
}

}  // namespace mlab::MLAB_ISA
