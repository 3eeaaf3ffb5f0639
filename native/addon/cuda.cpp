// The GPU's entries: memory, kernels, products and graphs on one device and one stream, beside which a second
// one may run kernels for a while. Signatures and
// meaning: sdk/backend/cuda/driver.ts.
#include <fcntl.h>
#include <napi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../cpu/threads.h"
#include "../cuda/blas.h"
#include "../cuda/driver.h"
#include "../cuda/workQueue.h"
#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

using cuda::Address;
using cuda::driver;

constexpr int kArguments = 64, kMarks = 64;

struct Kernel {
  cuda::Function function;
  std::string signature;
  unsigned sharedBytes = 48 * 1024;  // what a block may ask for without being allowed more
};

/** A page-locked block for reads: the copy engine needs one to work beside the program. */
struct Staging {
  void* block = nullptr;
  cuda::Event done = nullptr;
};

/** The open device. */
struct State {
  cuda::Context context = nullptr;
  cuda::Stream stream = nullptr;
  /** The second stream, and where it leaves and meets the first one. */
  cuda::Stream side = nullptr;
  cuda::Event left = nullptr, done = nullptr;
  /** Kernels go there. */
  bool beside = false;
  /** Launches may overlap: Hopper or newer, and a driver that keeps it in graphs (CUDA 12.4). */
  bool canOverlap = false;
  std::map<std::string, cuda::Module> modules;
  std::vector<Kernel> kernels;
  std::vector<cuda::Event> marks;
  std::vector<cuda::GraphExec> graphs;
  bool recording = false;
  /** Calls the driver for what is queued; never freed, because its thread waits in it when the process ends.
   */
  cuda::WorkQueue* queue = nullptr;
  /** Free ones by size. */
  std::multimap<size_t, Staging> staging;
  double arguments[kArguments] = {};
} state;

void check(Napi::Env env, const char* function, cuda::Result result) {
  if (result == 0) return;
  Napi::Error error = Napi::Error::New(env, std::string("cuda ") + function + ": " + cuda::describe(result));
  if (result == cuda::kOutOfMemory) error.Set("code", Napi::String::New(env, "OUT_OF_MEMORY"));
  throw error;
}

void raise(Napi::Env env, const cuda::Failure& failure) {
  if (failure.text.empty()) return;
  Napi::Error error = Napi::Error::New(env, failure.text);
  if (failure.outOfMemory) error.Set("code", Napi::String::New(env, "OUT_OF_MEMORY"));
  throw error;
}

/** Waits until the driver has been called for all that was queued; throws what it reported. */
void settle(Napi::Env env) {
  if (state.queue) raise(env, state.queue->drain());
}

/**
 * Calls the driver in the order of the calls, later: an error is thrown by a later entry, the one that waits
 * for the work at the latest. While work is recorded it is called at once.
 */
void queueFailing(Napi::Env env, cuda::WorkQueue::Work work) {
  if (state.recording) {
    raise(env, work());
    return;
  }
  if (state.queue->failed()) settle(env);
  state.queue->push(std::move(work));
}
/** As `queueFailing`, of a call that returns the driver's result. */
template <class Call>
void queue(Napi::Env env, const char* function, Call call) {
  queueFailing(env, [function, call = std::move(call)]() mutable -> cuda::Failure {
    const cuda::Result result = call();
    if (result == 0) return {};
    return {std::string("cuda ") + function + ": " + cuda::describe(result), result == cuda::kOutOfMemory};
  });
}

void requireOpen(Napi::Env env, const char* function) {
  if (!state.stream) throw Napi::Error::New(env, std::string("cuda ") + function + ": open a device first");
}

/** For what must not be part of a graph: it would read or write memory of the host at each replay, or wait.
 */
void requireDirect(Napi::Env env, const char* function) {
  requireOpen(env, function);
  if (!state.recording) {
    settle(env);
    return;
  }
  throw Napi::Error::New(env, std::string("cuda ") + function +
                                  ": not possible while work is recorded; run the work once before, so that "
                                  "everything it needs is there");
}

