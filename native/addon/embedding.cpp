#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

const int32_t* readIds(Args& args, int64_t rows, int64_t& n) {
  const int32_t* ids = args.intsAny("ids", n);
  for (int64_t i = 0; i < n; ++i)
    args.require(ids[i] >= 0 && ids[i] < rows, "id " + std::to_string(ids[i]) + " at index " +
                                                   std::to_string(i) + " is not in [0, " +
                                                   std::to_string(rows) + ")");
  return ids;
}

}  // namespace

Napi::Value embeddingForwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "embeddingForward");
  const int64_t rows = args.integer("rows", 1), dim = args.integer("dim", 1);
  const WeightView table = args.weight(rows, dim);
  int64_t n = 0;
  const int32_t* ids = readIds(args, rows, n);
  float* y = args.floats("y", product(n, dim));
  kernels().embeddingForward(table, ids, n, y);
  return info.Env().Undefined();
}

Napi::Value embeddingBackwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "embeddingBackward");
  const int64_t rows = args.integer("rows", 1), dim = args.integer("dim", 1);
  int64_t values = 0, n = 0;
  const float* dy = args.floatsAny("dy", values);
  const int32_t* ids = readIds(args, rows, n);
  args.require(values == product(n, dim), "dy has " + std::to_string(values) + " values, " +
                                              std::to_string(n) + " ids of dimension " + std::to_string(dim) +
                                              " need " + std::to_string(product(n, dim)));
  float* dTable = args.floats("dTable", product(rows, dim));
  kernels().embeddingBackward(dy, ids, n, rows, dim, dTable);
  return info.Env().Undefined();
}

}  // namespace mlab
