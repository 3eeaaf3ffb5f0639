// Every CPU kernel, declared once. The same declarations hold in each instruction set's namespace; the addon
// reaches them through one table chosen at run time. All arrays are row-major and contiguous; "null" in a
// comment says what a null pointer means. Kernels overwrite their outputs unless the comment says they add.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mlab {

/** A frozen weight [out, in] as the linear kernels read it. */
struct WeightView {
  enum Kind { kFloat32, kBfloat16, kNf4 } kind;
  const void*
      data;  // float [out*in], bf16 bits [out*in], or packed nibbles [ceil(out*in/2)], first value high
  const float* absmax;  // nf4: [ceil(out*in / blockSize)], otherwise null
  int blockSize;        // nf4: values in one block (64), otherwise 0
  int64_t out, in;
};

/** LoRA beside a linear: y += scale * (drop(x) A^T) B^T. r == 0 means none, and all pointers are null. */
struct LoraView {
  const float* a;  // [r, in]
  const float* b;  // [out, r]
  int64_t r;
  float scale;    // alpha / r
  float dropout;  // probability of dropping an element of x on its way into A; 0 = none
  uint32_t seed;  // of the dropout mask; element i of x is dropped by hash(seed, i), see dropout.h
};

/** A linear layer, one of those that read the same x [rows, in], and where its results go. */
struct LinearView {
  WeightView weight;
  LoraView lora;
  float* y;   // [rows, out]
  float* xa;  // [rows, r] = drop(x) A^T, kept for backward; null if r = 0
};

struct AttentionShape {
  int64_t tokens;   // rows of q, all sequences one after another
  int64_t heads;    // query heads
  int64_t kvHeads;  // heads % kvHeads == 0
  int64_t headDim;
  float scale;     // of the scores, usually 1/sqrt(headDim)
  int64_t window;  // a query sees at most this many last keys, itself included; 0 = all
};

/** A projection of a decoder's layer. */
struct ProjectionView {
  WeightView weight;
  LoraView lora;  // its dropout is not looked at
};

/** One layer of a decoder (decodeLayers). */
struct DecoderLayerView {
  ProjectionView projections[7];        // q, k, v, o, gate, up, down
  const float *inputNorm, *outputNorm;  // [hidden], before attention and before the MLP
  float *keys, *values;                 // [capacity, kvHeads*headDim]; row `past` is written
  int64_t window;                       // keys that a token sees, itself included; 0 = all
};

struct DecoderShape {
  int64_t hidden, intermediate, heads, kvHeads, headDim;
  float eps;                        // of the norms
  float attentionScale;             // of the scores
  int32_t past;                     // rows of the caches in use: the position of the token
  const float* inverseFrequencies;  // [headDim / 2]
};

/**
 * Arithmetic of the products with the frozen weight in linearForward, linearBackward and decodeLayers; up to
 * 8 rows it is that of NF4 only, as reading a dense weight takes longer than any arithmetic. kBfloat16 rounds
 * their inputs to bfloat16 and sums in float32, on instruction sets with bfloat16 products (avx512bf16, amx);
 * on the others it is computed as kFloat32.
 */
enum class ComputeType { kFloat32, kBfloat16 };
/** kFloat32 unless set. */
ComputeType computeType();
void setComputeType(ComputeType type);

