// The open device, and how its errors reach JavaScript.
#include "cudaState.h"

namespace mlab::gpu {

State state;

void check(Napi::Env env, const char* function, cuda::Result result) {
  if (result == 0) return;
  Napi::Error error = Napi::Error::New(env, std::string("cuda ") + function + ": " + cuda::describe(result));
  if (result == cuda::kOutOfMemory) error.Set("code", Napi::String::New(env, "OUT_OF_MEMORY"));
  throw error;
}

void raise(Napi::Env env, const cuda::Failure& failure) {
  if (failure.text.empty()) return;
  Napi::Error error = Napi::Error::New(env, failure.text);
  if (failure.outOfMemory) error.Set("code", Napi::String::New(env, "OUT_OF_MEMORY"));
  throw error;
}

void settle(Napi::Env env) {
  if (state.queue) raise(env, state.queue->drain());
}

void queueFailing(Napi::Env env, cuda::WorkQueue::Work work) {
  if (state.recording) {
    raise(env, work());
    return;
  }
  if (state.queue->failed()) settle(env);
  state.queue->push(std::move(work));
}

void requireOpen(Napi::Env env, const char* function) {
  // Nothing here has a lock: it would be paid 1,400 times a step for what nobody needs.
  if (state.stream && state.owner == std::this_thread::get_id()) return;
  throw Napi::Error::New(env, std::string("cuda ") + function +
                                  (state.stream ? ": another thread of this process has opened the GPU"
                                                : ": open a device first"));
}

void requireDirect(Napi::Env env, const char* function) {
  requireOpen(env, function);
  if (!state.recording) {
    settle(env);
    return;
  }
  throw Napi::Error::New(env, std::string("cuda ") + function +
                                  ": not possible while work is recorded; run the work once before, so that "
                                  "everything it needs is there");
}

}  // namespace mlab::gpu
