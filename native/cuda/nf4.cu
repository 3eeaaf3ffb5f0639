// NF4 on the GPU: dense values from packed ones, packed ones from dense ones, and the second quantisation of
// the scales. All bytes are those of native/cpu/nf4.cpp and sdk/weights/doubleQuant.ts, so each product and
// sum that decides one is rounded by itself (__fmul_rn and its like).
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;
/** A thread handles this many values at a time: 4 packed bytes. */
constexpr int kStep = 8;
/** Values of a block of threads in `dequantize`: one group of the second quantisation. */
constexpr int kGroupValues = kNf4Block * kNf4ScaleBlock;
constexpr int kStepsPerThread = kGroupValues / (kThreads * kStep);
static_assert(kThreads == kNf4ScaleBlock, "each thread brings one scale of its group");

__device__ inline int upTo8(int64 rest) {
  return rest >= kStep ? kStep : rest > 0 ? static_cast<int>(rest) : 0;
}

/** The packed bytes of values `at` to `at` + 8, those that there are; `at` is a multiple of 8. */
__device__ inline unsigned loadCodes(const unsigned char* packed, int64 at, int64 n) {
  if (at + kStep <= n) return *reinterpret_cast<const unsigned*>(packed + at / 2);
  unsigned word = 0;
  for (int i = 0; i < upTo8(n - at); i += 2) word |= static_cast<unsigned>(packed[at / 2 + i / 2]) << (4 * i);
  return word;
}

/** values [out * in] = codebook * scale, rounded to T once. */
template <class T>
__device__ inline void dequantize(const unsigned char* packed, const Nf4Scales& scales, int out, int in,
                                  T* values) {
  __shared__ float levels[16];
  __shared__ float groupScales[kNf4ScaleBlock];
  const int tid = static_cast<int>(threadIdx.x);
  const int64 n = static_cast<int64>(out) * in;
  const int64 begin = static_cast<int64>(blockIdx.x) * kGroupValues;
  // All loads are under way before the first is needed.
  unsigned words[kStepsPerThread];
  if (begin + kGroupValues <= n) {
    const unsigned* group = reinterpret_cast<const unsigned*>(packed + begin / 2);
#pragma unroll
    for (int s = 0; s < kStepsPerThread; ++s) words[s] = group[s * kThreads + tid];
  } else {
    for (int s = 0; s < kStepsPerThread; ++s)
      words[s] = loadCodes(packed, begin + (s * kThreads + tid) * kStep, n);
  }
  if (tid < 16) levels[tid] = kNf4Codebook[tid];
  if (begin + tid * kNf4Block < n) groupScales[tid] = scales[begin / kNf4Block + tid];
  __syncthreads();
#pragma unroll
  for (int s = 0; s < kStepsPerThread; ++s) {
    const int local = (s * kThreads + tid) * kStep;
    const float scale = groupScales[local / kNf4Block];
    Values<8> v;
#pragma unroll
    for (int i = 0; i < kStep; ++i) v.values[i] = __fmul_rn(levels[nf4Code(words[s], i)], scale);
    storeUpTo(values + begin + local, v, upTo8(n - begin - local));
  }
}

/** A denormal counts as 0, as in bitsandbytes. */
__device__ inline float normalOr0(float x) {
  return fabsf(x) < __builtin_bit_cast(float, 0x00800000) ? 0.0f : x;
}

__device__ inline unsigned codeOf(float x) {
  unsigned code = 0;
#pragma unroll
  for (int i = 0; i < 15; ++i) code += x > kNf4Thresholds[i];
  return code;
}

/** values [out * in] to packed and absmax; 8 threads share a block. Sets *damaged where a value is not
 * finite. */
template <class T>
__device__ inline void quantize(const T* values, int out, int in, unsigned char* packed, float* absmax,
                                int* damaged) {
  const int64 n = static_cast<int64>(out) * in;
  const int64 at = (static_cast<int64>(blockIdx.x) * kThreads + threadIdx.x) * kStep;
  const int count = upTo8(n - at);
  Values<8> v = count > 0 ? loadUpTo(values + at, count) : Values<8>{};
  float most = 0;
  bool finite = true;
#pragma unroll
  for (int i = 0; i < kStep; ++i) {
    v.values[i] = normalOr0(v.values[i]);
    most = fmaxf(most, fabsf(v.values[i]));  // a NaN takes no part
    finite = finite && fabsf(v.values[i]) < kInfinity;
  }
  for (int lanes = 1; lanes < kNf4Block / kStep; lanes *= 2)
    most = fmaxf(most, __shfl_xor_sync(kFullWarp, most, lanes));
  if (count > 0 && at % kNf4Block == 0) absmax[at / kNf4Block] = most;
  if (!finite && damaged) *damaged = 1;

  const float reciprocal = __frcp_rn(most);
  unsigned word = 0;
#pragma unroll
  for (int i = 0; i < kStep; ++i) word |= codeOf(__fmul_rn(v.values[i], reciprocal)) << (i * 4 ^ 4);
  if (count == kStep) {
    *reinterpret_cast<unsigned*>(packed + at / 2) = word;
  } else {
    for (int i = 0; i < count; i += 2) packed[at / 2 + i / 2] = static_cast<unsigned char>(word >> (4 * i));
  }
}

