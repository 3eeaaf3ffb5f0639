// What the threads of a kernel call to wait for each other and for their copies (emulator.h), and what the
// search for races asks about them.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "races.h"
#include "run.h"

namespace emulator {
namespace {

bool samePlace(const Place& a, const Place& b) {
  return a.line == b.line && (a.what == b.what || strcmp(a.what, b.what) == 0);
}

}  // namespace

void fail(const char* format, ...) {
  char buffer[500];
  va_list list;
  va_start(list, format);
  vsnprintf(buffer, sizeof buffer, format, list);
  va_end(list);
  stop(kLaunchFailed, buffer);
}

void barrier(const Place& place) {
  if (run.block->waiting == 0)
    run.block->barrierPlace = place;
  else if (!samePlace(place, run.block->barrierPlace))
    fail("reaches %s while other threads wait at %s", describe(place).c_str(),
         describe(run.block->barrierPlace).c_str());
  run.block->fibers[run.current].place = place;
  if (++run.block->waiting < run.threads) return wait();
  run.block->waiting = 0;
  races::barrier();
  for (int i = 0; i < run.warpCount; i++) run.block->warps[i].ready = run.block->warps[i].lanes;
  run.block->warps[run.current / 32].ready &= ~(1u << run.current % 32);
}

void pause(const Place& place) {
  run.block->fibers[run.current].place = place;
  run.block->warps[run.current / 32].pausing |= 1u << run.current % 32;
  wait();
}

void step() { run.steps++; }

const Slot* exchange(const Place& place, unsigned mask, const void* in, size_t bytes,
                     void (*complete)(Slot*)) {
  Warp& warp = run.block->warps[run.current / 32];
  if (mask != kFull || warp.lanes != kFull)
    fail("%s with the mask %08x in a warp with the lanes %08x: the emulator knows full warps only",
         describe(place).c_str(), mask, warp.lanes);
  if (warp.exchanging == 0)
    warp.place = place;
  else if (!samePlace(place, warp.place))
    fail("is at %s while other lanes of its warp wait at %s", describe(place).c_str(),
         describe(warp.place).c_str());
  const unsigned bit = 1u << run.current % 32;
  Slot* slots = warp.slots[warp.turn];  // two turns: a fast lane may be one exchange ahead of a slow one
  if (bytes) memcpy(slots[run.current % 32].bytes, in, bytes);
  warp.exchanging |= bit;
  run.block->fibers[run.current].place = place;
  if (warp.exchanging != kFull) {
    wait();
    return slots;
  }
  if (complete) complete(slots);
  if (strcmp(place.what, "__syncwarp") == 0) races::syncWarp(run.current / 32);
  warp.exchanging = 0;
  warp.turn ^= 1;
  warp.ready |= kFull & ~bit;
  return slots;
}

void copyAsync(void* shared, const void* global, bool valid, int bytes) {
  if (!inShared(shared, bytes)) fail("copyAsync%d to an address outside of shared memory", bytes);
  if (reinterpret_cast<uintptr_t>(shared) % bytes || (valid && reinterpret_cast<uintptr_t>(global) % bytes))
    stop(kMisalignedAddress, text("copyAsync%d with an address that is not a multiple of %d", bytes, bytes));
  if (valid) races::access(run.current, global, bytes, false, __builtin_return_address(0));
  races::access(run.current, shared, bytes, true, __builtin_return_address(0));
  Fiber& fiber = run.block->fibers[run.current];
  fiber.copies.push_back({shared, global, valid, bytes, fiber.groups});
  if (!run.block->copyAtOnce) return;
  fiber.copies.back().group = -1;
  waitCopies(fiber.groups);
}

void prefetch(const void* global, int bytes) {
  if (reinterpret_cast<uintptr_t>(global) % 16 || bytes % 16)
    stop(kMisalignedAddress, "prefetchBytes with an address or a size that is not a multiple of 16");
}

void fence() { races::fence(); }

void commitCopies() { run.block->fibers[run.current].groups++; }

/** A copy happens as late as it may, or in other blocks at once: a missing wait shows in the first kind, a
 * buffer that is filled while others still read it in the second. */
void waitCopies(int groups) {
  Fiber& fiber = run.block->fibers[run.current];
  auto copy = fiber.copies.begin();
  for (; copy != fiber.copies.end() && copy->group < fiber.groups - groups; ++copy) {
    if (copy->valid)
      memcpy(copy->to, copy->from, copy->bytes);
    else
      memset(copy->to, 0, copy->bytes);
  }
  fiber.copies.erase(fiber.copies.begin(), copy);
}

int races::runningThread() { return run.current; }
bool races::isShared(const void* address) { return inShared(address, 1); }
bool races::isStack(const void* address) {
  const auto* p = static_cast<const unsigned char*>(address);
  return run.block && p >= run.block->stacks && p < run.block->stacks + kMaxThreads * kStackStride;
}
void races::stop(const char* what, int other, bool otherBlock, const char* did, void* code, void* otherCode) {
  const std::string who = otherBlock            ? "another block"
                          : other < kMaxThreads ? text("thread %d", other)
                                                : "other threads";
  emulator::stop(kLaunchFailed, std::string("race: ") + what + sourceLine(code) + " what " + who + " " + did +
                                    sourceLine(otherCode) + (otherBlock ? "" : ", with no barrier between"));
}

}  // namespace emulator
