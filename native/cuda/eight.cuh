// 8 neighbours in bfloat16: the 16 bytes that one access moves, as the matrix units take them.
#pragma once
#include "common.cuh"

struct Eight {
  unsigned words[4];
};
__device__ inline Eight loadEight(const bfloat16* p) {
  const uint4 v = *reinterpret_cast<const uint4*>(p);
  return {{v.x, v.y, v.z, v.w}};
}
__device__ inline Eight loadEightIf(bool valid, const bfloat16* p) {
  return valid ? loadEight(p) : Eight{{0, 0, 0, 0}};
}
__device__ inline void storeEight(bfloat16* p, const Eight& v) {
  store16(p, make_uint4(v.words[0], v.words[1], v.words[2], v.words[3]));
}
