// What a file of native/cuda sees when g++ compiles it for the emulator (README.md): the words of CUDA C++
// and, from instructions.h, the functions of native/cuda/ptx.cuh, as ordinary C++. Each thread of a block
// runs on a stack of its own, see emulator.cpp. Kernels are the only ones who include this; the host's side
// is host.h.
#pragma once
#include <math.h>
#include <stddef.h>
#include <string.h>

#define MLAB_EMULATOR
#define MLAB_PTX        // keeps native/cuda/ptx.cuh empty: its functions are in instructions.h
#define MLAB_WARPGROUP  // and warpgroup.cuh

#ifndef EMULATOR_LIST  // with it the preprocessor leaves these two words, so that the build finds the kernels
#define __global__
#define __launch_bounds__(...)
#endif
#define __device__
#define __host__
#define __constant__ static
// Blocks run one after another, so one copy serves them all. It lies in .bss, which holds nothing else here.
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))

struct uint3 {
  unsigned x, y, z;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

#define EMULATOR_API __attribute__((visibility("default")))

namespace emulator {

/** Of the thread that runs now. */
struct Position {
  uint3 thread, block, blockSize, gridSize;
  unsigned lane;
  unsigned char* dynamicShared;
};
EMULATOR_API extern Position position;

/** What a lane brings to, or gets from, an exchange of its warp. */
union Slot {
  unsigned char bytes[64];
  unsigned words[16];
  float floats[16];
  const void* pointer;
};

/** Where a thread waits, for messages. */
struct Place {
  const char *what, *file;
  int line;
};

/** Waits for all threads of the block. */
EMULATOR_API void barrier(const Place& place);
/**
 * Waits for all lanes of the warp. The last to arrive runs `complete` over what the 32 lanes brought; returns
 * the slots as they are then, valid until the lane's next exchange.
 */
EMULATOR_API const Slot* exchange(const Place& place, unsigned mask, const void* in, size_t bytes,
                                  void (*complete)(Slot* slots) = nullptr);
/** copyAsync16 or copyAsync4. */
EMULATOR_API void copyAsync(void* shared, const void* global, bool valid, int bytes);
EMULATOR_API void commitCopies();
/** Checks what prefetchBytes is given: address and size are multiples of 16. */
EMULATOR_API void prefetch(const void* global, int bytes);
EMULATOR_API void waitCopies(int groups);
/** Lets other threads and blocks run, of a cooperative launch. */
EMULATOR_API void pause(const Place& place);
/** A word that other blocks look at was written. */
EMULATOR_API void step();
/** Orders what the blocks do that call it (races.cpp). */
EMULATOR_API void fence();
/** Ends the launch with an error. */
[[noreturn]] EMULATOR_API void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
EMULATOR_API void multiplyMatrices(Slot* slots);
EMULATOR_API void spreadMatrices(Slot* slots);
EMULATOR_API void spreadMatricesTransposed(Slot* slots);
/** Value (row, column) of a matrix in shared memory, as float; `alongRows`: its rows are what is summed over.
 */
EMULATOR_API float matrixValue(unsigned long long descriptor, bool alongRows, int row, int column);

template <class To, class From>
inline To bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}

/** Keeps the compiler from joining a product and a sum into one rounding. */
inline float rounded(float x) {
#ifdef __x86_64__
  asm("" : "+x"(x));
#else
  asm("" : "+w"(x));
#endif
  return x;
}

}  // namespace emulator

#define threadIdx (emulator::position.thread)
#define blockIdx (emulator::position.block)
#define blockDim (emulator::position.blockSize)
#define gridDim (emulator::position.gridSize)
#define warpSize 32
#define EMULATOR_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(EMULATOR_PLACE) { emulator::barrier({"__syncthreads", file, line}); }
inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_PLACE) {
  emulator::exchange({"__syncwarp", file, line}, mask, nullptr, 0);
}
inline unsigned __activemask() { return 0xffffffffu; }
inline void __threadfence() { emulator::fence(); }
inline void __threadfence_block() {}
[[noreturn]] inline void __trap() { emulator::fail("__trap"); }

