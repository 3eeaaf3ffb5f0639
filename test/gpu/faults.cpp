// What becomes of a kernel that touches what it may not: the signal, and the reports of the compiler's
// sanitiser.
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "run.h"

namespace emulator {

std::string sourceLine(void* instruction) {
  Dl_info info;
  if (!instruction || !dladdr(instruction, &info)) return "";
  const size_t offset = static_cast<char*>(instruction) - static_cast<char*>(info.dli_fbase);
  const std::string command = text("addr2line -se %s 0x%zx 2>/dev/null", info.dli_fname, offset);
  char line[200] = "";
  if (FILE* pipe = popen(command.c_str(), "r")) {
    if (!fgets(line, sizeof line, pipe)) line[0] = 0;
    pclose(pipe);
  }
  line[strcspn(line, " \n")] = 0;
  return line[0] && line[0] != '?' ? text(" (%s)", line) : "";
}

namespace {

constexpr int kSignals[4] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

struct Fault {
  int thread, signal;
  uint64_t address;
  bool write, anywhere;
  void* instruction;
} fault;

/** Leaves the fiber for good; the message is made outside of the handler. */
void onFault(int number, siginfo_t* info, void* state) {
  if (run.current < 0) {  // not a kernel's fault: let the process die of it
    signal(number, SIG_DFL);
    return;
  }
  fault = {run.current, number, reinterpret_cast<uint64_t>(info->si_addr), false, false, nullptr};
#ifdef __x86_64__
  const auto& registers = static_cast<ucontext_t*>(state)->uc_mcontext.gregs;
  fault.write = registers[REG_ERR] & 2;
  fault.anywhere = registers[REG_TRAPNO] == 13;  // general protection: the address is not even told
  fault.instruction = reinterpret_cast<void*>(registers[REG_RIP]);
#else
  (void)state;
#endif
  run.error = number == SIGFPE ? kLaunchFailed : kIllegalAddress;
  wait();
}

}  // namespace

std::string describeFault() {
  if (fault.signal == 0) return "";
  const std::string s = where(fault.thread) + ": ";
  if (fault.signal == SIGFPE) return s + "an integer division by zero" + sourceLine(fault.instruction);
  if (fault.signal == SIGILL) return s + "an invalid instruction" + sourceLine(fault.instruction);
  if (fault.anywhere) return s + "uses an address that is no address" + sourceLine(fault.instruction);
  return s + (fault.write ? "writes to " : "reads from ") + describeAddress(fault.address) +
         sourceLine(fault.instruction);
}

Handlers::Handlers() {
  fault = {};
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  for (int i = 0; i < 4; i++) sigaction(kSignals[i], &action, &before_[i]);
}
Handlers::~Handlers() {
  for (int i = 0; i < 4; i++) sigaction(kSignals[i], &before_[i], nullptr);
}

}  // namespace emulator

// The sanitiser's reports, which the compiler calls from kernels: the first field of their data is the place.
struct SanitiserPlace {
  const char* file;
  unsigned line, column;
};
static std::string describePlace(const SanitiserPlace* place) {
  const char* slash = strrchr(place->file, '/');
  return emulator::text(" (%s:%u)", slash ? slash + 1 : place->file, place->line);
}
extern "C" {
EMULATOR_API void __ubsan_handle_type_mismatch_v1_abort(const SanitiserPlace* place, void* pointer) {
  if (emulator::run.current >= 0)
    emulator::stop(emulator::kMisalignedAddress,
                   emulator::text("uses the misaligned address %p", pointer) + describePlace(place));
}
EMULATOR_API void __ubsan_handle_out_of_bounds_abort(const SanitiserPlace* place, size_t index) {
  emulator::stop(emulator::kIllegalAddress,
                 emulator::text("index %zd is outside of the array", index) + describePlace(place));
}
}
