// NF4 (Dettmers et al. 2023, "QLoRA") on the GPU, bit-exact with native/cpu/nf4.h and bitsandbytes.
#pragma once
#include "common.cuh"

#define MLAB_NF4_TABLE __device__ constexpr
#include "../nf4Tables.h"

constexpr int kNf4Block = 64;
/** Scales that share one float of the second quantisation. */
constexpr int kNf4ScaleBlock = 256;

/** The scales of an NF4 weight: float32 (`absmax`), or 8 bits each where absmax is null. */
struct Nf4Scales {
  const float* absmax;
  const unsigned char* codes;
  const float* nestedAbsmax;
  const float* map;
  float offset;

  /** `offsetAddress` holds one float: it is made on the GPU when the weight is quantised there. */
  __device__ Nf4Scales(const float* absmaxes, const unsigned char* scaleCodes, const float* nested,
                       const float* codeMap, const float* offsetAddress)
      : absmax(absmaxes),
        codes(scaleCodes),
        nestedAbsmax(nested),
        map(codeMap),
        offset(absmaxes ? 0.0f : *offsetAddress) {}

  /** Of block `i` of the flattened matrix; both roundings of the second quantisation, as on the CPU. */
  __device__ float operator[](int64 i) const {
    if (absmax) return absmax[i];
    return __fadd_rn(__fmul_rn(map[codes[i]], nestedAbsmax[i / kNf4ScaleBlock]), offset);
  }
};

/** The 8 codes of a word of packed values, the first value in bits 4 to 7. */
__device__ inline int nf4Code(unsigned word, int i) { return static_cast<int>(word >> (i * 4 ^ 4)) & 15; }
