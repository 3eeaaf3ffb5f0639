// Kernels compiled at run time, each on a thread of its own.
#include <napi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <sstream>
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
  std::vector<std::string> options;
  cuda::NamedText source;
  std::vector<cuda::NamedText> headers;
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

/** A process that ends takes NVRTC away from threads that are in it, so it waits for them. */
void waitBeforeExit() {
  // Not a cleanup hook: process.exit() runs none.
  static const int registered = std::atexit([] {
    while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  (void)registered;
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
  std::istringstream words(args.text("options"));
  const std::string name = args.text("name"), source = args.text("source");
  std::vector<cuda::NamedText> headers;
  while (args.left()) {
    const std::string header = args.text("header's name");
    headers.push_back({header, args.text("header's text")});
  }
  waitBeforeExit();
  Job* job = new Job{{std::istream_iterator<std::string>(words), {}},
                     {name, source},
                     std::move(headers),
                     Napi::Promise::Deferred::New(env),
                     {},
                     {}};
  const Napi::Function none = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  job->finish = Napi::ThreadSafeFunction::New(env, none, "cuda compile", 0, 1);
  const Napi::Promise promise = job->deferred.Promise();
  ++running;
  std::thread([job] {
    job->result = cuda::compile(job->options, job->source, job->headers);
    // The main thread deletes the job; one that ends the process takes it no more.
    Napi::ThreadSafeFunction finish = job->finish;
    --running;
    if (finish.BlockingCall(job, settleJob) == napi_ok)
      finish.Release();
    else
      delete job;  // the worker that asked has ended, and its function with it
  }).detach();
  return promise;
}

}  // namespace

void addCompile(Entries& entries) {
  entries.add("nvrtc", nvrtc);
  entries.add("compile", compile);
}

}  // namespace mlab::gpu
