// SwiGLU (Shazeer 2020, "GLU Variants Improve Transformer"): y = gate * sigmoid(gate) * up, element by
// element. Backward: with s = sigmoid(gate), dUp = dy * gate * s and dGate = dy * up * s * (1 + gate * (1 -
// s)). Eight values a thread; any grid.
#include "common.cuh"

namespace {

constexpr int kThreads = 256;

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ inline int64 firstGroup() { return static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64 groupStep() { return static_cast<int64>(gridDim.x) * blockDim.x; }

/** gate, up, y [count] */
template <class T>
__device__ inline void forward(const T* gate, const T* up, T* y, int count) {
  for (int64 at = firstGroup() * 8; at < count; at += groupStep() * 8) {
    const int size = count - at < 8 ? static_cast<int>(count - at) : 8;
    const Values<8> g = loadUpTo(gate + at, size), u = loadUpTo(up + at, size);
    Values<8> out;
    for (int i = 0; i < 8; ++i) out.values[i] = g.values[i] * sigmoid(g.values[i]) * u.values[i];
    storeUpTo(y + at, out, size);
  }
}

/** dy, gate, up, dGate, dUp [count] */
template <class T>
__device__ inline void backward(const T* dy, const T* gate, const T* up, T* dGate, T* dUp, int count) {
  for (int64 at = firstGroup() * 8; at < count; at += groupStep() * 8) {
    const int size = count - at < 8 ? static_cast<int>(count - at) : 8;
    const Values<8> d = loadUpTo(dy + at, size), g = loadUpTo(gate + at, size), u = loadUpTo(up + at, size);
    Values<8> gateGradient, upGradient;
    for (int i = 0; i < 8; ++i) {
      const float s = sigmoid(g.values[i]);
      const float silu = g.values[i] * s;
      upGradient.values[i] = d.values[i] * silu;
      gateGradient.values[i] = d.values[i] * u.values[i] * (s + silu * (1.0f - s));
    }
    storeUpTo(dGate + at, gateGradient, size);
    storeUpTo(dUp + at, upGradient, size);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    swigluForward_float32(const float* gate, const float* up, float* y, int count) {
  forward(gate, up, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    swigluForward_bfloat16(const bfloat16* gate, const bfloat16* up, bfloat16* y, int count) {
  forward(gate, up, y, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    swigluBackward_float32(const float* dy, const float* gate, const float* up, float* dGate, float* dUp,
                           int count) {
  backward(dy, gate, up, dGate, dUp, count);
}
extern "C" __global__ void __launch_bounds__(kThreads)
    swigluBackward_bfloat16(const bfloat16* dy, const bfloat16* gate, const bfloat16* up, bfloat16* dGate,
                            bfloat16* dUp, int count) {
  backward(dy, gate, up, dGate, dUp, count);
}
