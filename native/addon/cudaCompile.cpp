// Kernels compiled at run time, each on a thread of its own.
#include <napi.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "../cuda/nvrtc.h"
#include "args.h"
#include "cudaState.h"

namespace mlab::gpu {
namespace {

std::atomic<int> running{0};

struct Job {
  cuda::NamedText source;
  std::vector<cuda::NamedText> headers;
  std::string target;
  Napi::Promise::Deferred deferred;
  Napi::ThreadSafeFunction finish;
  cuda::Compiled result;
};

void settleJob(Napi::Env env, Napi::Function, Job* job) {
  const cuda::Compiled& result = job->result;
  if (result.problem.empty()) {
    Napi::Uint8Array image = Napi::Uint8Array::New(env, result.image.size());
    std::copy(result.image.begin(), result.image.end(), image.Data());
    job->deferred.Resolve(image);
  } else {
    job->deferred.Reject(Napi::Error::New(env, result.problem).Value());
  }
  delete job;
}

/** A process that ends takes NVRTC away from threads that are in it. */
void waitForJobs() {
  while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Napi::Value nvrtc(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Napi::Object result = Napi::Object::New(env);
  if (!cuda::nvrtcProblem().empty()) {
    result.Set("problem", cuda::nvrtcProblem());
    return result;
  }
  result.Set("version", cuda::nvrtcVersion());
  result.Set("path", cuda::nvrtcPath());
  Napi::Array targets = Napi::Array::New(env);
  for (const int target : cuda::nvrtcTargets()) targets.Set(targets.Length(), target);
  result.Set("targets", targets);
  return result;
}

Napi::Value compile(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda compile");
  const std::string target = args.text("target"), name = args.text("name"), source = args.text("source");
  std::vector<cuda::NamedText> headers;
  while (args.left()) {
    const std::string header = args.text("header's name");
    headers.push_back({header, args.text("header's text")});
  }
  static const bool hooked = (env.AddCleanupHook(waitForJobs), true);
  static_cast<void>(hooked);
  Job* job = new Job{{name, source}, std::move(headers), target, Napi::Promise::Deferred::New(env), {}, {}};
  const Napi::Function none = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  job->finish = Napi::ThreadSafeFunction::New(env, none, "cuda compile", 0, 1);
  const Napi::Promise promise = job->deferred.Promise();
  ++running;
  std::thread([job] {
    job->result = cuda::compile(job->source, job->headers, job->target);
    // Where the process ends nobody takes the job any more, and it is left.
    Napi::ThreadSafeFunction finish = job->finish;
    finish.BlockingCall(job, settleJob);
    finish.Release();
    --running;
  }).detach();
  return promise;
}

}  // namespace

void addCompile(Entries& entries) {
  entries.add("nvrtc", nvrtc);
  entries.add("compile", compile);
}

}  // namespace mlab::gpu
