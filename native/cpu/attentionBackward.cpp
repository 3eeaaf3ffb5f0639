// Gradient of attention.cpp's forward. Probabilities are computed again from log sum exp, tile by tile:
//   P = exp(scale q k^T - logSumExp),  dV = P^T dO,  dS = scale * P * (dO V^T - rowsum(dO * O)),
//   dQ = dS K,  dK = dS^T Q.
// Each task owns one query head of one sequence, and dk and dv of the heads of a group are summed afterwards
// in a fixed order, so no two threads write the same place. Where there are fewer tasks than threads would
// like, the key tiles of a head are dealt out to several tasks, each with its own partial dq.
#include "attention.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr float kLog2E = 1.44269504088896341f;

/** What every task reads and writes. */
struct Problem {
  const float *dO, *q, *o, *logSumExp;
  const Span* spans;
  const Tiling& tiling;
  const Packed &keys, &values;
  const AttentionShape& shape;
  int64_t parts;
  float* dq;                 // [tokens, heads*headDim]
  float* dqParts;            // [parts - 1, tokens, heads*headDim]
  float *dkHeads, *dvHeads;  // [tokens, heads*headDim]: before the sum over a group
};

/** Scratch of one thread, for the longest sequence. Rows are headDim padded to whole vectors. */
struct Workspace {
  Scratch<float> q, dO, dq, shifted, delta, p, dS, dk, dv;
  Workspace(int64_t rows, int64_t paddedDim)
      : q(rows * paddedDim),
        dO(rows * paddedDim),
        dq(rows * paddedDim),
        shifted(rows),
        delta(rows),
        p(kQueryTile * kKeyTile),
        dS(kQueryTile * kKeyTile),
        dk(kKeyTile * paddedDim),
        dv(kKeyTile * paddedDim) {}
};

/** p: q k^T becomes probabilities; dS: dO V^T becomes the gradient of q k^T. Columns [low, high) count. */
void softmaxGradient(float* p, float* dS, int64_t width, int64_t low, int64_t high, float logSumExp2,
                     float delta, float scale) {
  for (int64_t c = 0; c < width; c += W) {
    const Vec probability = exp2(load(p + c) * splat(scale * kLog2E) - splat(logSumExp2));
    store(p + c, probability);
    store(dS + c, probability * (load(dS + c) - splat(delta)) * splat(scale));
  }
  for (int64_t c = 0; c < low; ++c) p[c] = dS[c] = 0;
  for (int64_t c = high; c < width; ++c) p[c] = dS[c] = 0;
}

/** Copies the head's rows of one sequence side by side and computes rowsum(dO * O). */
void loadHead(const Problem& problem, const Span& span, int64_t head, Workspace& work) {
  const AttentionShape& shape = problem.shape;
  const int64_t dim = shape.headDim, paddedDim = roundUp(dim, W), stride = shape.heads * dim;
  const int64_t offset = span.queryBegin * stride + head * dim;
  packRows(problem.q + offset, span.queryCount, dim, stride, 1.0f, work.q.get(), paddedDim);
  packRows(problem.dO + offset, span.queryCount, dim, stride, 1.0f, work.dO.get(), paddedDim);
  std::memset(work.dq.get(), 0, static_cast<size_t>(span.queryCount * paddedDim) * sizeof(float));
  for (int64_t i = 0; i < span.queryCount; ++i) {
    const float *dO = problem.dO + offset + i * stride, *o = problem.o + offset + i * stride;
    Vec total = {};
    int64_t c = 0;
    for (; c + W <= dim; c += W) total += load(dO + c) * load(o + c);
    if (c < dim) {
      const int rest = static_cast<int>(dim - c);
      total += loadPartial(dO + c, rest) * loadPartial(o + c, rest);
    }
    work.delta[i] = sum(total);
    work.shifted[i] = problem.logSumExp[head * shape.tokens + span.queryBegin + i] * kLog2E;
  }
}

void storeRows(const float* src, int64_t rows, int64_t dim, int64_t paddedDim, float* dst, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(dst + r * stride, src + r * paddedDim, static_cast<size_t>(dim) * sizeof(float));
}

