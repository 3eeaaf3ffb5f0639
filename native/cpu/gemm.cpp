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
      for (int j = 0; j < N; ++j)
        sum[i][j] = Cells::multiplyAdd(sum[i][j], a + i * Cells::kCells + p, column[j]);
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

/** How many of `size` cover n. */
inline int64_t wholes(int64_t n, int64_t size) { return (n + size - 1) / size; }

typedef void (*MicroKernel)(int64_t, const float*, const float*, float*, int64_t, int, bool);

template <class Cells, int N, int... I>
constexpr MicroKernel kernelOf(int rows, std::integer_sequence<int, I...>) {
  constexpr MicroKernel kTable[] = {&microKernel<Cells, I + 1, N>...};
  return kTable[rows - 1];
}

template <class Cells>
MicroKernel kernelFor(int rows, int vecs) {
  constexpr auto kRows = std::make_integer_sequence<int, Cells::kRows>();
  if (vecs == 1) return kernelOf<Cells, 1>(rows, kRows);
  if (vecs == 2 || Cells::kPanelVecs == 2) return kernelOf<Cells, 2>(rows, kRows);
  return kernelOf<Cells, Cells::kPanelVecs>(rows, kRows);
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
  constexpr int64_t kColumns = Cells::kPanelColumns;
  for (int64_t j = 0; j < tile.columns; j += kColumns, out += Cells::kCells * kColumns) {
    const int64_t columns = least(tile.columns - j, kColumns);
    packPanelTransposed<Cells>(b, tile.column + j, columns, p0, depth,
                               static_cast<int>((columns + W - 1) / W), buffer, out);
  }
}

/** c += (or =) a b for `rows` <= Cells::kRows packed rows and a panel of `columns` packed columns. */
template <class Cells>
void multiplyBlock(int64_t cells, const float* a, int64_t rows, const float* b, int64_t columns, float* c,
                   int64_t ldc, bool add) {
  const int vecs = static_cast<int>((columns + W - 1) / W);
  const int lastLanes = static_cast<int>(columns - (vecs - 1) * W);
  kernelFor<Cells>(static_cast<int>(rows), vecs)(cells, a, b, c, ldc, lastLanes, add);
}

#ifdef MLAB_TILES
/** c [16 A, 16 B] += (or =) a b over `cells` cells: C is in tiles 0 to 3, a in 4 and 5, b in 6 and 7. */
template <int A, int B>
void tileKernel(int64_t cells, const float* a, const float* b, float* c, int64_t ldc, bool add) {
  constexpr int64_t kBytesA = TileCells::kCells * 4, kBytesB = B * kTile * 4;
  const int64_t bytesC = ldc * 4;
  float* below = c + kTile * ldc;
  // gcc's tile loads do not say that they read memory.
  asm volatile("" ::: "memory");
  if (add) {
    MLAB_TILE_LOAD(0, c, bytesC);
    if constexpr (B > 1) {
      MLAB_TILE_LOAD(1, c + kTile, bytesC);
    }
    if constexpr (A > 1) {
      MLAB_TILE_LOAD(2, below, bytesC);
    }
    if constexpr (A > 1 && B > 1) {
      MLAB_TILE_LOAD(3, below + kTile, bytesC);
    }
  } else {
    MLAB_TILE_ZERO(0);
    MLAB_TILE_ZERO(1);
    MLAB_TILE_ZERO(2);
    MLAB_TILE_ZERO(3);
  }
  for (int64_t p = 0; p < cells; p += kTile) {
    const float* columns = b + p * B * kTile;
    MLAB_TILE_LOAD(4, a + p, kBytesA);
    MLAB_TILE_LOAD(6, columns, kBytesB);
    MLAB_TILE_DOT(0, 4, 6);
    if constexpr (B > 1) {
      MLAB_TILE_LOAD(7, columns + kTile, kBytesB);
      MLAB_TILE_DOT(1, 4, 7);
    }
    if constexpr (A > 1) {
      MLAB_TILE_LOAD(5, a + kTile * TileCells::kCells + p, kBytesA);
      MLAB_TILE_DOT(2, 5, 6);
    }
    if constexpr (A > 1 && B > 1) {
      MLAB_TILE_DOT(3, 5, 7);
    }
  }
  MLAB_TILE_STORE(0, c, bytesC);
  if constexpr (B > 1) {
    MLAB_TILE_STORE(1, c + kTile, bytesC);
  }
  if constexpr (A > 1) {
    MLAB_TILE_STORE(2, below, bytesC);
  }
  if constexpr (A > 1 && B > 1) {
    MLAB_TILE_STORE(3, below + kTile, bytesC);
  }
}