#define MLAB_KERNEL_DECLARATIONS                                                                           \
  /* c[b] = op(a[b]) op(b[b]); a is [m,k] or, transposed, [k,m]; b is [k,n] or, transposed, [n,k]. */      \
  void matMul(const float* a, const float* b, float* c, int64_t batch, int64_t m, int64_t n, int64_t k,    \
              bool transposeA, bool transposeB);                                                           \
  /* values [n] -> packed [ceil(n/2)], absmax [ceil(n/blockSize)]; bit-exact with bitsandbytes. */         \
  void quantizeNf4(const float* values, int64_t n, int blockSize, uint8_t* packed, float* absmax);         \
  void dequantizeNf4(const uint8_t* packed, const float* absmax, int64_t n, int blockSize, float* values); \
  /* Exact; firstNotFinite is n where all are finite. These three run on the thread that calls them. */    \
  void widenBfloat16(const uint16_t* from, int64_t n, float* to);                                          \
  void widenFloat16(const uint16_t* from, int64_t n, float* to);                                           \
  int64_t firstNotFinite(const float* values, int64_t n);                                                  \
  /* Has the first lines of an NF4 weight on their way, for whoever multiplies a few rows by it soon. */   \
  void askForWeight(const WeightView& weight);                                                             \
  /* y = x W^T (+ LoRA) and xa of each layer. */                                                           \
  void linearForward(const float* x, int64_t rows, const LinearView* layers, int64_t count);               \
  /* dx [rows,in], dA [r,in], dB [out,r]; each may be null: not wanted. */                                 \
  void linearBackward(const float* dy, const float* x, const float* xa, int64_t rows,                      \
                      const WeightView& weight, const LoraView& lora, float* dx, float* dA, float* dB);    \
  /* y = x / rms(x) * gamma; inverseRms [rows] is kept for backward. */                                    \
  void rmsNormForward(const float* x, const float* gamma, int64_t rows, int64_t dim, float eps, float* y,  \
                      float* inverseRms);                                                                  \
  /* dx [rows,dim]; dGamma [dim] or null. */                                                               \
  void rmsNormBackward(const float* dy, const float* x, const float* gamma, const float* inverseRms,       \
                       int64_t rows, int64_t dim, float* dx, float* dGamma);                               \
  /* Half-split rotation (Hugging Face layout) of x [tokens, heads*headDim]; inverse rotates back. */      \
  void rope(const float* x, const int32_t* positions, const float* inverseFrequencies, int64_t tokens,     \
            int64_t heads, int64_t headDim, bool inverse, float* y);                                       \
  /* Causal attention inside each sequence; cuSeqlens [sequences+1] are row offsets. */                    \
  /* q, o [tokens, heads*headDim]; k, v [tokens, kvHeads*headDim]; logSumExp [heads, tokens]. */           \
  void attentionForward(const float* q, const float* k, const float* v, const int32_t* cuSeqlens,          \
                        int64_t sequences, const AttentionShape& shape, float* o, float* logSumExp);       \
  void attentionBackward(const float* dO, const float* q, const float* k, const float* v, const float* o,  \
                         const float* logSumExp, const int32_t* cuSeqlens, int64_t sequences,              \
                         const AttentionShape& shape, float* dq, float* dk, float* dv);                    \
  /* Appends k, v [tokens, kvHeads*headDim] to the caches at row `past`, then row i attends to rows */     \
  /* 0..past+i. keys, values [capacity, kvHeads*headDim]. */                                               \
  void attentionCached(const float* q, const float* k, const float* v, float* keys, float* values,         \
                       int64_t past, const AttentionShape& shape, float* o);                               \
  /* x [hidden] through all layers, for one token of one sequence. For each layer, h = rmsNorm(x), */      \
  /* x += o(attentionCached(rope(q(h)), rope(k(h)), v(h))), h = rmsNorm(x), x += down(silu(gate(h))*up(h)) \
   */                                                                                                      \
  void decodeLayers(float* x, const DecoderLayerView* layers, int64_t count, const DecoderShape& shape);   \
  /* y = silu(gate) * up, all [n]. */                                                                      \
  void swigluForward(const float* gate, const float* up, int64_t n, float* y);                             \
  void swigluBackward(const float* dy, const float* gate, const float* up, int64_t n, float* dGate,        \
                      float* dUp);                                                                         \
  /* losses [rows] = -log softmax(hidden W^T)[label], 0 where label < 0. dHidden [rows,in] and dWeight */  \
  /* [out,in] hold d(sum of losses); null: not wanted. Logits exist one chunk at a time only. */           \
  void crossEntropy(const float* hidden, int64_t rows, const WeightView& weight, const int32_t* labels,    \
                    float* losses, float* dHidden, float* dWeight);                                        \
  /* y [n,dim] = table[ids]; the table has 0 <= ids < rows. */                                             \
  void embeddingForward(const WeightView& table, const int32_t* ids, int64_t n, float* y);                 \
  /* dTable [rows,dim] = sum of dy rows by id (overwrites, zeros elsewhere). */                            \
  void embeddingBackward(const float* dy, const int32_t* ids, int64_t n, int64_t rows, int64_t dim,        \
                         float* dTable);                                                                   \
  /* Decoupled weight decay (Loshchilov and Hutter 2019); the new values may be written over the old. */   \
  void adamW(const float* param, const float* grad, const float* m, const float* v, int64_t n,             \
             float gradScale, float learningRate, float beta1, float beta2, float eps, float weightDecay,  \
             int64_t step, float* newParam, float* newM, float* newV);                                     \
  void add(const float* a, const float* b, int64_t n, float* y);                                           \
  /* Sum of squares in double precision, for the gradient norm. */                                         \
  double sumSquares(const float* x, int64_t n);                                                            \
  /* Multiply-adds a second and bytes read a second of this machine, for benchmarks; takes `seconds`. */   \
  double peakFlops(double seconds);                                                                        \
  /* Each thread reads its part of the buffer; with jobValues > 0 all read it job by job, so many */       \
  /* values each: what a kernel that is called once for each could reach at best. */                       \
  double readBandwidth(const float* buffer, int64_t n, double seconds, int64_t jobValues);

// clang-format off
#define MLAB_KERNEL_NAMES(X) \
  X(matMul) X(quantizeNf4) X(dequantizeNf4) X(widenBfloat16) X(widenFloat16) X(firstNotFinite) X(askForWeight) X(linearForward) X(linearBackward) X(rmsNormForward) \
  X(rmsNormBackward) X(rope) X(attentionForward) X(attentionBackward) X(attentionCached) X(decodeLayers) \
  X(swigluForward) X(swigluBackward) X(crossEntropy) X(embeddingForward) X(embeddingBackward) X(adamW) \
  X(add) X(sumSquares) X(peakFlops) X(readBandwidth)
// clang-format on

// clang-format off
namespace scalar { MLAB_KERNEL_DECLARATIONS }
namespace avx2 { MLAB_KERNEL_DECLARATIONS }
namespace avx512 { MLAB_KERNEL_DECLARATIONS }
namespace avx512bf16 { MLAB_KERNEL_DECLARATIONS }
namespace amx { MLAB_KERNEL_DECLARATIONS }

/** One instruction set's kernels. */
struct Kernels {
  const char* isa;
#define MLAB_FIELD(name) decltype(&scalar::name) name;
  MLAB_KERNEL_NAMES(MLAB_FIELD)
#undef MLAB_FIELD
};
// clang-format on

/** The kernels in use: the best set that this processor has, unless selectIsa or MISTRAL_LAB_ISA chose. */
const Kernels& kernels();
/** True when the processor has the instruction set and this build carries it; then it is used from now on. */
bool selectIsa(const char* isa);
/** Names of usable instruction sets, slowest first, null-terminated. */
const char* const* availableIsas();

}  // namespace mlab
