#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace mlab {
namespace {

int availableCores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  unsigned n = std::thread::hardware_concurrency();
  return n ? static_cast<int>(n) : 1;
}

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Workers spin for a short while before they sleep: ops follow each other within microseconds.
constexpr int kSpins = 4000;
// The chunk of a ticket with which nothing can be claimed: no job has so many.
constexpr uint64_t kClosed = 0xFFFFFFFF;

/**
 * A job is a row of chunks. `ticket_` holds the job's number and its next chunk in one word, so that whoever
 * claims a chunk knows that the job is the one whose parameters it read: a job is not over while a claimed
 * chunk runs. The caller waits for claimed chunks only, never for a worker that the system has not scheduled.
 */
class Pool {
 public:
  explicit Pool(int workers) {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    stop_.store(true);
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }
  int workers() const { return static_cast<int>(threads_.size()); }

  void run(int64_t n, int64_t chunk, const std::function<void(int64_t, int64_t)>& body) {
    const uint32_t chunks = static_cast<uint32_t>((n + chunk - 1) / chunk);
    // Closed first: a late worker that still holds the last job's ticket must not claim a chunk of this job
    // with it.
    const uint64_t last = ticket_.load() >> 32;
    ticket_.store(last << 32 | kClosed);
    body_.store(&body, std::memory_order_release);
    n_.store(n, std::memory_order_release);
    chunk_.store(chunk, std::memory_order_release);
    chunks_.store(chunks, std::memory_order_release);
    done_.store(0, std::memory_order_release);
    ticket_.store((last + 1) << 32);
    if (sleepers_.load() > 0) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    drain();
    while (done_.load(std::memory_order_acquire) != chunks) pause();
  }

 private:
  void drain() {
    for (uint64_t ticket = ticket_.load();;) {
      // Acquire: who sees a parameter of the next job also sees that the last one's ticket is closed.
      const auto* body = body_.load(std::memory_order_acquire);
      const int64_t n = n_.load(std::memory_order_acquire), chunk = chunk_.load(std::memory_order_acquire);
      const uint32_t chunks = chunks_.load(std::memory_order_acquire);
      const uint32_t index = static_cast<uint32_t>(ticket);
      if (index >= chunks) return;
      // On failure `ticket` is the newest one, perhaps of the next job, and everything is read again.
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
      const int64_t begin = index * chunk;
      (*body)(begin, begin + chunk < n ? begin + chunk : n);
      done_.fetch_add(1, std::memory_order_release);
      ticket = ticket_.load();
    }
  }
  void work();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> ticket_{0};
  std::atomic<uint32_t> chunks_{0}, done_{0};
  std::atomic<int64_t> n_{0}, chunk_{1};
  std::atomic<const std::function<void(int64_t, int64_t)>*> body_{nullptr};
};

thread_local bool insideParallel = false;

void Pool::work() {
  insideParallel = true;
  uint64_t seen = 0;  // the last job that this worker looked at
  const auto news = [&] { return ticket_.load() >> 32 != seen || stop_.load(); };
  for (;;) {
    for (int i = 0; i < kSpins && !news(); ++i) pause();
    if (!news()) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, news);
      sleepers_.fetch_sub(1);
    }
    if (stop_.load()) return;
    seen = ticket_.load() >> 32;
    drain();
  }
}

int wanted = 0;
// Leaked on purpose: joining threads in a static destructor can dead-lock while the process exits.
Pool* pool = nullptr;
// One caller at a time uses the pool; a second JavaScript thread that comes meanwhile runs its work inline.
std::mutex caller;

}  // namespace

int threadCount() {
  if (wanted == 0) wanted = availableCores();
  return wanted;
}

void setThreadCount(int n) {
  std::lock_guard<std::mutex> turn(caller);
  if (n == threadCount()) return;
  wanted = n;
  delete pool;
  pool = nullptr;
}

void parallelFor(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  int threads = threadCount();
  std::unique_lock<std::mutex> turn(caller, std::defer_lock);
  if (insideParallel || threads == 1 || n <= grain || !turn.try_lock()) {
    body(0, n);
    return;
  }
  if (!pool || pool->workers() != threads - 1) {
    delete pool;
    pool = new Pool(threads - 1);
  }
  // A few chunks a thread balance uneven rows; never smaller than the grain.
  int64_t chunk = (n + threads * 4 - 1) / (threads * 4);
  if (chunk < grain) chunk = grain;
  insideParallel = true;
  pool->run(n, chunk, body);
  insideParallel = false;
}

}  // namespace mlab
