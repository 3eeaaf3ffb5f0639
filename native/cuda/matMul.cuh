// Matrix products where cuBLASLt is not there: c = alpha * op(a) op(b) + beta * c, row-major, batched; what
// matMulFloat32.cu and matMulBfloat16.cu share. float32 products are exact float32 (no tf32); bfloat16 ones
// go through the tensor cores; sums are float32 in both. A block makes one tile of 128 x 128 values of c, of
// batch blockIdx.y.
//
// Signature of both kernels "iiipiipiipiiffuuu": m, n, k; a, lda, transposeA; b, ldb, transposeB; c, ldc,
// storageC (0 float32, 1 bfloat16); alpha, beta; strideA, strideB, strideC (values from one matrix of the
// batch to the next). a is [m, k] or, transposed, [k, m]; b is [k, n] or, transposed, [n, k]; ld is the
// length of a row as stored. Grid: the tiles of c, and the batch. 256 threads.
#pragma once
#include "common.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kTile = 128;
/** Tiles of one column of c that follow each other, so that blocks at work share rows of a and columns of b
 * in cache. */
constexpr int kBand = 8;

struct Origin {
  int row, column;
};
/** Of the tile of c that this block makes. */
__device__ inline Origin tileOrigin(int m, int n) {
  const int rows = (m + kTile - 1) / kTile, columns = (n + kTile - 1) / kTile;
  const int band = static_cast<int>(blockIdx.x) / (kBand * columns);
  const int inside = static_cast<int>(blockIdx.x) - band * kBand * columns;
  const int height = rows - band * kBand < kBand ? rows - band * kBand : kBand;
  return {(band * kBand + inside % height) * kTile, inside / height * kTile};
}

/** c = alpha * sum + beta * c for one value; c need not be initialised where beta is 0. */
__device__ inline void finish(void* c, int storageC, int64 at, float sum, float alpha, float beta) {
  float value = alpha * sum;
  if (storageC == 0) {
    float* target = static_cast<float*>(c) + at;
    if (beta != 0) value += beta * *target;
    *target = value;
  } else {
    bfloat16* target = static_cast<bfloat16*>(c) + at;
    if (beta != 0) value += beta * toFloat(*target);
    *target = fromFloat<bfloat16>(value);
  }
}

/**
 * One factor. `lines` is its dimension in c: m of a, n of b. Where kAlongDepth, it is stored as [lines,
 * depth], else as [depth, lines].
 */
template <class T>
struct Factor {
  const T* values;
  int ld, lines, depth;
  /** Every group of 16 bytes of a row begins at a multiple of 16 bytes and is wholly inside or outside of the
   * row. */
  bool aligned;

  __device__ Factor(const T* v, int stride, int l, int d, bool alongDepth)
      : values(v), ld(stride), lines(l), depth(d) {
    const int group = 16 / static_cast<int>(sizeof(T));
    aligned = ld % group == 0 && (alongDepth ? depth : lines) % group == 0 &&
              reinterpret_cast<unsigned long long>(values) % 16 == 0;
  }
};

}  // namespace
