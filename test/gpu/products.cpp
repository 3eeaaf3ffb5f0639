// What matrix instructions do, in the layouts of native/cuda/ptx.cuh and warpgroup.cuh.
#include <string.h>

#include "races.h"
#include "run.h"

namespace emulator {

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

}  // namespace emulator
