#include "library.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <sstream>

#include "driver.h"

namespace mlab::cuda {
namespace {

/** Where there is no driver to ask. */
constexpr int kOldestMajor = 12, kNewestMajor = 13;

int driverMajor() {
  int version = 0;
  if (!driver().driverGetVersion || driver().driverGetVersion(&version) != 0) return kNewestMajor;
  return version / 1000;
}

void addMatches(const std::string& pattern, std::vector<std::string>& paths) {
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    paths.insert(paths.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
}

/** "/opt/x" for "/opt/x/bin", of each folder of PATH. */
std::vector<std::string> prefixes() {
  std::vector<std::string> found;
  const char* variable = std::getenv("PATH");
  std::istringstream folders(variable ? variable : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    while (!folder.empty() && folder.back() == '/') folder.pop_back();
    const size_t slash = folder.rfind('/');
    if (folder[0] == '/' && folder.substr(slash) == "/bin") found.push_back(folder.substr(0, slash));
  }
  return found;
}

}  // namespace

void* openLibrary(const char* overrideVariable, const std::vector<std::string>& candidates, std::string& path,
                  std::string& problem) {
  const char* chosen = std::getenv(overrideVariable);
  if (chosen && *chosen) {
    path = chosen;
    void* library = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
    if (!library) problem = std::string(overrideVariable) + "=" + chosen + " cannot be loaded";
    return library;
  }
  for (const std::string& candidate : candidates) {
    if (void* library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      path = candidate;
      return library;
    }
  }
  problem = candidates.front() + " is not there";
  return nullptr;
}

void* openToolkitLibrary(const char* overrideVariable, const char* name, std::string& path,
                         std::string& problem) {
  std::vector<std::string> candidates;
  const std::vector<std::string> places = prefixes();
  const int newest = driverMajor() < kOldestMajor ? kOldestMajor : driverMajor();
  for (int major = newest; major >= kOldestMajor; --major) {
    const std::string file = name + ("." + std::to_string(major));
    candidates.push_back(file);
    candidates.push_back("/usr/local/cuda/lib64/" + file);
    for (const std::string& place : places) {
      addMatches(place + "/lib/" + file, candidates);
      addMatches(place + "/lib64/" + file, candidates);
      addMatches(place + "/lib/python3*/*-packages/nvidia/*/lib/" + file, candidates);
    }
  }
  void* library = openLibrary(overrideVariable, candidates, path, problem);
  if (!library && path.empty()) {
    const std::string last = newest > kOldestMajor ? " to " + std::to_string(newest) : "";
    problem =
        std::string(name) + " of CUDA " + std::to_string(kOldestMajor) + last +
        " is neither where the loader looks, nor in /usr/local/cuda, nor beside a folder of PATH (lib, or a "
        "Python's nvidia/*/lib)";
  }
  return library;
}

void* findSymbol(void* library, const char* name) { return dlsym(library, name); }

std::string fileOf(void* symbol, const std::string& name) {
  Dl_info info;
  return dladdr(symbol, &info) && info.dli_fname ? info.dli_fname : name;
}

}  // namespace mlab::cuda
