// Rotary position embedding (Su et al. 2021, "RoFormer") in the half-split layout of Hugging Face: for each
// head, with h = headDim / 2 and angle = position * inverseFrequencies[i],
//   y[i] = x[i] cos - x[i + h] sin,  y[i + h] = x[i + h] cos + x[i] sin.
// The rotation is orthogonal: `inverse` turns back, which is also the gradient.
#include "kernels.h"
#include "tile.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kRowGrain = 8;
typedef double DVec __attribute__((vector_size(W * 8)));

/**
 * Sine and cosine of float angles (any size that a position times a frequency has), absolute error below
 * 2e-7. The angle is brought to [-pi/4, pi/4] in double precision, because at position 30000 a float
 * reduction would leave three good digits. NaN and infinity give NaN.
 */
inline void sinCos(Vec angle, Vec& sine, Vec& cosine) {
  const DVec shift = 6755399441055744.0 - DVec{};  // 1.5 * 2^52: adding it rounds to the nearest integer
  const DVec x = __builtin_convertvector(angle, DVec);
  const DVec quadrant = (x * 0.63661977236758134308 + shift) - shift;
  const DVec reduced = (x - quadrant * 1.57079632679489655800) - quadrant * 6.12323399573676603587e-17;
  const Vec r = __builtin_convertvector(reduced, Vec);
  const IVec q = __builtin_convertvector(quadrant, IVec);
  const Vec r2 = r * r;
  // Taylor to r^9 and r^8; the next terms are below 2e-9 and 3e-8 on this interval.
  Vec s = splat(2.7557319e-6f);
  s = s * r2 + splat(-1.9841270e-4f);
  s = s * r2 + splat(8.3333333e-3f);
  s = s * r2 + splat(-1.6666667e-1f);
  s = s * r2 * r + r;
  Vec c = splat(2.4801587e-5f);
  c = c * r2 + splat(-1.3888889e-3f);
  c = c * r2 + splat(4.1666667e-2f);
  c = c * r2 + splat(-0.5f);
  c = c * r2 + splat(1.0f);
  const IVec odd = (q & 1) != 0;
  sine = odd ? c : s;
  cosine = odd ? s : c;
  sine = (q & 2) != 0 ? -sine : sine;
  cosine = ((q + 1) & 2) != 0 ? -cosine : cosine;
}

}  // namespace

void rope(const float* x, const int32_t* positions, const float* inverseFrequencies, int64_t tokens,
          int64_t heads, int64_t headDim, bool inverse, float* y) {
  const int64_t half = headDim / 2, padded = roundUp(half, W);
  parallelFor(tokens, kRowGrain, [&](int64_t begin, int64_t end) {
    Scratch<float> cosine(padded), sine(padded);
    for (int64_t row = begin; row < end; ++row) {
      const Vec position = splat(static_cast<float>(positions[row]));
      for (int64_t i = 0; i < half; i += W) {
        const int lanes = static_cast<int>(smaller(W, half - i));
        Vec s, c;
        sinCos(position * loadPartial(inverseFrequencies + i, lanes), s, c);
        store(sine.get() + i, inverse ? -s : s);
        store(cosine.get() + i, c);
      }
      for (int64_t head = 0; head < heads; ++head) {
        const float* in = x + (row * heads + head) * headDim;
        float* out = y + (row * heads + head) * headDim;
        int64_t i = 0;
        for (; i + W <= half; i += W) {
          const Vec a = load(in + i), b = load(in + half + i);
          const Vec c = load(cosine.get() + i), s = load(sine.get() + i);
          store(out + i, a * c - b * s);
          store(out + half + i, b * c + a * s);
        }
        for (; i < half; ++i) {
          const float a = in[i], b = in[half + i];
          out[i] = a * cosine[i] - b * sine[i];
          out[half + i] = b * cosine[i] + a * sine[i];
        }
      }
    }
  });
}

}  // namespace mlab::MLAB_ISA
