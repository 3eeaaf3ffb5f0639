// Products of a few rows with a frozen weight, as in token-by-token generation: the weight is read once,
// where it lies, and nothing is packed. The time is that of reading memory.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace mlab::MLAB_ISA {

/** Above this many rows packing pays. */
constexpr int64_t kMostRows = 8;

/** y [rows, out] = x [rows, in] W^T for 1 <= rows <= kMostRows. */
void rowProduct(const float* x, int64_t rows, const WeightView& weight, float* y);

}  // namespace mlab::MLAB_ISA
