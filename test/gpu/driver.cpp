// libcuda.so.1 of the emulator: the functions of NVIDIA's CUDA Driver API (declared here after its reference)
// that native/cuda/driver.h binds, but for those of launches.cpp. Work is done before a call returns, or
// recorded while a capture is on.
#include "driver.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace emulator;

namespace {

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(time).count();
}

int checkedMemory(const char* what, uint64_t address, size_t bytes) {
  if (inDeviceMemory(address, bytes)) return kSuccess;
  char text[200];
  snprintf(text, sizeof text, "%s: %zu bytes at %#zx are not within one allocation", what, bytes,
           static_cast<size_t>(address));
  return report(kInvalidValue, text);
}

const struct {
  int code;
  const char *name, *text;
} kErrors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {301, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int cuInit(unsigned) { return kSuccess; }
int cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
int cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
int cuDeviceGet(int* device, int ordinal) {
  *device = 0;
  return ordinal == 0 ? kSuccess : kInvalidDevice;
}
int cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "Emulated GPU");
  return kSuccess;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 1:
      *value = 1024;
      break;  // threads of a block
    case 8:
      *value = 48 * 1024;
      break;  // shared memory of a block
    case 10:
      *value = 32;
      break;  // warp
    case 16:
      *value = kMultiprocessors;
      break;
    case 38:
      *value = 4 << 20;
      break;  // L2 cache
    case 75:
      *value = capability() / 10;
      break;
    case 76:
      *value = capability() % 10;
      break;
    case 81:
      *value = maxSharedBytes() + 1024;
      break;  // shared memory of a multiprocessor
    case 97:
      *value = maxSharedBytes();
      break;  // of a block that asks for it
    default:
      return report(kInvalidValue, "cuDeviceGetAttribute: an attribute that the emulator does not know");
  }
  return kSuccess;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = memoryTotal();
  return kSuccess;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  static int one;
  *context = &one;
  return kSuccess;
}
int cuCtxSetCurrent(void* context) {
  contextIsCurrent = context != nullptr;
  return kSuccess;
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  CHECK_CONTEXT();
  *total = memoryTotal();
  *free = *total - memoryUsed();
  return kSuccess;
}
int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  CHECK_CONTEXT();
  CHECK(refuseInCapture(false));
  if (bytes == 0) return kInvalidValue;
  *address = allocate(bytes);
  return *address ? kSuccess : kOutOfMemory;
}
int cuMemFree_v2(uint64_t address) {
  CHECK_CONTEXT();
  CHECK(refuseInCapture(false));
  CHECK(checkMargins("before a cuMemFree, somebody"));
  return release(address) ? kSuccess : report(kInvalidValue, "cuMemFree of what is not allocated");
}
int cuMemAllocHost_v2(void** pointer, size_t bytes) {
  CHECK_CONTEXT();
  *pointer = malloc(bytes);
  return *pointer ? kSuccess : kOutOfMemory;
}
int cuMemFreeHost(void* pointer) {
  free(pointer);
  return kSuccess;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void*) {
  CHECK_CONTEXT();
  CHECK(checkedMemory("cuMemcpyHtoDAsync", to, bytes));
  return enqueue([=] { return memcpy(reinterpret_cast<void*>(to), from, bytes), kSuccess; });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void*) {
  CHECK_CONTEXT();
  CHECK(checkedMemory("cuMemcpyDtoHAsync", from, bytes));
  return enqueue([=] { return memcpy(to, reinterpret_cast<void*>(from), bytes), kSuccess; });
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void*) {
  CHECK_CONTEXT();
  CHECK(checkedMemory("cuMemcpyDtoDAsync to", to, bytes));
  CHECK(checkedMemory("cuMemcpyDtoDAsync from", from, bytes));
  return enqueue(
      [=] { return memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes), kSuccess; });
}
int cuMemsetD32Async(uint64_t to, unsigned word, size_t count, void*) {
  CHECK_CONTEXT();
  CHECK(checkedMemory("cuMemsetD32Async", to, 4 * count));
  if (to % 4) return kInvalidValue;
  return enqueue([=] {
    for (size_t i = 0; i < count; i++) reinterpret_cast<unsigned*>(to)[i] = word;
    return kSuccess;
  });
}

int cuStreamCreateWithPriority(Stream** stream, unsigned, int priority) {
  CHECK_CONTEXT();
  *stream = new Stream;
  (*stream)->late = priority >= 0;
  return kSuccess;
}
int cuStreamWaitEvent(Stream*, Event* event, unsigned) {
  CHECK_CONTEXT();
  if (!event->of) return kSuccess;
  for (const Work& work : std::exchange(event->of->waiting, {})) CHECK(enqueue(work));
  return kSuccess;
}
int cuStreamSynchronize(void*) {
  CHECK_CONTEXT();
  CHECK(refuseInCapture(true));
  return checkMargins("before a cuStreamSynchronize, somebody");
}
int cuEventCreate(Event** event, unsigned) {
  CHECK_CONTEXT();
  *event = new Event;
  return kSuccess;
}
int cuEventRecord(Event* event, Stream* stream) {
  CHECK_CONTEXT();
  event->of = stream;
  return enqueue([=] { return event->milliseconds = now(), kSuccess; });
}
int cuEventSynchronize(Event*) {
  CHECK_CONTEXT();
  return refuseInCapture(true);
}
int cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
  if (from->milliseconds < 0 || to->milliseconds < 0) return kInvalidHandle;
  *milliseconds = static_cast<float>(to->milliseconds - from->milliseconds);
  return kSuccess;
}

int cuGetErrorName(int error, const char** text) {
  for (const auto& known : kErrors)
    if (known.code == error) {
      *text = known.name;
      return kSuccess;
    }
  return kInvalidValue;
}
/** What the emulator found, where it was the last to find something. */
int cuGetErrorString(int error, const char** text) {
  static std::string kept;
  for (const auto& known : kErrors)
    if (known.code == error) {
      kept = lastMessage(error).empty() ? known.text : lastMessage(error);
      *text = kept.c_str();
      return kSuccess;
    }
  return kInvalidValue;
}

}  // extern "C"
#pragma GCC visibility pop
