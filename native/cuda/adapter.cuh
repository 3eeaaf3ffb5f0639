// The LoRA adapters of up to 3 linear layers that read the same x [rows, in], for bfloat16 and small ranks.
// The products with W are cuBLASLt's, and add to what is written here. Of each layer, names as in
// native/cpu/linear.cpp:
//   xa = drop(x) A^T;  y = [residual +] x W^T + scale xa B^T
//   dxa = scale keptScale dy B;  dB = scale dy^T xa;  dA = dxa^T mask(x);  dx = the sum of dy W + mask(dxa A)
// drop keeps and scales, mask only keeps. Forward is two launches for all the layers (down, up), backward two
// (backwardDy, backwardX).
//
// The kernels are bound by memory, and by the hashes of dropout, which are as many as the adapters: each
// reads or writes its large operand once for all adapters, in pieces of 16 bytes, in the places where the
// matrix units want it. A sum does not care about the order of its terms, nor a product about the order of
// its columns, so a lane's 8 neighbours simply take the places that it holds.
//
// Where several blocks make parts of one sum, the last of them to finish adds the parts, in their order: an
// atomic counts the blocks, so that no launch is needed for the sum, and the result does not depend on which
// one is the last.
#pragma once
#include "eight.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/** The most layers of a launch. */
constexpr int kMostLayers = 3;
/** Columns of a warp, and of a block, in the kernels that go through rows. */
constexpr int kWarpColumns = 64;
constexpr int kBlockColumns = kWarps * kWarpColumns;

/** All bits of those halves that dropout keeps; `index` is the flat index of the first. */
__device__ inline Eight keptMask(const Dropout& drop, unsigned index) {
  Eight mask;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    mask.words[i] =
        (drop.kept(index + 2 * i) ? 0x0000ffffu : 0u) | (drop.kept(index + 2 * i + 1) ? 0xffff0000u : 0u);
  return mask;
}
__device__ inline Eight masked(const Eight& v, const Eight& mask) {
  Eight y;
#pragma unroll
  for (int i = 0; i < 4; ++i) y.words[i] = v.words[i] & mask.words[i];
  return y;
}

/** Of words that hold two columns each: the first column of two rows, and the second. */
__device__ inline unsigned firstColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x5410);
}
__device__ inline unsigned secondColumn(unsigned row0, unsigned row1) {
  return __byte_perm(row0, row1, 0x7632);
}

/** Value (row, column) of a small matrix [rows, columns]; 0 outside. */
__device__ inline float valueOr0(const float* m, int row, int rows, int column, int columns) {
  return row < rows && column < columns ? m[static_cast<int64>(row) * columns + column] : 0.0f;
}
/** Values (row, column) and (row, column + 1), column even; 0 outside. */
__device__ inline float2 pairOr0(const float* m, int row, int rows, int column, int columns) {
  if (row >= rows || column >= columns) return make_float2(0.0f, 0.0f);
  const float* at = m + static_cast<int64>(row) * columns + column;
  if (columns % 2 == 0) return *reinterpret_cast<const float2*>(at);
  return make_float2(at[0], column + 1 < columns ? at[1] : 0.0f);
}

/**
 * True in the last of `count` blocks that come here, for all its threads; what the others wrote before is
 * then there to read. The counter is 0 before, and after.
 */
__device__ inline bool lastToArrive(int* arrivals, int count) {
  __shared__ bool isLast;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    isLast = atomicAdd(arrivals, 1) == count - 1;
    if (isLast) *arrivals = 0;
  }
  __syncthreads();
  const bool last = isLast;
  if (last) __threadfence();
  return last;
}
__device__ inline void storeFour(float* p, const float4& v) { storePack(p, {v.x, v.y, v.z, v.w}); }
/** The sum of `count` places, `stride` values apart, in their order. */
__device__ inline float4 sumOfParts(const float* first, int count, int64 stride) {
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 8
  for (int part = 0; part < count; ++part) {
    const float4 v = *reinterpret_cast<const float4*>(first + part * stride);
    sum = make_float4(sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w);
  }
  return sum;
}

// ---------------------------------------------------------------------------------------------------------------------
// The adapter's update of a large matrix [rows, columns], S P^T with S [rows, r] and P [columns, r], computed
// as its transpose: a warp's 64 columns are the rows of the matrix instruction, where a lane has columns 8
// group .. 8 group + 7 as 8 group + 2j (upper half of instruction j) and 8 group + 2j + 1 (lower half), and
// rows 2 quad and 2 quad + 1 of 8. An instruction sums over 16, r has tiles of 8: the other half adds what S
// loses by rounding to bfloat16.

/** P of the warp's columns, as the left factor: [j][e] is the column 8 group + 2j + e. */
struct LeftFactor {
  unsigned words[4][2];

  /** Ranks i and i + 1 of B [columns, r], i = 8 tile + 2 quad. */
  __device__ static LeftFactor ofB(const float* b, int column, int columns, int i, int r) {
    LeftFactor p;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float2 v = pairOr0(b, column + 2 * j + e, columns, i, r);
        p.words[j][e] = packBfloat16(v.x, v.y);
      }
    return p;
  }
  /** The same of A [r, columns]. */
  __device__ static LeftFactor ofA(const float* a, int column, int columns, int i, int r) {
    Values<8> first = {}, second = {};
    if (column < columns && i < r) first = loadValues<8>(a + static_cast<int64>(i) * columns + column);
    if (column < columns && i + 1 < r)
      second = loadValues<8>(a + static_cast<int64>(i + 1) * columns + column);
    LeftFactor p;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        p.words[j][e] = packBfloat16(first.values[2 * j + e], second.values[2 * j + e]);
    return p;
  }

  /** d[j][2c + e] += the update of row 2 quad + e and column 8 group + 2j + c; s is of row `group`, ranks i
   * and i + 1.
   */
  __device__ void update(const float2& s, float (&d)[4][4]) const {
    const unsigned rounded = packBfloat16(s.x, s.y);
    const unsigned rest = packBfloat16(s.x - lowFloat(rounded), s.y - highFloat(rounded));
    const unsigned right[2] = {rounded, rest};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const unsigned left[4] = {words[j][0], words[j][1], words[j][0], words[j][1]};
      mma16816(d[j], left, right);
    }
  }
};

/** Of the layers whose blocks follow each other on blockIdx.y: which one is the block's, and its block there.
 */
struct BlockOfLayer {
  int layer, block, count;

  __device__ BlockOfLayer(int out0, int out1, int out2) {
    const int outs[kMostLayers] = {out0, out1, out2};
    layer = 0;
    block = static_cast<int>(blockIdx.y);
    count = (outs[0] + kBlockColumns - 1) / kBlockColumns;
#pragma unroll
    for (int l = 1; l < kMostLayers; ++l) {
      if (layer != l - 1 || block < count) continue;
      layer = l;
      block -= count;
      count = (outs[l] + kBlockColumns - 1) / kBlockColumns;
    }
  }
};
template <class Layer>
__device__ inline Layer layerOf(const Layer (&layers)[kMostLayers], int index) {
  return index == 0 ? layers[0] : index == 1 ? layers[1] : layers[2];
}

}  // namespace
