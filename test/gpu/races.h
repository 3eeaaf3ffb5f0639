// Which accesses of a kernel are not in a defined order: races.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulator::races {

void beginLaunch();
void beginBlock();
/** All threads of the block have reached a barrier. */
void barrier();
/** All lanes of the warp have reached a __syncwarp. */
void syncWarp(int warp);
/** A __threadfence. */
void fence();
/** The running thread, or another one of its warp, reads or writes; `code` is the address of the instruction.
 */
void access(int thread, const void* address, size_t bytes, bool write, void* code);

// What threads.cpp knows.
int runningThread();  // -1 outside of a kernel
bool isStack(const void* address);
bool isShared(const void* address);
[[noreturn]] void stop(const char* what, int other, bool otherBlock, const char* did, void* code,
                       void* otherCode);

}  // namespace emulator::races
