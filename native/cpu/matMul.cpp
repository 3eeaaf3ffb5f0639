// Dense batched matrix product; see kernels.h for the layouts.
#include "gemm.h"
#include "kernels.h"
#include "rowProduct.h"

namespace mlab::MLAB_ISA {

void matMul(const float* a, const float* b, float* c, int64_t batch, int64_t m, int64_t n, int64_t k,
            bool transposeA, bool transposeB) {
  const bool rowMajorA = !transposeA || m == 1, columnMajorB = transposeB || n == 1;
  if (k > 0 && rowMajorA && columnMajorB && (m <= kMostRows || n == 1)) {
    for (int64_t e = 0; e < batch; ++e) {
      const float *left = a + e * m * k, *right = b + e * n * k;
      // A matrix times one column is one row times the transposed matrix.
      if (n == 1)
        rowProduct(right, 1, {WeightView::kFloat32, left, nullptr, 0, m, k}, c + e * m);
      else if (m > 0)
        rowProduct(left, m, {WeightView::kFloat32, right, nullptr, 0, n, k}, c + e * m * n);
    }
    return;
  }
  Term term;
  term.a = Operand::dense(a, transposeA ? m : k, transposeA);
  term.b = Operand::dense(b, transposeB ? k : n, !transposeB);
  term.k = k;
  term.batchA = m * k;
  term.batchB = k * n;
  gemm(batch, m, n, &term, 1, c, n, m * n, computeType());
}

}  // namespace mlab::MLAB_ISA
