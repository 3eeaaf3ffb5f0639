// The instructions that CUDA C++ has no word for, each one function. Nothing else in native/cuda is written
// in PTX, so that the tests' emulator (test/gpu) can run every kernel on a machine without a GPU: it defines
// MLAB_PTX and brings its own versions of these functions.
#pragma once
#ifndef MLAB_PTX
#define MLAB_PTX

/** bfloat16 bits of x, rounded to nearest even. */
__device__ inline unsigned short bfloat16Bits(float x) {
#if __CUDA_ARCH__ >= 800
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7fff : static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
}

/** Two floats as two neighbours in bfloat16; `first` comes first in memory (the low half). */
__device__ inline unsigned packBfloat16(float first, float second) {
#if __CUDA_ARCH__ >= 800
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
#else
  return bfloat16Bits(first) | static_cast<unsigned>(bfloat16Bits(second)) << 16;
#endif
}

/** 2^x, to 2 units in the last place. */
__device__ inline float exp2Fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/**
 * d [16, 8] += a [16, 16] b [16, 8], bfloat16 factors, float sums, by a whole warp. With group = lane / 4 and
 * pair = 2 * (lane % 4), a lane holds (row, columns):
 *   a[0]: (group, pair..), a[1]: (group + 8, pair..), a[2]: (group, pair + 8..), a[3]: (group + 8, pair
 * + 8..) b[0]: (rows pair.., column group), b[1]: (rows pair + 8.., column group) d[0..1]: (group, pair..),
 * d[2..3]: (group + 8, pair..) (PTX ISA, mma.m16n8k16 with .bf16). Ampere and newer: on Turing kernels with
 * bfloat16 products are there, and stop.
 */
__device__ inline void mma16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

/**
 * Four 8 x 8 matrices of 16-bit values from shared memory: lane i gives the address of row i % 8 of matrix i
 * / 8 (16 bytes, aligned to 16), and gets of matrix j, in m[j], the values (lane / 4, 2 * (lane % 4)) and the
 * one after it.
 */
__device__ inline void loadMatrices(unsigned (&m)[4], const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address)
               : "memory");
}

/** As loadMatrices with each matrix transposed: values (2 * (lane % 4), lane / 4) and the one in the row
 * below. */
__device__ inline void loadMatricesTransposed(unsigned (&m)[4], const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address)
               : "memory");
}

/** Starts a copy of 16 bytes from global to shared memory; zeros where `valid` is false (nothing is read
 * then). Before Ampere it has happened when this returns. */
__device__ inline void copyAsync16(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ >= 800
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes)
               : "memory");
#else
  *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#endif
}
/** Ends a group of copies. */
__device__ inline void commitCopies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/** Waits until at most `N` of this thread's newest groups are under way; other threads need a barrier after
 * it. */
template <int N>
__device__ inline void waitCopies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

/**
 * Stores 16 bytes at once, at an address that is a multiple of 16. The compiler makes four stores of a uint4
 * in some large kernels, at a third of the speed.
 */
__device__ inline void store16(void* p, const uint4& v) {
  asm volatile("st.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
               : "memory");
}

/** The dynamic shared memory of the block, 16-byte aligned. */
__device__ inline unsigned char* dynamicShared() {
  extern __shared__ __align__(16) unsigned char mlabDynamicShared[];
  return mlabDynamicShared;
}

/** Where a place in dynamic shared memory lies, for `loadShared`. */
__device__ inline unsigned sharedAddress(const void* place) {
  return static_cast<unsigned>(__cvta_generic_to_shared(place));
}
/** The word at an address in dynamic shared memory. */
__device__ inline unsigned loadShared(unsigned address) {
  unsigned word;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(word) : "r"(address));
  return word;
}

/** As copyAsync16 with 4 bytes, at a multiple of 4. */
__device__ inline void copyAsync4(void* shared, const void* global) {
#if __CUDA_ARCH__ >= 800
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address), "l"(global) : "memory");
#else
  *static_cast<unsigned*>(shared) = *static_cast<const unsigned*>(global);
#endif
}

/** A word of global memory that blocks of one launch exchange, in no order with other accesses. */
__device__ inline void storeRelaxed(unsigned* p, unsigned word) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(word) : "memory");
}
__device__ inline unsigned loadRelaxed(const unsigned* p) {
  unsigned word;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(word) : "l"(p) : "memory");
  return word;
}

/** As storeRelaxed with 8 bytes, which others see as a whole. */
__device__ inline void storeRelaxed(unsigned long long* p, unsigned long long word) {
  asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(p), "l"(word) : "memory");
}
__device__ inline unsigned long long loadRelaxed(const unsigned long long* p) {
  unsigned long long word;
  asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(word) : "l"(p) : "memory");
  return word;
}
/** Two neighbours, at a multiple of 16 bytes; each of the two is seen as a whole. */
__device__ inline void loadRelaxed(unsigned long long (&words)[2], const unsigned long long* p) {
  asm volatile("ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];"
               : "=l"(words[0]), "=l"(words[1])
               : "l"(p)
               : "memory");
}
/**
 * threadIdx.x, read anew at each call: what is made from it is then not kept in registers from one part of a
 * long kernel to the next.
 */
__device__ inline int threadNow() {
  int x;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
}

/** Between two looks at a word that another block of the launch will write; that launch is cooperative. */
__device__ inline void pause() {}

/** Starts bringing `bytes` into the second cache; address and size are multiples of 16. Hopper and newer;
 * else nothing. */
__device__ inline void prefetchBytes(const void* p, int bytes) {
#if __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(p), "r"(bytes) : "memory");
#endif
}

/**
 * The launch after this one may begin as soon as all of this one's blocks have said so or ended, if the host
 * allowed it (Cuda.launch, `overlaps`); it sees what this one writes after its own waitForLaunchesBefore.
 * Before Hopper launches do not overlap.
 */
__device__ inline void letLaunchesAfterBegin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
/** Waits until the launches before this one have ended and what they wrote is visible. A launch that may
 * overlap reads nothing that they write, and writes nothing at all, before it. */
__device__ inline void waitForLaunchesBefore() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

#endif  // MLAB_PTX
