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

class Pool {
 public:
  explicit Pool(int workers) {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }
  int workers() const { return static_cast<int>(threads_.size()); }

  void run(int64_t n, int64_t chunk, const std::function<void(int64_t, int64_t)>& body) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = &body;
      n_ = n;
      chunk_ = chunk;
      next_.store(0);
      busy_.store(workers());
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    drain();
    while (busy_.load(std::memory_order_acquire) != 0) pause();
  }

 private:
  void drain() {
    for (;;) {
      int64_t begin = next_.fetch_add(chunk_);
      if (begin >= n_) return;
      (*body_)(begin, begin + chunk_ < n_ ? begin + chunk_ : n_);
    }
  }
  void work();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> busy_{0};
  std::atomic<int64_t> next_{0};
  const std::function<void(int64_t, int64_t)>* body_ = nullptr;
  int64_t n_ = 0, chunk_ = 1;
  bool stop_ = false;
};

thread_local bool insideParallel = false;

void Pool::work() {
  insideParallel = true;
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load() != seen; });
      seen = generation_.load();
      if (stop_) return;
    }
    drain();
    busy_.fetch_sub(1, std::memory_order_release);
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
