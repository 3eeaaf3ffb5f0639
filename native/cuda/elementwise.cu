// Element by element: changes of storage, sums, products, and the norm over many tensors. The kernels of one
// array
// (`narrow` to `scaleBy`) take any grid: a thread goes on where the whole grid has ended. Arrays begin at
// multiples of 16 bytes; the last group of an array may be cut off.
#include "common.cuh"

namespace {

constexpr int kThreads = 256;
/** Threads of the kernels that end in one block. */
constexpr int kSumThreads = 1024;

__device__ inline int64 firstGroup() { return static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64 groupStep() { return static_cast<int64>(gridDim.x) * blockDim.x; }
/** Values from the group's first to the end of the array. */
__device__ inline int rest(int count, int64 group) {
  const int64 values = count - group * 8;
  return values < 8 ? static_cast<int>(values) : 8;
}
__device__ inline int64 groups(int count) { return (static_cast<int64>(count) + 7) / 8; }

/** y = a + b, all [count]. */
template <class T>
__device__ inline void add(const T* a, const T* b, T* y, int count) {
  for (int64 group = firstGroup(); group < groups(count); group += groupStep()) {
    const int64 at = group * 8;
    const int size = rest(count, group);
    const Values<8> left = loadUpTo(a + at, size), right = loadUpTo(b + at, size);
    Values<8> sum;
    for (int i = 0; i < 8; ++i) sum.values[i] = left.values[i] + right.values[i];
    storeUpTo(y + at, sum, size);
  }
}

/** y = a * b, all [count]. */
template <class T>
__device__ inline void multiply(const T* a, const T* b, T* y, int count) {
  for (int64 group = firstGroup(); group < groups(count); group += groupStep()) {
    const int64 at = group * 8;
    const int size = rest(count, group);
    const Values<8> left = loadUpTo(a + at, size), right = loadUpTo(b + at, size);
    Values<8> product;
    for (int i = 0; i < 8; ++i) product.values[i] = left.values[i] * right.values[i];
    storeUpTo(y + at, product, size);
  }
}

/** y = x * factor, both [count]. */
__device__ inline void scaled(const float* x, float factor, float* y, int count) {
  for (int64 group = firstGroup(); group < groups(count); group += groupStep()) {
    const int64 at = group * 8;
    const int size = rest(count, group);
    Values<8> v = loadUpTo(x + at, size);
    for (int i = 0; i < 8; ++i) v.values[i] *= factor;
    storeUpTo(y + at, v, size);
  }
}

/** One tensor of a list in device memory: 16 bytes. */
struct ListedTensor {
  const float* values;
  int count, unused;
};
/** A part of a list: values part * kPartValues.. of tensor `tensor`. As sdk/backend/cuda/tensorList.ts cuts
 * it. */
struct Part {
  int tensor, part;
};
constexpr int kPartValues = 4096;

}  // namespace

// Four values a thread: 1024 a block of 256 threads.
extern "C" __global__ void __launch_bounds__(kThreads)
    narrow(const float* source, bfloat16* target, int count) {
  for (int64 group = firstGroup(); group * 4 < count; group += groupStep()) {
    const int64 at = group * 4;
    if (at + 4 <= count) {
      const float4 v = *reinterpret_cast<const float4*>(source + at);
      *reinterpret_cast<uint2*>(target + at) = make_uint2(packBfloat16(v.x, v.y), packBfloat16(v.z, v.w));
    } else {
      for (int64 i = at; i < count; ++i) target[i] = fromFloat<bfloat16>(source[i]);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    widen(const bfloat16* source, float* target, int count) {
  for (int64 group = firstGroup(); group * 4 < count; group += groupStep()) {
    const int64 at = group * 4;
    if (at + 4 <= count) {
      const uint2 v = *reinterpret_cast<const uint2*>(source + at);
      *reinterpret_cast<float4*>(target + at) =
          make_float4(lowFloat(v.x), highFloat(v.x), lowFloat(v.y), highFloat(v.y));
    } else {
      for (int64 i = at; i < count; ++i) target[i] = toFloat(source[i]);
    }
  }
}

// From here to scaleBy: eight values a thread, 2048 a block of 256 threads.
extern "C" __global__ void __launch_bounds__(kThreads)
    add_float32(const float* a, const float* b, float* y, int count) {
  add(a, b, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    add_bfloat16(const bfloat16* a, const bfloat16* b, bfloat16* y, int count) {
  add(a, b, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    multiply_float32(const float* a, const float* b, float* y, int count) {
  multiply(a, b, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    multiply_bfloat16(const bfloat16* a, const bfloat16* b, bfloat16* y, int count) {
  multiply(a, b, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    scale(const float* x, float* y, float factor, int count) {
  scaled(x, factor, y, count);
}
// By a factor that lies on the device.
extern "C" __global__ void __launch_bounds__(kThreads)
    scaleBy(const float* x, const float* factor, float* y, int count) {
  scaled(x, *factor, y, count);
}

// y [1] = sum of x [count], in double precision. One block of 1024 threads.
extern "C" __global__ void __launch_bounds__(kSumThreads) sumValues(const float* x, int count, float* y) {
  __shared__ double shared[kSumThreads];
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += blockDim.x) sum += x[i];
  sum = blockSumDouble(sum, shared);
  if (threadIdx.x == 0) *y = static_cast<float>(sum);
}

// partial [parts] = sum of squares of each part of the list, in double precision. A block a part.
extern "C" __global__ void __launch_bounds__(kThreads)
    sumSquares(const ListedTensor* tensors, const Part* parts, double* partial) {
  __shared__ double shared[kThreads];
  const Part part = parts[blockIdx.x];
  const ListedTensor tensor = tensors[part.tensor];
  const int64 begin = static_cast<int64>(part.part) * kPartValues;
  double sum = 0;
  for (int at = static_cast<int>(threadIdx.x) * 8; at < kPartValues && begin + at < tensor.count;
       at += static_cast<int>(blockDim.x) * 8) {
    const int64 left = tensor.count - begin - at;
    const Values<8> v = loadUpTo(tensor.values + begin + at, left < 8 ? static_cast<int>(left) : 8);
    for (int i = 0; i < 8; ++i) sum += static_cast<double>(v.values[i]) * v.values[i];
  }
  sum = blockSumDouble(sum, shared);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// *result = sqrt(sum of partial). One block of 1024 threads.
extern "C" __global__ void __launch_bounds__(kSumThreads)
    rootOfSum(const double* partial, int count, float* result) {
  __shared__ double shared[kSumThreads];
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += blockDim.x) sum += partial[i];
  sum = blockSumDouble(sum, shared);
  if (threadIdx.x == 0) *result = static_cast<float>(sqrt(sum));
}