/** Bytes of any typed array. */
struct Bytes {
  void* data;
  size_t length;
};
Bytes bytesOf(const Napi::CallbackInfo& call, size_t index, const char* function) {
  if (!call[index].IsTypedArray())
    throw Napi::TypeError::New(call.Env(), std::string("cuda ") + function + ": expected a typed array");
  const auto array = call[index].As<Napi::TypedArray>();
  return {static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
}

Napi::Value problem(const Napi::CallbackInfo& call) {
  const std::string& text = cuda::driverProblem();
  return text.empty() ? call.Env().Null() : Napi::Value(Napi::String::New(call.Env(), text));
}

int attribute(Napi::Env env, cuda::DeviceAttribute which, cuda::Device device) {
  int value = 0;
  check(env, "devices", driver().deviceGetAttribute(&value, which, device));
  return value;
}

Napi::Value devices(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  if (!cuda::driverProblem().empty()) throw Napi::Error::New(env, cuda::driverProblem());
  int count = 0, version = 0;
  check(env, "devices", driver().deviceGetCount(&count));
  check(env, "devices", driver().driverGetVersion(&version));
  Napi::Array list = Napi::Array::New(env);
  for (int i = 0; i < count; ++i) {
    cuda::Device device = 0;
    check(env, "devices", driver().deviceGet(&device, i));
    char name[256] = {};
    size_t total = 0;
    check(env, "devices", driver().deviceGetName(name, sizeof name, device));
    check(env, "devices", driver().deviceTotalMem(&total, device));
    Napi::Array capability = Napi::Array::New(env);
    capability.Set(0u, attribute(env, cuda::kComputeCapabilityMajor, device));
    capability.Set(1u, attribute(env, cuda::kComputeCapabilityMinor, device));
    Napi::Object item = Napi::Object::New(env);
    item.Set("name", static_cast<const char*>(name));
    item.Set("computeCapability", capability);
    item.Set("multiprocessors", attribute(env, cuda::kMultiprocessors, device));
    item.Set("totalBytes", static_cast<double>(total));
    item.Set("driver", std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10));
    item.Set("sharedBytes", attribute(env, cuda::kMaxSharedBytesPerBlock, device));
    list.Set(static_cast<uint32_t>(i), item);
  }
  return list;
}

Napi::Value open(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda open");
  const int64_t index = args.integer("index");
  if (!cuda::driverProblem().empty()) throw Napi::Error::New(env, cuda::driverProblem());
  args.require(!state.stream, "a device is open already");
  cuda::Device device = 0;
  check(env, "open", driver().deviceGet(&device, static_cast<int>(index)));
  check(env, "open", driver().devicePrimaryCtxRetain(&state.context, device));
  check(env, "open", driver().ctxSetCurrent(state.context));
  int major = 0;
  check(env, "open", driver().deviceGetAttribute(&major, cuda::kComputeCapabilityMajor, device));
  state.canOverlap = major >= 9 && driver().launchKernelEx && driver().funcGetParamInfo;
  state.marks.resize(kMarks);
  for (cuda::Event& mark : state.marks) check(env, "open", driver().eventCreate(&mark, 0));
  for (cuda::Event* event : {&state.left, &state.done})
    check(env, "open", driver().eventCreate(event, cuda::kDisableTiming));
  check(env, "open", driver().streamCreate(&state.side, cuda::kNonBlocking, cuda::kLast));
  check(env, "open", driver().streamCreate(&state.stream, cuda::kNonBlocking, cuda::kFirst));
  state.queue = new cuda::WorkQueue([] { driver().ctxSetCurrent(state.context); });
  // Nothing calls the driver while the process tears it down.
  env.AddCleanupHook([] { state.queue->drain(); });
  return env.Undefined();
}

