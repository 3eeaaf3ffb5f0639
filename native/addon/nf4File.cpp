// Weights from their files: read by all threads, and quantised on the way, so that a matrix is never in
// memory with more than 4 bits a value. pread, not mmap: a mapped file that shrinks, or whose disk fails,
// ends the process with SIGBUS; here it is an error.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include "../cpu/threads.h"
#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

constexpr int kBlock = 64;
/** Values that a thread reads and quantises at once: both forms stay in its cache. A multiple of kBlock. */
constexpr int64_t kValues = 1 << 16;
/** Bytes that a thread reads at once where nothing is done with them. */
constexpr int64_t kReadBytes = 1 << 22;

class File {
 public:
  File(Napi::Env env, const std::string& path) : path_(path), descriptor_(open(path.c_str(), O_RDONLY)) {
    if (descriptor_ < 0) throw Napi::Error::New(env, path + ": cannot be opened: " + std::strerror(errno));
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /** Says what will be read, so that the disk is busy while the processor is. */
  void announce(int64_t offset, int64_t bytes) const {
#ifdef POSIX_FADV_WILLNEED
    posix_fadvise(descriptor_, offset, bytes, POSIX_FADV_WILLNEED);
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

}  // namespace

Napi::Value readFileEntry(const Napi::CallbackInfo& info) {
  Args args(info, "readFile");
  const std::string path = args.text("path");
  const int64_t offset = args.integer("offset");
  const int64_t size = args.integer("size");
  uint8_t* bytes = args.bytes("bytes", size);
  File file(info.Env(), path);
  file.announce(offset, size);
  inPieces(size, kReadBytes,
           [&](int64_t begin, int64_t end) { return file.read(bytes + begin, end - begin, offset + begin); });
  file.check(info.Env(), offset + size);
  return info.Env().Undefined();
}

Napi::Value quantizeNf4FileEntry(const Napi::CallbackInfo& info) {
  Args args(info, "quantizeNf4File");
  const std::string path = args.text("path");
  const int64_t offset = args.integer("offset");
  const std::string dtype = args.text("dtype");
  args.require(dtype == "F32" || dtype == "F16" || dtype == "BF16",
               "dtype must be \"F32\", \"F16\" or \"BF16\", got \"" + dtype + "\"");
  const int64_t n = args.integer("n");
  uint8_t* packed = args.bytes("packed", (n + 1) / 2);
  float* absmax = args.floats("absmax", (n + kBlock - 1) / kBlock);

  const int64_t width = dtype == "F32" ? 4 : 2;
  File file(info.Env(), path);
  file.announce(offset, n * width);
  std::atomic<int64_t> odd{n};
  inPieces(n, kValues, [&](int64_t begin, int64_t end) {
    thread_local std::unique_ptr<float[]> values(new float[kValues]);
    thread_local std::unique_ptr<uint16_t[]> halves(new uint16_t[kValues]);
    const int64_t count = end - begin;
    void* const to = width == 4 ? static_cast<void*>(values.get()) : halves.get();
    if (!file.read(to, count * width, offset + begin * width)) return false;
    if (dtype == "BF16") kernels().widenBfloat16(halves.get(), count, values.get());
    if (dtype == "F16") kernels().widenFloat16(halves.get(), count, values.get());
    const int64_t bad = begin + kernels().firstNotFinite(values.get(), count);
    for (int64_t seen = odd.load(); bad < end && bad < seen && !odd.compare_exchange_weak(seen, bad);) {
    }
    kernels().quantizeNf4(values.get(), count, kBlock, packed + begin / 2, absmax + begin / kBlock);
    return true;
  });
  file.check(info.Env(), offset + n * width);
  const int64_t first = odd.load();
  return Napi::Number::New(info.Env(), first < n ? static_cast<double>(first) : -1);
}

}  // namespace mlab
