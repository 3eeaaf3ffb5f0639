// The matrix product that all large linear work goes through: C = sum over terms of A_t B_t. Both sides are
// packed block by block into thread-local buffers (transposing, decoding, scaling and dropping on the way),
// so the inner loop reads contiguous memory whatever the storage, and a decoded weight panel serves every row
// of its tile.
#pragma once
#include "operand.h"

namespace mlab::MLAB_ISA {

/** One addend A B with A [m, k] and B [k, n]. */
struct Term {
  Operand a, b;
  int64_t k = 0;
  /** Applied to C once this term has been added, before the next; nothing where not active. */
  Dropout maskAfter;
  /** Batch entry e reads a.data and b.data this many elements further (float operands only). */
  int64_t batchA = 0, batchB = 0;
};

inline Term term(const Operand& a, const Operand& b, int64_t k) {
  Term t;
  t.a = a;
  t.b = b;
  t.k = k;
  return t;
}

/**
 * c[e] [m, n], rows `ldc` and batch entries `batchC` floats apart, = the sum of the terms, which is added to
 * what is there with `add`. An empty sum is zero. Never reads beyond the stored elements. kBfloat16 rounds A
 * and B to bfloat16 where the instruction set has their dot product, and sums in float32; elsewhere it is
 * kFloat32.
 */
void gemm(int64_t batch, int64_t m, int64_t n, const Term* terms, int count, float* c, int64_t ldc,
          int64_t batchC, ComputeType type, bool add = false);

}  // namespace mlab::MLAB_ISA