Napi::Value memory(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "memory");
  settle(call.Env());
  size_t free = 0, total = 0;
  check(call.Env(), "memory", driver().memGetInfo(&free, &total));
  Napi::Object result = Napi::Object::New(call.Env());
  result.Set("free", static_cast<double>(free));
  result.Set("total", static_cast<double>(total));
  return result;
}

Napi::Value allocate(const Napi::CallbackInfo& call) {
  Args args(call, "cuda allocate");
  const int64_t bytes = args.integer("bytes", 1);
  requireDirect(call.Env(), "allocate");
  Address address = 0;
  check(call.Env(), "allocate", driver().memAlloc(&address, static_cast<size_t>(bytes)));
  return Napi::Number::New(call.Env(), static_cast<double>(address));
}

Napi::Value release(const Napi::CallbackInfo& call) {
  Args args(call, "cuda free");
  const int64_t address = args.integer("address", 1);
  requireDirect(call.Env(), "free");
  check(call.Env(), "free", driver().memFree(static_cast<Address>(address)));
  return call.Env().Undefined();
}

Napi::Value upload(const Napi::CallbackInfo& call) {
  Args args(call, "cuda upload");
  const int64_t address = args.integer("address", 1);
  const Bytes source = bytesOf(call, 1, "upload");
  requireDirect(call.Env(), "upload");
  if (source.length > 0) {
    check(call.Env(), "upload",
          driver().memcpyHtoDAsync(static_cast<Address>(address), source.data, source.length, state.stream));
  }
  return call.Env().Undefined();
}

/** Files go to the device through two of these: one is filled while the other is copied. */
constexpr int64_t kFileChunk = 32 << 20;

/** Reads `bytes` at `offset` with all threads; false when the file ends before or cannot be read. */
bool readFile(int file, int64_t offset, int64_t bytes, uint8_t* target) {
  std::atomic<bool> whole{true};
  parallelFor(bytes, 1 << 20, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const ssize_t got = pread(file, target + begin, static_cast<size_t>(end - begin), offset + begin);
      if (got <= 0) {
        whole = false;
        return;
      }
      begin += got;
    }
  });
  return whole;
}

Napi::Value uploadFile(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda uploadFile");
  const int64_t address = args.integer("address", 1);
  const std::string path = args.text("path");
  const int64_t offset = args.integer("offset"), bytes = args.integer("bytes");
  requireDirect(env, "uploadFile");
  static Staging slots[2];
  for (Staging& slot : slots) {
    if (slot.block) continue;
    check(env, "uploadFile", driver().memAllocHost(&slot.block, kFileChunk));
    check(env, "uploadFile", driver().eventCreate(&slot.done, cuda::kDisableTiming));
  }
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Napi::Error::New(env, path + ": cannot be opened");
  std::string wrong;
  for (int64_t done = 0, turn = 0; done < bytes && wrong.empty(); done += kFileChunk, ++turn) {
    Staging& slot = slots[turn % 2];
    const int64_t count = std::min(kFileChunk, bytes - done);
    cuda::Result result = driver().eventSynchronize(slot.done);  // its last copy has left it
    if (!readFile(file, offset + done, count, static_cast<uint8_t*>(slot.block))) {
      wrong =
          path + ": became shorter while it was read: expected " + std::to_string(offset + bytes) + " bytes";
      break;
    }
    if (result == 0)
      result =
          driver().memcpyHtoDAsync(static_cast<Address>(address + done), slot.block, count, state.stream);
    if (result == 0) result = driver().eventRecord(slot.done, state.stream);
    if (result != 0) wrong = "cuda uploadFile: " + cuda::describe(result);
  }
  close(file);
  if (!wrong.empty()) throw Napi::Error::New(env, wrong);
  return env.Undefined();
}

