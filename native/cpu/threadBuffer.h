// Memory that a kernel needs while it runs: one buffer a thread and a use, grown when asked and reused.
#pragma once
#include <cstdlib>
#include <new>

#include "simd.h"

namespace mlab::MLAB_ISA {

/** Declare as thread_local; what get() returned is valid, and its contents undefined, until the next get().
 */
class ThreadBuffer {
 public:
  ThreadBuffer() = default;
  ThreadBuffer(const ThreadBuffer&) = delete;
  ThreadBuffer& operator=(const ThreadBuffer&) = delete;
  ~ThreadBuffer() { std::free(data_); }

  /** At least n floats, aligned to a cache line. */
  float* get(int64_t n) {
    if (n > size_) {
      std::free(data_);
      size_ = 0;
      const size_t bytes = (static_cast<size_t>(n) * sizeof(float) + 63) / 64 * 64;
      data_ = static_cast<float*>(std::aligned_alloc(64, bytes));
      if (!data_) throw std::bad_alloc();
      size_ = n;
    }
    return data_;
  }

 private:
  float* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace mlab::MLAB_ISA
