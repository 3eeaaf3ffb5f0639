// Finds races. Kernels built with --races call one of the functions at the end for every access to memory;
// the names are those by which compilers call ThreadSanitizer. For every two bytes this remembers the last
// write and the last reads. Two accesses, one of them a write, race unless one thread does both, or a barrier
// of the block or a
// __syncwarp of the warp lies between them. Blocks of a launch are in no order, unless both have called
// __threadfence.
#include "races.h"

#include <sys/mman.h>

#include "emulator.h"

namespace emulator::races {
namespace {

// Instead of a thread: several of one warp (plus its number), or of several.
constexpr uint16_t kLanes = 0x4000, kWarps = 0x8000;

struct Access {
  uint32_t epoch;  // barriers since the process began
  uint16_t thread, syncs;
  void* code;
};
struct Cell {
  uintptr_t address;
  Access write, read;
  uint32_t readElsewhere;  // epoch of a read by an earlier block
};

/** Memory 16 MiB apart shares a cell, which forgets the other: a race may then be missed, never made up. */
constexpr size_t kCells = 1 << 23;
Cell* cells = nullptr;
uint32_t epoch = 1, launchBegin = 1, blockBegin = 1;
uint32_t lastFence = 0, earlierFence = 0;  // of all blocks, and of those before this one
uint16_t syncs[32];

int warpOf(const Access& a) { return a.thread & kLanes ? a.thread - kLanes : a.thread / 32; }

/** With what earlier blocks have done by then. As late as possible: a race may be missed, never made up. */
bool orderedByFences(uint32_t then) { return lastFence >= blockBegin && then <= earlierFence; }

bool ordered(const Access& before, int thread, bool shared) {
  if (before.epoch < launchBegin) return true;
  if (before.epoch < blockBegin) return shared || orderedByFences(before.epoch);  // of another block
  if (before.epoch < epoch || before.thread == thread) return true;
  return !(before.thread & kWarps) && warpOf(before) == thread / 32 && before.syncs < syncs[thread / 32];
}

void check(Cell& cell, int thread, bool write, bool shared, void* code) {
  const Access now = {epoch, static_cast<uint16_t>(thread), syncs[thread / 32], code};
  if (!ordered(cell.write, thread, shared))
    stop(write ? "writes" : "reads", cell.write.thread, cell.write.epoch < blockBegin, "writes", code,
         cell.write.code);
  Access& read = cell.read;
  if (write) {
    const bool elsewhere =
        !shared && cell.readElsewhere >= launchBegin && !orderedByFences(cell.readElsewhere);
    if (elsewhere || !ordered(read, thread, shared))
      stop("writes", read.thread, elsewhere || read.epoch < blockBegin, "reads", code, read.code);
    cell.write = now;
    return;
  }
  if (read.epoch >= launchBegin && read.epoch < blockBegin) cell.readElsewhere = read.epoch;
  const bool join = read.epoch == epoch && read.thread != thread && !ordered(read, thread, shared);
  const bool sameWarp = !(read.thread & kWarps) && warpOf(read) == thread / 32;
  read = now;
  if (join) read.thread = sameWarp ? kLanes + thread / 32 : kWarps;
}

}  // namespace

void beginLaunch() { launchBegin = ++epoch; }
void beginBlock() {
  earlierFence = lastFence;
  blockBegin = ++epoch;
  for (uint16_t& count : syncs) count = 0;
}
void barrier() { ++epoch; }
void fence() { lastFence = epoch; }
void syncWarp(int warp) { ++syncs[warp]; }

void access(int thread, const void* address, size_t bytes, bool write, void* code) {
  if (thread < 0 || bytes < 2 || isStack(address)) return;
  if (!cells)
    cells = static_cast<Cell*>(mmap(nullptr, kCells * sizeof(Cell), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const bool shared = isShared(address);
  const uintptr_t first = reinterpret_cast<uintptr_t>(address) / 2;
  for (uintptr_t i = first; i < first + bytes / 2; i++) {
    Cell& cell = cells[i % kCells];
    if (cell.address != i) {
      cell = {};
      cell.address = i;
    }
    check(cell, thread, write, shared, code);
  }
}

}  // namespace emulator::races

using emulator::races::access;
using emulator::races::runningThread;

#define ACCESSES(bytes)                                                    \
  EMULATOR_API void __tsan_read##bytes(void* p) {                          \
    access(runningThread(), p, bytes, false, __builtin_return_address(0)); \
  }                                                                        \
  EMULATOR_API void __tsan_write##bytes(void* p) {                         \
    access(runningThread(), p, bytes, true, __builtin_return_address(0));  \
  }
#define UNALIGNED_ACCESSES(bytes)                                          \
  EMULATOR_API void __tsan_unaligned_read##bytes(void* p) {                \
    access(runningThread(), p, bytes, false, __builtin_return_address(0)); \
  }                                                                        \
  EMULATOR_API void __tsan_unaligned_write##bytes(void* p) {               \
    access(runningThread(), p, bytes, true, __builtin_return_address(0));  \
  }

extern "C" {
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
UNALIGNED_ACCESSES(2)
UNALIGNED_ACCESSES(4)
UNALIGNED_ACCESSES(8)
UNALIGNED_ACCESSES(16)
EMULATOR_API void __tsan_read_range(void* p, size_t bytes) {
  access(runningThread(), p, bytes, false, __builtin_return_address(0));
}
EMULATOR_API void __tsan_write_range(void* p, size_t bytes) {
  access(runningThread(), p, bytes, true, __builtin_return_address(0));
}
EMULATOR_API void __tsan_init() {}
EMULATOR_API void __tsan_func_entry(void*) {}
EMULATOR_API void __tsan_func_exit() {}
}
