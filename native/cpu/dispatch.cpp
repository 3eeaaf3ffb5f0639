// Chooses the instruction set once, at first use, and on request (tests run every set the processor has).
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "kernels.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mlab {
namespace {

#define MLAB_ENTRY(name) &MLAB_SET::name,

// clang-format off
#define MLAB_SET scalar
const Kernels kScalar = {"scalar", MLAB_KERNEL_NAMES(MLAB_ENTRY)};
#undef MLAB_SET
#ifdef MLAB_HAS_AVX2
#define MLAB_SET avx2
const Kernels kAvx2 = {"avx2", MLAB_KERNEL_NAMES(MLAB_ENTRY)};
#undef MLAB_SET
#endif
#ifdef MLAB_HAS_AVX512
#define MLAB_SET avx512
const Kernels kAvx512 = {"avx512", MLAB_KERNEL_NAMES(MLAB_ENTRY)};
#undef MLAB_SET
#endif
#ifdef MLAB_HAS_AVX512BF16
#define MLAB_SET avx512bf16
const Kernels kAvx512Bf16 = {"avx512bf16", MLAB_KERNEL_NAMES(MLAB_ENTRY)};
#undef MLAB_SET
#endif
#ifdef MLAB_HAS_AMX
#define MLAB_SET amx
const Kernels kAmx = {"amx", MLAB_KERNEL_NAMES(MLAB_ENTRY)};
#undef MLAB_SET
#endif
// clang-format on

/** AMX with bfloat16, and the leave to use it, which Linux gives to a process that asks. */
[[maybe_unused]] bool amxIsThere() {
#if defined(MLAB_EMULATE_TILES)
  return true;
#elif defined(__x86_64__) && defined(__linux__)
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  if (!(edx & kAmxBf16) || !(edx & kAmxTile)) return false;
  constexpr long kAskForState = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
#else
  return false;
#endif
}

struct Candidates {
  const Kernels* set[5] = {};
  const char* names[6] = {};
  int count = 0;
  void push(const Kernels& k) {
    names[count] = k.isa;
    set[count++] = &k;
  }
  Candidates() {
    push(kScalar);
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool bfloat16 = avx512 && __builtin_cpu_supports("avx512bf16");
    // Intel's processors do the bfloat16 dot product at half the rate of float32's multiply-add: with the
    // rounding of the factors it is slower there (0.6 times), so it is not the one that is taken unless asked
    // for. Their tiles (AMX) are another matter.
    const bool slowBfloat16 = __builtin_cpu_is("intel");
    (void)slowBfloat16;
    (void)bfloat16;
#ifdef MLAB_HAS_AVX2
    if (avx2) push(kAvx2);
#endif
#ifdef MLAB_HAS_AVX512BF16
    if (bfloat16 && slowBfloat16) push(kAvx512Bf16);
#endif
#ifdef MLAB_HAS_AVX512
    if (avx512) push(kAvx512);
#endif
#ifdef MLAB_HAS_AVX512BF16
    if (bfloat16 && !slowBfloat16) push(kAvx512Bf16);
#endif
#ifdef MLAB_HAS_AMX
    if (bfloat16 && amxIsThere()) push(kAmx);
#endif
#endif
  }
};

const Candidates& candidates() {
  static const Candidates all;
  return all;
}

// Several JavaScript threads may load the addon, and each may be the first to ask.
std::atomic<const Kernels*> chosen{nullptr};
std::atomic<ComputeType> compute{ComputeType::kFloat32};

}  // namespace

ComputeType computeType() { return compute; }
void setComputeType(ComputeType type) { compute = type; }

const char* const* availableIsas() { return candidates().names; }

bool selectIsa(const char* isa) {
  for (int i = 0; i < candidates().count; ++i) {
    if (std::strcmp(candidates().names[i], isa) == 0) {
      chosen = candidates().set[i];
      return true;
    }
  }
  return false;
}

const Kernels& kernels() {
  const Kernels* known = chosen.load(std::memory_order_relaxed);
  if (known) return *known;
  const char* wish = std::getenv("MISTRAL_LAB_ISA");
  if (!wish || !selectIsa(wish)) chosen = candidates().set[candidates().count - 1];
  return *chosen;
}

}  // namespace mlab
