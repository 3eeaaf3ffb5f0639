// Rows of a table by index: y[i] = table[ids[i]], and the gradient of the table, rows of dy summed by id.
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;

/** y [.., dim] of dim values each; a block a row of y. */
template <class To, class From>
__device__ inline void gather(const From* table, const int* ids, int dim, To* y) {
  beginInOrder();
  const From* in = table + static_cast<int64>(ids[blockIdx.x]) * dim;
  To* out = y + static_cast<int64>(blockIdx.x) * dim;
  if (dim % 8 == 0) {
    for (int i = static_cast<int>(threadIdx.x) * 8; i < dim; i += static_cast<int>(blockDim.x) * 8)
      storeValues(out + i, loadValues<8>(in + i));
  } else {
    for (int i = threadIdx.x; i < dim; i += blockDim.x) storeValues(out + i, loadValues<1>(in + i));
  }
}

/** As gather from a table in NF4: two values a byte, the first high; rows may begin inside of a byte or a
 * block. */
template <class To>
__device__ inline void gatherNf4(const unsigned char* packed, Nf4Scales scales, const int* ids, int dim,
                                 To* y) {
  beginInOrder();
  const int64 begin = static_cast<int64>(ids[blockIdx.x]) * dim;
  To* out = y + static_cast<int64>(blockIdx.x) * dim;
  for (int i = threadIdx.x; i < dim; i += blockDim.x) {
    const int64 at = begin + i;
    const int pair = packed[at / 2];
    const int code = at % 2 == 0 ? pair >> 4 : pair & 15;
    out[i] = fromFloat<To>(__fmul_rn(kNf4Codebook[code], scales[at / kNf4Block]));
  }
}

/** Adds rows order[begin..end) of dy to `sums`, one after another; four are under way at once. */
template <int N, class T>
__device__ inline void addRows(const T* dy, const int* order, int begin, int end, int dim, int column,
                               Values<N>& sums) {
#pragma unroll 4
  for (int i = begin; i < end; ++i) {
    const Values<N> v = loadValues<N>(dy + static_cast<int64>(order[i]) * dim + column);
    for (int j = 0; j < N; ++j) sums.values[j] += v.values[j];
  }
}

template <int N, class T>
__device__ inline void scatter(const T* dy, const int* order, int begin, int end, int dim, float* out) {
  const int first =
      (static_cast<int>(blockIdx.y) * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * N;
  for (int column = first; column < dim; column += static_cast<int>(gridDim.y * blockDim.x) * N) {
    Values<N> sums;
    for (int j = 0; j < N; ++j) sums.values[j] = 0;
    addRows(dy, order, begin, end, dim, column, sums);
    storeValues(out + column, sums);
  }
}

/**
 * dTable[distinct[i]] = sum of dy's rows order[starts[i]..starts[i + 1]), in that order; other rows of dTable
 * stay as they are. blockIdx.x is i; blockIdx.y shares the columns out.
 */
template <class T>
__device__ inline void backward(const T* dy, const int* distinct, const int* starts, const int* order,
                                int dim, float* dTable) {
  const int begin = starts[blockIdx.x], end = starts[blockIdx.x + 1];
  float* out = dTable + static_cast<int64>(distinct[blockIdx.x]) * dim;
  if (dim % 8 == 0)
    scatter<8>(dy, order, begin, end, dim, out);
  else
    scatter<1>(dy, order, begin, end, dim, out);
}

}  // namespace

// gather<storage of the table>_<storage of y>
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherFloat32_float32(const float* table, const int* ids, int dim, float* y) {
  gather(table, ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherFloat32_bfloat16(const float* table, const int* ids, int dim, bfloat16* y) {
  gather(table, ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherBfloat16_float32(const bfloat16* table, const int* ids, int dim, float* y) {
  gather(table, ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherBfloat16_bfloat16(const bfloat16* table, const int* ids, int dim, bfloat16* y) {
  gather(table, ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherNf4_float32(const unsigned char* packed, const float* absmax, const unsigned char* codes,
                      const float* nestedAbsmax, const float* map, const float* offset, const int* ids,
                      int dim, float* y) {
  gatherNf4(packed, Nf4Scales(absmax, codes, nestedAbsmax, map, offset), ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    gatherNf4_bfloat16(const unsigned char* packed, const float* absmax, const unsigned char* codes,
                       const float* nestedAbsmax, const float* map, const float* offset, const int* ids,
                       int dim, bfloat16* y) {
  gatherNf4(packed, Nf4Scales(absmax, codes, nestedAbsmax, map, offset), ids, dim, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    embeddingBackward_float32(const float* dy, const int* distinct, const int* starts, const int* order,
                              int dim, float* dTable) {
  backward(dy, distinct, starts, order, dim, dTable);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    embeddingBackward_bfloat16(const bfloat16* dy, const int* distinct, const int* starts, const int* order,
                               int dim, float* dTable) {
  backward(dy, distinct, starts, order, dim, dTable);
}
