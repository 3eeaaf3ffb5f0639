// The functions of native/cuda/ptx.cuh and warpgroup.cuh, where each is described, as ordinary C++
// (emulator.h).
#pragma once
#include "emulator.h"

inline unsigned short bfloat16Bits(float x) {
  const unsigned u = __float_as_uint(x);
  if (x != x) return 0x7fff;  // the NaN that the instruction makes
  return static_cast<unsigned short>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
inline unsigned packBfloat16(float first, float second) {
  return bfloat16Bits(first) | static_cast<unsigned>(bfloat16Bits(second)) << 16;
}
inline float exp2Fast(float x) { return exp2f(x); }

inline void mma16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], EMULATOR_PLACE) {
  emulator::Slot slot;
  memcpy(slot.floats, d, sizeof d);
  memcpy(slot.words + 4, a, sizeof a);
  memcpy(slot.words + 8, b, sizeof b);
  const emulator::Slot* slots =
      emulator::exchange({"mma16816", file, line}, 0xffffffffu, &slot, 40, emulator::multiplyMatrices);
  memcpy(d, slots[emulator::position.lane].floats, sizeof d);
}

inline void loadMatrices(unsigned (&m)[4], const void* row, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::exchange({"loadMatrices", file, line}, 0xffffffffu, &row,
                                                   sizeof row, emulator::spreadMatrices);
  memcpy(m, slots[emulator::position.lane].words, sizeof m);
}
inline void loadMatricesTransposed(unsigned (&m)[4], const void* row, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::exchange({"loadMatricesTransposed", file, line}, 0xffffffffu, &row,
                                                   sizeof row, emulator::spreadMatricesTransposed);
  memcpy(m, slots[emulator::position.lane].words, sizeof m);
}

inline void copyAsync16(void* shared, const void* global, bool valid) {
  emulator::copyAsync(shared, global, valid, 16);
}
inline void copyAsync4(void* shared, const void* global) { emulator::copyAsync(shared, global, true, 4); }
inline void commitCopies() { emulator::commitCopies(); }
template <int N>
inline void waitCopies() {
  emulator::waitCopies(N);
}

inline void store16(void* p, const uint4& v) { *static_cast<uint4*>(p) = v; }

__attribute__((noinline, no_sanitize("thread"))) inline void storeRelaxed(unsigned* p, unsigned word) {
  *p = word;
}
__attribute__((noinline, no_sanitize("thread"))) inline unsigned loadRelaxed(const unsigned* p) { return *p; }
__attribute__((noinline, no_sanitize("thread"))) inline void storeRelaxed(unsigned long long* p,
                                                                          unsigned long long word) {
  *p = word;
  emulator::step();
}
__attribute__((noinline, no_sanitize("thread"))) inline unsigned long long loadRelaxed(
    const unsigned long long* p) {
  return *p;
}
inline void loadRelaxed(unsigned long long (&words)[2], const unsigned long long* p) {
  const auto* pair = reinterpret_cast<const uint4*>(p);  // checks the alignment
  words[0] = pair->x | static_cast<unsigned long long>(pair->y) << 32;
  words[1] = pair->z | static_cast<unsigned long long>(pair->w) << 32;
}
inline int threadNow() { return static_cast<int>(threadIdx.x); }
inline void pause(EMULATOR_PLACE) { emulator::pause({"pause", file, line}); }

inline void prefetchBytes(const void* p, int bytes) { emulator::prefetch(p, bytes); }
// Launches run one after another.
inline void letLaunchesAfterBegin() {}
inline void waitForLaunchesBefore() {}

inline unsigned char* dynamicShared() { return emulator::position.dynamicShared; }
inline unsigned sharedAddress(const void* place) {
  return static_cast<unsigned>(static_cast<const unsigned char*>(place) - emulator::position.dynamicShared);
}
inline unsigned loadShared(unsigned address) {
  return *reinterpret_cast<const unsigned*>(emulator::position.dynamicShared + address);
}

// From here: native/cuda/warpgroup.cuh. Products are made when they are begun, so a wait that is missing does
// not show.

inline unsigned char* panelShared() { return emulator::position.dynamicShared; }
inline unsigned long long matrixDescriptor(const void* place, int panelStride, int unitStride) {
  return sharedAddress(place) >> 4 | static_cast<unsigned long long>(panelStride >> 4) << 16 |
         static_cast<unsigned long long>(unitStride >> 4) << 32 | 1ull << 62;
}
inline void beginProducts() {}
inline void commitProducts() {}
template <int N>
inline void waitProducts() {}
template <int N>
inline void ready(float (&)[N][4]) {}
inline void showShared() {}

namespace emulator {
/** d += a b of this thread's values, with its rows of `a` [2][16]. */
template <int N>
inline void multiplyRows(float (&d)[N][4], const float (&a)[2][16], unsigned long long b, bool alongRows) {
  for (int n = 0; n < N; n++)
    for (int column = 0; column < 2; column++)
      for (int k = 0; k < 16; k++) {
        const int at = 8 * n + 2 * (position.lane % 4) + column;
        const float value = alongRows ? matrixValue(b, true, k, at) : matrixValue(b, false, at, k);
        for (int half = 0; half < 2; half++) d[n][2 * half + column] += a[half][k] * value;
      }
}
}  // namespace emulator

template <int N>
inline void multiplyShared(float (&d)[N][4], unsigned long long a, unsigned long long b, bool adds) {
  float rows[2][16];
  for (int half = 0; half < 2; half++)
    for (int k = 0; k < 16; k++) {
      const int row = threadIdx.x / 32 % 4 * 16 + 8 * half + emulator::position.lane / 4;
      rows[half][k] = emulator::matrixValue(a, false, row, k);
    }
  if (!adds) memset(d, 0, sizeof d);
  emulator::multiplyRows(d, rows, b, false);
}
template <int N>
inline void multiplyColumns(float (&d)[N][4], const unsigned (&a)[4], unsigned long long b, EMULATOR_PLACE) {
  const emulator::Slot* slots = emulator::exchange({"multiplyColumns", file, line}, 0xffffffffu, a, sizeof a);
  float rows[2][16];
  for (int half = 0; half < 2; half++)
    for (int k = 0; k < 16; k++) {
      const unsigned lane = (emulator::position.lane & ~3u) + k % 8 / 2;
      const unsigned pair = slots[lane].words[half + k / 8 * 2];
      rows[half][k] = __uint_as_float(k % 2 ? pair & 0xffff0000u : pair << 16);
    }
  emulator::multiplyRows(d, rows, b, true);
}
