// SwiGLU (Shazeer 2020, "GLU Variants Improve Transformer"): y = gate * sigmoid(gate) * up.
// Backward: with s = sigmoid(gate), dUp = dy * gate * s and dGate = dy * up * s * (1 + gate * (1 - s)).
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

// Below this many values a thread start costs more than it saves.
constexpr int64_t kGrain = 1 << 14;

inline Vec sigmoid(Vec x) { return splat(1.0f) / (splat(1.0f) + exp(-x)); }

inline void backward(Vec dy, Vec gate, Vec up, Vec& dGate, Vec& dUp) {
  const Vec s = sigmoid(gate);
  const Vec silu = gate * s;
  dUp = dy * silu;
  dGate = dy * up * (s + silu * (splat(1.0f) - s));
}

}  // namespace

void swigluForward(const float* gate, const float* up, int64_t n, float* y) {
  parallelFor(n, kGrain, [&](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + W <= end; i += W) {
      const Vec g = load(gate + i);
      store(y + i, g * sigmoid(g) * load(up + i));
    }
    if (i == end) return;
    const int rest = static_cast<int>(end - i);
    const Vec g = loadPartial(gate + i, rest);
    storePartial(y + i, g * sigmoid(g) * loadPartial(up + i, rest), rest);
  });
}

void swigluBackward(const float* dy, const float* gate, const float* up, int64_t n, float* dGate,
                    float* dUp) {
  parallelFor(n, kGrain, [&](int64_t begin, int64_t end) {
    Vec gateGradient, upGradient;
    int64_t i = begin;
    for (; i + W <= end; i += W) {
      backward(load(dy + i), load(gate + i), load(up + i), gateGradient, upGradient);
      store(dGate + i, gateGradient);
      store(dUp + i, upGradient);
    }
    if (i == end) return;
    const int rest = static_cast<int>(end - i);
    backward(loadPartial(dy + i, rest), loadPartial(gate + i, rest), loadPartial(up + i, rest), gateGradient,
             upGradient);
    storePartial(dGate + i, gateGradient, rest);
    storePartial(dUp + i, upGradient, rest);
  });
}

}  // namespace mlab::MLAB_ISA
