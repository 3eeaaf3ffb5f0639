// Matrix products (matMul.cuh) of float32.
#include "matMul.cuh"

namespace {

constexpr int kDepth32 = 16;
/** Of a line of the tile in shared memory: a multiple of 4, not of 32. */
constexpr int kPitch32 = kTile + 4;

/** A thread's share of a tile of `kTile` lines and kDepth32 of the depth: 8 values, on the way to shared
 * memory. */
template <bool kAlongDepth>
struct Fetched {
  float values[8];

  /** Which of the tile: 8 neighbours, along the depth or along the lines. */
  __device__ static int line() {
    return static_cast<int>(kAlongDepth ? threadIdx.x / 2 : threadIdx.x % 16 * 8);
  }
  __device__ static int deep() {
    return static_cast<int>(kAlongDepth ? threadIdx.x % 2 * 8 : threadIdx.x / 16);
  }

  __device__ void fetch(const Factor<float>& factor, int firstLine, int firstDepth) {
    const int l = firstLine + line(), d = firstDepth + deep();
    const float* from = factor.values + (kAlongDepth ? static_cast<int64>(l) * factor.ld + d
                                                     : static_cast<int64>(d) * factor.ld + l);
    const bool rowExists = kAlongDepth ? l < factor.lines : d < factor.depth;
    const int left = !rowExists ? 0 : kAlongDepth ? factor.depth - d : factor.lines - l;
    for (int half = 0; half < 2; ++half) {
      if (factor.aligned && left >= half * 4 + 4) {
        const float4 v = *reinterpret_cast<const float4*>(from + half * 4);
        values[half * 4] = v.x;
        values[half * 4 + 1] = v.y;
        values[half * 4 + 2] = v.z;
        values[half * 4 + 3] = v.w;
      } else {
        for (int i = half * 4; i < half * 4 + 4; ++i) values[i] = i < left ? from[i] : 0.0f;
      }
    }
  }

  /** tile [kDepth32][kPitch32] */
  __device__ void store(float* tile) const {
    if (kAlongDepth) {
      for (int i = 0; i < 8; ++i) tile[(deep() + i) * kPitch32 + line()] = values[i];
    } else {
      float4* to = reinterpret_cast<float4*>(tile + deep() * kPitch32 + line());
      to[0] = make_float4(values[0], values[1], values[2], values[3]);
      to[1] = make_float4(values[4], values[5], values[6], values[7]);
    }
  }
};

/** A thread makes 8 x 8 values: rows 4 * (thread / 16).. and 64 beyond, columns 4 * (thread % 16).. and 64
 * beyond. */
template <bool kADeep, bool kBDeep>
__device__ inline void multiply32(const Factor<float>& a, const Factor<float>& b, Origin origin,
                                  float (&sums)[8][8], float* tiles) {
  constexpr int kTileValues = kDepth32 * kPitch32;
  const int row = static_cast<int>(threadIdx.x) / 16 * 4, column = static_cast<int>(threadIdx.x) % 16 * 4;
  Fetched<kADeep> fromA;
  Fetched<kBDeep> fromB;
  fromA.fetch(a, origin.row, 0);
  fromB.fetch(b, origin.column, 0);
  int current = 0;
  for (int depth = 0; depth < a.depth; depth += kDepth32) {
    float* tileA = tiles + current * 2 * kTileValues;
    float* tileB = tileA + kTileValues;
    // The other pair of tiles may still be read by slower warps; this pair was last read two barriers ago.
    fromA.store(tileA);
    fromB.store(tileB);
    __syncthreads();
    if (depth + kDepth32 < a.depth) {
      fromA.fetch(a, origin.row, depth + kDepth32);
      fromB.fetch(b, origin.column, depth + kDepth32);
    }
#pragma unroll 2  // more, and registers spill
    for (int d = 0; d < kDepth32; ++d) {
      float left[8], right[8];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float4 l = *reinterpret_cast<const float4*>(tileA + d * kPitch32 + row + half * 64);
        const float4 r = *reinterpret_cast<const float4*>(tileB + d * kPitch32 + column + half * 64);
        left[half * 4] = l.x;
        left[half * 4 + 1] = l.y;
        left[half * 4 + 2] = l.z;
        left[half * 4 + 3] = l.w;
        right[half * 4] = r.x;
        right[half * 4 + 1] = r.y;
        right[half * 4 + 2] = r.z;
        right[half * 4 + 3] = r.w;
      }
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[i][j] += left[i] * right[j];
    }
    current ^= 1;
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 2)
    matMul_float32(int m, int n, int k, const float* a, int lda, int transposeA, const float* b, int ldb,
                   int transposeB, void* c, int ldc, int storageC, float alpha, float beta, unsigned strideA,
                   unsigned strideB, unsigned strideC) {
  __shared__ __align__(16) float tiles[2 * 2 * kDepth32 * kPitch32];
  const int64 batch = blockIdx.y;
  const Origin origin = tileOrigin(m, n);
  const Factor<float> factorA(a + batch * strideA, lda, m, k, !transposeA);
  const Factor<float> factorB(b + batch * strideB, ldb, n, k, transposeB != 0);
  float sums[8][8];
#pragma unroll
  for (int i = 0; i < 8; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j) sums[i][j] = 0;
  if (transposeA) {
    if (transposeB)
      multiply32<false, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply32<false, false>(factorA, factorB, origin, sums, tiles);
  } else {
    if (transposeB)
      multiply32<true, true>(factorA, factorB, origin, sums, tiles);
    else
      multiply32<true, false>(factorA, factorB, origin, sums, tiles);
  }
  const int row = origin.row + static_cast<int>(threadIdx.x) / 16 * 4;
  const int column = origin.column + static_cast<int>(threadIdx.x) % 16 * 4;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int r = row + i / 4 * 64 + i % 4;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int col = column + j / 4 * 64 + j % 4;
      if (r < m && col < n)
        finish(c, storageC, batch * strideC + static_cast<int64>(r) * ldc + col, sums[i][j], alpha, beta);
    }
  }
}
