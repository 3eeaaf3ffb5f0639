// libcuda.so.1 of the emulator: the functions of NVIDIA's CUDA Driver API (declared here after its reference)
// that native/cuda/driver.h binds. Work is done before a call returns, or recorded while a capture is on.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "host.h"

using namespace emulator;

namespace {

constexpr int kInvalidValue = 1, kOutOfMemory = 2, kInvalidDevice = 101, kInvalidImage = 200,
              kInvalidContext = 201, kFileNotFound = 301, kInvalidHandle = 400, kNotFound = 500,
              kOutOfResources = 701, kCooperativeTooLarge = 720, kCaptureUnsupported = 900,
              kCaptureInvalidated = 901;

/** The first stream works at once. Work of others waits until somebody waits for it: as late as may be. */
struct Stream {
  bool late = false;
  std::vector<Work> waiting;
};
struct Event {
  double milliseconds = -1;
  Stream* of = nullptr;
};
struct Function {
  const Module* module;
  const Kernel* kernel;
  int sharedLimit = 48 * 1024;
};
struct Graph {
  std::vector<Work> work;
};

thread_local bool contextIsCurrent = false;
int captureMode = 0;
constexpr int kRelaxed = 2;

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(time).count();
}

constexpr unsigned kMultiprocessors = 4;

int maxSharedBytes() {
  const int c = capability();
  return 1024 * (c < 80 ? 64 : c >= 90 && c < 120 ? 227 : c == 80 || c == 87 ? 163 : 99);
}

