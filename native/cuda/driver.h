// The CUDA driver, found at run time: nobody needs CUDA to build or to load the addon. Declarations are our
// own, of the few functions used, after NVIDIA's CUDA Driver API reference; names without a version suffix
// below are bound to the newest binary interface (…_v2) where the reference names one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace mlab::cuda {

using Result = int;  // 0: success
using Device = int;
using Address = unsigned long long;
using Context = struct ContextHandle*;
using Stream = struct StreamHandle*;
using Event = struct EventHandle*;
using Module = struct ModuleHandle*;
using Function = struct FunctionHandle*;
using Graph = struct GraphHandle*;
using GraphExec = struct GraphExecHandle*;

constexpr Result kOutOfMemory = 2, kNotFound = 500;

/** CUlaunchAttribute: 64 bytes of value at a multiple of 8. */
struct LaunchAttribute {
  int id;
  alignas(8) union {
    int allowed;
    char bytes[64];
  } value;
};
/** The launch may begin when those before it allow it: griddepcontrol of the PTX ISA. */
constexpr int kProgrammaticStreamSerialization = 6;
/** All blocks run at once, or the launch fails. */
constexpr int kCooperative = 2;
/** CUlaunchConfig. */
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream stream;
  LaunchAttribute* attributes;
  unsigned attributeCount;
};

enum DeviceAttribute : int {
  kMultiprocessors = 16,
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
  kMaxSharedBytesPerBlock = 97,
};
enum FunctionAttribute : int { kDynamicSharedBytes = 8 };
enum StreamFlags : unsigned { kNonBlocking = 1 };
/** Lower numbers go first; the driver takes the nearest that it has. */
enum StreamPriority : int { kFirst = -1, kLast = 0 };
enum EventFlags : unsigned { kBlockingSync = 1, kDisableTiming = 2 };
enum CaptureMode : int { kCaptureRelaxed = 2 };

// clang-format off
/** Field, symbol in the library, parameters. */
#define MLAB_DRIVER_FUNCTIONS(X)                                                                            \
  X(init, "cuInit", (unsigned flags))                                                                      \
  X(driverGetVersion, "cuDriverGetVersion", (int* version))                                                \
  X(deviceGetCount, "cuDeviceGetCount", (int* count))                                                      \
  X(deviceGet, "cuDeviceGet", (Device* device, int ordinal))                                               \
  X(deviceGetName, "cuDeviceGetName", (char* name, int length, Device device))                             \
  X(deviceGetAttribute, "cuDeviceGetAttribute", (int* value, int attribute, Device device))                \
  X(deviceTotalMem, "cuDeviceTotalMem_v2", (size_t* bytes, Device device))                                 \
  X(devicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (Context* context, Device device))                 \
  X(ctxSetCurrent, "cuCtxSetCurrent", (Context context))                                                   \
  X(memGetInfo, "cuMemGetInfo_v2", (size_t* free, size_t* total))                                          \
  X(memAlloc, "cuMemAlloc_v2", (Address* address, size_t bytes))                                           \
  X(memFree, "cuMemFree_v2", (Address address))                                                            \
  X(memAllocHost, "cuMemAllocHost_v2", (void** pointer, size_t bytes))                                     \
  X(memFreeHost, "cuMemFreeHost", (void* pointer))                                                         \
  X(memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (Address to, const void* from, size_t bytes, Stream stream))  \
  X(memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void* to, Address from, size_t bytes, Stream stream))        \
  X(memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (Address to, Address from, size_t bytes, Stream stream))      \
  X(memsetD32Async, "cuMemsetD32Async", (Address to, unsigned word, size_t count, Stream stream))          \
  X(streamCreate, "cuStreamCreateWithPriority", (Stream* stream, unsigned flags, int priority))            \
  X(streamWaitEvent, "cuStreamWaitEvent", (Stream stream, Event event, unsigned flags))                    \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                                             \
  X(eventCreate, "cuEventCreate", (Event* event, unsigned flags))                                          \
  X(eventRecord, "cuEventRecord", (Event event, Stream stream))                                            \
  X(eventSynchronize, "cuEventSynchronize", (Event event))                                                 \
  X(eventElapsedTime, "cuEventElapsedTime", (float* milliseconds, Event from, Event to))                   \
  X(moduleLoad, "cuModuleLoad", (Module* module, const char* path))                                        \
  X(moduleLoadData, "cuModuleLoadData", (Module* module, const void* image))                               \
  X(moduleGetFunction, "cuModuleGetFunction", (Function* function, Module module, const char* name))       \
  X(funcSetAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                 \
  X(funcGetParamInfo, "cuFuncGetParamInfo", (Function function, size_t index, size_t* offset, size_t* size)) \
  X(launchKernel, "cuLaunchKernel",                                                                        \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,  \
     unsigned blockZ, unsigned sharedBytes, Stream stream, void** parameters, void** extra))               \
  X(launchKernelEx, "cuLaunchKernelEx",                                                                    \
    (const LaunchConfig* config, Function function, void** parameters, void** extra))                      \
  X(streamBeginCapture, "cuStreamBeginCapture_v2", (Stream stream, int mode))                              \
  X(streamEndCapture, "cuStreamEndCapture", (Stream stream, Graph* graph))                                 \
  X(graphInstantiate, "cuGraphInstantiateWithFlags", (GraphExec* exec, Graph graph, unsigned long long flags)) \
  X(graphLaunch, "cuGraphLaunch", (GraphExec exec, Stream stream))                                         \
  X(graphExecDestroy, "cuGraphExecDestroy", (GraphExec exec))                                              \
  X(graphDestroy, "cuGraphDestroy", (Graph graph))                                                         \
  X(getErrorName, "cuGetErrorName", (Result error, const char** text))                                     \
  X(getErrorString, "cuGetErrorString", (Result error, const char** text))
// clang-format on

/** The driver's functions. `cuFuncGetParamInfo`, which needs a driver of CUDA 12.4, and `cuLaunchKernelEx`
 * may be null. */
struct Driver {
#define MLAB_FIELD(field, symbol, parameters) Result(*field) parameters = nullptr;
  MLAB_DRIVER_FUNCTIONS(MLAB_FIELD)
#undef MLAB_FIELD
};

/** The driver, loaded and initialised at the first call; where it cannot be used `driverProblem()` is not
 * empty. */
const Driver& driver();
const std::string& driverProblem();
/** "CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)". */
std::string describe(Result result);

}  // namespace mlab::cuda
