// What the kernels for linear layers of up to 8 rows share (few.cu, fewDense.cu, fewNf4.cu). Up to 3 layers
// that read the same x are one launch.
//   h = rmsNorm(x) or x;  xa = drop(h) A^T;  y = [residual +] h W^T + scale xa B^T
// The first blocks make xa, one for each rank of each adapter, and the others wait for it when they have read
// their part of W, so that it takes no time. (Kernels without matrix units leave it to a launch before
// theirs.)
#pragma once
#include "common.cuh"

namespace {

/** The most rows. */
constexpr int kFewRows = 8;
/** The greatest r of adapters that are part of the launch. */
constexpr int kSmallRank = 16;

/** One adapter; r is 0 without one. */
struct DownLayer {
  const float* a;
  int r;
  float p;
  unsigned seed;
  float* xa;
};

/** What xa is made from. */
template <class T>
struct Source {
  /** [rows, in] */
  const T* x;
  int rows, in;
  /** Of the first row among the rows that the op was given: dropout depends on it. */
  int firstRow;
  /** [in], or null: h is x then. */
  const float* gamma;
  float eps;
};

/** One rank's xa, `write(row, value)`, by a block. */
template <int kThreads, int N, class T, class Write>
__device__ inline void down(const Source<T>& from, const DownLayer& layer, int rank, const Write& write) {
  __shared__ float shared[32];
  const Dropout drop(layer.p, layer.seed);
  const float* own = layer.a + static_cast<int64>(rank) * from.in;
  if (N == 8 && threadIdx.x == 0) prefetchBytes(own, from.in * 4);
  waitForLaunchesBefore();
#pragma unroll 1
  for (int row = 0; row < from.rows; ++row) {
    const T* x = from.x + static_cast<int64>(row) * from.in;
    const auto first = static_cast<unsigned>(static_cast<int64>(from.firstRow + row) * from.in);
    float sum = 0, squares = 0;
#pragma unroll 2
    for (int k = static_cast<int>(threadIdx.x) * N; k < from.in; k += kThreads * N) {
      const Values<N> factor = loadValues<N>(own + k);
      Values<N> v = loadValues<N>(x + k);
      if (from.gamma) {
        const Values<N> gamma = loadValues<N>(from.gamma + k);
#pragma unroll
        for (int i = 0; i < N; ++i) {
          squares += v.values[i] * v.values[i];
          v.values[i] *= gamma.values[i];
        }
      }
#pragma unroll
      for (int i = 0; i < N; ++i)
        if (drop.threshold == 0 || drop.kept(first + k + i))
          sum += v.values[i] * drop.keptScale * factor.values[i];
    }
    sum = blockSum(sum, shared);
    if (from.gamma) sum *= 1.0f / sqrtf(blockSum(squares, shared) / static_cast<float>(from.in) + from.eps);
    if (threadIdx.x == 0) write(row, sum);
  }
}

/** One layer: W [out, in] in the kernel's form, its scales where that is NF4, the adapter's xa and B, r is 0
 * without. */
template <class T>
struct Layer {
  const void* w;
  const float* absmax;
  const unsigned char* codes;
  const float *nestedAbsmax, *map, *offset;
  const float* b;
  int out;
  float scale;
  /** [rows, out], or null. */
  const T* residual;
  T* y;
  DownLayer down;

  __device__ float residualAt(int row, int64 o) const {
    return residual ? toFloat(residual[static_cast<int64>(row) * out + o]) : 0.0f;
  }
};

/** Ranks that a launch makes xa for at most. */
constexpr int kMostRanks = 3 * kSmallRank;

/**
 * How xa gets from the blocks that make it to the others: words [kMostRanks][kFewRows] in global memory, each
 * kNotYet until its value is there, and a counter of the blocks that have seen them, zero between launches. A
 * word is its own signal: fences and a counter would take longer than the product. The first blocks of the
 * grid make xa and wait for nobody, and GPUs start blocks in their order, so nobody waits for a block that
 * does not run.
 */
struct Handoff {
  static constexpr unsigned kNotYet = 0xffffffffu;
  unsigned* words;
  int makers;

  template <class T>
  __device__ Handoff(unsigned* w, const Layer<T> (&layers)[3])
      : words(w), makers(layers[0].down.r + layers[1].down.r + layers[2].down.r) {}

  /** The value of one rank and row. */
  __device__ void give(int rank, int row, float value) const {
    const unsigned bits = __float_as_uint(value);
    storeRelaxed(words + rank * kFewRows + row, bits == kNotYet ? 0x7fffffffu : bits);  // NaN either way
  }
  /** By the whole block: all values, [makers][kFewRows] in shared memory. Also a barrier. */
  __device__ void take(float* shared, int rows) const {
    for (int i = static_cast<int>(threadIdx.x); i < makers * rows; i += static_cast<int>(blockDim.x)) {
      const int at = i / rows * kFewRows + i % rows;
      unsigned bits = kNotYet;
      while (bits == kNotYet) bits = loadRelaxed(words + at);
      shared[at] = __uint_as_float(bits);
    }
    __syncthreads();
    if (threadIdx.x > 0 || makers == 0) return;
    auto* counter = reinterpret_cast<int*>(words + kMostRanks * kFewRows);
    if (atomicAdd(counter, 1) < static_cast<int>(gridDim.x) - makers - 1) return;
    for (int i = 0; i < makers * kFewRows; ++i) words[i] = kNotYet;
    *counter = 0;
  }
};

/** Block `rank` of those that make xa for all layers. */
template <int kThreads, class T>
__device__ inline void makeXa(const Source<T>& from, const Layer<T> (&layers)[3], int rank,
                              const Handoff* handoff) {
  DownLayer layer = layers[0].down;
  int own = rank;
  const int second = rank - layer.r, third = second - layers[1].down.r;
  if (second >= 0) layer = layers[1].down, own = second;
  if (third >= 0) layer = layers[2].down, own = third;
  const auto write = [&](int row, float value) {
    layer.xa[row * layer.r + own] = value;
    if (handoff) handoff->give(rank, row, value);
  };
  if (from.in % 8 == 0)
    down<kThreads, 8>(from, layer, own, write);
  else
    down<kThreads, 1>(from, layer, own, write);
}

}  // namespace

#define MLAB_LAYER(T, I)                                                                                 \
  const void *w##I, const float *absmax##I, const unsigned char *codes##I, const float *nestedAbsmax##I, \
      const float *map##I, const float *offset##I, const float *a##I, const float *b##I, int out##I,     \
      int r##I, float scale##I, float p##I, unsigned seed##I, float *xa##I, const T *residual##I, T *y##I
#define MLAB_VALUES(I)                                                                                  \
  {                                                                                                     \
    w##I, absmax##I, codes##I, nestedAbsmax##I, map##I, offset##I, b##I, out##I, scale##I, residual##I, \
        y##I, {                                                                                         \
      a##I, r##I, p##I, seed##I, xa##I                                                                  \
    }                                                                                                   \
  }
