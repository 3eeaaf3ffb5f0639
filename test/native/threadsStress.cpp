// Jobs of 2 and of 16 chunks in turn, as fast as they go, for the seconds of the first argument: each item
// must be done exactly once. A worker that comes late from one job into the next is what this looks for; a
// job that never ends shows as a program that does not.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/cpu/threads.h"

int main(int, char** arguments) {
  mlab::setThreadCount(4);
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
  }
  std::printf("%ld jobs, %ld items not done exactly once\n", jobs, wrong);
  std::fflush(stdout);
  std::_Exit(wrong != 0);  // the workers of the pool are still there
}
