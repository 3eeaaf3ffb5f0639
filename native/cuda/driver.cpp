#include "driver.h"

#include "library.h"

namespace mlab::cuda {
namespace {

struct Loaded {
  Driver driver;
  std::string problem;

  Loaded() {
    std::string path;
    void* library = openLibrary("MISTRAL_LAB_CUDA_DRIVER", {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"},
                                path, problem);
    if (!library) {
      problem = "no NVIDIA driver (" + problem + "): install the driver of the graphics card";
      return;
    }
#define MLAB_BIND(field, symbol, parameters) \
  driver.field = reinterpret_cast<decltype(driver.field)>(findSymbol(library, symbol));
    MLAB_DRIVER_FUNCTIONS(MLAB_BIND)
#undef MLAB_BIND
    if (!driver.init || !driver.getErrorName || !driver.getErrorString) {
      problem = path + " is no CUDA driver: cuInit is missing";
      return;
    }
    const Result result = driver.init(0);
    if (result != 0) {
      const char* name = "unknown error";
      driver.getErrorName(result, &name);
      problem = path + ": cuInit says " + name + ": is there an NVIDIA GPU, and may this user use it?";
      return;
    }
#define MLAB_CHECK(field, symbol, parameters) \
  if (!driver.field && !isOptional(symbol)) missing(path, symbol);
    MLAB_DRIVER_FUNCTIONS(MLAB_CHECK)
#undef MLAB_CHECK
    int count = 0;
    if (problem.empty() && (driver.deviceGetCount(&count) != 0 || count == 0))
      problem = path + ": the driver finds no GPU";
  }

  static bool isOptional(const std::string& symbol) {
    return symbol == "cuFuncGetParamInfo" || symbol == "cuLaunchKernelEx";
  }

  void missing(const std::string& path, const char* symbol) {
    int version = 0;
    driver.driverGetVersion(&version);
    problem = path + ": the driver is too old (CUDA " + std::to_string(version / 1000) + "." +
              std::to_string(version % 1000 / 10) + ", " + symbol +
              " is missing): install one for CUDA 12 or newer";
  }
};

const Loaded& loaded() {
  static const Loaded once;
  return once;
}

}  // namespace

const Driver& driver() { return loaded().driver; }
const std::string& driverProblem() { return loaded().problem; }

std::string describe(Result result) {
  const char *name = nullptr, *text = nullptr;
  if (driver().getErrorName(result, &name) != 0 || !name) return "CUDA error " + std::to_string(result);
  driver().getErrorString(result, &text);
  return std::string(name) + " (" + (text ? text : "") + ")";
}

}  // namespace mlab::cuda