template <>
void multiplyBlock<TileCells>(int64_t cells, const float* a, int64_t rows, const float* b, int64_t columns,
                              float* c, int64_t ldc, bool add) {
  constexpr int64_t kSide = 2 * kTile;
  const bool wide = columns > kTile, whole = rows % kTile == 0 && columns % kTile == 0;
  const auto kernel = rows > kTile ? (wide ? tileKernel<2, 2> : tileKernel<2, 1>)
                                   : (wide ? tileKernel<1, 2> : tileKernel<1, 1>);
  if (whole) return kernel(cells, a, b, c, ldc, add);
  // The packed rows below the last are anything; what comes of them is left in this block.
  alignas(64) float block[kSide * kSide];
  kernel(cells, a, b, block, kSide, false);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += W) {
      const int lanes = static_cast<int>(least(columns - j, W));
      float* to = c + i * ldc + j;
      const Vec sum = load(block + i * kSide + j);
      storePartial(to, add ? loadPartial(to, lanes) + sum : sum, lanes);
    }
  }
}
#endif

template <class Cells>
void multiplyPacked(const Tile& tile, int64_t cells, const float* a, const float* b, float* c, int64_t ldc,
                    bool add) {
  for (int64_t j = 0; j < tile.columns; j += Cells::kPanelColumns) {
    const int64_t columns = least(tile.columns - j, Cells::kPanelColumns);
    const float* panel = b + j * Cells::kCells;
    for (int64_t i = 0; i < tile.rows; i += Cells::kRows) {
      const int64_t rows = least(tile.rows - i, Cells::kRows);
      multiplyBlock<Cells>(cells, a + i * Cells::kCells, rows, panel, columns, c + i * ldc + j, ldc, add);
    }
  }
}

template <class Cells>
void computeTile(const Tile& tile, const Term* terms, int count, float* c, int64_t ldc, bool add) {
  constexpr int64_t K = Cells::kPerCell, kDepth = Cells::kCells * K;
  const typename Cells::Scope scope;
  static thread_local ThreadBuffer bufferA, bufferB, bufferRows;
  const int64_t longest = tile.rows > tile.columns ? tile.rows : tile.columns;
  float* a = bufferA.get(wholes(tile.rows, Cells::kRows) * Cells::kRows * Cells::kCells);
  float* b = bufferB.get(wholes(tile.columns, Cells::kPanelColumns) * Cells::kPanelColumns * Cells::kCells);
  float* rows = bufferRows.get(K * W * (longest > kDepth ? longest : kDepth));
  for (const Term* term = terms; term < terms + count; ++term) {
    for (int64_t p = 0; p < term->k; p += kDepth) {
      const int64_t depth = least(term->k - p, kDepth);
      packB<Cells>(term->b, tile, p, depth, rows, b);
      packA<Cells>(term->a, tile, p, depth, rows, a);
      multiplyPacked<Cells>(tile, steppedCells<Cells>(depth), a, b, c, ldc, add);
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
 * threads that stand idle in the last round.
 */
template <class Cells>
Tile chooseTile(int64_t batch, int64_t m, int64_t n) {
  Tile best{};
  double bestTime = 0;
  const int threads = threadCount();
  for (int64_t rows = Cells::kRows; rows <= Cells::kMostRows; rows *= 2) {
    for (int64_t columns = Cells::kPanelColumns; columns <= Cells::kMostColumns;
         columns += Cells::kPanelColumns) {
      const int64_t tiles = batch * wholes(m, rows) * wholes(n, columns);
      const int64_t chunk = wholes(tiles, threads * 4);  // as parallelFor cuts
      const int64_t chunks = wholes(tiles, chunk);
      const double rounds = static_cast<double>(wholes(chunks, threads) * chunk);
      const double actualRows = static_cast<double>(least(rows, m)),
                   actualColumns = static_cast<double>(least(columns, n));
      const double time = rounds * (actualRows * actualColumns / Cells::kProducts +
                                    actualRows / Cells::kPackedA + actualColumns / Cells::kPackedB);
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
  const Tile size = chooseTile<Cells>(batch, m, n);
  const int64_t down = wholes(m, size.rows), across = wholes(n, size.columns);
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
#if defined(MLAB_TILES)
  if (type == ComputeType::kBfloat16) return run<TileCells>(batch, m, n, terms, count, c, ldc, batchC, add);
#elif defined(__AVX512BF16__)
  if (type == ComputeType::kBfloat16)
    return run<Bfloat16Cells>(batch, m, n, terms, count, c, ldc, batchC, add);
#endif
  (void)type;  // without the dot product bfloat16 is no faster, and float32 no less exact
  run<FloatCells>(batch, m, n, terms, count, c, ldc, batchC, add);
}

}  // namespace mlab::MLAB_ISA
