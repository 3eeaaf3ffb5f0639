// Stacks of their own for the threads of a block, switched by hand (fibers.cpp).
#pragma once
#include <stddef.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace emulator {

#ifdef __x86_64__
struct Context {
  void* stack;
};
#else
struct Context {
  ucontext_t state;
};
#endif

/** Saves what runs now to `from`, and continues where `to` was left. */
void switchTo(Context& from, const Context& to);
/** A switch to `context` will call `entry` on the stack, which must not return. */
void prepare(Context& context, unsigned char* stack, size_t bytes, void (*entry)());

}  // namespace emulator
