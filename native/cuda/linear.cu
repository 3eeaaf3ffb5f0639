// What linear layers need beside products of cuBLASLt (adapters: adapter.cu; few rows: few.cu).
#include "common.cuh"

namespace {

constexpr int kThreads = 256;

/** y = drop(x), both [rows, in]; y may be x. */
template <class T>
__device__ inline void dropAll(const T* x, int rows, int in, float p, unsigned seed, T* y) {
  const int64 n = static_cast<int64>(rows) * in;
  const int64 at = (static_cast<int64>(blockIdx.x) * kThreads + threadIdx.x) * 8;
  if (at >= n) return;
  const int count = n - at < 8 ? static_cast<int>(n - at) : 8;
  const Dropout drop(p, seed);
  Values<8> v = loadUpTo(x + at, count);
#pragma unroll
  for (int i = 0; i < 8; ++i)
    v.values[i] = drop.kept(static_cast<unsigned>(at + i)) ? v.values[i] * drop.keptScale : 0.0f;
  storeUpTo(y + at, v, count);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    linearDropout_float32(const float* x, int rows, int in, float p, unsigned seed, float* y) {
  dropAll(x, rows, in, p, seed, y);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    linearDropout_bfloat16(const bfloat16* x, int rows, int in, float p, unsigned seed, bfloat16* y) {
  dropAll(x, rows, in, p, seed, y);
}
