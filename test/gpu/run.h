// The inside of libemulator.so: the launch that runs, and what its files tell each other. A block's threads
// are fibers, which emulator.cpp lets run; threads.cpp and products.cpp are what they call, memory.cpp is
// what they point to, faults.cpp what becomes of those that point elsewhere.
#pragma once
#include <signal.h>

#include <mutex>

#include "emulator.h"
#include "fibers.h"
#include "host.h"

namespace emulator {

constexpr unsigned kFull = 0xffffffffu;
constexpr int kMaxThreads = 1024;
constexpr unsigned char kPoison = 0xff;  // NaN as float and as bfloat16, -1 as int
constexpr unsigned char kMargin = 0xa5;
/** Of the pages around dynamic shared memory. */
constexpr size_t kPage = 4096;

struct Copy {
  void* to;
  const void* from;
  bool valid;
  int bytes, group;
};

struct Fiber {
  Context context;
  uint3 index;
  Place place;  // where it waits
  std::vector<Copy> copies;
  int groups;  // of copies, that it has ended
};

struct Warp {
  unsigned lanes;  // that exist
  unsigned ready, exchanging, ended;
  unsigned pausing;  // wait for another block
  Place place;
  int turn;
  Slot slots[2][32];
};

constexpr size_t kStackBytes = 128 * 1024;
constexpr size_t kStackStride =
    kStackBytes + 192;  // so that stacks do not all fall into the same cache lines

/** A block that runs: the only one, or one of a cooperative launch, which all run in turn. */
struct Block {
  uint3 index;
  Fiber fibers[kMaxThreads];
  Warp warps[kMaxThreads / 32];
  unsigned char* stacks = nullptr;
  int waiting;  // at the barrier `barrierPlace`
  Place barrierPlace;
  bool backwards, copyAtOnce;
  unsigned char *sharedBegin, *sharedEnd;
  std::vector<unsigned char> staticShared;  // while others run
};

/** The launch that runs now. */
struct Run {
  const Module* module;
  const Kernel* kernel;
  void* const* parameters;
  Context scheduler;
  Block* block;  // that runs
  int threads, warpCount;
  int current;  // thread, or -1 outside of all
  int error;
  bool cooperative;
  uint64_t steps;  // whatever may let another block go on
  std::string message;
  uint64_t launches = 0;
};
extern Run run;

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string describe(const Place& place);
/** Which kernel and block, and which thread where it is not -1. */
std::string where(int thread);

/** Leaves the running thread to the others of its block. */
void wait();
/** Ends the launch for the running thread, for good. */
[[noreturn]] void stop(int error, const std::string& message);
bool inShared(const void* p, size_t bytes);

// memory.cpp
/** What an address is, for a message. */
std::string describeAddress(uint64_t address);
bool marginIntact(const unsigned char* begin, const unsigned char* end);

// faults.cpp
/** The source line of an instruction, if the machine has addr2line. */
std::string sourceLine(void* instruction);
/** Faults are the kernel's while one of these lives. */
class Handlers {
 public:
  Handlers();
  ~Handlers();

 private:
  struct sigaction before_[4];
};
/** What the launch's fault was; empty where there was none. */
std::string describeFault();

}  // namespace emulator