Napi::Value download(const Napi::CallbackInfo& call) {
  Args args(call, "cuda download");
  const int64_t address = args.integer("address", 1);
  const Bytes target = bytesOf(call, 1, "download");
  requireDirect(call.Env(), "download");
  if (target.length > 0) {
    check(call.Env(), "download",
          driver().memcpyDtoHAsync(target.data, static_cast<Address>(address), target.length, state.stream));
  }
  check(call.Env(), "download", driver().streamSynchronize(state.stream));
  return call.Env().Undefined();
}

/** Waits for a copy on a thread of its own, then hands the bytes over. */
class Download : public Napi::AsyncWorker {
 public:
  Download(Napi::Env env, const Napi::TypedArray& target)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        target_(Napi::Persistent(target)),
        bytes_(target.ByteLength()) {}

  Napi::Value start(Napi::Env env, Address address) {
    const auto found = state.staging.lower_bound(bytes_);
    if (found != state.staging.end()) {
      room_ = found->first;
      staging_ = found->second;
      state.staging.erase(found);
    } else {
      room_ = bytes_ < 4096 ? 4096 : bytes_;
      check(env, "downloadAsync", driver().memAllocHost(&staging_.block, room_));
      check(env, "downloadAsync",
            driver().eventCreate(&staging_.done, cuda::kBlockingSync | cuda::kDisableTiming));
    }
    check(env, "downloadAsync", driver().memcpyDtoHAsync(staging_.block, address, bytes_, state.stream));
    check(env, "downloadAsync", driver().eventRecord(staging_.done, state.stream));
    Napi::Promise promise = deferred_.Promise();
    Queue();
    return promise;
  }

  void Execute() override {
    driver().ctxSetCurrent(state.context);
    result_ = driver().eventSynchronize(staging_.done);
  }

