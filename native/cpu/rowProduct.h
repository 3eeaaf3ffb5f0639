// Products of a few rows with frozen weights, as in token-by-token generation: each weight is read once,
// where it lies, and nothing is packed. The time is that of reading memory, and of handing work to threads.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace mlab::MLAB_ISA {

/** Above this many rows packing pays. */
constexpr int64_t kMostRows = 8;

/**
 * y = x W^T + scale xa B^T of each layer, 1 <= rows <= kMostRows, all in one job of the threads. xa is read
 * where lora.r > 0. The layers have the same in > 0.
 */
void rowProducts(const float* x, int64_t rows, const LinearView* layers, int64_t count);

/** y [rows, out] = x W^T, as above. */
inline void rowProduct(const float* x, int64_t rows, const WeightView& weight, float* y) {
  const LinearView layer = {weight, {}, y, nullptr};
  rowProducts(x, rows, &layer, 1);
}

}  // namespace mlab::MLAB_ISA
