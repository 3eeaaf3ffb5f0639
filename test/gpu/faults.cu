// Kernels with and without mistakes, for emulator.test.ts.
#include "common.cuh"

/** y = x reversed within each block of 64. */
extern "C" __global__ void __launch_bounds__(64) reverse(const float* x, float* y, int barrier) {
  __shared__ float values[64];
  const int i = threadIdx.x;
  values[i] = x[blockIdx.x * 64 + i];
  if (barrier) __syncthreads();
  y[blockIdx.x * 64 + i] = values[63 - i];
}
