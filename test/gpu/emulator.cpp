// Runs kernels on the CPU. Each thread of a block is a fiber: a stack of its own, switched by hand. A warp
// runs until all its lanes wait or have ended, then the next one; blocks run one after another. Half of the
// blocks run backwards, so that a kernel cannot rely on an order. What it cannot see is in README.md.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <memory>

#include "races.h"
#include "run.h"

namespace emulator {

Position position;
Run run;

std::string text(const char* format, ...) {
  char buffer[1000];
  va_list list;
  va_start(list, format);
  vsnprintf(buffer, sizeof buffer, format, list);
  va_end(list);
  return buffer;
}

std::string describe(const Place& place) {
  const char* slash = strrchr(place.file, '/');
  return text("%s (%s:%d)", place.what, slash ? slash + 1 : place.file, place.line);
}

std::string where(int thread) {
  const uint3& b = position.block;
  std::string s =
      text("%s: kernel %s, block (%u, %u, %u)", run.module->file, run.kernel->name, b.x, b.y, b.z);
  return thread < 0 ? s : s + text(", thread %d", thread);
}

void wait() { switchTo(run.block->fibers[run.current].context, run.scheduler); }

[[noreturn]] void stop(int error, const std::string& message) {
  run.error = error;
  run.message = where(run.current) + ": " + message;
  wait();
  __builtin_unreachable();
}

bool inShared(const void* p, size_t bytes) {
  const auto* q = static_cast<const unsigned char*>(p);
  const auto within = [&](unsigned char* begin, unsigned char* end) {
    return q >= begin && q + bytes <= end;
  };
  return within(run.block->sharedBegin, run.block->sharedEnd) ||
         within(run.module->sharedBegin, run.module->sharedEnd);
}

namespace {

std::string lastText;
int lastError = 0;

void fiberMain() {
  run.kernel->run(run.parameters);
  run.block->warps[run.current / 32].ended |= 1u << run.current % 32;
  run.steps++;
  wait();
}

void resume(int thread) {
  run.current = thread;
  position.thread = run.block->fibers[thread].index;
  position.lane = thread % 32;
  switchTo(run.scheduler, run.block->fibers[thread].context);
  run.current = -1;
}

/** Runs the warp until none of its lanes can go on. False when nothing could. */
bool runWarp(int index) {
  Warp& warp = run.block->warps[index];
  if (!warp.ready) return false;
  while (warp.ready && !run.error) {
    const int lane = run.block->backwards ? 31 - __builtin_clz(warp.ready) : __builtin_ctz(warp.ready);
    warp.ready &= ~(1u << lane);
    resume(index * 32 + lane);
  }
  return true;
}

/** Nobody can go on: says who waits where. */
std::string deadlock() {
  std::map<std::string, std::vector<int>> groups;
  for (int i = 0; i < run.threads; i++) {
    const bool ended = run.block->warps[i / 32].ended >> i % 32 & 1;
    groups[ended ? "ended" : "waits at " + describe(run.block->fibers[i].place)].push_back(i);
  }
  std::string s = where(-1) + ": deadlock";
  for (const auto& [state, threads] : groups)
    s += text("; %zu threads (%d first): %s", threads.size(), threads[0], state.c_str());
  return s;
}

void beginBlock() {
  Block& block = *run.block;
  memset(run.module->sharedBegin, kPoison, run.module->sharedEnd - run.module->sharedBegin);
  memset(block.sharedBegin, kPoison, block.sharedEnd - block.sharedBegin);
  block.waiting = 0;
  races::beginBlock();
  for (int i = 0; i < run.threads; i++) {
    Fiber& fiber = block.fibers[i];
    fiber.copies.clear();
    fiber.groups = 0;
    const unsigned t = i, width = position.blockSize.x, height = position.blockSize.y;
    fiber.index = {t % width, t / width % height, t / (width * height)};
    prepare(fiber.context, block.stacks + i * kStackStride, kStackBytes, fiberMain);
  }
  for (int i = 0; i < run.warpCount; i++) {
    Warp& warp = block.warps[i];
    const int lanes = std::min(32, run.threads - 32 * i);
    warp.lanes = warp.ready = lanes == 32 ? kFull : (1u << lanes) - 1;
    warp.exchanging = warp.ended = warp.pausing = warp.turn = 0;
  }
}

/** Runs the block until none of its threads can go on by itself; true when it has ended. */
bool continueBlock() {
  Block& block = *run.block;
  position.block = block.index;
  position.dynamicShared = block.sharedBegin;
  for (int i = 0; i < run.warpCount; i++) {
    block.warps[i].ready |= block.warps[i].pausing;
    block.warps[i].pausing = 0;
  }
  bool progress = true;
  while (progress && !run.error) {
    progress = false;
    for (int i = 0; i < run.warpCount; i++) progress |= runWarp(block.backwards ? run.warpCount - 1 - i : i);
  }
  const auto ended = [&](const Warp& warp) { return warp.ended == warp.lanes; };
  return run.error || std::all_of(block.warps, block.warps + run.warpCount, ended);
}

bool anyPauses(const Block& block) {
  return std::any_of(block.warps, block.warps + run.warpCount, [](const Warp& w) { return w.pausing != 0; });
}

/** The dynamic shared memory: ends at a page that cannot be touched, after a margin to the next multiple
 * of 16. */
struct SharedMemory {
  static constexpr size_t kBytes = 256 * 1024;
  unsigned char* pages = nullptr;

