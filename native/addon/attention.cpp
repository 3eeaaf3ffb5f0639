#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

AttentionShape readShape(Args& args) {
  AttentionShape shape{};
  shape.tokens = args.integer("tokens");
  shape.heads = args.integer("heads", 1);
  shape.kvHeads = args.integer("kvHeads", 1);
  shape.headDim = args.integer("headDim", 1);
  shape.scale = static_cast<float>(args.number("scale"));
  shape.window = args.integer("window");
  args.require(shape.heads % shape.kvHeads == 0, "heads must be a multiple of kvHeads");
  return shape;
}

/** Row offsets of the sequences: they begin at 0, never fall, and end at the token count. */
const int32_t* readOffsets(Args& args, const AttentionShape& shape, int64_t& sequences) {
  int64_t length = 0;
  const int32_t* offsets = args.intsAny("cuSeqlens", length);
  args.require(length >= 1, "cuSeqlens needs at least one offset");
  sequences = length - 1;
  args.require(offsets[0] == 0 && offsets[sequences] == shape.tokens,
               "cuSeqlens must begin with 0 and end with the number of tokens");
  for (int64_t s = 0; s < sequences; ++s)
    args.require(offsets[s] <= offsets[s + 1],
                 "cuSeqlens must not fall (at sequence " + std::to_string(s) + ")");
  return offsets;
}

}  // namespace

Napi::Value attentionForwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "attentionForward");
  const AttentionShape shape = readShape(args);
  const int64_t wide = product(shape.tokens, shape.heads, shape.headDim);
  const int64_t narrow = product(shape.tokens, shape.kvHeads, shape.headDim);
  int64_t sequences = 0;
  const int32_t* offsets = readOffsets(args, shape, sequences);
  const float* q = args.floats("q", wide);
  const float* k = args.floats("k", narrow);
  const float* v = args.floats("v", narrow);
  float* o = args.floats("o", wide);
  float* logSumExp = args.floats("logSumExp", product(shape.heads, shape.tokens));
  kernels().attentionForward(q, k, v, offsets, sequences, shape, o, logSumExp);
  return info.Env().Undefined();
}

Napi::Value attentionBackwardEntry(const Napi::CallbackInfo& info) {
  Args args(info, "attentionBackward");
  const AttentionShape shape = readShape(args);
  const int64_t wide = product(shape.tokens, shape.heads, shape.headDim);
  const int64_t narrow = product(shape.tokens, shape.kvHeads, shape.headDim);
  int64_t sequences = 0;
  const int32_t* offsets = readOffsets(args, shape, sequences);
  const float* dO = args.floats("dO", wide);
  const float* q = args.floats("q", wide);
  const float* k = args.floats("k", narrow);
  const float* v = args.floats("v", narrow);
  const float* o = args.floats("o", wide);
  const float* logSumExp = args.floats("logSumExp", product(shape.heads, shape.tokens));
  float* dq = args.floats("dq", wide);
  float* dk = args.floats("dk", narrow);
  float* dv = args.floats("dv", narrow);
  kernels().attentionBackward(dO, q, k, v, o, logSumExp, offsets, sequences, shape, dq, dk, dv);
  return info.Env().Undefined();
}

Napi::Value attentionCachedEntry(const Napi::CallbackInfo& info) {
  Args args(info, "attentionCached");
  const AttentionShape shape = readShape(args);
  const int64_t past = args.integer("past"), capacity = args.integer("capacity");
  args.require(past + shape.tokens <= capacity, "the cache has room for " + std::to_string(capacity) +
                                                    " tokens, needed are " +
                                                    std::to_string(past + shape.tokens));
  const int64_t wide = product(shape.tokens, shape.heads, shape.headDim);
  const int64_t row = product(shape.kvHeads, shape.headDim);
  const float* q = args.floats("q", wide);
  const float* k = args.floats("k", product(shape.tokens, row));
  const float* v = args.floats("v", product(shape.tokens, row));
  float* keys = args.floats("keys", product(capacity, row));
  float* values = args.floats("values", product(capacity, row));
  float* o = args.floats("o", wide);
  kernels().attentionCached(q, k, v, keys, values, past, shape, o);
  return info.Env().Undefined();
}

}  // namespace mlab
