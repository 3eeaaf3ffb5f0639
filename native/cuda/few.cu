// Linear layers of up to 8 rows in any storage and of any size, in float32 arithmetic: a warp for each
// output. What the matrix units can do is in fewDense.cu and fewNf4.cu.
#include "few.cuh"
#include "nf4.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

/** Values of W, in float32, from its flat index on. */
template <class W>
struct DenseReader {
  const W* data;
  __device__ explicit DenseReader(const W* values) : data(values) {}
  template <int N>
  __device__ Values<N> load(int64 at) const {
    return loadValues<N>(data + at);
  }
};
struct Nf4Reader {
  const unsigned char* packed;
  Nf4Scales scales;
  const float* levels;  // [16], shared memory
  template <int N>
  __device__ Values<N> load(int64 at) const {
    const float scale = scales[at / kNf4Block];
    Values<N> v;
    if constexpr (N == 1) {
      const int pair = packed[at / 2];
      v.values[0] = levels[at % 2 == 0 ? pair >> 4 : pair & 15] * scale;
    } else {
      const unsigned word = *reinterpret_cast<const unsigned*>(packed + at / 2);
      for (int i = 0; i < N; ++i) v.values[i] = levels[nf4Code(word, i)] * scale;
    }
    return v;
  }
};

/** Output `o` of a layer, by a warp. N is 8 where `in` is a multiple of it, else 1. */
template <int N, class T, class Reader>
__device__ inline void output(const T* x, const Reader& reader, const Layer<T>& layer, int64 o, int rows,
                              int in) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float sums[kFewRows] = {};
#pragma unroll 2
  for (int k = lane * N; k < in; k += 32 * N) {
    const Values<N> w = reader.template load<N>(o * in + k);
#pragma unroll
    for (int row = 0; row < kFewRows; ++row) {
      if (row >= rows) continue;
      const Values<N> v = loadValues<N>(x + static_cast<int64>(row) * in + k);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[row] += v.values[i] * w.values[i];
    }
  }
#pragma unroll
  for (int row = 0; row < kFewRows; ++row) {
    const float sum = warpSum(sums[row]);
    if (lane != row || row >= rows) continue;
    const int r = layer.down.r;
    float update = 0;
    for (int i = 0; i < r; ++i) update += layer.down.xa[row * r + i] * layer.b[o * r + i];
    layer.y[row * static_cast<int64>(layer.out) + o] =
        fromFloat<T>(sum + layer.scale * update + layer.residualAt(row, o));
  }
}

/** The block's outputs, kWarps of them. `readerOf(layer)` reads its W. */
template <class T, class ReaderOf>
__device__ inline void byWarps(const T* x, int rows, int in, const Layer<T> (&layers)[3],
                               const ReaderOf& readerOf) {
  const auto blocksOf = [](const Layer<T>& layer) { return (layer.out + kWarps - 1) / kWarps; };
  int block = static_cast<int>(blockIdx.x), own = 0;
  if (block >= blocksOf(layers[0])) block -= blocksOf(layers[0]), own = 1;
  if (own == 1 && block >= blocksOf(layers[1])) block -= blocksOf(layers[1]), own = 2;
  const Layer<T> layer = own == 0 ? layers[0] : own == 1 ? layers[1] : layers[2];
  const int64 o = static_cast<int64>(block) * kWarps + static_cast<int>(threadIdx.x) / 32;
  const auto reader = readerOf(layer);
  if (o >= layer.out) return;
  if (in % 8 == 0)
    output<8>(x, reader, layer, o, rows, in);
  else
    output<1>(x, reader, layer, o, rows, in);
}
template <class T>
__device__ inline void byWarpsFloat32(const T* x, int rows, int in, const Layer<T> (&layers)[3]) {
  byWarps(x, rows, in, layers,
          [](const Layer<T>& layer) { return DenseReader<float>(static_cast<const float*>(layer.w)); });
}
template <class T>
__device__ inline void byWarpsBfloat16(const T* x, int rows, int in, const Layer<T> (&layers)[3]) {
  byWarps(x, rows, in, layers,
          [](const Layer<T>& layer) { return DenseReader<bfloat16>(static_cast<const bfloat16*>(layer.w)); });
}
template <class T>
__device__ inline void byWarpsNf4(const T* x, int rows, int in, const Layer<T> (&layers)[3]) {
  __shared__ float levels[16];
  if (threadIdx.x < 16) levels[threadIdx.x] = kNf4Codebook[threadIdx.x];
  __syncthreads();
  byWarps(x, rows, in, layers, [&](const Layer<T>& layer) {
    const Nf4Scales scales(layer.absmax, layer.codes, layer.nestedAbsmax, layer.map, layer.offset);
    return Nf4Reader{static_cast<const unsigned char*>(layer.w), scales, levels};
  });
}

/** A launch that makes xa only: a block a rank. */
template <class T>
__device__ inline void downOnly(const T* x, int rows, int in, const Layer<T> (&layers)[3]) {
  const Source<T> source{x, rows, in, 0, nullptr, 0.0f};
  makeXa<kThreads>(source, layers, static_cast<int>(blockIdx.x), nullptr);
}

}  // namespace

/** x [rows, in]; absent layers have 0 outputs and rank 0. FUNCTION says what a block does. */
#define MLAB_FEW(NAME, T, FUNCTION)                                                              \
  extern "C" __global__ void __launch_bounds__(kThreads)                                         \
      NAME(const T* x, int rows, int in, MLAB_LAYER(T, 0), MLAB_LAYER(T, 1), MLAB_LAYER(T, 2)) { \
    const Layer<T> layers[3] = {MLAB_VALUES(0), MLAB_VALUES(1), MLAB_VALUES(2)};                 \
    FUNCTION(x, rows, in, layers);                                                               \
  }

MLAB_FEW(fewDown_float32, float, downOnly)
MLAB_FEW(fewDown_bfloat16, bfloat16, downOnly)
// After the form of W.
MLAB_FEW(fewFloat32_float32, float, byWarpsFloat32)
MLAB_FEW(fewFloat32_bfloat16, bfloat16, byWarpsFloat32)
MLAB_FEW(fewBfloat16_float32, float, byWarpsBfloat16)
MLAB_FEW(fewBfloat16_bfloat16, bfloat16, byWarpsBfloat16)
MLAB_FEW(fewNf4_float32, float, byWarpsNf4)
MLAB_FEW(fewNf4_bfloat16, bfloat16, byWarpsNf4)