  void OnOK() override {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    if (result_ == 0) {
      const Napi::TypedArray target = target_.Value();
      std::memcpy(static_cast<uint8_t*>(target.ArrayBuffer().Data()) + target.ByteOffset(), staging_.block,
                  bytes_);
    }
    state.staging.emplace(room_, staging_);
    if (result_ == 0)
      deferred_.Resolve(env.Undefined());
    else
      deferred_.Reject(Napi::Error::New(env, "cuda downloadAsync: " + cuda::describe(result_)).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::TypedArray> target_;
  size_t bytes_, room_ = 0;
  Staging staging_;
  cuda::Result result_ = 0;
};

Napi::Value downloadAsync(const Napi::CallbackInfo& call) {
  Args args(call, "cuda downloadAsync");
  const int64_t address = args.integer("address", 1);
  bytesOf(call, 1, "downloadAsync");
  requireDirect(call.Env(), "downloadAsync");
  return (new Download(call.Env(), call[1].As<Napi::TypedArray>()))->start(call.Env(), address);
}

Napi::Value copy(const Napi::CallbackInfo& call) {
  Args args(call, "cuda copy");
  const int64_t target = args.integer("target", 1), source = args.integer("source", 1),
                bytes = args.integer("bytes");
  requireOpen(call.Env(), "copy");
  if (bytes > 0) {
    queue(call.Env(), "copy",
          [=, stream = state.stream] { return driver().memcpyDtoDAsync(target, source, bytes, stream); });
  }
  return call.Env().Undefined();
}

Napi::Value fill(const Napi::CallbackInfo& call) {
  Args args(call, "cuda fill");
  const int64_t address = args.integer("address", 1), word = args.integer("word"),
                count = args.integer("count");
  args.require(word <= 0xffffffff, "word must be an unsigned 32-bit integer");
  requireOpen(call.Env(), "fill");
  if (count > 0) {
    queue(call.Env(), "fill", [=, stream = state.stream] {
      return driver().memsetD32Async(address, static_cast<unsigned>(word), count, stream);
    });
  }
  return call.Env().Undefined();
}

Napi::Value synchronize(const Napi::CallbackInfo& call) {
  requireDirect(call.Env(), "synchronize");
  check(call.Env(), "synchronize", driver().streamSynchronize(state.stream));
  return call.Env().Undefined();
}

size_t parameterBytes(char letter) { return letter == 'p' ? 8 : 4; }

cuda::Module moduleAt(Napi::Env env, const std::string& path) {
  cuda::Module& module = state.modules[path];
  if (module) return module;
  const cuda::Result result = driver().moduleLoad(&module, path.c_str());
  if (result != 0) {
    throw Napi::Error::New(
        env, "cuda: " + path + " cannot be loaded: " + cuda::describe(result) +
                 "; it is made by `npm rebuild` where nvcc is installed, for this GPU and driver");
  }
  return module;
}

Napi::Value hasKernel(const Napi::CallbackInfo& call) {
  Args args(call, "cuda hasKernel");
  const std::string path = args.text("path"), name = args.text("name");
  requireDirect(call.Env(), "hasKernel");
  cuda::Function function = nullptr;
  const cuda::Result result = driver().moduleGetFunction(&function, moduleAt(call.Env(), path), name.c_str());
  if (result != cuda::kNotFound) check(call.Env(), "hasKernel", result);
  return Napi::Boolean::New(call.Env(), result == 0);
}

Napi::Value kernel(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Args args(call, "cuda kernel");
  const std::string path = args.text("path"), name = args.text("name"), signature = args.text("signature");
  args.require(signature.size() <= kArguments && signature.find_first_not_of("piuf") == std::string::npos,
               "signature must be at most 64 of the letters p, i, u, f, got \"" + signature + "\"");
  requireDirect(env, "kernel");
  const cuda::Module module = moduleAt(env, path);
  Kernel entry{nullptr, signature};
  const cuda::Result result = driver().moduleGetFunction(&entry.function, module, name.c_str());
  if (result != 0)
    throw Napi::Error::New(env, "cuda: " + path + " has no kernel " + name + ": " + cuda::describe(result));
  if (driver().funcGetParamInfo) {
    size_t offset = 0, size = 0, count = 0;
    while (driver().funcGetParamInfo(entry.function, count, &offset, &size) == 0) {
      const bool fits = count < signature.size() && size == parameterBytes(signature[count]);
      args.require(fits, name + ": parameter " + std::to_string(count) + " has " + std::to_string(size) +
                             " bytes, which the signature \"" + signature + "\" does not say");
      ++count;
    }
    args.require(count == signature.size(), name + " has " + std::to_string(count) +
                                                " parameters, the signature \"" + signature +
                                                "\" has another number");
  }
  state.kernels.push_back(entry);
  return Napi::Number::New(env, static_cast<double>(state.kernels.size() - 1));
}

Napi::Value launch(const Napi::CallbackInfo& call) {
  Args args(call, "cuda launch");
  const int64_t index = args.integer("kernel"), x = args.integer("gridX", 1), y = args.integer("gridY", 1),
                z = args.integer("gridZ", 1), threads = args.integer("threads", 1),
                sharedBytes = args.integer("sharedBytes");
  const bool overlaps = args.boolean("overlaps"), cooperative = args.boolean("cooperative");
  args.require(index < static_cast<int64_t>(state.kernels.size()), "kernel is not one that kernel() gave");
  Kernel& entry = state.kernels[index];
  std::array<uint64_t, kArguments> values;
  for (size_t i = 0; i < entry.signature.size(); ++i) {
    const double value = state.arguments[i];
    if (entry.signature[i] == 'p') {
      values[i] = static_cast<uint64_t>(value);
    } else if (entry.signature[i] == 'f') {
      const float narrow = static_cast<float>(value);
      std::memcpy(&values[i], &narrow, sizeof narrow);
    } else {
      const uint32_t word = entry.signature[i] == 'u' ? static_cast<uint32_t>(value)
                                                      : static_cast<uint32_t>(static_cast<int32_t>(value));
      std::memcpy(&values[i], &word, sizeof word);
    }
  }
  if (sharedBytes > entry.sharedBytes) {
    check(
        call.Env(), "launch",
        driver().funcSetAttribute(entry.function, cuda::kDynamicSharedBytes, static_cast<int>(sharedBytes)));
    entry.sharedBytes = static_cast<unsigned>(sharedBytes);
  }
  const auto size = [](int64_t n) { return static_cast<unsigned>(n); };
  args.require(!cooperative || driver().launchKernelEx, "cooperative launches need a newer driver");
  const bool mayOverlap = overlaps && state.canOverlap && !state.beside;
  queue(call.Env(), "launch",
        [=, function = entry.function, stream = state.beside ? state.side : state.stream]() mutable {
          void* parameters[kArguments];
          for (int i = 0; i < kArguments; ++i) parameters[i] = &values[i];
          if (!mayOverlap && !cooperative) {
            return driver().launchKernel(function, size(x), size(y), size(z), size(threads), 1, 1,
                                         size(sharedBytes), stream, parameters, nullptr);
          }
          cuda::LaunchAttribute attribute{
              cooperative ? cuda::kCooperative : cuda::kProgrammaticStreamSerialization, {1}};
          const cuda::LaunchConfig config{size(x), size(y),           size(z), size(threads), 1,
                                          1,       size(sharedBytes), stream,  &attribute,    1};
          return driver().launchKernelEx(&config, function, parameters, nullptr);
        });
  return call.Env().Undefined();
}

Napi::Value beginBeside(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "beginBeside");
  queue(call.Env(), "beginBeside", [] {
    const cuda::Result result = driver().eventRecord(state.left, state.stream);
    return result != 0 ? result : driver().streamWaitEvent(state.side, state.left, 0);
  });
  state.beside = true;
  return call.Env().Undefined();
}

Napi::Value endBeside(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "endBeside");
  state.beside = false;
  queue(call.Env(), "endBeside", [] { return driver().eventRecord(state.done, state.side); });
  return call.Env().Undefined();
}