/** Index of the value of `map` [256] nearest to x; halfway the even index, 0 for NaN
 * (sdk/weights/doubleQuant.ts). */
__device__ inline int nearest(const float* map, float x) {
  int low = 0, high = 256;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (map[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || low == 256) return min(low, 255);
  const float between = __fmul_rn(__fadd_rn(map[low - 1], map[low]), 0.5f);
  if (x == between) return low % 2 == 0 ? low : low - 1;
  return x > between ? low : low - 1;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    dequantizeNf4_float32(const unsigned char* packed, const float* absmax, const unsigned char* codes,
                          const float* nestedAbsmax, const float* map, const float* offset, int out, int in,
                          float* values) {
  dequantize(packed, {absmax, codes, nestedAbsmax, map, offset}, out, in, values);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    dequantizeNf4_bfloat16(const unsigned char* packed, const float* absmax, const unsigned char* codes,
                           const float* nestedAbsmax, const float* map, const float* offset, int out, int in,
                           bfloat16* values) {
  dequantize(packed, {absmax, codes, nestedAbsmax, map, offset}, out, in, values);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    quantizeNf4_float32(const float* values, int out, int in, unsigned char* packed, float* absmax,
                        int* damaged) {
  quantize(values, out, in, packed, absmax, damaged);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    quantizeNf4_bfloat16(const bfloat16* values, int out, int in, unsigned char* packed, float* absmax,
                         int* damaged) {
  quantize(values, out, in, packed, absmax, damaged);
}

/** partials [gridDim.x]: sums of neighbouring parts of absmax [blocks]. */
extern "C" __global__ void __launch_bounds__(kThreads)
    nf4ScaleSums(const float* absmax, int blocks, double* partials) {
  __shared__ double shared[kThreads];
  const int64 begin = static_cast<int64>(blocks) * blockIdx.x / gridDim.x;
  const int64 end = static_cast<int64>(blocks) * (blockIdx.x + 1) / gridDim.x;
  double sum = 0;
  for (int64 i = begin + threadIdx.x; i < end; i += kThreads) sum += absmax[i];
  sum = blockSumDouble(sum, shared);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

/** *offset = the mean of the scales, rounded to float32 once. One block. */
extern "C" __global__ void __launch_bounds__(kThreads)
    nf4ScaleMean(const double* partials, int count, int blocks, float* offset) {
  __shared__ double shared[kThreads];
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += kThreads) sum += partials[i];
  sum = blockSumDouble(sum, shared);
  if (threadIdx.x == 0) *offset = static_cast<float>(sum / blocks);
}

/** Scales absmax [blocks], less *offset, to 8 bits each and one float32 a group of 256, which is a block of
 * threads. */
extern "C" __global__ void __launch_bounds__(kThreads)
    quantizeNf4Scales(const float* absmax, int blocks, const float* offset, const float* map,
                      unsigned char* codes, float* nestedAbsmax) {
  __shared__ float values[256];
  __shared__ float mostOfWarp[kThreads / 32];
  const int tid = static_cast<int>(threadIdx.x);
  const int64 i = static_cast<int64>(blockIdx.x) * kNf4ScaleBlock + tid;
  values[tid] = map[tid];
  const float centred = i < blocks ? __fsub_rn(absmax[i], *offset) : 0.0f;
  const float ofWarp = warpMax(fmaxf(0.0f, fabsf(centred)));  // a NaN takes no part
  if (tid % 32 == 0) mostOfWarp[tid / 32] = ofWarp;
  __syncthreads();
  float most = 0;
  for (int warp = 0; warp < kThreads / 32; ++warp) most = fmaxf(most, mostOfWarp[warp]);
  if (tid == 0) nestedAbsmax[blockIdx.x] = most;
  if (i < blocks) codes[i] = static_cast<unsigned char>(nearest(values, __fmul_rn(centred, __frcp_rn(most))));
}
