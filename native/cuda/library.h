// Shared libraries found at run time, so that the addon is built and loaded without them.
#pragma once
#include <string>
#include <vector>

namespace mlab::cuda {

/**
 * Opens the first of `candidates` (names for the loader, or paths) that is there, or the one that the
 * environment variable names and no other. Null where there is none: `problem` says why.
 */
void* openLibrary(const char* overrideVariable, const std::vector<std::string>& candidates, std::string& path,
                  std::string& problem);

/**
 * A library of CUDA's toolkit, e.g. "libnvrtc.so": the newest of CUDA 12 or later that the driver can work
 * with, from where the loader looks, /usr/local/cuda, or what lies beside a folder of PATH: a toolkit, conda,
 * or a Python into which pip has put it (PyTorch brings it).
 */
void* openToolkitLibrary(const char* overrideVariable, const char* name, std::string& path,
                         std::string& problem);

void* findSymbol(void* library, const char* name);
/** The file of the library that a symbol is in, or `name`, by which it was opened. */
std::string fileOf(void* symbol, const std::string& name);

}  // namespace mlab::cuda
