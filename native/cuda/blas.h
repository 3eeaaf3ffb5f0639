// Matrix products by cuBLASLt, found at run time (it comes with the CUDA toolkit and with PyTorch, not with
// the driver). Declarations are our own, after NVIDIA's cuBLASLt reference. Where it is absent
// `blasProblem()` says why, and the products run on the kernels of matMul.cu.
#pragma once
#include <cstdint>
#include <string>

#include "driver.h"

namespace mlab::cuda {

/** Row-major: c = alpha * op(a) op(b) + beta * c. Strides are in values, from one matrix of the batch to the
 * next. */
struct Gemm {
  int64_t m, n, k;
  Address a;
  int64_t lda;
  bool transposeA, bfloat16A;
  Address b;
  int64_t ldb;
  bool transposeB, bfloat16B;
  Address c;
  int64_t ldc;
  bool bfloat16C;
  float alpha, beta;
  int64_t batch, strideA, strideB, strideC;
  Address workspace;
  size_t workspaceBytes;
};

/** Queues the product. Returns what went wrong, or an empty text. */
std::string gemm(const Gemm& product, Stream stream);

const std::string& blasProblem();
const std::string& blasPath();
size_t blasVersion();

}  // namespace mlab::cuda
