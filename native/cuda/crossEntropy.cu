// Cross-entropy of a language-model head, from the logits of a chunk of rows, which a matrix product made:
// loss = log sum exp(logits) - logits[label], and its gradient for the logits, softmax - oneHot(label).
// Logits are read twice by one block, the second time from cache.
#include "common.cuh"

namespace {

constexpr int kThreads = 512;
constexpr int kRowThreads = 256;
/** Below every logit but -infinity, and finite: the difference of a logit of -infinity to it is no NaN. */
constexpr float kLowest = -3.4028234663852886e38f;

/** Sum of exp(logit - max) of all logits but the label's; merged with another by its own maximum. */
struct Total {
  float max, sum;

  __device__ void add(const Total& other) {
    const float larger = fmaxf(max, other.max);
    sum = sum * expf(max - larger) + other.sum * expf(other.max - larger);
    max = larger;
  }
};

/** The total of a warp, for every lane the same one. */
__device__ inline Total warpTotal(Total total) {
  for (int offset = 16; offset > 0; offset /= 2) {
    const float max = __shfl_xor_sync(kFullWarp, total.max, offset);
    const float sum = __shfl_xor_sync(kFullWarp, total.sum, offset);
    total.add({max, sum});
  }
  return {__shfl_sync(kFullWarp, total.max, 0), __shfl_sync(kFullWarp, total.sum, 0)};
}

/** The total of the block, for every thread; at most 32 warps. */
__device__ inline Total blockTotal(Total total, float* maxima, float* sums) {
  total = warpTotal(total);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (lane == 0) {
    maxima[warp] = total.max;
    sums[warp] = total.sum;
  }
  __syncthreads();
  total = {kLowest, 0};
  if (lane < static_cast<int>(blockDim.x) / 32) total = {maxima[lane], sums[lane]};
  return warpTotal(total);
}

/** One row: logits, gradient [vocab]; gradient may be null, and for float the logits themselves. N divides
 * vocab. */
template <int N, class T>
__device__ inline void row(const float* logits, int vocab, int label, float* loss, T* gradient, float* maxima,
                           float* sums) {
  // The label's term is kept out of the sum: where it is nearly all of it, what is left is the loss, to full
  // precision.
  Total total = {kLowest, 0};
  for (int i = static_cast<int>(threadIdx.x) * N; i < vocab; i += static_cast<int>(blockDim.x) * N) {
    const Values<N> v = loadValues<N>(logits + i);
    float largest = total.max;
    for (int j = 0; j < N; ++j) largest = fmaxf(largest, v.values[j]);
    total.sum *= expf(total.max - largest);
    total.max = largest;
    for (int j = 0; j < N; ++j) {
      const float term = expf(v.values[j] - largest);
      total.sum += i + j == label ? 0.0f : term;
    }
  }
  const float labelLogit = logits[label];
  total = blockTotal(total, maxima, sums);
  const float labelTerm = expf(labelLogit - total.max);
  const float whole = total.sum + labelTerm;
  if (threadIdx.x == 0) {
    const float logarithm = labelLogit >= total.max ? log1pf(total.sum) : logf(whole);
    *loss = (total.max - labelLogit) + logarithm;
  }
  if (!gradient) return;
  const float inverse = 1.0f / whole;
  for (int i = static_cast<int>(threadIdx.x) * N; i < vocab; i += static_cast<int>(blockDim.x) * N) {
    Values<N> v = loadValues<N>(logits + i);
    for (int j = 0; j < N; ++j) {
      const float probability = expf(v.values[j] - total.max) * inverse;
      v.values[j] = i + j == label ? -total.sum * inverse : probability;
    }
    storeValues(gradient + i, v);
  }
}

/**
 * logits, gradient [rows, vocab], of the rows rowIndex [rows] of labels and losses; a block a row. gradient
 * may be null, and for float the logits themselves.
 */
template <class T>
__device__ inline void crossEntropy(const float* logits, const int* rowIndex, const int* labels, int vocab,
                                    float* losses, T* gradient) {
  __shared__ float maxima[kThreads / 32], sums[kThreads / 32];
  const int index = rowIndex[blockIdx.x];
  const int64 begin = static_cast<int64>(blockIdx.x) * vocab;
  T* out = gradient ? gradient + begin : nullptr;
  if (vocab % 8 == 0)
    row<8>(logits + begin, vocab, labels[index], losses + index, out, maxima, sums);
  else
    row<1>(logits + begin, vocab, labels[index], losses + index, out, maxima, sums);
}

/**
 * y [.., dim], row t = factor * x[place[t]], or zeros where place[t] is negative; a block a row. The factor
 * lies on the device.
 */
template <class T>
__device__ inline void spreadRows(const T* x, const int* place, const float* factor, int dim, T* y) {
  const int from = place[blockIdx.x];
  const float scale = *factor;
  const T* in = x + static_cast<int64>(from) * dim;
  T* out = y + static_cast<int64>(blockIdx.x) * dim;
  const bool wide = dim % 8 == 0;
  for (int i = threadIdx.x; i < (wide ? dim / 8 : dim); i += blockDim.x) {
    if (wide) {
      Values<8> v = {};
      if (from >= 0) v = loadValues<8>(in + i * 8);
      for (int j = 0; j < 8; ++j) v.values[j] *= scale;
      storeValues(out + i * 8, v);
    } else {
      out[i] = fromFloat<T>(from >= 0 ? toFloat(in[i]) * scale : 0.0f);
    }
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    crossEntropy_float32(const float* logits, const int* rowIndex, const int* labels, int vocab,
                         float* losses, float* gradient) {
  crossEntropy(logits, rowIndex, labels, vocab, losses, gradient);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    crossEntropy_bfloat16(const float* logits, const int* rowIndex, const int* labels, int vocab,
                          float* losses, bfloat16* gradient) {
  crossEntropy(logits, rowIndex, labels, vocab, losses, gradient);
}
extern "C" __global__ void __launch_bounds__(kRowThreads)
    spreadRows_float32(const float* x, const int* place, const float* factor, int dim, float* y) {
  spreadRows(x, place, factor, dim, y);
}
extern "C" __global__ void __launch_bounds__(kRowThreads)
    spreadRows_bfloat16(const bfloat16* x, const int* place, const float* factor, int dim, bfloat16* y) {
  spreadRows(x, place, factor, dim, y);
}
