// NF4 (Dettmers et al. 2023, "QLoRA") on the GPU, bit-exact with native/cpu/nf4.h and bitsandbytes.
#pragma once
#include "common.cuh"

__device__ constexpr float kNf4Codebook[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/**
 * The code of x in [-1, 1] is the number of thresholds below x, 0 for NaN: see native/cpu/nf4.h, where the
 * same decimals stand. They must not pass through a double.
 */
__device__ constexpr float kNf4Thresholds[15] = {
    -0.8480964004993439f,  -0.6106329262256622f,  -0.4599952697753906f,   -0.33967943489551544f,
    -0.23460740596055984f, -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f,
    0.1202552504837513f,   0.2035212516784668f,   0.2920137718319893f,    0.3893125355243683f,
    0.5016634166240692f,   0.6427869200706482f,   0.8614784181118011f,
};

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