  SharedMemory() = default;
  SharedMemory(const SharedMemory&) = delete;
  ~SharedMemory() {
    if (pages) munmap(pages, kBytes + kPage);
  }
  unsigned char* place(unsigned bytes) {
    if (!pages) {
      pages = static_cast<unsigned char*>(
          mmap(nullptr, kBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      mprotect(pages + kBytes, kPage, PROT_NONE);
    }
    unsigned char* begin = pages + kBytes - (bytes + 15) / 16 * 16;
    memset(begin - kPage, kMargin, kPage);
    memset(begin + bytes, kMargin, pages + kBytes - begin - bytes);
    return begin;
  }
  bool intact(const Block& block) const {
    return marginIntact(block.sharedBegin - kPage, block.sharedBegin) &&
           marginIntact(block.sharedEnd, pages + kBytes);
  }
};

/** A block and its memory. */
struct Room {
  Block block;
  SharedMemory shared;

  Room() {
    block.stacks =
        static_cast<unsigned char*>(mmap(nullptr, kStackStride * kMaxThreads, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  ~Room() { munmap(block.stacks, kStackStride * kMaxThreads); }
  void enter(unsigned sharedBytes) {
    block.sharedBegin = shared.place(sharedBytes);
    block.sharedEnd = block.sharedBegin + sharedBytes;
    run.block = &block;
  }
};
/** The first serves all launches that are not cooperative. */
std::vector<std::unique_ptr<Room>> rooms;
Room& roomOf(size_t index) {
  while (rooms.size() <= index) rooms.push_back(std::make_unique<Room>());
  return *rooms[index];
}

}  // namespace

int report(int error, const std::string& message) {
  lastText = message;
  lastError = error;
  fprintf(stderr, "GPU emulator: %s\n", message.c_str());
  return error;
}

std::string lastMessage(int error) { return error == lastError ? lastText : ""; }

namespace {

/** Looks at what a block that has ended, or failed, leaves behind. */
int checkBlock(Room& room, unsigned sharedBytes) {
  if (!run.error && !room.shared.intact(room.block)) {
    run.error = kIllegalAddress;
    run.message = where(-1) + text(": wrote beside its %u bytes of dynamic shared memory", sharedBytes);
  }
  return run.error ? report(run.error, describeFault().empty() ? run.message : describeFault()) : kSuccess;
}

int stuck() {
  run.error = kLaunchFailed;
  run.message = deadlock();
  if (anyPauses(*run.block) && !run.cooperative) run.message += "; the launch is not cooperative";
  return report(run.error, run.message);
}

/** All blocks in turn, each until it waits for another one. */
int runTogether(Size3 grid, unsigned sharedBytes, uint64_t& order) {
  const size_t count = size_t{grid.x} * grid.y * grid.z;
  const size_t staticBytes = run.module->sharedEnd - run.module->sharedBegin;
  std::vector<bool> ended(count);
  for (size_t i = 0; i < count; i++, order++) {
    Room& room = roomOf(i);
    room.enter(sharedBytes);
    const unsigned at = static_cast<unsigned>(i);
    room.block.index = {at % grid.x, at / grid.x % grid.y, at / grid.x / grid.y};
    room.block.backwards = order & 1;
    room.block.copyAtOnce = order >> 1 & 1;
    beginBlock();
    room.block.staticShared.assign(run.module->sharedBegin, run.module->sharedEnd);
  }
  for (size_t left = count; left > 0;) {
    const uint64_t before = run.steps;
    for (size_t i = 0; i < count; i++) {
      if (ended[i]) continue;
      Room& room = roomOf(i);
      run.block = &room.block;
      memcpy(run.module->sharedBegin, room.block.staticShared.data(), staticBytes);
      const bool done = continueBlock();
      if (run.error || done) {
        if (const int error = checkBlock(room, sharedBytes)) return error;
        ended[i] = true;
        left--;
      } else if (!anyPauses(room.block)) {
        return stuck();
      }
      room.block.staticShared.assign(run.module->sharedBegin, run.module->sharedEnd);
    }
    if (left > 0 && run.steps == before) return stuck();
  }
  return kSuccess;
}

}  // namespace

int launch(const Module& module, const Kernel& kernel, Size3 grid, Size3 block, unsigned sharedBytes,
           void* const* parameters, bool cooperative) {
  run.module = &module;
  run.kernel = &kernel;
  run.parameters = parameters;
  run.threads = block.x * block.y * block.z;
  run.warpCount = (run.threads + 31) / 32;
  run.current = -1;
  run.error = 0;
  run.message.clear();
  run.cooperative = cooperative;
  position.blockSize = {block.x, block.y, block.z};
  position.gridSize = {grid.x, grid.y, grid.z};
  races::beginLaunch();
  uint64_t order = run.launches++;
  const Handlers handlers;
  if (cooperative) {
    if (const int error = runTogether(grid, sharedBytes, order)) return error;
    return checkMargins(text("%s: kernel %s", module.file, kernel.name));
  }
  Room& room = roomOf(0);
  room.enter(sharedBytes);
  for (unsigned z = 0; z < grid.z; z++)
    for (unsigned y = 0; y < grid.y; y++)
      for (unsigned x = 0; x < grid.x; x++) {
        room.block.index = {x, y, z};
        room.block.backwards = order & 1;
        room.block.copyAtOnce = order >> 1 & 1;
        order++;
        beginBlock();
        if (!continueBlock()) return stuck();
        if (const int error = checkBlock(room, sharedBytes)) return error;
      }
  return checkMargins(text("%s: kernel %s", module.file, kernel.name));
}

int capability() {
  static const char* const chosen = getenv("MISTRAL_LAB_EMULATOR_CAPABILITY");
  static const int value = chosen ? static_cast<int>(strtod(chosen, nullptr) * 10 + 0.5) : 90;
  return value;
}

}  // namespace emulator
