// A frozen linear layer with its LoRA adapter (Hu et al. 2021):
//   xa = drop(x) A^T;  y = x W^T + scale xa B^T
//   dxa = scale dy B;  dB = scale dy^T xa;  dA = dxa^T drop(x);  dx = dy W + drop'(dxa A)
// where drop'(g) keeps and scales what drop kept of x. The adapter's product is added inside the tiles of the
// large one, so y and dx are written once. drop(x) is never stored. All products follow computeType().
#include "gemm.h"
#include "kernels.h"
#include "rowProduct.h"
#include "threadBuffer.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

void multiply(int64_t m, int64_t n, const Term& only, float* c) {
  gemm(1, m, n, &only, 1, c, n, 0, computeType());
}

/** xa = drop(x) A^T of a layer with an adapter. */
void multiplyA(const float* x, int64_t rows, const LinearView& layer) {
  const LoraView& lora = layer.lora;
  const int64_t in = layer.weight.in, r = lora.r;
  const Dropout drop(lora.dropout, lora.seed, in);
  if (rows <= kMostRows && in > 0 && !drop.active()) {
    return rowProduct(x, rows, {WeightView::kFloat32, lora.a, nullptr, 0, r, in}, layer.xa);
  }
  multiply(rows, r, term(Operand::dense(x, in, false).dropped(drop), Operand::dense(lora.a, in, false), in),
           layer.xa);
}

}  // namespace

void linearForward(const float* x, int64_t rows, const LinearView* layers, int64_t count) {
  if (rows == 0 || count == 0) return;
  for (int64_t l = 0; l < count; ++l)
    if (layers[l].lora.r > 0) multiplyA(x, rows, layers[l]);
  if (rows <= kMostRows && layers[0].weight.in > 0) return rowProducts(x, rows, layers, count);
  for (int64_t l = 0; l < count; ++l) {
    const auto& [weight, lora, y, xa] = layers[l];
    const int64_t in = weight.in, out = weight.out, r = lora.r;
    const Term terms[] = {
        term(Operand::dense(xa, r, false).times(lora.scale), Operand::dense(lora.b, r, false), r),
        term(Operand::dense(x, in, false), Operand::weight(weight, false), in),
    };
    gemm(1, rows, out, r > 0 ? terms : terms + 1, r > 0 ? 2 : 1, y, out, 0, computeType());
  }
}

void linearBackward(const float* dy, const float* x, const float* xa, int64_t rows, const WeightView& weight,
                    const LoraView& lora, float* dx, float* dA, float* dB) {
  const int64_t in = weight.in, out = weight.out, r = lora.r;
  const Dropout drop(lora.dropout, lora.seed, in);
  static thread_local ThreadBuffer buffer;
  float* dxa = nullptr;
  if (r > 0 && (dx || dA)) {
    dxa = buffer.get(rows * r);
    multiply(rows, r,
             term(Operand::dense(dy, out, false), Operand::dense(lora.b, r, true).times(lora.scale), out),
             dxa);
  }
  if (dB && r > 0)
    multiply(out, r, term(Operand::dense(dy, out, true), Operand::dense(xa, r, true).times(lora.scale), rows),
             dB);
  if (dA && r > 0)
    multiply(r, in, term(Operand::dense(dxa, r, true), Operand::dense(x, in, true).dropped(drop), rows), dA);
  if (!dx) return;
  Term terms[] = {
      term(Operand::dense(dxa, r, false), Operand::dense(lora.a, in, true), r),
      term(Operand::dense(dy, out, false), Operand::weight(weight, true), out),
  };
  terms[0].maskAfter = drop;
  gemm(1, rows, in, r > 0 ? terms : terms + 1, r > 0 ? 2 : 1, dx, in, 0, computeType());
}

}  // namespace mlab::MLAB_ISA
