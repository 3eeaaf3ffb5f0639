#include "nvrtc.h"

#include <dlfcn.h>

#include "library.h"

namespace mlab::cuda {
namespace {

using Status = int;  // 0: success
using Program = struct ProgramHandle*;

// clang-format off
#define MLAB_NVRTC_FUNCTIONS(X)                                                                             \
  X(Status, version, "nvrtcVersion", (int* major, int* minor))                                             \
  X(Status, targetCount, "nvrtcGetNumSupportedArchs", (int* count))                                        \
  X(Status, targets, "nvrtcGetSupportedArchs", (int* targets))                                             \
  X(const char*, describe, "nvrtcGetErrorString", (Status status))                                         \
  X(Status, create, "nvrtcCreateProgram",                                                                  \
    (Program* program, const char* source, const char* name, int headers, const char* const* texts,        \
     const char* const* names))                                                                            \
  X(Status, destroy, "nvrtcDestroyProgram", (Program* program))                                            \
  X(Status, compile, "nvrtcCompileProgram", (Program program, int count, const char* const* options))      \
  X(Status, logSize, "nvrtcGetProgramLogSize", (Program program, size_t* bytes))                           \
  X(Status, log, "nvrtcGetProgramLog", (Program program, char* text))                                      \
  X(Status, cubinSize, "nvrtcGetCUBINSize", (Program program, size_t* bytes))                              \
  X(Status, cubin, "nvrtcGetCUBIN", (Program program, char* image))                                        \
  X(Status, ptxSize, "nvrtcGetPTXSize", (Program program, size_t* bytes))                                  \
  X(Status, ptx, "nvrtcGetPTX", (Program program, char* image))
// clang-format on

struct Library {
#define MLAB_FIELD(type, field, symbol, parameters) type(*field) parameters = nullptr;
  MLAB_NVRTC_FUNCTIONS(MLAB_FIELD)
#undef MLAB_FIELD
  std::string path, problem, versionText;

  Library() {
    void* library = openToolkitLibrary("MISTRAL_LAB_NVRTC", "libnvrtc.so", path, problem);
    if (!library) return;
#define MLAB_BIND(type, field, symbol, parameters)                        \
  field = reinterpret_cast<decltype(field)>(findSymbol(library, symbol)); \
  if (!field) problem = path + ": " + symbol + " is missing";
    MLAB_NVRTC_FUNCTIONS(MLAB_BIND)
#undef MLAB_BIND
    if (!problem.empty()) return;
    int major = 0, minor = 0;
    version(&major, &minor);
    versionText = std::to_string(major) + "." + std::to_string(minor);
    // NVRTC asks the loader for its second library by name, and the loader does not look beside the first
    // one. Once it is loaded that name is found. Where it is not there NVRTC says so itself.
    path = fileOf(reinterpret_cast<void*>(version), path);
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    dlopen((folder + "libnvrtc-builtins.so." + versionText).c_str(), RTLD_NOW | RTLD_LOCAL);
  }
};

const Library& library() {
  static const Library once;
  return once;
}

template <class Size, class Get>
std::string textOf(Program program, Size size, Get get) {
  size_t bytes = 0;
  if (size(program, &bytes) != 0) return "";
  std::string text(bytes, '\0');
  return get(program, text.data()) == 0 ? text : "";
}

}  // namespace

const std::string& nvrtcProblem() { return library().problem; }
const std::string& nvrtcPath() { return library().path; }
const std::string& nvrtcVersion() { return library().versionText; }

std::vector<int> nvrtcTargets() {
  int count = 0;
  if (!library().problem.empty() || library().targetCount(&count) != 0) return {};
  std::vector<int> targets(count);
  library().targets(targets.data());
  return targets;
}

Compiled compile(const std::vector<std::string>& options, const NamedText& source,
                 const std::vector<NamedText>& headers) {
  const Library& lib = library();
  if (!lib.problem.empty()) return {"", lib.problem};
  std::vector<const char*> names, texts;
  for (const NamedText& header : headers) {
    names.push_back(header.name.c_str());
    texts.push_back(header.text.c_str());
  }
  Program program = nullptr;
  Status status = lib.create(&program, source.text.c_str(), source.name.c_str(),
                             static_cast<int>(headers.size()), texts.data(), names.data());
  if (status != 0) return {"", lib.describe(status)};
  std::vector<const char*> words;
  for (const std::string& option : options) words.push_back(option.c_str());
  status = lib.compile(program, static_cast<int>(words.size()), words.data());
  Compiled result;
  if (status != 0) {
    result.problem = std::string(lib.describe(status)) + "\n" + textOf(program, lib.logSize, lib.log).c_str();
  } else {
    result.image = textOf(program, lib.cubinSize, lib.cubin);
    if (result.image.empty()) result.image = textOf(program, lib.ptxSize, lib.ptx);
    if (result.image.empty()) result.problem = "no code came of it";
  }
  lib.destroy(&program);
  return result;
}

}  // namespace mlab::cuda
