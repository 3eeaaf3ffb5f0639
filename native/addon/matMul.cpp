#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value matMulEntry(const Napi::CallbackInfo& info) {
  Args args(info, "matMul");
  const int64_t batch = args.integer("batch"), m = args.integer("m"), n = args.integer("n"),
                k = args.integer("k");
  const bool transposeA = args.boolean("transposeA"), transposeB = args.boolean("transposeB");
  const float* a = args.floats("a", product(batch, m, k));
  const float* b = args.floats("b", product(batch, k, n));
  float* c = args.floats("c", product(batch, m, n));
  kernels().matMul(a, b, c, batch, m, n, k, transposeA, transposeB);
  return info.Env().Undefined();
}

}  // namespace mlab