Napi::Value join(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "join");
  queue(call.Env(), "join", [] { return driver().streamWaitEvent(state.stream, state.done, 0); });
  return call.Env().Undefined();
}

Napi::Value blas(const Napi::CallbackInfo& call) {
  Napi::Object result = Napi::Object::New(call.Env());
  if (!cuda::blasProblem().empty()) {
    result.Set("problem", cuda::blasProblem());
  } else {
    result.Set("version", static_cast<double>(cuda::blasVersion()));
    result.Set("path", cuda::blasPath());
  }
  return result;
}

Napi::Value gemm(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "gemm");
  size_t next = 0;
  const auto integer = [&] { return static_cast<int64_t>(state.arguments[next++]); };
  cuda::Gemm g{};
  g.m = integer(), g.n = integer(), g.k = integer();
  g.a = integer(), g.lda = integer(), g.transposeA = integer(), g.bfloat16A = integer();
  g.b = integer(), g.ldb = integer(), g.transposeB = integer(), g.bfloat16B = integer();
  g.c = integer(), g.ldc = integer(), g.bfloat16C = integer();
  g.alpha = static_cast<float>(state.arguments[next++]);
  g.beta = static_cast<float>(state.arguments[next++]);
  g.batch = integer(), g.strideA = integer(), g.strideB = integer(), g.strideC = integer();
  g.workspace = integer(), g.workspaceBytes = integer();
  queueFailing(call.Env(), [g]() -> cuda::Failure {
    const std::string wrong = cuda::gemm(g, state.stream);
    if (wrong.empty()) return {};
    return {"cuda gemm [" + std::to_string(g.m) + ", " + std::to_string(g.k) + "] x [" + std::to_string(g.k) +
            ", " + std::to_string(g.n) + "]: " + wrong};
  });
  return call.Env().Undefined();
}

