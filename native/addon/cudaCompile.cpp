// Kernels compiled at run time, each on a thread of its own.
#include <napi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
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

void waitForAll() {
  while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/**
 * Whoever ends waits for the threads: a process takes NVRTC and its own loop away from those that are in
 * them, and a worker its functions from those that are about to call one. Called behind the making of such a
 * function, as hooks run in reverse order.
 */
void waitAtTheEndOf(Napi::Env env) {
  env.AddCleanupHook(waitForAll);
  // process.exit() and an error that nobody catches run no cleanup hooks, and C's exit handlers come too
  // late.
  static thread_local bool isTold = false;
  if (isTold) return;
  isTold = true;
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const auto wait = [](const Napi::CallbackInfo&) { waitForAll(); };
  process.Get("once").As<Napi::Function>().Call(
      process, {Napi::String::New(env, "exit"), Napi::Function::New(env, wait)});
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
  Job* job = new Job{{std::istream_iterator<std::string>(words), {}},
                     {name, source},
                     std::move(headers),
                     Napi::Promise::Deferred::New(env),
                     {},
                     {}};
  const Napi::Function none = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  job->finish = Napi::ThreadSafeFunction::New(env, none, "cuda compile", 0, 1);
  waitAtTheEndOf(env);
  const Napi::Promise promise = job->deferred.Promise();
  const auto work = [job] {
    job->result = cuda::compile(job->options, job->source, job->headers);
    Napi::ThreadSafeFunction finish = job->finish;  // settleJob deletes the job
    finish.BlockingCall(job, settleJob);
    finish.Release();
    --running;
  };
  ++running;
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {
    --running;
    job->finish.Release();
    delete job;
    throw Napi::Error::New(env, "cuda compile: the system starts no more threads");
  }
  return promise;
}

}  // namespace

void addCompile(Entries& entries) {
  entries.add("nvrtc", nvrtc);
  entries.add("compile", compile);
}

}  // namespace mlab::gpu
