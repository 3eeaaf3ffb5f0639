// Tiles of attention (attention.cuh) of any storage and headDim up to 256, all arithmetic in float
// (attentionExact*.cu).
//
// 256 threads as 16 x 16 over tiles in shared memory. Thread (y, x) has the rows y + 16 i of a product's left
// factor; of scores the columns x + 16 j, of results the columns 64 (c / 4) + 4 x + c % 4.
#pragma once
#include "attention.cuh"

constexpr int kExactThreads = 256;
typedef float float32;

/** headDim is at most 16 * C, C of 4, 8, 16. A thread has R rows of a tile, which has 16 * R. */
template <int C>
struct Exact {
  static constexpr int columns = 16 * C;
  static constexpr int pitch = columns + 4;  // rows start in different banks
};

/** Rows of headDim values, `stride` apart, into a tile [rows, pitch]; zeros past headDim and from row `count`
 * on. */
template <class T, int C>
__device__ inline void loadTile(float* tile, const T* x, int64 stride, int count, int rows, int headDim) {
  constexpr int kSize = Pack<T>::size, kColumns = Exact<C>::columns, kExactPitch = Exact<C>::pitch;
  if (headDim % kSize == 0) {
    for (int i = threadIdx.x; i < rows * (kColumns / kSize); i += kExactThreads) {
      const int row = i / (kColumns / kSize), column = i % (kColumns / kSize) * kSize;
      Pack<T> values = {};
      if (row < count && column < headDim) values = loadPack(x + row * stride + column);
#pragma unroll
      for (int j = 0; j < kSize; ++j) tile[row * kExactPitch + column + j] = values.values[j];
    }
  } else {
    for (int i = threadIdx.x; i < rows * kColumns; i += kExactThreads) {
      const int row = i / kColumns, column = i % kColumns;
      tile[row * kExactPitch + column] =
          row < count && column < headDim ? toFloat(x[row * stride + column]) : 0.0f;
    }
  }
}

/** d[i][j] = sum over headDim of a[y + 16 i] * b[x + 16 j]. */
template <int R, int C>
__device__ inline void exactScores(float (&d)[R][R], const float* a, const float* b, int headDim, int y,
                                   int x) {
  constexpr int kExactPitch = Exact<C>::pitch;
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int j = 0; j < R; ++j) d[i][j] = 0.0f;
  for (int c = 0; c < headDim; c += 4) {
    float4 left[R], right[R];
#pragma unroll
    for (int i = 0; i < R; ++i) {
      left[i] = *reinterpret_cast<const float4*>(a + (y + 16 * i) * kExactPitch + c);
      right[i] = *reinterpret_cast<const float4*>(b + (x + 16 * i) * kExactPitch + c);
    }
#pragma unroll
    for (int i = 0; i < R; ++i)
#pragma unroll
      for (int j = 0; j < R; ++j) {
        d[i][j] = fmaf(left[i].x, right[j].x, d[i][j]);
        d[i][j] = fmaf(left[i].y, right[j].y, d[i][j]);
        d[i][j] = fmaf(left[i].z, right[j].z, d[i][j]);
        d[i][j] = fmaf(left[i].w, right[j].w, d[i][j]);
      }
  }
}

/** d[i] += p[y + 16 i] b, with p [16 R, 16 R + 4] and b [16 R, pitch]. */
template <int R, int C>
__device__ inline void exactProduct(float (&d)[R][C], const float* p, const float* b, int y, int x) {
  constexpr int kExactPitch = Exact<C>::pitch, kScorePitch = 16 * R + 4;
  for (int j = 0; j < 16 * R; j += 4) {
    float4 left[R];
#pragma unroll
    for (int i = 0; i < R; ++i)
      left[i] = *reinterpret_cast<const float4*>(p + (y + 16 * i) * kScorePitch + j);
#pragma unroll
    for (int e = 0; e < 4; ++e)
#pragma unroll
      for (int c = 0; c < C; c += 4) {
        const float4 right = *reinterpret_cast<const float4*>(b + (j + e) * kExactPitch + 16 * c + 4 * x);
#pragma unroll
        for (int i = 0; i < R; ++i) {
          const float factor = e == 0 ? left[i].x : e == 1 ? left[i].y : e == 2 ? left[i].z : left[i].w;
          d[i][c] = fmaf(factor, right.x, d[i][c]);
          d[i][c + 1] = fmaf(factor, right.y, d[i][c + 1]);
          d[i][c + 2] = fmaf(factor, right.z, d[i][c + 2]);
          d[i][c + 3] = fmaf(factor, right.w, d[i][c + 3]);
        }
      }
  }
}

/** Column of a result that thread x holds in d[..][c]. */
__device__ inline int exactColumn(int c, int x) { return 64 * (c / 4) + 4 * x + c % 4; }

template <int R, int C>
__device__ inline void clearExact(float (&d)[R][C]) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) d[i][c] = 0.0f;
}

/** Writes d[i] * factors[i] to the rows y + 16 i below `count`, `stride` apart. */
template <class T, int R, int C>
__device__ inline void storeExact(const float (&d)[R][C], const float (&factors)[R], T* rows, int64 stride,
                                  int count, int headDim, int y, int x) {
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int c = 0; c < C; ++c) {
      const int row = y + 16 * i, column = exactColumn(c, x);
      if (row < count && column < headDim) rows[row * stride + column] = fromFloat<T>(d[i][c] * factors[i]);
    }
}
