#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value ropeEntry(const Napi::CallbackInfo& info) {
  Args args(info, "rope");
  const int64_t tokens = args.integer("tokens"), heads = args.integer("heads", 1);
  const int64_t headDim = args.integer("headDim", 2);
  args.require(headDim % 2 == 0, "headDim must be even");
  const bool inverse = args.boolean("inverse");
  const float* x = args.floats("x", product(tokens, heads, headDim));
  const int32_t* positions = args.ints("positions", tokens);
  const float* inverseFrequencies = args.floats("inverseFrequencies", headDim / 2);
  float* y = args.floats("y", product(tokens, heads, headDim));
  kernels().rope(x, positions, inverseFrequencies, tokens, heads, headDim, inverse, y);
  return info.Env().Undefined();
}

}  // namespace mlab
