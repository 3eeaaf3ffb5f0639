#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
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

// Workers spin for a short while before they sleep, 0.2 ms: ops follow each other within microseconds, the
// tokens of a small model within 0.1 ms, and to wake a thread takes 50 microseconds on a virtual machine.
constexpr int kSpins = 8000;

/** One job's parameters, as every slot carries them. */
struct JobView {
  std::atomic<RangeBody::Call> call{nullptr};
  std::atomic<const void*> context{nullptr};
  std::atomic<uint64_t> size{0};  // items << 16 | chunks
};

/**
 * One thread's share of a job. A cache line takes a quarter of a microsecond from core to core on some
 * machines, as long as the smallest jobs, so all that a worker needs to begin lies in the line that it waits
 * on, and a claim stays in the line of the thread that makes it, unless it takes a chunk of another's share.
 */
struct alignas(128) Slot {
  /** job << 32 | end of the share << 16 | next chunk of the share that nobody has claimed. */
  std::atomic<uint64_t> state{0};
  /** By the job's lowest bit: a late thread may still look at the last job's parameters. */
  JobView jobs[2];
  /** Chunks that this thread has run, ever. */
  alignas(64) std::atomic<uint64_t> finished{0};
};

/**
 * A job is a row of chunks, cut into a share for each thread; who is through with his own takes from the
 * others. A claim is an exchange of a slot's state, which names the job, so whoever claims a chunk knows that
 * the job is the one whose parameters it read: a job is not over while a chunk of it can be claimed, and its
 * parameters stay until the job after the next. The caller waits for claimed chunks only, never for a worker
 * that the system has not scheduled.
 */
class Pool {
 public:
  explicit Pool(int workers) : slots_(new Slot[workers + 1]), count_(workers + 1) {
    threads_.reserve(workers);
    try {
      for (int i = 1; i <= workers; ++i) threads_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      // The system gives no more threads (a container's limit of processes): those that are there take the
      // shares of the others, and the results stay the same.
    }
  }
  ~Pool() {
    stop_.store(true);
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }
  /** As asked for; there may be fewer. */
  int workers() const { return count_ - 1; }

  /** @throws what a chunk threw, the first to do so, when all chunks are done */
  void run(int64_t n, uint64_t chunks, const RangeBody& body) {
    const uint64_t job = ++job_ & 0xFFFFFFFF;
    for (int thread = count_ - 1; thread >= 0; --thread) {
      Slot& slot = slots_[thread];
      JobView& view = slot.jobs[job & 1];
      view.call.store(body.call, std::memory_order_relaxed);
      view.context.store(body.context, std::memory_order_relaxed);
      view.size.store(static_cast<uint64_t>(n) << 16 | chunks, std::memory_order_relaxed);
      const uint64_t begin = chunks * thread / count_, end = chunks * (thread + 1) / count_;
      // The caller's first chunk is claimed from the start.
      slot.state.store(job << 32 | end << 16 | (begin + (thread == 0 && begin < end)),
                       std::memory_order_release);
    }
    wake();
    uint64_t mine = 0;
    if (chunks >= static_cast<uint64_t>(count_)) {
      runChunk(body.call, body.context, 0, rangeBegin(n, 1, chunks));
      ++mine;
      wake();  // for a worker that fell asleep while the job was published: neither saw the other
    }
    finish(0, mine);
    drain(0);
    expected_ += chunks;
    for (int looks = 0; finishedChunks() != expected_; ++looks) {
      // Whoever holds the last chunk may be waiting for this core.
      if (looks < kSpins)
        pause();
      else
        std::this_thread::yield();
    }
    if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  /** What a chunk throws must not leave its thread, nor leave the others at work for a caller who is gone. */
  void runChunk(RangeBody::Call call, const void* context, int64_t begin, int64_t end) {
    try {
      call(context, begin, end);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_.store(true);
    }
  }
  static int64_t rangeBegin(int64_t n, uint64_t chunk, uint64_t chunks) {
    return static_cast<int64_t>(static_cast<uint64_t>(n) * chunk / chunks);
  }
  void wake() {
    if (sleepers_.load() == 0) return;
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  void finish(int self, uint64_t chunks) {
    std::atomic<uint64_t>& finished = slots_[self].finished;
    finished.store(finished.load(std::memory_order_relaxed) + chunks, std::memory_order_release);
  }
  uint64_t finishedChunks() const {
    uint64_t total = 0;
    for (int i = 0; i < count_; ++i) total += slots_[i].finished.load(std::memory_order_acquire);
    return total;
  }
  void drain(int self) {
    for (int i = 0; i < count_; ++i) {
      Slot& slot = slots_[(self + i) % count_];
      uint64_t state = slot.state.load(std::memory_order_acquire);
      while ((state & 0xFFFF) < (state >> 16 & 0xFFFF)) {
        const JobView& view = slot.jobs[state >> 32 & 1];
        const RangeBody::Call call = view.call.load(std::memory_order_relaxed);
        const void* context = view.context.load(std::memory_order_relaxed);
        const uint64_t size = view.size.load(std::memory_order_relaxed);
        // On failure `state` is the newest one, perhaps of the next job, and everything is read again.
        if (!slot.state.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                              std::memory_order_acquire))
          continue;
        const int64_t n = static_cast<int64_t>(size >> 16);
        const uint64_t chunk = state & 0xFFFF, chunks = size & 0xFFFF;
        runChunk(call, context, rangeBegin(n, chunk, chunks), rangeBegin(n, chunk + 1, chunks));
        finish(self, 1);
        state = slot.state.load(std::memory_order_acquire);
      }
    }
  }
  void work(int self);

  std::unique_ptr<Slot[]> slots_;  // the caller's first
  const int count_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false}, failed_{false};
  std::exception_ptr failure_;
  uint64_t job_ = 0, expected_ = 0;  // the caller's
};

