// Kernels of this package and products of cuBLASLt, with their numbers in the shared array `arguments`.
#include <napi.h>

#include <array>
#include <cstring>
#include <string>

#include "../cuda/blas.h"
#include "args.h"
#include "cudaState.h"

namespace mlab::gpu {
namespace {

size_t parameterBytes(char letter) { return letter == 'p' ? 8 : 4; }

cuda::Module moduleAt(Napi::Env env, const std::string& path) {
  cuda::Module& module = state.modules[path];
  if (module) return module;
  const cuda::Result result = driver().moduleLoad(&module, path.c_str());
  if (result != 0) {
    throw Napi::Error::New(
        env, "cuda: " + path + " cannot be loaded: " + cuda::describe(result) +
                 "; it is made by `npm rebuild` where nvcc is installed, for this GPU and driver");
  }
  return module;
}

Napi::Value load(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda load");
  const std::string path = args.text("path");
  int64_t length = 0;
  const uint8_t* image = args.bytesAny("image", length);
  args.require(length > 0, "image is empty");
  requireDirect(env, "load");
  args.require(!state.modules[path], path + " is loaded already");
  check(env, "load", driver().moduleLoadData(&state.modules[path], image));
  return env.Undefined();
}

Napi::Value hasKernel(const Napi::CallbackInfo& call) {
  Args args(call, "cuda hasKernel");
  const std::string path = args.text("path"), name = args.text("name");
  requireDirect(call.Env(), "hasKernel");
  cuda::Function function = nullptr;
  const cuda::Result result = driver().moduleGetFunction(&function, moduleAt(call.Env(), path), name.c_str());
  if (result != cuda::kNotFound) check(call.Env(), "hasKernel", result);
  return Napi::Boolean::New(call.Env(), result == 0);
}

Napi::Value kernel(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda kernel");
  const std::string path = args.text("path"), name = args.text("name"), signature = args.text("signature");
  args.require(signature.size() <= kArguments && signature.find_first_not_of("piuf") == std::string::npos,
               "signature must be at most 64 of the letters p, i, u, f, got \"" + signature + "\"");
  requireDirect(env, "kernel");
  const cuda::Module module = moduleAt(env, path);
  Kernel entry{nullptr, signature};
  const cuda::Result result = driver().moduleGetFunction(&entry.function, module, name.c_str());
  if (result != 0)
    throw Napi::Error::New(env, "cuda: " + path + " has no kernel " + name + ": " + cuda::describe(result));
  if (driver().funcGetParamInfo) {
    size_t offset = 0, size = 0, count = 0;
    while (driver().funcGetParamInfo(entry.function, count, &offset, &size) == 0) {
      const bool fits = count < signature.size() && size == parameterBytes(signature[count]);
      args.require(fits, name + ": parameter " + std::to_string(count) + " has " + std::to_string(size) +
                             " bytes, which the signature \"" + signature + "\" does not say");
      ++count;
    }
    args.require(count == signature.size(), name + " has " + std::to_string(count) +
                                                " parameters, the signature \"" + signature +
                                                "\" has another number");
  }
  state.kernels.push_back(entry);
  return Napi::Number::New(env, static_cast<double>(state.kernels.size() - 1));
}

Napi::Value launch(const Napi::CallbackInfo& call) {
  Args args(call, "cuda launch");
  const int64_t index = args.integer("kernel"), x = args.integer("gridX", 1), y = args.integer("gridY", 1),
                z = args.integer("gridZ", 1), threads = args.integer("threads", 1),
                sharedBytes = args.integer("sharedBytes");
  const bool overlaps = args.boolean("overlaps"), cooperative = args.boolean("cooperative");
  requireOpen(call.Env(), "launch");
  args.require(index < static_cast<int64_t>(state.kernels.size()), "kernel is not one that kernel() gave");
  Kernel& entry = state.kernels[index];
  std::array<uint64_t, kArguments> values;
  for (size_t i = 0; i < entry.signature.size(); ++i) {
    const double value = state.arguments[i];
    if (entry.signature[i] == 'p') {
      values[i] = static_cast<uint64_t>(value);
    } else if (entry.signature[i] == 'f') {
      const float narrow = static_cast<float>(value);
      std::memcpy(&values[i], &narrow, sizeof narrow);
    } else {
      const uint32_t word = entry.signature[i] == 'u' ? static_cast<uint32_t>(value)
                                                      : static_cast<uint32_t>(static_cast<int32_t>(value));
      std::memcpy(&values[i], &word, sizeof word);
    }
  }
  if (sharedBytes > entry.sharedBytes) {
    check(
        call.Env(), "launch",
        driver().funcSetAttribute(entry.function, cuda::kDynamicSharedBytes, static_cast<int>(sharedBytes)));
    entry.sharedBytes = static_cast<unsigned>(sharedBytes);
  }
  const auto size = [](int64_t n) { return static_cast<unsigned>(n); };
  args.require(!cooperative || driver().launchKernelEx, "cooperative launches need a newer driver");
  const bool mayOverlap = overlaps && state.canOverlap && !state.beside;
  queue(call.Env(), "launch",
        [=, function = entry.function, stream = state.beside ? state.side : state.stream]() mutable {
          void* parameters[kArguments];
          for (int i = 0; i < kArguments; ++i) parameters[i] = &values[i];
          if (!mayOverlap && !cooperative) {
            return driver().launchKernel(function, size(x), size(y), size(z), size(threads), 1, 1,
                                         size(sharedBytes), stream, parameters, nullptr);
          }
          cuda::LaunchAttribute attribute{
              cooperative ? cuda::kCooperative : cuda::kProgrammaticStreamSerialization, {1}};
          const cuda::LaunchConfig config{size(x), size(y),           size(z), size(threads), 1,
                                          1,       size(sharedBytes), stream,  &attribute,    1};
          return driver().launchKernelEx(&config, function, parameters, nullptr);
        });
  return call.Env().Undefined();
}

Napi::Value blas(const Napi::CallbackInfo& call) {
  Napi::Object result = Napi::Object::New(call.Env());
  if (!cuda::blasProblem().empty()) {
    result.Set("problem", cuda::blasProblem());
  } else {
    result.Set("version", static_cast<double>(cuda::blasVersion()));
    result.Set("path", cuda::blasPath());
  }
  return result;
}

Napi::Value gemm(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "gemm");
  size_t next = 0;
  const auto integer = [&] { return static_cast<int64_t>(state.arguments[next++]); };
  cuda::Gemm g{};
  g.m = integer(), g.n = integer(), g.k = integer();
  g.a = integer(), g.lda = integer(), g.transposeA = integer(), g.bfloat16A = integer();
  g.b = integer(), g.ldb = integer(), g.transposeB = integer(), g.bfloat16B = integer();
  g.c = integer(), g.ldc = integer(), g.bfloat16C = integer();
  g.alpha = static_cast<float>(state.arguments[next++]);
  g.beta = static_cast<float>(state.arguments[next++]);
  g.batch = integer(), g.strideA = integer(), g.strideB = integer(), g.strideC = integer();
  g.workspace = integer(), g.workspaceBytes = integer();
  queueFailing(call.Env(), [g]() -> cuda::Failure {
    const std::string wrong = cuda::gemm(g, state.stream);
    if (wrong.empty()) return {};
    return {"cuda gemm [" + std::to_string(g.m) + ", " + std::to_string(g.k) + "] x [" + std::to_string(g.k) +
            ", " + std::to_string(g.n) + "]: " + wrong};
  });
  return call.Env().Undefined();
}

}  // namespace

void addKernels(Entries& entries) {
  entries.add("load", load);
  entries.add("hasKernel", hasKernel);
  entries.add("kernel", kernel);
  entries.add("launch", launch);
  entries.add("blas", blas);
  entries.add("gemm", gemm);
}

}  // namespace mlab::gpu
