// What this machine can do at best with this instruction set, measured: the yardsticks of the benchmarks.
#include <atomic>
#include <chrono>

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

typedef std::chrono::steady_clock Clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/** Runs measure() on every thread at once and adds up the rates it returns. */
template <class Measure>
double onAllThreads(const Measure& measure) {
  std::atomic<int64_t> total{0};  // rates are far above 1, so whole numbers lose nothing
  const int threads = threadCount();
  parallelFor(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) total.fetch_add(static_cast<int64_t>(measure(t, threads)));
  });
  return static_cast<double>(total.load());
}

/** Keeps a value alive without storing it; the compiler must believe that it changes. */
inline void touch(Vec& v) {
#if defined(__x86_64__)
  asm volatile("" : "+v"(v));
#else
  asm volatile("" : "+w"(v));
#endif
}

}  // namespace

double peakFlops(double seconds) {
  return onAllThreads([&](int64_t, int64_t) {
    constexpr int kChains = 12,
                  kSteps = 4096;  // 12 chains hide a latency of 4 on two units, and fit 16 registers
    Vec chain[kChains];
    for (int i = 0; i < kChains; ++i) chain[i] = splat(1.0f + static_cast<float>(i));
    Vec factor = splat(0.999f), addend = splat(0.001f);
    touch(factor);
    touch(addend);
    const Clock::time_point start = Clock::now();
    double rounds = 0, elapsed = 0;
    do {
      for (int step = 0; step < kSteps; ++step)
#pragma GCC unroll 12
        for (int i = 0; i < kChains; ++i) chain[i] = chain[i] * factor + addend;
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) touch(chain[i]);
      ++rounds;
      elapsed = secondsSince(start);
    } while (elapsed < seconds);
    return rounds * kSteps * kChains * W * 2 / elapsed;
  });
}

double readBandwidth(const float* buffer, int64_t n, double seconds, int64_t jobValues) {
  constexpr int kSums = 8;
  /** Adds up values in passing, and returns how many. */
  const auto read = [](const float* from, const float* end) {
    Vec sums[kSums] = {};
    const float* at = from;
    for (; at + kSums * W <= end; at += kSums * W)
#pragma GCC unroll 8
      for (int s = 0; s < kSums; ++s) sums[s] += load(at + s * W);
#pragma GCC unroll 8
    for (int s = 0; s < kSums; ++s) touch(sums[s]);
    return at - from;
  };
  if (jobValues > 0 && jobValues <= n) {
    const Clock::time_point start = Clock::now();
    double jobs = 0, elapsed = 0;
    do {
      for (int64_t at = 0; at + jobValues <= n; at += jobValues, ++jobs)
        parallelFor(threadCount(), 1, [&](int64_t begin, int64_t end) {
          const float* job = buffer + at;
          read(job + jobValues * begin / threadCount(), job + jobValues * end / threadCount());
        });
      elapsed = secondsSince(start);
    } while (elapsed < seconds);
    return jobs * static_cast<double>(jobValues) * sizeof(float) / elapsed;
  }
  return onAllThreads([&](int64_t thread, int64_t threads) {
    const float *begin = buffer + n * thread / threads, *end = buffer + n * (thread + 1) / threads;
    const Clock::time_point start = Clock::now();
    double values = 0, elapsed = 0;
    do {
      values += static_cast<double>(read(begin, end));
      elapsed = secondsSince(start);
    } while (elapsed < seconds);
    return values * sizeof(float) / elapsed;
  });
}

}  // namespace mlab::MLAB_ISA
