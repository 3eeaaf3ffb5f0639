// Rows of a frozen weight as floats, whatever its storage. For kernels that read a weight row by row;
// products have their own, fused path.
#pragma once
#include "kernels.h"
#include "tile.h"

namespace mlab::MLAB_ISA {

/** out [count, in] with rows `stride` >= in floats apart = rows first..first+count-1 of the weight. */
inline void readWeightRows(const WeightView& weight, int64_t first, int64_t count, float* out,
                           int64_t stride) {
  const int64_t in = weight.in;
  if (weight.kind == WeightView::kFloat32) {
    const float* data = static_cast<const float*>(weight.data) + first * in;
    for (int64_t r = 0; r < count; ++r)
      std::memcpy(out + r * stride, data + r * in, static_cast<size_t>(in) * sizeof(float));
    return;
  }
  if (weight.kind == WeightView::kBfloat16) {
    const uint16_t* data = static_cast<const uint16_t*>(weight.data) + first * in;
    for (int64_t r = 0; r < count; ++r) {
      int64_t i = 0;
      for (; i + W <= in; i += W) store(out + r * stride + i, loadBf16(data + r * in + i));
      for (; i < in; ++i) out[r * stride + i] = fromBf16(data[r * in + i]);
    }
    return;
  }
  // Whole blocks only: where a row begins inside a block, the block is read from its start and the head
  // dropped.
  const uint8_t* packed = static_cast<const uint8_t*>(weight.data);
  const int64_t block = weight.blockSize;
  if (in % block == 0) {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t begin = (first + r) * in;
      dequantizeNf4(packed + begin / 2, weight.absmax + begin / block, in, weight.blockSize,
                    out + r * stride);
    }
    return;
  }
  Scratch<float> whole(in + block);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t begin = (first + r) * in, aligned = begin - begin % block;
    dequantizeNf4(packed + aligned / 2, weight.absmax + aligned / block, begin + in - aligned,
                  weight.blockSize, whole.get());
    std::memcpy(out + r * stride, whole.get() + (begin - aligned), static_cast<size_t>(in) * sizeof(float));
  }
}

}  // namespace mlab::MLAB_ISA
