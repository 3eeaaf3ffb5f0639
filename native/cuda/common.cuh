// What all GPU kernels share. A .cu file holds device code only and includes nothing but this folder's
// headers, so that nvcc (at build time) and NVRTC (at run time, which has no headers) compile the same text.
// The launches are in sdk/ops/*.ts, beside the formula of the op.
//
// A kernel is extern "C"; its name ends in the storage of its activations, _float32 or _bfloat16, and its
// parameters are pointers, int, unsigned and float only: sdk/backend/cuda/kernel.ts packs them. Sizes are
// int: no dimension reaches 2^31, products of two are computed as int64. All arrays are row-major and
// contiguous.
#pragma once
#include "ptx.cuh"

typedef long long int64;

// NVRTC knows neither INFINITY nor __builtin_huge_valf.
constexpr float kInfinity = __builtin_bit_cast(float, 0x7f800000);
constexpr unsigned kFullWarp = 0xffffffffu;

/** The upper half of a float. Arithmetic is done in float; rounding is to nearest even, NaN stays NaN. */
struct bfloat16 {
  unsigned short bits;
};

__device__ inline float toFloat(float x) { return x; }
__device__ inline float toFloat(bfloat16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }

template <class T>
__device__ inline T fromFloat(float x);
template <>
__device__ inline float fromFloat<float>(float x) {
  return x;
}
template <>
__device__ inline bfloat16 fromFloat<bfloat16>(float x) {
  return {bfloat16Bits(x)};
}

/** Of a pair of bfloat16 in one word: the first in memory, and the second. */
__device__ inline float lowFloat(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ inline float highFloat(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

/** 16 bytes of neighbours: 4 floats or 8 bfloat16. The address must be a multiple of 16 bytes. */
template <class T>
struct Pack {
  static constexpr int size = 16 / sizeof(T);
  float values[size];
};

__device__ inline Pack<float> loadPack(const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p);
  return {v.x, v.y, v.z, v.w};
}
__device__ inline Pack<bfloat16> loadPack(const bfloat16* p) {
  const uint4 v = *reinterpret_cast<const uint4*>(p);
  return {lowFloat(v.x), highFloat(v.x), lowFloat(v.y), highFloat(v.y),
          lowFloat(v.z), highFloat(v.z), lowFloat(v.w), highFloat(v.w)};
}
__device__ inline void storePack(float* p, const Pack<float>& v) {
  store16(p, make_uint4(__float_as_uint(v.values[0]), __float_as_uint(v.values[1]),
                        __float_as_uint(v.values[2]), __float_as_uint(v.values[3])));
}
__device__ inline void storePack(bfloat16* p, const Pack<bfloat16>& v) {
  store16(p, make_uint4(packBfloat16(v.values[0], v.values[1]), packBfloat16(v.values[2], v.values[3]),
                        packBfloat16(v.values[4], v.values[5]), packBfloat16(v.values[6], v.values[7])));
}

/**
 * N neighbours as floats, whatever their storage. N is 8 where the address is a multiple of 16 bytes, or 1
 * for any address: a kernel is written once, and runs with 8 where the length of its rows keeps the
 * alignment.
 */
template <int N>
struct Values {
  float values[N];
};
template <int N, class T>
__device__ inline Values<N> loadValues(const T* p) {
  static_assert(N == 8 || N == 1, "one aligned group, or one value");
  Values<N> v;
  if constexpr (N == 1) {
    v.values[0] = toFloat(p[0]);
  } else {
    for (int begin = 0; begin < N; begin += Pack<T>::size) {
      const Pack<T> part = loadPack(p + begin);
      for (int i = 0; i < Pack<T>::size; ++i) v.values[begin + i] = part.values[i];
    }
  }
  return v;
}
template <int N, class T>
__device__ inline void storeValues(T* p, const Values<N>& v) {
  static_assert(N == 8 || N == 1, "one aligned group, or one value");
  if constexpr (N == 1) {
    p[0] = fromFloat<T>(v.values[0]);
  } else {
    for (int begin = 0; begin < N; begin += Pack<T>::size) {
      Pack<T> part;
      for (int i = 0; i < Pack<T>::size; ++i) part.values[i] = v.values[begin + i];
      storePack(p + begin, part);
    }
  }
}
/** Of an array whose last group of 8 may be cut off: the first `count` values at p, zeros after them. */
template <class T>
__device__ inline Values<8> loadUpTo(const T* p, int count) {
  if (count >= 8) return loadValues<8>(p);
  Values<8> v;
  for (int i = 0; i < 8; ++i) v.values[i] = i < count ? toFloat(p[i]) : 0.0f;
  return v;
}
template <class T>
__device__ inline void storeUpTo(T* p, const Values<8>& v, int count) {
  if (count >= 8) {
    storeValues(p, v);
    return;
  }
  for (int i = 0; i < 8; ++i)
    if (i < count) p[i] = fromFloat<T>(v.values[i]);
}

/** First in a kernel that may begin before the launch before it has ended, and has nothing to do until then.
 */
__device__ inline void beginInOrder() {
  letLaunchesAfterBegin();
  waitForLaunchesBefore();
}

__device__ inline float warpSum(float x) {
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(kFullWarp, x, offset);
  return x;
}
__device__ inline float warpMax(float x) {
  for (int offset = 16; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, offset));
  return x;
}
/** The sum over a block of at most 1024 threads, a multiple of 32, for every thread. `shared` holds 32
 * floats. */
__device__ inline float blockSum(float x, float* shared) {
  x = warpSum(x);
  __syncthreads();  // the last use of `shared` is over
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  return warpSum(lane < (blockDim.x + 31) / 32 ? shared[lane] : 0.0f);
}

/** As blockSum in double precision, in an order that the number of threads alone fixes. `shared` holds one a
 * thread. */
__device__ inline double blockSumDouble(double x, double* shared) {
  __syncthreads();  // the last use of `shared` is over
  shared[threadIdx.x] = x;
  __syncthreads();
  for (int size = static_cast<int>(blockDim.x); size > 1;) {
    const int half = (size + 1) / 2;
    if (static_cast<int>(threadIdx.x) + half < size) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
    size = half;
  }
  return shared[0];
}

/**
 * Dropout as a pure function of (seed, flat index modulo 2^32), as in native/cpu/dropout.h and
 * sdk/ops/dropout.ts: element i is kept iff hash(seed, i) >= threshold(p), and then scaled by 1 / (1 - p). p
 * == 0 keeps everything.
 */
struct Dropout {
  unsigned seed, threshold;
  float keptScale;

  __device__ Dropout(float p, unsigned s)
      : seed(s),
        threshold(static_cast<unsigned>(static_cast<double>(p) * 4294967296.0)),
        keptScale(1.0f / (1.0f - p)) {}

  __device__ bool kept(unsigned index) const {
    unsigned h = seed + index * 0x9E3779B1u;
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    h ^= h >> 16;
    return h >= threshold;
  }

  __device__ float factor(unsigned index) const { return kept(index) ? keptScale : 0.0f; }
};
