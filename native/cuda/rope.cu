// Rotary position embedding (Su et al. 2021, "RoFormer") in the half-split layout of Hugging Face: in each
// head, with h = headDim / 2 and angle = position * inverseFrequencies[i],
//   y[i] = x[i] cos - x[i + h] sin,  y[i + h] = x[i + h] cos + x[i] sin.
// The rotation is orthogonal: `inverse` turns back, which is also the gradient.
// Two tensors of the same rows (queries and keys) are one launch: a block for a token of each. Its sines and
// cosines are computed once and serve all heads.
#include "common.cuh"

namespace {

constexpr int kThreads = 256;

/** x, y: rows of `heads` heads; cosine, sine [half] in shared memory. N divides half. */
template <int N, class T>
__device__ inline void rotateRow(const T* x, T* y, int heads, int half, const float* cosine,
                                 const float* sine) {
  const int groups = half / N;
  for (int item = threadIdx.x; item < heads * groups; item += blockDim.x) {
    const int head = item / groups, i = item % groups * N;
    const int64 at = static_cast<int64>(head) * 2 * half + i;
    const Values<N> a = loadValues<N>(x + at), b = loadValues<N>(x + at + half);
    Values<N> first, second;
    for (int j = 0; j < N; ++j) {
      const float c = cosine[i + j], s = sine[i + j];
      first.values[j] = a.values[j] * c - b.values[j] * s;
      second.values[j] = b.values[j] * c + a.values[j] * s;
    }
    storeValues(y + at, first);
    storeValues(y + at + half, second);
  }
}

/** x, y [tokens, heads * headDim]. */
template <class T>
struct Rotated {
  const T* x;
  int heads;
  T* y;
};

/**
 * positions [tokens], inverseFrequencies [headDim / 2]; blockIdx.y chooses the tensor. Dynamic shared memory:
 * headDim floats.
 */
template <class T>
__device__ inline void rope(const int* positions, const float* inverseFrequencies, int headDim, int inverse,
                            const Rotated<T>& first, const Rotated<T>& second) {
  beginInOrder();
  const Rotated<T> own = blockIdx.y == 0 ? first : second;
  const int half = headDim / 2;
  float* cosine = reinterpret_cast<float*>(dynamicShared());
  float* sine = cosine + half;
  const int64 row = blockIdx.x;
  const float position = static_cast<float>(positions[row]);
  for (int i = threadIdx.x; i < half; i += blockDim.x) {
    // The angle is a product of two floats by definition: at position 40000 its last bit is 0.002.
    float s, c;
    sincosf(__fmul_rn(position, inverseFrequencies[i]), &s, &c);
    cosine[i] = c;
    sine[i] = inverse ? -s : s;
  }
  __syncthreads();
  const int64 begin = row * own.heads * headDim;
  if (half % 8 == 0)
    rotateRow<8>(own.x + begin, own.y + begin, own.heads, half, cosine, sine);
  else
    rotateRow<1>(own.x + begin, own.y + begin, own.heads, half, cosine, sine);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    rope_float32(const int* positions, const float* inverseFrequencies, int headDim, int inverse,
                 const float* x0, int heads0, float* y0, const float* x1, int heads1, float* y1) {
  rope<float>(positions, inverseFrequencies, headDim, inverse, {x0, heads0, y0}, {x1, heads1, y1});
}
extern "C" __global__ void __launch_bounds__(kThreads)
    rope_bfloat16(const int* positions, const float* inverseFrequencies, int headDim, int inverse,
                  const bfloat16* x0, int heads0, bfloat16* y0, const bfloat16* x1, int heads1,
                  bfloat16* y1) {
  rope<bfloat16>(positions, inverseFrequencies, headDim, inverse, {x0, heads0, y0}, {x1, heads1, y1});
}
