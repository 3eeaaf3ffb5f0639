// Runs kernels on the CPU. Each thread of a block is a fiber: a stack of its own, switched by hand. A warp
// runs until all its lanes wait or have ended, then the next one; blocks run one after another. Half of the
// blocks run backwards, so that a kernel cannot rely on an order. What it cannot see is in README.md.
#include "emulator.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "host.h"
#include "races.h"

namespace emulator {

Position position;

namespace {

constexpr unsigned kFull = 0xffffffffu;
constexpr int kMaxThreads = 1024;
constexpr unsigned char kPoison = 0xff;  // NaN as float and as bfloat16, -1 as int
constexpr unsigned char kMargin = 0xa5;

#ifdef __x86_64__
struct Context {
  void* stack;
};
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
struct Context {
  ucontext_t state;
};
void switchTo(Context& from, const Context& to) { swapcontext(&from.state, &to.state); }
void prepare(Context& context, unsigned char* stack, size_t bytes, void (*entry)()) {
  getcontext(&context.state);
  context.state.uc_stack.ss_sp = stack;
  context.state.uc_stack.ss_size = bytes;
  makecontext(&context.state, entry, 0);
}
#endif

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
} run;

std::string lastText;
int lastError = 0;

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

bool inShared(const void* p, size_t bytes) {
  const auto* q = static_cast<const unsigned char*>(p);
  const auto within = [&](unsigned char* begin, unsigned char* end) {
    return q >= begin && q + bytes <= end;
  };
  return within(run.block->sharedBegin, run.block->sharedEnd) ||
         within(run.module->sharedBegin, run.module->sharedEnd);
}

bool marginIntact(const unsigned char* begin, const unsigned char* end) {
  return std::all_of(begin, end, [](unsigned char c) { return c == kMargin; });
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
  static constexpr size_t kPage = 4096, kBytes = 256 * 1024;
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

struct Allocation {
  unsigned char* pages;
  size_t pageBytes;
  unsigned char *begin, *end;
  const unsigned char* marginEnd;
};
constexpr size_t kGuard = 64 * 1024;
std::map<uint64_t, Allocation> allocations;
size_t used = 0;

/** What an address is, for a message. */
std::string describe(uint64_t address) {
  for (const auto& [start, a] : allocations) {
    const uint64_t end = reinterpret_cast<uint64_t>(a.end);
    if (address < start - kGuard || address >= end + kGuard) continue;
    if (address < start)
      return text("%zu bytes before device memory of %zu bytes", start - address, end - start);
    return text("%zu bytes after the start of device memory of %zu bytes", address - start, end - start);
  }
  const uint64_t begin = reinterpret_cast<uint64_t>(run.block->sharedBegin);
  const uint64_t size = run.block->sharedEnd - run.block->sharedBegin;
  if (address >= begin && address < begin + size + 2 * SharedMemory::kPage)
    return text("%zu bytes after the start of %zu bytes of dynamic shared memory", address - begin, size);
  return address < 65536 ? "a null address" : "no memory of the device";
}

/** The source line of an instruction, if the machine has addr2line. */
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

std::string describeFault() {
  const std::string s = where(fault.thread) + ": ";
  if (fault.signal == SIGFPE) return s + "an integer division by zero" + sourceLine(fault.instruction);
  if (fault.signal == SIGILL) return s + "an invalid instruction" + sourceLine(fault.instruction);
  if (fault.anywhere) return s + "uses an address that is no address" + sourceLine(fault.instruction);
  return s + (fault.write ? "writes to " : "reads from ") + describe(fault.address) +
         sourceLine(fault.instruction);
}

/** Faults are the kernel's while one of these lives. */
class Handlers {
 public:
  Handlers() {
    struct sigaction action = {};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (int i = 0; i < 4; i++) sigaction(kSignals[i], &action, &before_[i]);
  }
  ~Handlers() {
    for (int i = 0; i < 4; i++) sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr int kSignals[4] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  struct sigaction before_[4];
};

std::recursive_mutex& mutex() {
  static std::recursive_mutex once;
  return once;
}

bool samePlace(const Place& a, const Place& b) {
  return a.line == b.line && (a.what == b.what || strcmp(a.what, b.what) == 0);
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
  return run.error ? report(run.error, fault.signal ? describeFault() : run.message) : kSuccess;
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
  fault = {};
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

int capability() {
  static const char* const chosen = getenv("MISTRAL_LAB_EMULATOR_CAPABILITY");
  static const int value = chosen ? static_cast<int>(strtod(chosen, nullptr) * 10 + 0.5) : 90;
  return value;
}

void multiplyMatrices(Slot* slots) {
  if (capability() < 80) fail("bfloat16 products need compute capability 8.0");
  float a[16][16], b[16][8], d[16][8];
  const auto unpack = [](unsigned pair, float& first, float& second) {
    first = bits<float>(pair << 16);
    second = bits<float>(pair & 0xffff0000u);
  };
  for (int lane = 0; lane < 32; lane++) {
    const Slot& s = slots[lane];
    const int group = lane / 4, pair = 2 * (lane % 4);
    for (int half = 0; half < 2; half++) {
      memcpy(&d[group + 8 * half][pair], s.floats + 2 * half, 8);
      for (int low = 0; low < 2; low++) {
        float* row = &a[group + 8 * low][pair + 8 * half];
        unpack(s.words[4 + 2 * half + low], row[0], row[1]);
      }
      unpack(s.words[8 + half], b[pair + 8 * half][group], b[pair + 8 * half + 1][group]);
    }
  }
  for (int i = 0; i < 16; i++)
    for (int k = 0; k < 16; k++)
      for (int j = 0; j < 8; j++) d[i][j] += a[i][k] * b[k][j];
  for (int lane = 0; lane < 32; lane++)
    for (int half = 0; half < 2; half++)
      memcpy(slots[lane].floats + 2 * half, &d[lane / 4 + 8 * half][2 * (lane % 4)], 8);
}

float matrixValue(unsigned long long descriptor, bool alongRows, int row, int column) {
  const auto field = [&](int from) { return static_cast<size_t>(descriptor >> from & 0x3fff) << 4; };
  if (capability() != 90) fail("products of a warpgroup need compute capability 9.0");
  if (descriptor >> 62 != 1) fail("a matrix descriptor that does not say 128-byte swizzle");
  const size_t panel = alongRows ? column / 64 * field(16) : 0;
  const size_t place = field(0) + panel + row / 8 * field(32) + row % 8 * 128 + column % 64 * 2;
  const unsigned char* at = position.dynamicShared + (place ^ (place >> 7 & 7) << 4);
  if (!inShared(at, 2)) fail("a product reads outside of shared memory");
  return bits<float>(static_cast<unsigned>(*reinterpret_cast<const unsigned short*>(at)) << 16);
}

namespace {
void spread(Slot* slots, bool transposed) {
  unsigned short rows[32][8];
  for (int i = 0; i < 32; i++) {
    const void* row = slots[i].pointer;
    if (!inShared(row, 16)) fail("loadMatrices: the row of lane %d lies outside of shared memory", i);
    if (reinterpret_cast<uintptr_t>(row) % 16)
      stop(kMisalignedAddress, text("loadMatrices: the row of lane %d is not at a multiple of 16", i));
    races::access(run.current / 32 * 32 + i, row, 16, false, nullptr);
    memcpy(rows[i], row, 16);
  }
  for (int lane = 0; lane < 32; lane++)
    for (int j = 0; j < 4; j++) {
      const int a = lane / 4, b = 2 * (lane % 4);
      const unsigned first = transposed ? rows[8 * j + b][a] : rows[8 * j + a][b];
      const unsigned second = transposed ? rows[8 * j + b + 1][a] : rows[8 * j + a][b + 1];
      slots[lane].words[j] = first | second << 16;
    }
}
}  // namespace
void spreadMatrices(Slot* slots) { spread(slots, false); }
void spreadMatricesTransposed(Slot* slots) { spread(slots, true); }

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

size_t memoryTotal() {
  const char* megabytes = getenv("MISTRAL_LAB_EMULATOR_MEMORY");
  return (megabytes ? strtoull(megabytes, nullptr, 10) : 8192) << 20;
}
size_t memoryUsed() { return used; }

uint64_t allocate(size_t bytes) {
  const std::lock_guard<std::recursive_mutex> lock(mutex());
  const size_t rounded = (bytes + 511) / 512 * 512, pages = (rounded + 4095) / 4096 * 4096;
  if (used + rounded > memoryTotal()) return 0;
  auto* base = static_cast<unsigned char*>(
      mmap(nullptr, pages + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (base == MAP_FAILED) return 0;
  unsigned char* inside = base + kGuard;
  if (mprotect(inside, pages, PROT_READ | PROT_WRITE) != 0) {
    munmap(base, pages + 2 * kGuard);
    return 0;
  }
  unsigned char* begin = inside + pages - rounded;
  memset(inside, kMargin, begin - inside);
  memset(begin, kPoison, bytes);
  memset(begin + bytes, kMargin, rounded - bytes);
  used += rounded;
  const auto address = reinterpret_cast<uint64_t>(begin);
  allocations[address] = {base, pages + 2 * kGuard, begin, begin + bytes, begin + rounded};
  return address;
}

bool release(uint64_t address) {
  const std::lock_guard<std::recursive_mutex> lock(mutex());
  const auto found = allocations.find(address);
  if (found == allocations.end()) return false;
  const Allocation a = found->second;
  allocations.erase(found);
  used -= a.marginEnd - a.begin;
  munmap(a.pages, a.pageBytes);
  return true;
}

bool inDeviceMemory(uint64_t address, size_t bytes) {
  const std::lock_guard<std::recursive_mutex> lock(mutex());
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return false;
  --next;
  return address + bytes <= reinterpret_cast<uint64_t>(next->second.end);
}

int checkMargins(const std::string& who) {
  for (auto& [start, a] : allocations) {
    const bool before = marginIntact(a.pages + kGuard, a.begin), after = marginIntact(a.end, a.marginEnd);
    if (before && after) continue;
    memset(a.pages + kGuard, kMargin, a.begin - a.pages - kGuard);
    memset(a.end, kMargin, a.marginEnd - a.end);
    return report(kIllegalAddress, who + text(": wrote %s device memory of %zu bytes",
                                              before ? "beyond" : "before", a.end - a.begin));
  }
  return kSuccess;
}

std::vector<Work>*& capture() {
  static std::vector<Work>* target = nullptr;
  return target;
}

int enqueue(Work work) {
  const std::lock_guard<std::recursive_mutex> lock(mutex());
  if (!capture()) return work();
  capture()->push_back(std::move(work));
  return kSuccess;
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
