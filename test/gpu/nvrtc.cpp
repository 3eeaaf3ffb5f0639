// libnvrtc of the emulator, after NVIDIA's NVRTC reference: it compiles nothing. Its image names the file,
// for which the fake driver has kernels already. A source that says #error does not compile.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

namespace {

constexpr int kSuccess = 0, kInvalidOption = 5, kCompilation = 6;
constexpr int kTargets[] = {75, 80, 86, 89, 90, 100, 120};

struct Program {
  std::string source, name, log, image;
};

bool knows(const std::string& target) {
  const size_t underscore = target.find('_');
  if (underscore == std::string::npos) return false;
  return std::count(std::begin(kTargets), std::end(kTargets), atoi(target.c_str() + underscore + 1)) > 0;
}

int copy(const std::string& text, char* target) {
  memcpy(target, text.c_str(), text.size() + 1);
  return kSuccess;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int nvrtcVersion(int* major, int* minor) {
  *major = 99, *minor = 0;
  return kSuccess;
}
int nvrtcGetNumSupportedArchs(int* count) {
  *count = static_cast<int>(std::size(kTargets));
  return kSuccess;
}
int nvrtcGetSupportedArchs(int* targets) {
  std::copy(std::begin(kTargets), std::end(kTargets), targets);
  return kSuccess;
}
const char* nvrtcGetErrorString(int status) {
  return status == kCompilation ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_INVALID_OPTION";
}
int nvrtcCreateProgram(Program** program, const char* source, const char* name, int, const char* const*,
                       const char* const*) {
  *program = new Program{source, name, "", ""};
  return kSuccess;
}
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return kSuccess;
}
int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  const std::string wanted = "--gpu-architecture=";
  for (int i = 0; i < count; ++i)
    if (wanted.compare(0, wanted.npos, options[i], wanted.size()) == 0 && !knows(options[i] + wanted.size()))
      return kInvalidOption;
  const size_t at = program->source.find("#error");
  if (at != std::string::npos) {
    const auto line = std::count(program->source.begin(), program->source.begin() + at, '\n') + 1;
    program->log = program->name + "(" + std::to_string(line) + "): error: #error directive\n";
    return kCompilation;
  }
  program->image = "emulator: " + program->name;
  return kSuccess;
}
int nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  *bytes = program->log.size() + 1;
  return kSuccess;
}
int nvrtcGetProgramLog(Program* program, char* text) { return copy(program->log, text); }
int nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  *bytes = program->image.size() + 1;
  return kSuccess;
}
int nvrtcGetCUBIN(Program* program, char* image) { return copy(program->image, image); }
int nvrtcGetPTXSize(Program* program, size_t* bytes) { return nvrtcGetCUBINSize(program, bytes); }
int nvrtcGetPTX(Program* program, char* image) { return nvrtcGetCUBIN(program, image); }

}  // extern "C"
