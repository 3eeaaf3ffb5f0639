// Reading files on all threads. pread, not mmap: a mapped file that shrinks, or whose disk fails, ends the
// process with SIGBUS; here it is an error.
#pragma once
#include <fcntl.h>
#include <napi.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "../cpu/threads.h"

namespace mlab {

class File {
 public:
  File(Napi::Env env, const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw Napi::Error::New(env, path + ": cannot be opened: " + std::strerror(errno));
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /** Says what will be read, so that the disk is busy while the processor is. */
  void announce(int64_t offset, int64_t bytes) const {
#ifdef POSIX_FADV_WILLNEED
    posix_fadvise(descriptor_, offset, bytes, POSIX_FADV_WILLNEED);
#else
    (void)offset, (void)bytes;
#endif
  }

  /** Called by many threads. False when it could not be read; `check` says why. */
  bool read(void* to, int64_t bytes, int64_t offset) {
    for (int64_t done = 0; done < bytes;) {
      const ssize_t got = pread(descriptor_, static_cast<char*>(to) + done, bytes - done, offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        problem_.store(got < 0 ? errno : kEnded);
        return false;
      }
      done += got;
    }
    return true;
  }

  /** @throws what went wrong; `end` is where the file must not end before */
  void check(Napi::Env env, int64_t end) const {
    const int problem = problem_.load();
    if (problem == 0) return;
    const std::string why =
        problem == kEnded ? "became shorter while it was read: expected " + std::to_string(end) + " bytes"
                          : std::string("cannot be read: ") + std::strerror(problem);
    throw Napi::Error::New(env, path_ + ": " + why);
  }

 private:
  static constexpr int kEnded = -1;
  const std::string path_;
  const int descriptor_;
  std::atomic<int> problem_{0};
};

/** Calls body(begin, end) for pieces of [0, n), in their order and on all threads, until one returns false.
 */
template <class Body>
void inPieces(int64_t n, int64_t piece, const Body& body) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> going{true};
  parallelFor(threadCount(), 1, [&](int64_t first, int64_t last) {
    for (; first < last; ++first) {
      while (going.load()) {
        const int64_t begin = next.fetch_add(piece);
        if (begin >= n) break;
        if (!body(begin, begin + piece < n ? begin + piece : n)) going.store(false);
      }
    }
  });
}

}  // namespace mlab
