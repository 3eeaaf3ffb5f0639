// Weights from their files: read by all threads, and quantised on the way, so that a matrix is never in
// memory with more than 4 bits a value.
#include <atomic>
#include <memory>

#include "args.h"
#include "entries.h"
#include "file.h"

namespace mlab {
namespace {

constexpr int kBlock = 64;
/** Values that a thread reads and quantises at once: both forms stay in its cache. A multiple of kBlock. */
constexpr int64_t kValues = 1 << 16;
/** Bytes that a thread reads at once where nothing is done with them. */
constexpr int64_t kReadBytes = 1 << 22;

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
  uint8_t* packed = args.bytes("packed", wholes(n, 2));
  float* absmax = args.floats("absmax", wholes(n, kBlock));

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