void backwardHead(const Problem& problem, int64_t sequence, int64_t head, int64_t part, Workspace& work) {
  const AttentionShape& shape = problem.shape;
  const Span& span = problem.spans[sequence];
  const int64_t dim = shape.headDim, paddedDim = roundUp(dim, W), stride = shape.heads * dim;
  const int64_t kvHead = head / (shape.heads / shape.kvHeads), length = span.keyCount;
  loadHead(problem, span, head, work);
  for (int64_t key = part * kKeyTile; key < length; key += problem.parts * kKeyTile) {
    const int64_t width = smaller(kKeyTile, length - key), padded = roundUp(width, W);
    const int64_t packedRow = problem.tiling.paddedStart[sequence] + key;
    const float* keysTransposed = problem.keys.transposed(kvHead, packedRow);
    const float* valuesTransposed = problem.values.transposed(kvHead, packedRow);
    const int64_t lastQuery = shape.window > 0 ? smaller(length, key + width - 1 + shape.window) : length;
    bool add = false;
    for (int64_t first = key; first < lastQuery; first += kQueryTile) {
      const int64_t rows = smaller(kQueryTile, lastQuery - first);
      const float *q = work.q.get() + first * paddedDim, *dO = work.dO.get() + first * paddedDim;
      float *p = work.p.get(), *dS = work.dS.get();
      tileMatMul(rows, padded, dim, q, paddedDim, 1, keysTransposed, padded, p, kKeyTile, false);
      tileMatMul(rows, padded, dim, dO, paddedDim, 1, valuesTransposed, padded, dS, kKeyTile, false);
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t low = firstKey(first + i, shape.window) - key, high = first + i + 1 - key;
        softmaxGradient(p + i * kKeyTile, dS + i * kKeyTile, padded, smaller(larger(low, 0), padded),
                        smaller(high, width), work.shifted[first + i], work.delta[first + i], shape.scale);
      }
      tileMatMul(width, paddedDim, rows, p, 1, kKeyTile, dO, paddedDim, work.dv.get(), paddedDim, add);
      tileMatMul(width, paddedDim, rows, dS, 1, kKeyTile, q, paddedDim, work.dk.get(), paddedDim, add);
      tileMatMul(rows, paddedDim, width, dS, kKeyTile, 1, problem.keys.rows(kvHead, packedRow), paddedDim,
                 work.dq.get() + first * paddedDim, paddedDim, true);
      add = true;
    }
    const int64_t offset = (span.keyBegin + key) * stride + head * dim;
    storeRows(work.dk.get(), width, dim, paddedDim, problem.dkHeads + offset, stride);
    storeRows(work.dv.get(), width, dim, paddedDim, problem.dvHeads + offset, stride);
  }
  float* dq = part == 0 ? problem.dq : problem.dqParts + (part - 1) * shape.tokens * stride;
  storeRows(work.dq.get(), length, dim, paddedDim, dq + span.queryBegin * stride + head * dim, stride);
}

/** out [tokens, kvHeads*dim] = sum over the heads of each group of x [tokens, heads*dim]. */
void sumGroups(const float* x, const AttentionShape& shape, float* out) {
  const int64_t dim = shape.headDim, group = shape.heads / shape.kvHeads;
  parallelFor(shape.tokens * shape.kvHeads, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = x + row * group * dim;
      for (int64_t c = 0; c < dim; ++c) {
        float total = in[c];
        for (int64_t g = 1; g < group; ++g) total += in[g * dim + c];
        out[row * dim + c] = total;
      }
    }
  });
}

}  // namespace

void attentionBackward(const float* dO, const float* q, const float* k, const float* v, const float* o,
                       const float* logSumExp, const int32_t* cuSeqlens, int64_t sequences,
                       const AttentionShape& shape, float* dq, float* dk, float* dv) {
  Scratch<Span> spans(sequences);
  int64_t longest = 0;
  for (int64_t s = 0; s < sequences; ++s) {
    const int64_t begin = cuSeqlens[s], length = cuSeqlens[s + 1] - begin;
    spans[s] = {begin, length, begin, length};
    longest = larger(longest, length);
  }
  const Tiling tiling(spans.get(), sequences);
  const Packed keys(k, spans.get(), sequences, tiling, shape, true, true);
  const Packed values(v, spans.get(), sequences, tiling, shape, true, false);
  const int64_t size = shape.tokens * shape.heads * shape.headDim, heads = sequences * shape.heads;
  // Three tasks a thread keep all busy; a part of less than four key tiles would mostly copy.
  const int64_t wanted = (3 * threadCount() + heads - 1) / larger(heads, 1);
  const int64_t parts = larger(1, smaller(wanted, longest / (4 * kKeyTile)));
  Scratch<float> dkHeads(size), dvHeads(size), dqParts((parts - 1) * size);
  const Problem problem = {dO,     q,     o,     logSumExp, spans.get(),   tiling,        keys,
                           values, shape, parts, dq,        dqParts.get(), dkHeads.get(), dvHeads.get()};
  forEachClaim(heads * parts, [&](auto& claim) {
    Workspace work(longest, roundUp(shape.headDim, W));
    for (int64_t task = claim(); task >= 0; task = claim())
      backwardHead(problem, task / parts / shape.heads, task / parts % shape.heads, task % parts, work);
  });
  for (int64_t part = 1; part < parts; ++part) add(dq, dqParts.get() + (part - 1) * size, size, dq);
  sumGroups(dkHeads.get(), shape, dk);
  sumGroups(dvHeads.get(), shape, dv);
}

}  // namespace mlab::MLAB_ISA