Napi::Value mark(const Napi::CallbackInfo& call) {
  Args args(call, "cuda mark");
  const int64_t point = args.integer("point");
  args.require(point < kMarks, "point must be below 64");
  requireOpen(call.Env(), "mark");
  queue(call.Env(), "mark", [point] { return driver().eventRecord(state.marks[point], state.stream); });
  return call.Env().Undefined();
}

Napi::Value elapsed(const Napi::CallbackInfo& call) {
  Args args(call, "cuda elapsed");
  const int64_t from = args.integer("from"), to = args.integer("to");
  args.require(from < kMarks && to < kMarks, "points must be below 64");
  requireDirect(call.Env(), "elapsed");
  check(call.Env(), "elapsed", driver().eventSynchronize(state.marks[to]));
  float milliseconds = 0;
  check(call.Env(), "elapsed", driver().eventElapsedTime(&milliseconds, state.marks[from], state.marks[to]));
  return Napi::Number::New(call.Env(), milliseconds);
}

Napi::Value beginCapture(const Napi::CallbackInfo& call) {
  requireDirect(call.Env(), "beginCapture");
  check(call.Env(), "beginCapture", driver().streamBeginCapture(state.stream, cuda::kCaptureRelaxed));
  state.recording = true;
  return call.Env().Undefined();
}

Napi::Value endCapture(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "endCapture");
  cuda::Graph graph = nullptr;
  state.recording = false;
  check(call.Env(), "endCapture", driver().streamEndCapture(state.stream, &graph));
  cuda::GraphExec exec = nullptr;
  const cuda::Result result = driver().graphInstantiate(&exec, graph, 0);
  driver().graphDestroy(graph);
  check(call.Env(), "endCapture", result);
  state.graphs.push_back(exec);
  return Napi::Number::New(call.Env(), static_cast<double>(state.graphs.size() - 1));
}

cuda::GraphExec& graphAt(Args& args) {
  const int64_t graph = args.integer("graph");
  args.require(graph < static_cast<int64_t>(state.graphs.size()) && state.graphs[graph],
               "graph is not there");
  return state.graphs[graph];
}

Napi::Value replay(const Napi::CallbackInfo& call) {
  Args args(call, "cuda replay");
  queue(call.Env(), "replay", [exec = graphAt(args)] { return driver().graphLaunch(exec, state.stream); });
  return call.Env().Undefined();
}

Napi::Value freeGraph(const Napi::CallbackInfo& call) {
  Args args(call, "cuda freeGraph");
  cuda::GraphExec& graph = graphAt(args);
  settle(call.Env());
  check(call.Env(), "freeGraph", driver().streamSynchronize(state.stream));
  check(call.Env(), "freeGraph", driver().graphExecDestroy(graph));
  graph = nullptr;
  return call.Env().Undefined();
}

}  // namespace

Napi::Object cudaEntries(Napi::Env env) {
  Napi::Object entries = Napi::Object::New(env);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    entries.Set(name, Napi::Function::New(env, function, name));
  };
  add("problem", problem);
  add("devices", devices);
  add("open", open);
  add("memory", memory);
  add("allocate", allocate);
  add("free", release);
  add("upload", upload);
  add("uploadFile", uploadFile);
  add("download", download);
  add("downloadAsync", downloadAsync);
  add("copy", copy);
  add("fill", fill);
  add("synchronize", synchronize);
  add("hasKernel", hasKernel);
  add("kernel", kernel);
  add("launch", launch);
  add("beginBeside", beginBeside);
  add("endBeside", endBeside);
  add("join", join);
  add("blas", blas);
  add("gemm", gemm);
  add("mark", mark);
  add("elapsed", elapsed);
  add("beginCapture", beginCapture);
  add("endCapture", endCapture);
  add("replay", replay);
  add("freeGraph", freeGraph);
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, state.arguments, sizeof state.arguments);
  entries.Set("arguments", Napi::Float64Array::New(env, kArguments, buffer, 0));
  return entries;
}

}  // namespace mlab
