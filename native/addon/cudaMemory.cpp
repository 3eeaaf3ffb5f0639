// Memory of the GPU: allocate, fill, copy, to and from the host, straight from a file.
#include <napi.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "args.h"
#include "cudaState.h"
#include "file.h"

namespace mlab::gpu {
namespace {

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
  const Bytes source = args.anyArray("source");
  requireDirect(call.Env(), "upload");
  if (source.length > 0) {
    check(call.Env(), "upload",
          driver().memcpyHtoDAsync(static_cast<Address>(address), source.data, source.length, state.stream));
  }
  return call.Env().Undefined();
}

/** Files go to the device through two of these: one is filled while the other is copied. */
constexpr int64_t kFileChunk = 32 << 20;

/** What a thread reads at once. */
constexpr int64_t kReadBytes = 1 << 20;

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
  File file(env, path);
  for (int64_t done = 0, turn = 0; done < bytes; done += kFileChunk, ++turn) {
    Staging& slot = slots[turn % 2];
    const int64_t count = std::min(kFileChunk, bytes - done);
    check(env, "uploadFile", driver().eventSynchronize(slot.done));  // its last copy has left it
    uint8_t* const block = static_cast<uint8_t*>(slot.block);
    inPieces(count, kReadBytes, [&](int64_t begin, int64_t end) {
      return file.read(block + begin, end - begin, offset + done + begin);
    });
    file.check(env, offset + bytes);
    check(env, "uploadFile",
          driver().memcpyHtoDAsync(static_cast<Address>(address + done), block, count, state.stream));
    check(env, "uploadFile", driver().eventRecord(slot.done, state.stream));
  }
  return env.Undefined();
}

Napi::Value download(const Napi::CallbackInfo& call) {
  Args args(call, "cuda download");
  const int64_t address = args.integer("address", 1);
  const Bytes target = args.anyArray("target");
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
    std::string wrong = result_ == 0 ? "" : cuda::describe(result_);
    if (result_ == 0) {
      // Since the call the array's buffer may have been handed to another thread, or shrunk.
      const Bytes target = bytesOf(target_.Value());
      if (target.length == bytes_)
        std::memcpy(target.data, staging_.block, bytes_);
      else
        wrong = "the target has " + std::to_string(target.length) + " bytes now; it had " +
                std::to_string(bytes_) + " when the download began";
    }
    state.staging.emplace(room_, staging_);
    if (wrong.empty())
      deferred_.Resolve(env.Undefined());
    else
      deferred_.Reject(Napi::Error::New(env, "cuda downloadAsync: " + wrong).Value());
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
  args.anyArray("target");
  requireDirect(call.Env(), "downloadAsync");
  auto download = std::make_unique<Download>(call.Env(), call[1].As<Napi::TypedArray>());
  const Napi::Value promise = download->start(call.Env(), address);
  download.release();  // it deletes itself when it is done
  return promise;
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

}  // namespace

void addMemory(Entries& entries) {
  entries.add("allocate", allocate);
  entries.add("free", release);
  entries.add("upload", upload);
  entries.add("uploadFile", uploadFile);
  entries.add("download", download);
  entries.add("downloadAsync", downloadAsync);
  entries.add("copy", copy);
  entries.add("fill", fill);
}

}  // namespace mlab::gpu