bool inCapture() { return capture() != nullptr; }
/** Calls that wait, or allocate in a capture that is not relaxed, end it. */
int refuseInCapture(bool evenRelaxed) {
  if (!inCapture() || (!evenRelaxed && captureMode == kRelaxed)) return kSuccess;
  return report(kCaptureUnsupported, "a call that is not allowed while a capture is on");
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

#define CHECK(expression) \
  if (const int error = (expression)) return error
#define CHECK_CONTEXT()  \
  if (!contextIsCurrent) \
  return report(kInvalidContext, std::string(__func__) + ": no context is current in this thread")

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

/** "…/rmsNorm.fatbin", which need not exist: rmsNorm.so, or rmsNorm.races.so, beside this library. */
int cuModuleLoad(const Module** module, const char* path) {
  CHECK_CONTEXT();
  Dl_info self;
  dladdr(reinterpret_cast<void*>(&cuModuleLoad), &self);
  const std::string own = self.dli_fname, asked = path;
  const size_t slash = asked.rfind('/') + 1, dot = asked.rfind('.');
  const char* races = getenv("MISTRAL_LAB_EMULATOR_RACES");
  const char* ending = races && *races ? ".races.so" : ".so";
  const std::string file = own.substr(0, own.rfind('/') + 1) + asked.substr(slash, dot - slash) + ending;
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return report(kFileNotFound, std::string("cuModuleLoad: ") + dlerror());
  *module = static_cast<const Module*>(dlsym(library, "emulatorModule"));
  return *module ? kSuccess : report(kFileNotFound, file + " is no module of the emulator");
}
/** What nvrtc.cpp made: "emulator: rmsNorm.cu". */
int cuModuleLoadData(const Module** module, const void* image) {
  const char* text = static_cast<const char*>(image);
  const char mark[] = "emulator: ";
  if (strncmp(text, mark, sizeof mark - 1) != 0) return report(kInvalidImage, "no image of the emulator");
  return cuModuleLoad(module, (std::string("/") + (text + sizeof mark - 1)).c_str());
}
int cuModuleGetFunction(Function** function, const Module* module, const char* name) {
  // Machine code for Hopper alone.
  if (strstr(name, "Hopper") && capability() != 90)
    return report(kNotFound, std::string(module->file) + " has no kernel " + name + " for this GPU");
  for (const Kernel* kernel = module->kernels; kernel->name; kernel++)
    if (strcmp(kernel->name, name) == 0) {
      *function = new Function{module, kernel};
      return kSuccess;
    }
  return report(kNotFound, std::string(module->file) + " has no kernel " + name);
}
int cuFuncSetAttribute(Function* function, int attribute, int value) {
  if (attribute != 8) return kSuccess;
  if (value < 0 || value > maxSharedBytes()) return kInvalidValue;
  function->sharedLimit = std::max(48 * 1024, value);
  return kSuccess;
}
int cuFuncGetAttribute(int* value, int attribute, Function* function) {
  *value = attribute == 0 ? function->kernel->maxThreads : attribute == 8 ? function->sharedLimit : 0;
  return kSuccess;
}
int cuFuncGetParamInfo(Function* function, size_t index, size_t* offset, size_t* size) {
  const Kernel& kernel = *function->kernel;
  if (index >= static_cast<size_t>(kernel.parameterCount)) return kInvalidValue;
  *offset = 0;
  for (size_t i = 0; i <= index; i++) {
    *size = kernel.parameterSizes[i];
    *offset = (*offset + *size - 1) / *size * *size;
    if (i < index) *offset += *size;
  }
  return kSuccess;
}

static int launchOn(Function* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                    unsigned blockY, unsigned blockZ, unsigned sharedBytes, Stream* stream, void** parameters,
                    bool cooperative) {
  CHECK_CONTEXT();
  const Kernel& kernel = *function->kernel;
  const std::string name = std::string("launch of ") + kernel.name + ": ";
  const Size3 grid = {gridX, gridY, gridZ}, block = {blockX, blockY, blockZ};
  const uint64_t threads = uint64_t{blockX} * blockY * blockZ;
  if (gridX == 0 || gridY == 0 || gridZ == 0 || gridX > 2147483647u || gridY > 65535 || gridZ > 65535)
    return report(kInvalidValue, name + "a grid that no GPU has");
  if (threads == 0 || threads > 1024 || blockZ > 64)
    return report(kInvalidValue, name + "a block that no GPU has");
  if (threads > static_cast<unsigned>(kernel.maxThreads))
    return report(kOutOfResources, name + std::to_string(threads) + " threads, but its launch bounds say " +
                                       std::to_string(kernel.maxThreads));
  if (sharedBytes > static_cast<unsigned>(function->sharedLimit))
    return report(kInvalidValue, name + std::to_string(sharedBytes) +
                                     " bytes of dynamic shared memory, allowed are " +
                                     std::to_string(function->sharedLimit));
  std::vector<uint64_t> values(kernel.parameterCount);
  for (int i = 0; i < kernel.parameterCount; i++) memcpy(&values[i], parameters[i], kernel.parameterSizes[i]);
  const Module& module = *function->module;
  const Work work = [=, &module, &kernel]() mutable {
    std::vector<void*> pointers;
    for (uint64_t& value : values) pointers.push_back(&value);
    return launch(module, kernel, grid, block, sharedBytes, pointers.data(), cooperative);
  };
  if (!stream->late) return enqueue(work);
  stream->waiting.push_back(work);
  return kSuccess;
}
int cuLaunchKernel(Function* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                   unsigned blockY, unsigned blockZ, unsigned sharedBytes, Stream* stream, void** parameters,
                   void**) {
  return launchOn(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, parameters,
                  false);
}
struct LaunchAttribute {
  int id;
  alignas(8) union {
    int allowed;
    char bytes[64];
  } value;
};
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream* stream;
  LaunchAttribute* attributes;
  unsigned attributeCount;
};
int cuLaunchKernelEx(const LaunchConfig* c, Function* function, void** parameters, void**) {
  constexpr int kCooperative = 2;
  bool cooperative = false;
  for (unsigned i = 0; i < c->attributeCount; i++)
    cooperative |= c->attributes[i].id == kCooperative && c->attributes[i].value.allowed != 0;
  if (cooperative && c->gridX * c->gridY * c->gridZ > kMultiprocessors)
    return report(kCooperativeTooLarge, "cuLaunchKernelEx: more cooperative blocks than multiprocessors");
  return launchOn(function, c->gridX, c->gridY, c->gridZ, c->blockX, c->blockY, c->blockZ, c->sharedBytes,
                  c->stream, parameters, cooperative);
}

int cuStreamBeginCapture_v2(void*, int mode) {
  CHECK_CONTEXT();
  if (inCapture()) return kCaptureInvalidated;
  captureMode = mode;
  capture() = new std::vector<Work>;
  return kSuccess;
}
int cuStreamEndCapture(void*, Graph** graph) {
  if (!inCapture()) return kInvalidValue;
  *graph = new Graph{std::move(*capture())};
  delete capture();
  capture() = nullptr;
  return kSuccess;
}
int cuGraphInstantiateWithFlags(Graph** exec, Graph* graph, unsigned long long) {
  *exec = new Graph(*graph);
  return kSuccess;
}
int cuGraphLaunch(Graph* exec, void*) {
  CHECK_CONTEXT();
  for (const Work& work : exec->work) CHECK(enqueue(work));
  return kSuccess;
}
int cuGraphExecDestroy(Graph* exec) {
  delete exec;
  return kSuccess;
}
int cuGraphDestroy(Graph* graph) {
  delete graph;
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
