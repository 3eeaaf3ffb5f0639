// What the GPU's entries share: the open device, errors, and the queue through which the driver is called.
#pragma once
#include <napi.h>

#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../cuda/driver.h"
#include "../cuda/workQueue.h"

namespace mlab::gpu {

using cuda::Address;
using cuda::driver;

constexpr int kArguments = 64, kMarks = 64;

struct Kernel {
  cuda::Function function;
  std::string signature;
  unsigned sharedBytes = 48 * 1024;  // what a block may ask for without being allowed more
};

/** A page-locked block for reads: the copy engine needs one to work beside the program. */
struct Staging {
  void* block = nullptr;
  cuda::Event done = nullptr;
};

/** The open device. */
struct State {
  cuda::Context context = nullptr;
  cuda::Stream stream = nullptr;
  /** The second stream, and where it leaves and meets the first one. */
  cuda::Stream side = nullptr;
  cuda::Event left = nullptr, done = nullptr;
  /** Kernels go there. */
  bool beside = false;
  /** Launches may overlap: Hopper or newer, and a driver that keeps it in graphs (CUDA 12.4). */
  bool canOverlap = false;
  std::map<std::string, cuda::Module> modules;
  std::vector<Kernel> kernels;
  std::vector<cuda::Event> marks;
  std::vector<cuda::GraphExec> graphs;
  bool recording = false;
  /** Calls the driver for what is queued; never freed, because its thread waits in it when the process ends.
   */
  cuda::WorkQueue* queue = nullptr;
  /** Free ones by size. */
  std::multimap<size_t, Staging> staging;
  double arguments[kArguments] = {};
  /** The JavaScript thread that opened it; none after that thread has ended. */
  std::thread::id owner;
};

extern State state;

void check(Napi::Env env, const char* function, cuda::Result result);
void raise(Napi::Env env, const cuda::Failure& failure);

/** Waits until the driver has been called for all that was queued; throws what it reported. */
void settle(Napi::Env env);

/**
 * Calls the driver in the order of the calls, later: an error is thrown by a later entry, the one that waits
 * for the work at the latest. While work is recorded it is called at once.
 */
void queueFailing(Napi::Env env, cuda::WorkQueue::Work work);

/** As `queueFailing`, of a call that returns the driver's result. */
template <class Call>
void queue(Napi::Env env, const char* function, Call call) {
  queueFailing(env, [function, call = std::move(call)]() mutable -> cuda::Failure {
    const cuda::Result result = call();
    if (result == 0) return {};
    return {std::string("cuda ") + function + ": " + cuda::describe(result), result == cuda::kOutOfMemory};
  });
}

void requireOpen(Napi::Env env, const char* function);
/** For what must not be part of a graph: it would read or write memory of the host at each replay, or wait.
 */
void requireDirect(Napi::Env env, const char* function);

/** Adds an entry to the addon's object `cuda`. */
class Entries {
 public:
  Entries(Napi::Env env, Napi::Object object) : env_(env), object_(object) {}
  void add(const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    object_.Set(name, Napi::Function::New(env_, function, name));
  }

 private:
  Napi::Env env_;
  Napi::Object object_;
};

void addMemory(Entries& entries);
void addKernels(Entries& entries);
void addCompile(Entries& entries);
void addGraphs(Entries& entries);

}  // namespace mlab::gpu