namespace emulator {

template <class T>
inline T read(const Slot* slots, unsigned lane) {
  T y;
  memcpy(&y, slots[lane % 32].bytes, sizeof y);
  return y;
}
template <class T>
inline const Slot* share(const char* what, unsigned mask, const T& x, const char* file, int line) {
  static_assert(sizeof(T) <= sizeof(Slot), "a shuffle moves up to 8 bytes on a GPU");
  return exchange({what, file, line}, mask, &x, sizeof x);
}

}  // namespace emulator

// `width` lanes, a power of two, form a group; a lane whose source lies outside keeps its own value.
template <class T>
inline T __shfl_sync(unsigned mask, T x, int source, int width = 32, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::share("__shfl_sync", mask, x, file, line);
  return emulator::read<T>(slots, (emulator::position.lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T x, int other, int width = 32, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::share("__shfl_xor_sync", mask, x, file, line);
  const unsigned lane = emulator::position.lane, source = lane ^ other;
  return source / width > lane / width ? x : emulator::read<T>(slots, source);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T x, unsigned delta, int width = 32, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::share("__shfl_down_sync", mask, x, file, line);
  const unsigned lane = emulator::position.lane;
  return lane % width + delta >= static_cast<unsigned>(width) ? x : emulator::read<T>(slots, lane + delta);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T x, unsigned delta, int width = 32, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::share("__shfl_up_sync", mask, x, file, line);
  const unsigned lane = emulator::position.lane;
  return lane % width < delta ? x : emulator::read<T>(slots, lane - delta);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::share("__ballot_sync", mask, predicate != 0, file, line);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; i++) votes |= static_cast<unsigned>(emulator::read<bool>(slots, i)) << i;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate, EMULATOR_PLACE) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EMULATOR_PLACE) {
  return __ballot_sync(mask, predicate, file, line) == 0xffffffffu;
}

inline float __uint_as_float(unsigned x) { return emulator::bits<float>(x); }
inline unsigned __float_as_uint(float x) { return emulator::bits<unsigned>(x); }
inline float __int_as_float(int x) { return emulator::bits<float>(x); }
inline int __float_as_int(float x) { return emulator::bits<int>(x); }
inline float __fadd_rn(float a, float b) { return emulator::rounded(a + b); }
inline float __fsub_rn(float a, float b) { return emulator::rounded(a - b); }
inline float __fmul_rn(float a, float b) { return emulator::rounded(a * b); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
// math.h has declarations of these names for its own use.
#define __expf expf
#define __logf logf
#define __log2f log2f
#define __powf powf
#define __sinf sinf
#define __cosf cosf

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
/** Four bytes of the eight of x (0 to 3) and y (4 to 7): three bits of each nibble of `selector` count, the
 * fourth is ignored. */
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long long all = x | static_cast<unsigned long long>(y) << 32;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) result |= (all >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
}
inline unsigned __brev(unsigned x) {
  unsigned y = 0;
  for (int i = 0; i < 32; i++) y |= (x >> i & 1) << (31 - i);
  return y;
}
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 32; i += 8) c += (a >> i & 255) * (b >> i & 255);
  return c;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (static_cast<unsigned long long>(a) * b) >> 32; }

template <class T>
inline T __ldg(const T* p) {
  return *p;
}
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T atomicAdd(T* p, T x) {
  const T before = *p;
  *p = before + x;
  return before;
}
#define EMULATOR_MIN_MAX(T)                        \
  inline T min(T a, T b) { return a < b ? a : b; } \
  inline T max(T a, T b) { return a > b ? a : b; }
EMULATOR_MIN_MAX(int)
EMULATOR_MIN_MAX(unsigned)
EMULATOR_MIN_MAX(long long)
EMULATOR_MIN_MAX(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

#include "instructions.h"
