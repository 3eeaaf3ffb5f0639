#include "fibers.h"

namespace emulator {

#ifdef __x86_64__
extern "C" void emulatorSwitch(Context* from, const Context* to);
// Saves what a function must keep, and continues where `to` was left; all else is the compiler's business.
asm(R"(
.text
.hidden emulatorSwitch
.globl emulatorSwitch
emulatorSwitch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov (%rsi), %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");
void switchTo(Context& from, const Context& to) { emulatorSwitch(&from, &to); }
void prepare(Context& context, unsigned char* stack, size_t bytes, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + bytes);
  *--top = nullptr;  // as if `entry` had been called: its stack is 8 off a multiple of 16
  *--top = reinterpret_cast<void*>(entry);
  context.stack = top - 6;
}
#else
void switchTo(Context& from, const Context& to) { swapcontext(&from.state, &to.state); }
void prepare(Context& context, unsigned char* stack, size_t bytes, void (*entry)()) {
  getcontext(&context.state);
  context.state.uc_stack.ss_sp = stack;
  context.state.uc_stack.ss_size = bytes;
  makecontext(&context.state, entry, 0);
}
#endif

}  // namespace emulator
