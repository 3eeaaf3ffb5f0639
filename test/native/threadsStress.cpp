// Jobs of 2 and of 16 chunks in turn, and jobs of phases, as fast as they go, for the seconds of the first
// argument: each item must be done exactly once, and no chunk of a phase before all of the last one. A worker
// that comes late from one job or phase into the next is what this looks for; a job that never ends shows as
// a program that does not. Before that: a system that gives no threads is no error, and what a chunk throws
// reaches the caller when the others are done.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>
#if defined(__linux__) && !defined(MLAB_SANITIZED)
#include <sys/resource.h>
#endif

#include "../../native/cpu/phases.h"
#include "../../native/cpu/threads.h"

namespace {

/** Phases of 1 to 7 chunks, each of which notes itself and looks at those of the phase before. */
struct Phased {
  struct Local {
    long chunks = 0;
  };
  static constexpr int64_t kPhases = 40;
  mutable std::atomic<int> done[kPhases] = {};
  mutable std::atomic<long> wrong{0};
  /** The phase whose first chunk throws. */
  int64_t throwing = -1;

  int64_t threads() const { return 4; }
  int64_t phases() const { return kPhases; }
  int64_t chunks(int64_t phase) const { return phase * 5 % 7 + 1; }
  void run(int64_t phase, int64_t chunk, Local& local) const {
    ++local.chunks;
    if (chunk < 0 || chunk >= chunks(phase)) ++wrong;
    if (phase > 0 && done[phase - 1].load(std::memory_order_relaxed) != chunks(phase - 1)) ++wrong;
    done[phase].fetch_add(1, std::memory_order_relaxed);
    if (phase == throwing && chunk == 0) throw std::runtime_error("chunk");
  }
};

/** Items of a job of 16 that were not done exactly once. */
long wrongItems() {
  std::vector<std::atomic<int>> times(16);
  mlab::parallelFor(16, 1, [&](int64_t begin, int64_t stop) {
    for (int64_t i = begin; i < stop; ++i) times[i]++;
  });
  long wrong = 0;
  for (const auto& count : times) wrong += count != 1;
  return wrong;
}

/** Work without a thread but the caller's: no stack can be had for another one. */
long withoutThreads() {
#if defined(__linux__) && !defined(MLAB_SANITIZED)
  rlimit space;
  getrlimit(RLIMIT_AS, &space);
  const rlimit none{1 << 20, space.rlim_max};
  setrlimit(RLIMIT_AS, &none);
  bool refused = false;
  try {
    std::thread([] {}).join();
  } catch (const std::system_error&) {
    refused = true;
  }
  const long wrong = wrongItems();
  setrlimit(RLIMIT_AS, &space);
  return refused ? wrong : 1;
#else
  return 0;
#endif
}

template <class Job>
bool throws(const Job& job) {
  try {
    job();
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

/** Each chunk in turn throws, the caller's and the workers'; afterwards all goes on. */
long thrown() {
  long wrong = 0;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> done{0};
    wrong += !throws([&] {
      mlab::parallelFor(16, 1, [&](int64_t begin, int64_t) {
        ++done;
        if (begin == round % 16) throw std::runtime_error("chunk");
      });
    });
    Phased phased;
    phased.throwing = round % Phased::kPhases;
    wrong += !throws([&] { mlab::scalar::Phases<Phased>::run(phased); });
    wrong += done != 16 || phased.wrong != 0 || wrongItems() != 0;
  }
  return wrong;
}

}  // namespace

int main(int, char** arguments) {
  mlab::setThreadCount(4);
  const long alone = withoutThreads();
  mlab::setThreadCount(3);
  mlab::setThreadCount(4);  // a pool of its full size
  const long failures = thrown();
  std::printf("%ld wrong without threads, %ld after exceptions\n", alone, failures);
  std::vector<std::atomic<int>> times(16);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(arguments[1]));
  long jobs = 0, wrong = 0;
  for (; std::chrono::steady_clock::now() < end; ++jobs) {
    const int64_t n = jobs % 2 ? 16 : 2;
    for (auto& count : times) count = 0;
    mlab::parallelFor(n, 1, [&](int64_t begin, int64_t stop) {
      for (int64_t i = begin; i < stop; ++i) times[i]++;
    });
    for (int64_t i = 0; i < n; ++i) wrong += times[i] != 1;
    const Phased phased;
    mlab::scalar::Phases<Phased>::run(phased);
    for (int64_t phase = 0; phase < Phased::kPhases; ++phase)
      wrong += phased.done[phase] != phased.chunks(phase);
    wrong += phased.wrong;
  }
  std::printf("%ld jobs, %ld items not done exactly once\n", jobs, wrong);
  std::fflush(stdout);
  std::_Exit(wrong + alone + failures != 0);  // the workers of the pool are still there
}
