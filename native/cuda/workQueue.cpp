#include "workQueue.h"

#include <chrono>
#include <thread>
#include <utility>

namespace mlab::cuda {
namespace {

/** Spins until `there`, for no longer than a few launches take; false when it is not there by then. */
template <class Condition>
bool spin(const Condition& there) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
  do {
    for (int i = 0; i < 64; ++i) {
      if (there()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

WorkQueue::WorkQueue(std::function<void()> first) {
  std::thread([this, first = std::move(first)] {
    first();
    run();
  }).detach();
}

void WorkQueue::push(Work work) {
  const size_t at = pushed_.load(std::memory_order_relaxed);
  if (at - done_.load(std::memory_order_acquire) == kRoom) waitUntilDone(at - kRoom / 2);
  ring_[at % kRoom] = std::move(work);
  pushed_.store(at + 1);
  // Either this sees that the thread sleeps, or the thread sees the work before it sleeps.
  if (!sleeps_.load()) return;
  { const std::lock_guard<std::mutex> lock(mutex_); }
  wake_.notify_one();
}

Failure WorkQueue::drain() {
  waitUntilDone(pushed_.load(std::memory_order_relaxed));
  if (!failed()) return {};
  failed_.store(false);
  return std::exchange(failure_, {});
}

void WorkQueue::waitUntilDone(size_t count) {
  const auto isDone = [&] { return done_.load() >= count; };
  if (spin(isDone)) return;
  isWaitedFor_.store(true);
  std::unique_lock<std::mutex> lock(mutex_);
  finished_.wait(lock, isDone);
  isWaitedFor_.store(false);
}

void WorkQueue::run() {
  for (size_t at = 0;; ++at) {
    const auto isThere = [&] { return pushed_.load() > at; };
    if (!spin(isThere)) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleeps_.store(true);
      wake_.wait(lock, isThere);
      sleeps_.store(false);
    }
    const Work work = std::exchange(ring_[at % kRoom], nullptr);
    if (!failed()) {
      Failure failure = work();
      if (!failure.text.empty()) {
        failure_ = std::move(failure);
        failed_.store(true, std::memory_order_release);
      }
    }
    done_.store(at + 1);
    if (!isWaitedFor_.load()) continue;
    { const std::lock_guard<std::mutex> lock(mutex_); }
    finished_.notify_one();
  }
}

}  // namespace mlab::cuda
