// Module entry: exports every op of entries.h, and what doctor and the tests ask about the build.
#include <napi.h>

#include "../cpu/kernels.h"
#include "../cpu/threads.h"
#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

Napi::Value info(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array available = Napi::Array::New(env);
  uint32_t count = 0;
  for (const char* const* name = availableIsas(); *name; ++name) available.Set(count++, *name);
  result.Set("isa", kernels().isa);
  result.Set("availableIsas", available);
  result.Set("threads", threadCount());
  return result;
}

Napi::Value setIsa(const Napi::CallbackInfo& call) {
  Args args(call, "setIsa");
  const std::string isa = args.text("isa");
  args.require(selectIsa(isa.c_str()), "instruction set \"" + isa + "\" is not available on this processor");
  return call.Env().Undefined();
}

Napi::Value setThreads(const Napi::CallbackInfo& call) {
  Args args(call, "setThreads");
  const int64_t n = args.integer("threads", 1);
  args.require(n <= 256, "threads must be at most 256");
  setThreadCount(static_cast<int>(n));
  return call.Env().Undefined();
}

Napi::Value chooseComputeType(const Napi::CallbackInfo& call) {
  Args args(call, "setComputeType");
  const std::string type = args.text("type");
  args.require(type == "float32" || type == "bfloat16",
               "type must be \"float32\" or \"bfloat16\", got \"" + type + "\"");
  setComputeType(type == "bfloat16" ? ComputeType::kBfloat16 : ComputeType::kFloat32);
  return call.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
#define MLAB_EXPORT(name) exports.Set(#name, Napi::Function::New(env, name##Entry, #name));
  MLAB_ENTRIES(MLAB_EXPORT)
#undef MLAB_EXPORT
  exports.Set("info", Napi::Function::New(env, info, "info"));
  exports.Set("setIsa", Napi::Function::New(env, setIsa, "setIsa"));
  exports.Set("setThreads", Napi::Function::New(env, setThreads, "setThreads"));
  exports.Set("setComputeType", Napi::Function::New(env, chooseComputeType, "setComputeType"));
  exports.Set("cuda", cudaEntries(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(mistral_lab, init)

}  // namespace mlab
