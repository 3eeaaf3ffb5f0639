// Products of a warpgroup (four warps) on Hopper's matrix units, which read tiles from shared memory
// themselves: wgmma of the PTX ISA, for sm_90a alone. As in ptx.cuh each instruction is one function, and the
// tests' emulator brings its own versions.
//
// A tile is [rows, columns] of bfloat16 in panels of 64 columns, one after another; a panel's row is 128
// bytes, and its 16-byte chunk c lies at place c ^ (row % 8) ("128-byte swizzle"), so that neither rows nor
// columns meet in one bank. Panels begin at multiples of 1024 bytes.
//
// What a product reads must be visible to the matrix units (`showShared`, then a barrier), its sums must not
// be touched between `beginProducts` and the `waitProducts` that ends it, nor what it reads be overwritten.
#pragma once
#include "common.cuh"

constexpr int kPanelColumns = 64;
constexpr int kPanelRowBytes = 128;

#ifndef MLAB_WARPGROUP
#define MLAB_WARPGROUP

/** The dynamic shared memory of the block, aligned for panels. */
__device__ inline unsigned char* panelShared() {
  extern __shared__ __align__(1024) unsigned char mlabPanelShared[];
  return mlabPanelShared;
}

/**
 * Describes a matrix operand that begins at `place`: 8 rows of a panel are one unit of 1024 bytes, the next
 * unit lies `unitStride` bytes on, the next 64 columns `panelStride` (where columns are what is summed over,
 * that is not read). Add `bytes / 16` to move it.
 */
__device__ inline unsigned long long matrixDescriptor(const void* place, int panelStride, int unitStride) {
  const unsigned long long address = static_cast<unsigned>(__cvta_generic_to_shared(place)) & 0x3ffffu;
  return address >> 4 | static_cast<unsigned long long>(panelStride >> 4) << 16 |
         static_cast<unsigned long long>(unitStride >> 4) << 32 | 1ull << 62;
}

/** Before the first product of a group: what this thread has written to registers is there for them. */
__device__ inline void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/** Ends a group of products. */
__device__ inline void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/** Waits until at most `N` of the newest groups are under way. Name the sums that are read then in `ready`.
 */
template <int N>
__device__ inline void waitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
/** Keeps the compiler from moving uses of sums across a wait or a begin. */
template <int N>
__device__ inline void ready(float (&d)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(d[n][i])::"memory");
}
/** What this thread's copies and stores brought to shared memory is there for the matrix units, after a
 * barrier. */
__device__ inline void showShared() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The sums of an instruction are 32 or 64 operands of its text, and as many of the function: d[0] .. d[7], or
// d[15]. KIND is "+f" where they are added to, "=f" where they are written.
#define MLAB_NAMES_32                                                                                    \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define MLAB_NAMES_64                                                                                    \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, " \
  "%42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, " \
  "%62, %63"
#define MLAB_SUMS_4(KIND, d, n) KIND(d[n][0]), KIND(d[n][1]), KIND(d[n][2]), KIND(d[n][3])
#define MLAB_SUMS_32(KIND, d, n)                                                             \
  MLAB_SUMS_4(KIND, d, n), MLAB_SUMS_4(KIND, d, n + 1), MLAB_SUMS_4(KIND, d, n + 2),         \
      MLAB_SUMS_4(KIND, d, n + 3), MLAB_SUMS_4(KIND, d, n + 4), MLAB_SUMS_4(KIND, d, n + 5), \
      MLAB_SUMS_4(KIND, d, n + 6), MLAB_SUMS_4(KIND, d, n + 7)
#define MLAB_SUMS_64(KIND, d) MLAB_SUMS_32(KIND, d, 0), MLAB_SUMS_32(KIND, d, 8)
/** A product of 64 rows, COLUMNS columns and 16 deep: bfloat16 factors, float sums. */
#define MLAB_PRODUCT(COLUMNS) "wgmma.mma_async.sync.aligned.m64n" COLUMNS "k16.f32.bf16.bf16 "

/**
 * d [64, 8 N] = a b^T, or += with `adds`, of 16 columns of two matrices in shared memory: `a` has 64 rows,
 * `b` 8 N. Warp w of the group holds rows 16 w .. 16 w + 15 of d, d[n] as mma16816 (ptx.cuh) for the columns
 * from 8 n on.
 */
__device__ inline void multiplyShared(float (&d)[8][4], unsigned long long a, unsigned long long b,
                                      bool adds) {
  if (adds)
    asm volatile(MLAB_PRODUCT("64") "{" MLAB_NAMES_32 "}, %32, %33, 1, 1, 1, 0, 0;"
                 : MLAB_SUMS_32("+f", d, 0)
                 : "l"(a), "l"(b));
  else
    asm volatile(MLAB_PRODUCT("64") "{" MLAB_NAMES_32 "}, %32, %33, 0, 1, 1, 0, 0;"
                 : MLAB_SUMS_32("=f", d, 0)
                 : "l"(a), "l"(b));
}
__device__ inline void multiplyShared(float (&d)[16][4], unsigned long long a, unsigned long long b,
                                      bool adds) {
  if (adds)
    asm volatile(MLAB_PRODUCT("128") "{" MLAB_NAMES_64 "}, %64, %65, 1, 1, 1, 0, 0;"
                 : MLAB_SUMS_64("+f", d)
                 : "l"(a), "l"(b));
  else
    asm volatile(MLAB_PRODUCT("128") "{" MLAB_NAMES_64 "}, %64, %65, 0, 1, 1, 0, 0;"
                 : MLAB_SUMS_64("=f", d)
                 : "l"(a), "l"(b));
}

/**
 * d [64, 8 N] += a b, `a` [64, 16] in registers (of each warp its 16 rows, as mma16816 takes them), `b` 16
 * rows and 8 N columns of a matrix in shared memory.
 */
__device__ inline void multiplyColumns(float (&d)[8][4], const unsigned (&a)[4], unsigned long long b) {
  asm volatile(MLAB_PRODUCT("64") "{" MLAB_NAMES_32 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
               : MLAB_SUMS_32("+f", d, 0)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ inline void multiplyColumns(float (&d)[16][4], const unsigned (&a)[4], unsigned long long b) {
  asm volatile(MLAB_PRODUCT("128") "{" MLAB_NAMES_64 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
               : MLAB_SUMS_64("+f", d)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

#endif  // MLAB_WARPGROUP
