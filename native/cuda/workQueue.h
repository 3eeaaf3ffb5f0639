// A thread that calls the driver. Starting a kernel or a product takes the driver 3 to 10 microseconds, and a
// training step has 1,400 of them: on the program's own thread they would be a quarter of its work, which at
// small batches is as long as the GPU's. The order of the calls is kept: what does not go through the queue
// drains it first.
//
// Invariant: one thread pushes and drains, and the queue's thread is the only other one that sees it.
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

namespace mlab::cuda {

/** What went wrong; an empty text is nothing. */
struct Failure {
  std::string text;
  bool outOfMemory = false;
};

class WorkQueue {
 public:
  using Work = std::function<Failure()>;

  /** @param first is called on the new thread before all work */
  explicit WorkQueue(std::function<void()> first);
  /** Waits where kRoom pieces of work are waiting. After a failure work is dropped until the next `drain`. */
  void push(Work work);
  /** Waits until all work was done; the first failure since the last call. */
  Failure drain();
  /** Something has failed: `drain` says what. */
  bool failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  static constexpr size_t kRoom = 1024;
  void run();
  void waitUntilDone(size_t count);

  std::array<Work, kRoom> ring_;
  std::atomic<size_t> pushed_{0}, done_{0};
  std::atomic<bool> sleeps_{false}, isWaitedFor_{false}, failed_{false};
  Failure failure_;
  std::mutex mutex_;
  std::condition_variable wake_, finished_;
};

}  // namespace mlab::cuda
