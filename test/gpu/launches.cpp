// libcuda.so.1 of the emulator: modules, their kernels, launches, and what a capture records (driver.cpp).
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "driver.h"

using namespace emulator;

namespace {

struct Function {
  const Module* module;
  const Kernel* kernel;
  int sharedLimit = 48 * 1024;
};
struct Graph {
  std::vector<Work> work;
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

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

}  // extern "C"
#pragma GCC visibility pop
