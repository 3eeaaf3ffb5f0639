// The addon's entries, one file an op; addon.cpp exports them. Signatures for TypeScript:
// sdk/backend/addon.ts.
#pragma once
#include <napi.h>

namespace mlab {

// clang-format off
#define MLAB_ENTRIES(X) \
  X(matMul) X(readFile) X(quantizeNf4) X(quantizeNf4File) X(quantizeNf4Scales) X(dequantizeNf4) X(linearForward) X(linearBackward) X(rmsNormForward) \
  X(rmsNormBackward) X(rope) X(attentionForward) X(attentionBackward) X(attentionCached) X(decodeLayers) \
  X(swigluForward) X(swigluBackward) X(crossEntropy) X(embeddingForward) X(embeddingBackward) X(adamW) \
  X(add) X(sumSquares) X(peakFlops) X(readBandwidth)
// clang-format on

#define MLAB_DECLARE(name) Napi::Value name##Entry(const Napi::CallbackInfo& info);
MLAB_ENTRIES(MLAB_DECLARE)
#undef MLAB_DECLARE

/** The object `cuda` of the addon's exports: the GPU, where there is one. */
Napi::Object cudaEntries(Napi::Env env);

}  // namespace mlab
