// Small kernels with and without mistakes, for emulator.test.ts.
#include "common.cuh"

/** Each block of 64 values reversed; wrong without the barrier. */
extern "C" __global__ void __launch_bounds__(64) reverse(const float* x, float* y, int barrier) {
  __shared__ float values[64];
  const int i = threadIdx.x, first = blockIdx.x * 64;
  values[i] = x[first + i];
  if (barrier) __syncthreads();
  y[first + i] = values[63 - i];
}

/** A warp reads what its other lanes wrote, in order only with the __syncwarp; then a fence orders the
 * blocks. */
extern "C" __global__ void __launch_bounds__(32) ordered(float* y, int warpSync, int fence) {
  __shared__ float values[32];
  const int lane = threadIdx.x;
  values[lane] = 2.0f * lane;
  if (warpSync) __syncwarp();
  if (fence) __threadfence();
  y[lane] = values[31 - lane];
  if (fence) __threadfence();
}

/** The first `threads` threads of a block reach a barrier. */
extern "C" __global__ void __launch_bounds__(64) partialBarrier(int threads) {
  if (static_cast<int>(threadIdx.x) < threads) __syncthreads();
}

/** Block 0 waits for a word of the last block, and copies it; nobody writes it where `given` is 0. */
extern "C" __global__ void __launch_bounds__(32)
    waitForBlock(unsigned long long* words, float* y, int given) {
  if (threadIdx.x > 0) return;
  if (given && blockIdx.x + 1 == gridDim.x) storeRelaxed(words, 7ull);
  if (blockIdx.x > 0) return;
  while (loadRelaxed(words) != 7) pause();
  y[0] = 7;
}

/** Prefetches `bytes` from the float `index` on. */
extern "C" __global__ void __launch_bounds__(32) prefetchAt(const float* x, int index, int bytes) {
  if (threadIdx.x == 0) prefetchBytes(x + index, bytes);
}

/** Half of the lanes shuffle, the others vote. */
extern "C" __global__ void __launch_bounds__(32) partedWarp(float* y) {
  if (threadIdx.x < 16)
    y[threadIdx.x] = __shfl_xor_sync(kFullWarp, 1.0f, 1);
  else
    y[threadIdx.x] = __any_sync(kFullWarp, 1);
}

/** Writes one value, at y[index]. */
extern "C" __global__ void __launch_bounds__(32) writeAt(float* y, int index) {
  if (threadIdx.x == 0) y[index] = 1.0f;
}

/** Reads one value, at x[index]. */
extern "C" __global__ void __launch_bounds__(32) readAt(const float* x, float* y, int index) {
  if (threadIdx.x == 0) y[0] = x[index];
}

/** y = x, four values a thread; `x` may not be aligned to that. */
extern "C" __global__ void __launch_bounds__(32) copyPacks(const float* x, float* y) {
  storePack(y + 4 * threadIdx.x, loadPack(x + 4 * threadIdx.x));
}

/** Writes `bytes` bytes of the dynamic shared memory. */
extern "C" __global__ void __launch_bounds__(32) fillShared(int bytes) {
  if (threadIdx.x == 0)
    for (int i = 0; i < bytes; i++) dynamicShared()[i] = 1;
}

/** Writes the static array of 32 at `index`. */
extern "C" __global__ void __launch_bounds__(32) indexShared(float* y, int index) {
  __shared__ float values[32];
  if (threadIdx.x == 0) values[index] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x];
}

/** Two copies of 128 values through shared memory, of which all but `pending` are waited for. */
extern "C" __global__ void __launch_bounds__(32) copyThrough(const float* x, float* y, int pending) {
  float* shared = reinterpret_cast<float*>(dynamicShared());
  const int i = 4 * threadIdx.x;
  for (int group = 0; group < 2; group++) {
    copyAsync16(shared + 128 * group + i, x + 128 * group + i, group == 0 || threadIdx.x < 31);
    commitCopies();
  }
  if (pending == 0)
    waitCopies<0>();
  else if (pending == 1)
    waitCopies<1>();
  __syncthreads();
  for (int group = 0; group < 2; group++) storePack(y + 128 * group + i, loadPack(shared + 128 * group + i));
}

/** d [16, 8] = a [16, 16] b [16, 8], the fragments filled value by value as ptx.cuh documents them. */
extern "C" __global__ void __launch_bounds__(32)
    productByHand(const bfloat16* a, const bfloat16* b, float* d) {
  const int group = threadIdx.x / 4, pair = 2 * (threadIdx.x % 4);
  const auto pairOf = [](bfloat16 low, bfloat16 high) {
    return low.bits | static_cast<unsigned>(high.bits) << 16;
  };
  unsigned fa[4], fb[2];
  float fd[4] = {0, 0, 0, 0};
  for (int i = 0; i < 4; i++) {
    const bfloat16* from = a + (group + i % 2 * 8) * 16 + pair + i / 2 * 8;
    fa[i] = pairOf(from[0], from[1]);
  }
  for (int i = 0; i < 2; i++) {
    const bfloat16* from = b + (pair + 8 * i) * 8 + group;
    fb[i] = pairOf(from[0], from[8]);
  }
  mma16816(fd, fa, fb);
  for (int i = 0; i < 4; i++) d[(group + i / 2 * 8) * 8 + pair + i % 2] = fd[i];
}

/** The same with loadMatrices: a as it lies, b transposed. The second half of what b loads is not used. */
extern "C" __global__ void __launch_bounds__(32)
    productByLoads(const bfloat16* a, const bfloat16* b, float* d) {
  __shared__ __align__(16) bfloat16 tileA[16 * 16], tileB[16 * 8];
  const int lane = threadIdx.x, group = lane / 4, pair = 2 * (lane % 4);
  for (int i = lane; i < 256; i += 32) tileA[i] = a[i];
  for (int i = lane; i < 128; i += 32) tileB[i] = b[i];
  __syncthreads();
  unsigned fa[4], fb[4];
  float fd[4] = {0, 0, 0, 0};
  loadMatrices(fa, tileA + lane % 16 * 16 + lane / 16 * 8);
  loadMatricesTransposed(fb, tileB + lane % 16 * 8);
  const unsigned half[2] = {fb[0], fb[1]};
  mma16816(fd, fa, half);
  for (int i = 0; i < 4; i++) d[(group + i / 2 * 8) * 8 + pair + i % 2] = fd[i];
}
