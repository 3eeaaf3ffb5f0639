#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value crossEntropyEntry(const Napi::CallbackInfo& info) {
  Args args(info, "crossEntropy");
  const int64_t rows = args.integer("rows"), vocab = args.integer("vocab", 1), dim = args.integer("dim", 1);
  const float* hidden = args.floats("hidden", product(rows, dim));
  const WeightView weight = args.weight(vocab, dim);
  const int32_t* labels = args.ints("labels", rows);
  for (int64_t row = 0; row < rows; ++row)
    args.require(labels[row] < vocab, "label " + std::to_string(labels[row]) + " at row " +
                                          std::to_string(row) + " is not below the vocabulary size " +
                                          std::to_string(vocab));
  float* losses = args.floats("losses", rows);
  float* dHidden = args.floatsOrNull("dHidden", product(rows, dim));
  float* dWeight = args.floatsOrNull("dWeight", product(vocab, dim));
  kernels().crossEntropy(hidden, rows, weight, labels, losses, dHidden, dWeight);
  return info.Env().Undefined();
}

}  // namespace mlab
