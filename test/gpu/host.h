// The emulator's inside, shared by emulator.cpp, driver.cpp, blas.cpp and the kernels' generated tables.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#define EMULATOR_EXPORT __attribute__((visibility("default")))

namespace emulator {

/** A kernel of a compiled file; its table ends with a null name. */
struct Kernel {
  const char* name;
  int maxThreads;
  int parameterCount;
  const int* parameterSizes;
  void (*run)(void* const* parameters);
};
/** What a compiled file exports as `emulatorModule`. [sharedBegin, sharedEnd) is its static shared memory. */
struct Module {
  const char* file;
  const Kernel* kernels;
  unsigned char *sharedBegin, *sharedEnd;
};

/** The table's entry for a kernel: unpacks the parameters. */
template <auto F>
struct Entry;
template <class... A, void (*F)(A...)>
struct Entry<F> {
  static constexpr int sizes[] = {sizeof(A)..., 0};
  template <size_t... I>
  static void call(void* const* parameters, std::index_sequence<I...>) {
    F(*static_cast<A*>(parameters[I])...);
  }
  static void run(void* const* parameters) { call(parameters, std::index_sequence_for<A...>()); }
  static constexpr Kernel kernel(const char* name, int maxThreads) {
    return {name, maxThreads, sizeof...(A), sizes, run};
  }
};

struct Size3 {
  unsigned x, y, z;
};

/** Driver error codes that a launch can end with. */
enum Error : int { kSuccess = 0, kIllegalAddress = 700, kMisalignedAddress = 716, kLaunchFailed = 719 };

/** Of the pretended GPU, times ten. */
EMULATOR_EXPORT int capability();

/** Runs all blocks, one after another, or in turn where the launch is cooperative. What went wrong is
 * printed, and kept for `lastMessage`. */
EMULATOR_EXPORT int launch(const Module& module, const Kernel& kernel, Size3 grid, Size3 block,
                           unsigned sharedBytes, void* const* parameters, bool cooperative);
/** The text of the last report, if it was of this error. */
EMULATOR_EXPORT std::string lastMessage(int error);
EMULATOR_EXPORT int report(int error, const std::string& message);

/** Device memory: filled with NaN, a page that cannot be touched on both sides. 0 when the limit is reached.
 */
EMULATOR_EXPORT uint64_t allocate(size_t bytes);
EMULATOR_EXPORT bool release(uint64_t address);
EMULATOR_EXPORT bool inDeviceMemory(uint64_t address, size_t bytes);
EMULATOR_EXPORT size_t memoryTotal();
EMULATOR_EXPORT size_t memoryUsed();
/** Looks at the margins of all allocations; `who` is blamed for a change. */
EMULATOR_EXPORT int checkMargins(const std::string& who);

/** Work of the stream: done at once, or recorded while a capture is on. */
using Work = std::function<int()>;
EMULATOR_EXPORT int enqueue(Work work);
/** Where `enqueue` records to; null: nowhere. */
EMULATOR_EXPORT std::vector<Work>*& capture();

}  // namespace emulator
