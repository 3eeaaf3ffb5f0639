// Embedding lookup y[i] = table[ids[i]], and its gradient: rows of dy summed by id.
#include "kernels.h"
#include "operand.h"
#include "tile.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kValueGrain = 1 << 14;

}  // namespace

void embeddingForward(const WeightView& table, const int32_t* ids, int64_t n, float* y) {
  const Operand rows = Operand::weight(table, false);
  parallelFor(n, kValueGrain / larger(table.in, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) rows.read(ids[i], 0, table.in, y + i * table.in);
  });
}

void embeddingBackward(const float* dy, const int32_t* ids, int64_t n, int64_t rows, int64_t dim,
                       float* dTable) {
  parallelFor(rows * dim, kValueGrain, [&](int64_t begin, int64_t end) {
    std::memset(dTable + begin, 0, static_cast<size_t>(end - begin) * sizeof(float));
  });
  // By columns, so that no two threads write the same place and the order of the sum is fixed.
  parallelFor(dim, larger(64, kValueGrain / larger(n, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < n; ++i) {
      float* out = dTable + ids[i] * dim;
      for (int64_t c = begin; c < end; ++c) out[c] += dy[i * dim + c];
    }
  });
}

}  // namespace mlab::MLAB_ISA