thread_local bool insideParallel = false;

void Pool::work(int self) {
  insideParallel = true;
  const std::atomic<uint64_t>& state = slots_[self].state;
  uint64_t seen = 0;  // the last job that this worker looked at
  const auto news = [&] { return state.load() >> 32 != seen || stop_.load(); };
  for (;;) {
    for (int i = 0; i < kSpins && !news(); ++i) pause();
    if (!news()) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, news);
      sleepers_.fetch_sub(1);
    }
    if (stop_.load()) return;
    seen = state.load() >> 32;
    drain(self);
  }
}

std::atomic<int> wanted{0};
// Leaked on purpose: joining threads in a static destructor can dead-lock while the process exits.
Pool* pool = nullptr;
// One caller at a time uses the pool; a second JavaScript thread that comes meanwhile runs its work inline.
std::mutex caller;

}  // namespace

int threadCount() {
  if (const int n = wanted.load(std::memory_order_relaxed)) return n;
  int none = 0;
  const int cores = availableCores();
  return wanted.compare_exchange_strong(none, cores) ? cores : none;
}

void setThreadCount(int n) {
  std::lock_guard<std::mutex> turn(caller);
  if (n == threadCount()) return;
  wanted = n;
  delete pool;
  pool = nullptr;
}

void parallelFor(int64_t n, int64_t grain, const RangeBody& body) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  int threads = threadCount();
  std::unique_lock<std::mutex> turn(caller, std::defer_lock);
  if (insideParallel || threads == 1 || n < 2 * grain || !turn.try_lock()) {
    body.call(body.context, 0, n);
    return;
  }
  if (!pool || pool->workers() != threads - 1) {
    delete pool;
    pool = nullptr;
    pool = new Pool(threads - 1);
  }
  // A few chunks a thread balance uneven rows; never smaller than the grain, and as many for each thread.
  int64_t chunks = n / grain < threads * 4 ? n / grain : threads * 4;
  if (chunks > threads) chunks -= chunks % threads;
  insideParallel = true;
  struct Leave {
    ~Leave() { insideParallel = false; }
  } const leave;
  pool->run(n, static_cast<uint64_t>(chunks), body);
}

}  // namespace mlab
