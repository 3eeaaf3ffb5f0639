// RMSNorm (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization"): y = x * gamma / sqrt(mean(x^2) +
// eps). Backward: with n = x * inverseRms and g = dy * gamma, dx = inverseRms * (g - n * mean(g * n)); dGamma
// = sum dy * n. A block works on one row at a time and keeps its first kCached groups a thread in registers:
// up to 8192 values with 512 threads. What is beyond is read a second time.
#include "common.cuh"

namespace {

/** At most; sdk/ops/rmsNorm.ts chooses so that a thread has two groups. */
constexpr int kThreads = 512;
constexpr int kCached = 2;
constexpr int kSumColumns = 32, kSumRows = 8;

/** x, y [rows, dim], gamma [dim], inverseRms [rows]; a block a row. N divides dim. */
template <int N, class T>
__device__ inline void forward(const T* x, const float* gamma, int dim, float eps, T* y, float* inverseRms,
                               float* shared) {
  const int64 row = blockIdx.x;
  const T* in = x + row * dim;
  T* out = y + row * dim;
  const int groups = dim / N, threads = blockDim.x, thread = threadIdx.x;
  Values<N> cached[kCached];
#pragma unroll
  for (int c = 0; c < kCached; ++c) {
    const int group = thread + c * threads;
    if (group < groups) cached[c] = loadValues<N>(in + group * N);
  }
  float squares = 0;
#pragma unroll
  for (int c = 0; c < kCached; ++c)
    if (thread + c * threads < groups)
      for (int i = 0; i < N; ++i) squares += cached[c].values[i] * cached[c].values[i];
  for (int group = thread + kCached * threads; group < groups; group += threads) {
    const Values<N> v = loadValues<N>(in + group * N);
    for (int i = 0; i < N; ++i) squares += v.values[i] * v.values[i];
  }
  const float inverse = 1.0f / sqrtf(blockSum(squares, shared) / static_cast<float>(dim) + eps);
  if (thread == 0) inverseRms[row] = inverse;
  const auto write = [&](int group, Values<N> v) {
    const Values<N> weights = loadValues<N>(gamma + group * N);
    for (int i = 0; i < N; ++i) v.values[i] = v.values[i] * inverse * weights.values[i];
    storeValues(out + group * N, v);
  };
#pragma unroll
  for (int c = 0; c < kCached; ++c)
    if (thread + c * threads < groups) write(thread + c * threads, cached[c]);
  for (int group = thread + kCached * threads; group < groups; group += threads)
    write(group, loadValues<N>(in + group * N));
}

/**
 * dy, x, dx [rows, dim]; a block works on every gridDim.x-th row. With kGamma, partial [gridDim.x, dim] gets
 * the sum of dy * n over the block's rows, in the order of the rows. N divides dim.
 */
template <int N, bool kGamma, class T>
__device__ inline void backward(const T* dy, const T* x, const float* gamma, const float* inverseRms,
                                int rows, int dim, T* dx, float* partial, float* shared) {
  const int groups = dim / N, threads = blockDim.x, thread = threadIdx.x;
  float* sums = kGamma ? partial + static_cast<int64>(blockIdx.x) * dim : nullptr;
  Values<N> gammaSums[kCached];
  for (int c = 0; c < kCached; ++c)
    for (int i = 0; i < N; ++i) gammaSums[c].values[i] = 0;
  for (int64 row = blockIdx.x; row < rows; row += gridDim.x) {
    const T* in = x + row * dim;
    const T* grad = dy + row * dim;
    T* out = dx + row * dim;
    const float inverse = inverseRms[row];
    Values<N> g[kCached], v[kCached];
#pragma unroll
    for (int c = 0; c < kCached; ++c) {
      const int group = thread + c * threads;
      if (group >= groups) continue;
      g[c] = loadValues<N>(grad + group * N);
      v[c] = loadValues<N>(in + group * N);
    }
    float dot = 0;
#pragma unroll
    for (int c = 0; c < kCached; ++c) {
      const int group = thread + c * threads;
      if (group >= groups) continue;
      const Values<N> weights = loadValues<N>(gamma + group * N);
      for (int i = 0; i < N; ++i) {
        if (kGamma) gammaSums[c].values[i] += g[c].values[i] * v[c].values[i] * inverse;
        g[c].values[i] *= weights.values[i];
        dot += g[c].values[i] * v[c].values[i];
      }
    }
    for (int group = thread + kCached * threads; group < groups; group += threads) {
      const Values<N> d = loadValues<N>(grad + group * N), n = loadValues<N>(in + group * N);
      const Values<N> weights = loadValues<N>(gamma + group * N);
      for (int i = 0; i < N; ++i) {
        dot += d.values[i] * weights.values[i] * n.values[i];
        if (!kGamma) continue;
        float& sum = sums[group * N + i];
        sum = (row == blockIdx.x ? 0.0f : sum) + d.values[i] * n.values[i] * inverse;
      }
    }
    const float mean = blockSum(dot, shared) * (inverse / static_cast<float>(dim));
    const auto write = [&](int group, Values<N> weighted, const Values<N>& n) {
      for (int i = 0; i < N; ++i)
        weighted.values[i] = inverse * (weighted.values[i] - n.values[i] * inverse * mean);
      storeValues(out + group * N, weighted);
    };
#pragma unroll
    for (int c = 0; c < kCached; ++c)
      if (thread + c * threads < groups) write(thread + c * threads, g[c], v[c]);
    for (int group = thread + kCached * threads; group < groups; group += threads) {
      Values<N> d = loadValues<N>(grad + group * N);
      const Values<N> weights = loadValues<N>(gamma + group * N);
      for (int i = 0; i < N; ++i) d.values[i] *= weights.values[i];
      write(group, d, loadValues<N>(in + group * N));
    }
  }
  if constexpr (kGamma) {
#pragma unroll
    for (int c = 0; c < kCached; ++c)
      if (thread + c * threads < groups) storeValues(sums + (thread + c * threads) * N, gammaSums[c]);
  }
}

template <class T>
__device__ inline void forwardRow(const T* x, const float* gamma, int dim, float eps, T* y,
                                  float* inverseRms) {
  beginInOrder();
  __shared__ float shared[32];
  if (dim % 8 == 0)
    forward<8>(x, gamma, dim, eps, y, inverseRms, shared);
  else
    forward<1>(x, gamma, dim, eps, y, inverseRms, shared);
}

template <bool kGamma, class T>
__device__ inline void backwardRows(const T* dy, const T* x, const float* gamma, const float* inverseRms,
                                    int rows, int dim, T* dx, float* partial) {
  __shared__ float shared[32];
  if (dim % 8 == 0)
    backward<8, kGamma>(dy, x, gamma, inverseRms, rows, dim, dx, partial, shared);
  else
    backward<1, kGamma>(dy, x, gamma, inverseRms, rows, dim, dx, partial, shared);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormForward_float32(const float* x, const float* gamma, int dim, float eps, float* y,
                           float* inverseRms) {
  forwardRow(x, gamma, dim, eps, y, inverseRms);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormForward_bfloat16(const bfloat16* x, const float* gamma, int dim, float eps, bfloat16* y,
                            float* inverseRms) {
  forwardRow(x, gamma, dim, eps, y, inverseRms);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormBackward_float32(const float* dy, const float* x, const float* gamma, const float* inverseRms,
                            int rows, int dim, float* dx) {
  backwardRows<false>(dy, x, gamma, inverseRms, rows, dim, dx, nullptr);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormBackward_bfloat16(const bfloat16* dy, const bfloat16* x, const float* gamma,
                             const float* inverseRms, int rows, int dim, bfloat16* dx) {
  backwardRows<false>(dy, x, gamma, inverseRms, rows, dim, dx, nullptr);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormBackwardGamma_float32(const float* dy, const float* x, const float* gamma, const float* inverseRms,
                                 int rows, int dim, float* dx, float* partial) {
  backwardRows<true>(dy, x, gamma, inverseRms, rows, dim, dx, partial);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rmsNormBackwardGamma_bfloat16(const bfloat16* dy, const bfloat16* x, const float* gamma,
                                  const float* inverseRms, int rows, int dim, bfloat16* dx, float* partial) {
  backwardRows<true>(dy, x, gamma, inverseRms, rows, dim, dx, partial);
}

// y [columns] = sum over the rows of x [rows, columns]. A block of 256 threads has 32 columns and 8 sums for
// each, which it adds in their order.
extern "C" __global__ void __launch_bounds__(kSumColumns* kSumRows)
    sumRows(const float* x, int rows, int columns, float* y) {
  __shared__ float shared[kSumRows][kSumColumns];
  const int slice = threadIdx.x / kSumColumns, lane = threadIdx.x % kSumColumns;
  const int64 column = static_cast<int64>(blockIdx.x) * kSumColumns + lane;
  float sum = 0;
  if (column < columns)
    for (int row = slice; row < rows; row += kSumRows) sum += x[static_cast<int64>(row) * columns + column];
  shared[slice][lane] = sum;
  __syncthreads();
  if (slice != 0 || column >= columns) return;
  for (int i = 1; i < kSumRows; ++i) sum += shared[i][lane];
  y[column] = sum;
}
