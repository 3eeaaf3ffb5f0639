#include <vector>

#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value linearForwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "linearForward");
  const int64_t rows = args.integer("rows"), in = args.integer("inn");
  const float* x = args.floats("x", product(rows, in));
  constexpr size_t kLayerArguments = 11;
  std::vector<LinearView> layers;
  layers.reserve((info.Length() + kLayerArguments) / kLayerArguments);
  do {
    LinearView layer;
    const int64_t out = args.integer("out");
    layer.weight = args.weight(out, in);
    // To read the other arguments takes as long as the way to the memory.
    if (layers.empty()) kernels().askForWeight(layer.weight);
    layer.lora = args.lora(out, in);
    layer.y = args.floats("y", product(rows, out));
    layer.xa = args.floatsOrNull("xa", product(rows, layer.lora.r));
    args.require(layer.xa || product(rows, layer.lora.r) == 0, "xa must be given with an adapter");
    layers.push_back(layer);
  } while (args.left());
  kernels().linearForward(x, rows, layers.data(), static_cast<int64_t>(layers.size()));
  return info.Env().Undefined();
}

Napi::Value linearBackwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "linearBackward");
  const int64_t rows = args.integer("rows"), out = args.integer("out"), in = args.integer("inn");
  const float* dy = args.floats("dy", product(rows, out));
  const float* x = args.floats("x", product(rows, in));
  // xa comes before the adapter whose rank gives its length: [rows, r].
  const Napi::Value rank = info[10];
  const int64_t r = rank.IsNumber() ? rank.As<Napi::Number>().Int64Value() : 0;
  const float* xa = args.floatsOrNull("xa", product(rows, r));
  const WeightView weight = args.weight(out, in);
  const LoraView lora = args.lora(out, in);
  float* dx = args.floatsOrNull("dx", product(rows, in));
  float* dA = args.floatsOrNull("dA", product(lora.r, in));
  float* dB = args.floatsOrNull("dB", product(out, lora.r));
  args.require(!dB || xa || rows == 0, "dB needs xa, which linearForward wrote");
  kernels().linearBackward(dy, x, xa, rows, weight, lora, dx, dA, dB);
  return info.Env().Undefined();
}

}  // namespace mlab
