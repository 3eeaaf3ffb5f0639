// The GPU's entries: one device and one stream, beside which a second one may run kernels for a while.
// Signatures and meaning: sdk/backend/cuda/driver.ts.
#include <napi.h>

#include <cstdlib>
#include <string>

#include "args.h"
#include "cudaState.h"
#include "entries.h"

namespace mlab {
namespace gpu {
namespace {

Napi::Value problem(const Napi::CallbackInfo& call) {
  const std::string& text = cuda::driverProblem();
  return text.empty() ? call.Env().Null() : Napi::Value(Napi::String::New(call.Env(), text));
}

int attribute(Napi::Env env, cuda::DeviceAttribute which, cuda::Device device) {
  int value = 0;
  check(env, "devices", driver().deviceGetAttribute(&value, which, device));
  return value;
}

Napi::Value devices(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  if (!cuda::driverProblem().empty()) throw Napi::Error::New(env, cuda::driverProblem());
  int count = 0, version = 0;
  check(env, "devices", driver().deviceGetCount(&count));
  check(env, "devices", driver().driverGetVersion(&version));
  Napi::Array list = Napi::Array::New(env);
  for (int i = 0; i < count; ++i) {
    cuda::Device device = 0;
    check(env, "devices", driver().deviceGet(&device, i));
    char name[256] = {};
    size_t total = 0;
    check(env, "devices", driver().deviceGetName(name, sizeof name, device));
    check(env, "devices", driver().deviceTotalMem(&total, device));
    Napi::Array capability = Napi::Array::New(env);
    capability.Set(0u, attribute(env, cuda::kComputeCapabilityMajor, device));
    capability.Set(1u, attribute(env, cuda::kComputeCapabilityMinor, device));
    Napi::Object item = Napi::Object::New(env);
    item.Set("name", static_cast<const char*>(name));
    item.Set("computeCapability", capability);
    item.Set("multiprocessors", attribute(env, cuda::kMultiprocessors, device));
    item.Set("totalBytes", static_cast<double>(total));
    item.Set("driver", std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10));
    item.Set("sharedBytes", attribute(env, cuda::kMaxSharedBytesPerBlock, device));
    list.Set(static_cast<uint32_t>(i), item);
  }
  return list;
}

Napi::Value open(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda open");
  const int64_t index = args.integer("index");
  if (!cuda::driverProblem().empty()) throw Napi::Error::New(env, cuda::driverProblem());
  if (state.stream)
    throw Napi::Error::New(
        env, "cuda open: " + std::string(state.owner == std::this_thread::get_id()
                                             ? "a device is open already"
                                             : "another thread of this process has opened a device; a "
                                               "process opens one, once: use it there, or in a process "
                                               "of its own (child_process)"));
  cuda::Device device = 0;
  check(env, "open", driver().deviceGet(&device, static_cast<int>(index)));
  check(env, "open", driver().devicePrimaryCtxRetain(&state.context, device));
  check(env, "open", driver().ctxSetCurrent(state.context));
  int major = 0;
  check(env, "open", driver().deviceGetAttribute(&major, cuda::kComputeCapabilityMajor, device));
  state.canOverlap = major >= 9 && driver().launchKernelEx && driver().funcGetParamInfo;
  state.marks.resize(kMarks);
  for (cuda::Event& mark : state.marks) check(env, "open", driver().eventCreate(&mark, 0));
  for (cuda::Event* event : {&state.left, &state.done})
    check(env, "open", driver().eventCreate(event, cuda::kDisableTiming));
  check(env, "open", driver().streamCreate(&state.side, cuda::kNonBlocking, cuda::kLast));
  check(env, "open", driver().streamCreate(&state.stream, cuda::kNonBlocking, cuda::kFirst));
  state.queue = new cuda::WorkQueue([] { driver().ctxSetCurrent(state.context); });
  state.owner = std::this_thread::get_id();
  // Nothing calls the driver while the process tears it down, nor for a worker that has ended. process.exit()
  // runs no cleanup hooks.
  env.AddCleanupHook([] {
    state.queue->drain();
    state.owner = {};
  });
  std::atexit([] { state.queue->drain(); });
  return env.Undefined();
}

Napi::Value memory(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "memory");
  settle(call.Env());
  size_t free = 0, total = 0;
  check(call.Env(), "memory", driver().memGetInfo(&free, &total));
  Napi::Object result = Napi::Object::New(call.Env());
  result.Set("free", static_cast<double>(free));
  result.Set("total", static_cast<double>(total));
  return result;
}

Napi::Value synchronize(const Napi::CallbackInfo& call) {
  requireDirect(call.Env(), "synchronize");
  check(call.Env(), "synchronize", driver().streamSynchronize(state.stream));
  return call.Env().Undefined();
}

}  // namespace
}  // namespace gpu

Napi::Object cudaEntries(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  gpu::Entries entries(env, object);
  entries.add("problem", gpu::problem);
  entries.add("devices", gpu::devices);
  entries.add("open", gpu::open);
  entries.add("memory", gpu::memory);
  entries.add("synchronize", gpu::synchronize);
  gpu::addMemory(entries);
  gpu::addKernels(entries);
  gpu::addCompile(entries);
  gpu::addGraphs(entries);
  const Napi::ArrayBuffer buffer =
      Napi::ArrayBuffer::New(env, gpu::state.arguments, sizeof gpu::state.arguments);
  object.Set("arguments", Napi::Float64Array::New(env, gpu::kArguments, buffer, 0));
  return object;
}

}  // namespace mlab
