// A matrix as an operand of a product: where its elements lie, how they are stored, and what is done to them
// while they are read (scaling, dropout). This is the only place that knows the storage types; the product
// itself sees runs of floats.
#pragma once
#include "dropout.h"
#include "kernels.h"
#include "nf4.h"

namespace mlab::MLAB_ISA {

/**
 * Stored row-major, `stride` elements from row to row. Its logical element (i, p) has i over the rows
 * (columns) of the product and p over the sum; it is stored at [i][p], or at [p][i] where sumMajor is set.
 */
struct Operand {
  WeightView::Kind kind = WeightView::kFloat32;
  const void* data = nullptr;
  const float* absmax = nullptr;  // nf4 only
  int blockSize = 0;              // nf4 only
  int64_t stride = 0;
  bool sumMajor = false;
  float scale = 1;
  Dropout dropout;

  static Operand dense(const float* data, int64_t stride, bool sumMajor) {
    Operand o;
    o.data = data;
    o.stride = stride;
    o.sumMajor = sumMajor;
    return o;
  }
  static Operand weight(const WeightView& w, bool sumMajor) {
    Operand o;
    o.kind = w.kind;
    o.data = w.data;
    o.absmax = w.absmax;
    o.blockSize = w.blockSize;
    o.stride = w.in;
    o.sumMajor = sumMajor;
    return o;
  }
  Operand times(float factor) const {
    Operand o = *this;
    o.scale = factor;
    return o;
  }
  Operand dropped(const Dropout& drop) const {
    Operand o = *this;
    o.dropout = drop;
    return o;
  }
  /** Its floats can be read where they are. */
  bool plain() const { return kind == WeightView::kFloat32 && scale == 1 && !dropout.active(); }

  /** out = n stored neighbours of stored row `row` from stored column `column`. */
  void read(int64_t row, int64_t column, int64_t n, float* out) const {
    const int64_t first = row * stride + column;
    if (kind == WeightView::kFloat32) {
      std::memcpy(out, static_cast<const float*>(data) + first, static_cast<size_t>(n) * sizeof(float));
    } else if (kind == WeightView::kBfloat16) {
      const uint16_t* in = static_cast<const uint16_t*>(data) + first;
      int64_t i = 0;
      for (; i + W <= n; i += W) store(out + i, loadBf16(in + i));
      for (; i < n; ++i) out[i] = fromBf16(in[i]);
    } else {
      nf4Decode(static_cast<const uint8_t*>(data), absmax, blockSize, first, n, out);
    }
    if (dropout.active()) applyDropout(dropout, row * dropout.width + column, n, out, out);
    if (scale != 1)
      for (int64_t i = 0; i < n; ++i) out[i] *= scale;
  }
  /** As read(), or a pointer into the data itself where that is the same; `buffer` has room for n floats. */
  const float* view(int64_t row, int64_t column, int64_t n, float* buffer) const {
    if (plain()) return static_cast<const float*>(data) + row * stride + column;
    read(row, column, n, buffer);
    return buffer;
  }
};

}  // namespace mlab::MLAB_ISA
