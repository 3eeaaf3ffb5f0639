// Device memory: NaN until it is written, with a margin and a page that cannot be touched on both sides.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>

#include "run.h"

namespace emulator {
namespace {

struct Allocation {
  unsigned char* pages;
  size_t pageBytes;
  unsigned char *begin, *end;
  const unsigned char* marginEnd;
};
constexpr size_t kGuard = 64 * 1024;
std::map<uint64_t, Allocation> allocations;
size_t used = 0;

std::recursive_mutex& mutex() {
  static std::recursive_mutex once;
  return once;
}

}  // namespace

bool marginIntact(const unsigned char* begin, const unsigned char* end) {
  return std::all_of(begin, end, [](unsigned char c) { return c == kMargin; });
}

std::string describeAddress(uint64_t address) {
  for (const auto& [start, a] : allocations) {
    const uint64_t end = reinterpret_cast<uint64_t>(a.end);
    if (address < start - kGuard || address >= end + kGuard) continue;
    if (address < start)
      return text("%zu bytes before device memory of %zu bytes", start - address, end - start);
    return text("%zu bytes after the start of device memory of %zu bytes", address - start, end - start);
  }
  const uint64_t begin = reinterpret_cast<uint64_t>(run.block->sharedBegin);
  const uint64_t size = run.block->sharedEnd - run.block->sharedBegin;
  if (address >= begin && address < begin + size + 2 * kPage)
    return text("%zu bytes after the start of %zu bytes of dynamic shared memory", address - begin, size);
  return address < 65536 ? "a null address" : "no memory of the device";
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
