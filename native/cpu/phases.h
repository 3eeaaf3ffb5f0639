// A job of phases. A phase is a row of chunks and begins when all chunks of the phase before are done; every
// thread sees that for itself, so from phase to phase nothing is handed over and nobody is woken.
//
// Invariant: a phase's chunks may read what phases before it wrote, and write what none of its other chunks
// touches. As in a plain job, nobody waits for a thread that the system has not scheduled: a chunk that its
// own thread does not claim is taken by another. Chunks never depend on who runs them.
#pragma once
#include <atomic>
#include <exception>
#include <memory>
#include <thread>

#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {

/**
 * Work has:
 *   int64_t threads() const;                               at most so many take part
 *   int64_t phases() const;
 *   int64_t chunks(int64_t phase) const;                   at least 1, below 2^16
 *   typename Work::Local                                   what a thread keeps from chunk to chunk
 *   void run(int64_t phase, int64_t chunk, Local&) const;
 */
template <class Work>
class Phases {
 public:
  /** @throws what a chunk threw, the first to do so; the phases behind it were run all the same */
  static void run(const Work& work) {
    const Phases phases(work, work.threads());
    parallelFor(phases.threads_, 1, [&](int64_t begin, int64_t end) {
      // A thread that is given several shares is the only one.
      for (int64_t self = begin; self < end; ++self) phases.take(self, end - begin > 1);
    });
    if (phases.failure_) std::rethrow_exception(phases.failure_);
  }

 private:
  /** A line for what others look at only when they are idle, and one for what they wait for. */
  struct Slot {
    /** phase << 16 | next chunk of this thread's share that nobody has claimed. */
    alignas(128) std::atomic<uint64_t> claims{0};
    /** Chunks that this thread has run. */
    alignas(128) std::atomic<int64_t> finished{0};
  };
  /** Looks at the other threads' progress before their chunks are taken: some 10 microseconds. */
  static constexpr int kPatience = 500;
  /** The same before the core is offered to others: chunks of large layers differ by 100 microseconds. */
  static constexpr int kLongWait = 10000;

  Phases(const Work& work, int64_t threads) : work_(work), threads_(threads), slots_(new Slot[threads]) {}

  int64_t share(int64_t phase, int64_t thread) const { return work_.chunks(phase) * thread / threads_; }

  int64_t finished() const {
    int64_t total = 0;
    for (int64_t t = 0; t < threads_; ++t) total += slots_[t].finished.load(std::memory_order_acquire);
    return total;
  }

  /** A chunk of the share of `thread`, or -1. The phase has begun. */
  int64_t claim(int64_t phase, int64_t thread) const {
    const int64_t begin = share(phase, thread), count = share(phase, thread + 1) - begin;
    std::atomic<uint64_t>& claims = slots_[thread].claims;
    uint64_t seen = claims.load(std::memory_order_relaxed);
    for (;;) {
      // An older phase: all its chunks are done, or this one would not have begun. A newer one: this one is
      // over.
      const int64_t at = static_cast<int64_t>(seen >> 16);
      const int64_t next = at == phase ? static_cast<int64_t>(seen & 0xFFFF) : 0;
      if (at > phase || next >= count) return -1;
      const uint64_t taken = static_cast<uint64_t>(phase) << 16 | static_cast<uint64_t>(next + 1);
      if (claims.compare_exchange_weak(seen, taken, std::memory_order_relaxed)) return begin + next;
    }
  }

  /** A chunk that throws is done, or the other threads would wait for it for ever. */
  void runChunk(int64_t phase, int64_t chunk, typename Work::Local& local) const {
    try {
      work_.run(phase, chunk, local);
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  /** isAlone: the others' chunks are taken at once, as there is nobody else, or was not in the last phase. */
  void take(int64_t self, bool isAlone) const {
    typename Work::Local local;
    std::atomic<int64_t>& done = slots_[self].finished;
    int64_t ended = 0;  // chunks of the phases before
    for (int64_t phase = 0; phase < work_.phases(); ++phase) {
      const auto runAll = [&](int64_t thread) {
        bool any = false;
        for (int64_t chunk; (chunk = claim(phase, thread)) >= 0; any = true) {
          runChunk(phase, chunk, local);
          done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
        return any;
      };
      runAll(self);
      ended += work_.chunks(phase);
      wait(ended, isAlone ? 0 : kPatience, [&] {
        isAlone = false;
        for (int64_t i = 1; i < threads_; ++i) isAlone |= runAll((self + i) % threads_);
      });
    }
  }

  /** Until so many chunks are done. */
  template <class Help>
  void wait(int64_t ended, int patience, const Help& help) const {
    for (int64_t looks = 0; finished() < ended; ++looks) {
      if (looks == patience) help();
      // Whoever is waited for may be waiting for this core.
      if (looks > kLongWait) std::this_thread::yield();
      pause();
    }
  }

  static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#endif
  }

  const Work& work_;
  const int64_t threads_;
  const std::unique_ptr<Slot[]> slots_;
  mutable std::atomic<bool> failed_{false};
  /** Of the thread that set `failed_`; read when all have left. */
  mutable std::exception_ptr failure_;
};

}  // namespace mlab::MLAB_ISA
