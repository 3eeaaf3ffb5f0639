#include <vector>

#include "args.h"
#include "entries.h"

namespace mlab {

Napi::Value decodeLayersEntry(const Napi::CallbackInfo& info) {
  Args args(info, "decodeLayers");
  DecoderShape shape{};
  shape.hidden = args.integer("hidden", 1);
  shape.intermediate = args.integer("intermediate", 1);
  shape.heads = args.integer("heads", 1);
  shape.kvHeads = args.integer("kvHeads", 1);
  shape.headDim = args.integer("headDim", 2);
  shape.eps = static_cast<float>(args.number("eps"));
  shape.attentionScale = static_cast<float>(args.number("attentionScale"));
  const int64_t past = args.integer("past"), capacity = args.integer("capacity");
  args.require(shape.heads % shape.kvHeads == 0, "heads must be a multiple of kvHeads");
  args.require(shape.headDim % 2 == 0, "headDim must be even");
  args.require(past < capacity && past < INT32_MAX, "the cache has room for " + std::to_string(capacity) +
                                                        " tokens, needed are " + std::to_string(past + 1));
  shape.past = static_cast<int32_t>(past);
  shape.inverseFrequencies = args.floats("inverseFrequencies", shape.headDim / 2);
  float* x = args.floats("x", shape.hidden);
  const int64_t queries = product(shape.heads, shape.headDim), keys = product(shape.kvHeads, shape.headDim);
  const int64_t sizes[7][2] = {{queries, shape.hidden},
                               {keys, shape.hidden},
                               {keys, shape.hidden},
                               {shape.hidden, queries},
                               {shape.intermediate, shape.hidden},
                               {shape.intermediate, shape.hidden},
                               {shape.hidden, shape.intermediate}};
  std::vector<DecoderLayerView> layers;
  while (args.left()) {
    DecoderLayerView layer;
    layer.window = args.integer("window");
    layer.inputNorm = args.floats("inputNorm", shape.hidden);
    layer.outputNorm = args.floats("outputNorm", shape.hidden);
    layer.keys = args.floats("keys", product(capacity, keys));
    layer.values = args.floats("values", product(capacity, keys));
    for (int i = 0; i < 7; ++i) {
      const auto [out, in] = sizes[i];
      const WeightView weight = args.weight(out, in);
      layer.projections[i] = {weight, args.lora(out, in)};
      args.require(layer.projections[i].lora.dropout == 0, "dropout must be 0");
    }
    layers.push_back(layer);
  }
  kernels().decodeLayers(x, layers.data(), static_cast<int64_t>(layers.size()), shape);
  return info.Env().Undefined();
}

}  // namespace mlab
