// All layers of a decoder for one token, as one job of the threads (phases.h). A layer is five phases:
//   q, k, v of the norm | attention, by query head | o | gate and up of the norm, and SwiGLU | down
// What a phase gives is read whole by every thread in the next, so no phase can begin before the last one's
// end.
//
// The small products x A^T of the adapters would be phases of their own. Instead each chunk adds what its
// part of x gives to them, in a place of its own, and whoever needs xa adds the places up: xa of a normed x
// is inverseRms * sum (A gamma) x.
#include "attention.h"
#include "kernels.h"
#include "phases.h"
#include "rowPart.h"

namespace mlab::MLAB_ISA {
namespace {

/** Values of a layer's weights for each thread, at least: 4 microseconds, with fewer the phases' ends cost
 * more than another thread saves. */
constexpr int64_t kThreadValues = 1 << 18;
/** The same of a chunk. */
constexpr int64_t kLeastValues = 32768;
/** Up to so many values a thread there is one chunk for each. */
constexpr int64_t kOneChunkValues = 2 << 20;
/** Rows of a line of y: where there are many, chunks begin at lines, so that no two threads write one. */
constexpr int64_t kLineRows = 16;

/** Values of the adapters that are asked for before a product: a small part of the second cache. */
constexpr int64_t kMostAsked = 32768;

enum Kind { kQkv, kAttend, kO, kGateUp, kDown, kKinds };

struct Range {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

/** The projections that read the same x. */
struct Group {
  const ProjectionView* first;
  int64_t count;
  const ProjectionView* begin() const { return first; }
  const ProjectionView* end() const { return first + count; }
};

Group groupOf(const DecoderLayerView& layer, Kind kind) {
  switch (kind) {
    case kQkv:
      return {layer.projections, 3};
    case kO:
      return {layer.projections + 3, 1};
    case kGateUp:
      return {layer.projections + 4, 2};
    case kDown:
      return {layer.projections + 6, 1};
    default:
      return {nullptr, 0};
  }
}

int64_t ranks(const Group& group) {
  int64_t total = 0;
  for (const ProjectionView& projection : group) total += projection.lora.r;
  return total;
}

/** y[j] = sum over `part` of a[j * in + i] x[i]; x begins at the part. */
template <int J>
void partialDots(const float* x, Range part, const float* a, int64_t in, float* y) {
  Vec total[J] = {};
  const int64_t n = part.count();
  a += part.begin;
  int64_t i = 0;
  for (; i + W <= n; i += W)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) total[j] += load(a + j * in + i) * load(x + i);
  if (i < n)
    for (int j = 0; j < J; ++j)
      total[j] +=
          loadPartial(a + j * in + i, static_cast<int>(n - i)) * loadPartial(x + i, static_cast<int>(n - i));
  for (int j = 0; j < J; ++j) y[j] = sum(total[j]);
}

/** Rows that a phase of a kind cuts into chunks. */
struct Cut {
  int64_t rows, unit, chunks;
  Range rowsOf(int64_t chunk) const {
    const int64_t units = (rows + unit - 1) / unit;
    return {units * chunk / chunks * unit, smaller(units * (chunk + 1) / chunks * unit, rows)};
  }
};

Cut cutRows(int64_t rows, int64_t valuesOfRow, int64_t threads) {
  const int64_t values = rows * valuesOfRow;
  const int64_t unit = rows >= 8 * kLineRows * threads ? kLineRows : kUnit, units = (rows + unit - 1) / unit;
  int64_t chunks = values / kLeastValues;
  chunks = smaller(chunks, threads * (values > kOneChunkValues * threads ? 4 : 1));
  if (chunks > threads) chunks -= chunks % threads;
  return {rows, unit, larger(1, smaller(chunks, units))};
}

class Token {
 public:
  /** What a thread keeps for a phase. */
  struct Local {
    int64_t prepared = -1;
    Part<1> part;
    float* xa = nullptr;
  };

  Token(float* x, const DecoderLayerView* layers, int64_t count, const DecoderShape& shape)
      : x_(x), layers_(layers), count_(count), shape_(shape) {
    const auto& [hidden, intermediate, heads, kvHeads, dim, eps, scale, past, frequencies] = shape;
    const int64_t queries = heads * dim, keys = kvHeads * dim;
    const int64_t values = (2 * queries + 2 * keys + 3 * intermediate) * hidden;
    threads_ = larger(1, smaller(threadCount(), values / kThreadValues));
    cuts_[kQkv] = cutRows(queries + 2 * keys, hidden, threads_);
    cuts_[kAttend] = {heads, 1, smaller(heads, threads_)};
    cuts_[kO] = cutRows(hidden, queries, threads_);
    cuts_[kGateUp] = cutRows(intermediate, 2 * hidden, threads_);
    cuts_[kDown] = cutRows(hidden, intermediate, threads_);
    const int64_t sizes[] = {queries + 2 * keys, queries, hidden, intermediate, intermediate, intermediate};
    int64_t total = 0;
    for (int64_t size : sizes) total += roundUp(size, kLineRows);
    for (int kind = 0; kind < kKinds; ++kind) {
      for (int64_t l = 0; l < count; ++l)
        ranks_[kind] = larger(ranks_[kind], ranks(groupOf(layers[l], Kind(kind))));
      places_[kind] = roundUp(ranks_[kind], kLineRows);
      total += places_[kind] * sources(Kind(kind));
    }
    static thread_local ThreadBuffer buffer;
    float* at = buffer.get(total);
    float** const arrays[] = {&qkv_, &attended_, &update_, &gate_, &up_, &gated_};
    for (int i = 0; i < 6; ++i) {
      *arrays[i] = at;
      at += roundUp(sizes[i], kLineRows);
    }
    for (int kind = 0; kind < kKinds; ++kind) {
      partial_[kind] = at;
      at += places_[kind] * sources(Kind(kind));
    }
  }

  int64_t threads() const { return threads_; }
  int64_t phases() const { return 1 + kKinds * count_; }
  int64_t chunks(int64_t phase) const { return cutOf(phase).chunks; }

  void run(int64_t phase, int64_t chunk, Local& local) const {
    const Range rows = cutOf(phase).rowsOf(chunk);
    if (phase == 0) return contribute(0, kQkv, x_, rows, chunk);
    const int64_t l = (phase - 1) / kKinds;
    const Kind kind = kindOf(phase);
    const DecoderLayerView& layer = layers_[l];
    if (kind == kAttend) {
      attend(layer, rows);
      return contribute(l, kO, attended_, {rows.begin * shape_.headDim, rows.end * shape_.headDim}, chunk);
    }
    if (local.prepared != phase) prepare(layer, kind, local);
    local.prepared = phase;
    const Nf4Place next = nextOf(phase, chunk);
    if (kind == kQkv) return multiplyQkv(layer, rows, next, local);
    askForContribution(kind == kDown ? l + 1 : l,
                       kind == kO        ? kGateUp
                       : kind == kGateUp ? kDown
                                         : kQkv,
                       rows);
    if (kind == kGateUp) {
      const ProjectionView* const pair = groupOf(layer, kGateUp).first;
      multiply(pair[0], rows, firstLines(pair[1].weight, rows.begin), gate_, local.xa, local);
      multiply(pair[1], rows, next, up_, local.xa + pair[0].lora.r, local);
      swigluForward(gate_ + rows.begin, up_ + rows.begin, rows.count(), gated_ + rows.begin);
      return contribute(l, kDown, gated_, rows, chunk);
    }
    multiply(*groupOf(layer, kind).first, rows, next, update_, local.xa, local);
    for (int64_t i = rows.begin; i < rows.end; ++i) x_[i] += update_[i];
    if (kind == kO)
      contribute(l, kGateUp, x_, rows, chunk);
    else if (l + 1 < count_)
      contribute(l + 1, kQkv, x_, rows, chunk);
  }

 private:
  Kind kindOf(int64_t phase) const { return phase == 0 ? kDown : Kind((phase - 1) % kKinds); }
  const Cut& cutOf(int64_t phase) const { return cuts_[kindOf(phase)]; }
  /** Chunks that contribute to xa of a kind. Those of q, k and v come from the last layer's x. */
  int64_t sources(Kind kind) const { return cuts_[kind == kQkv ? kDown : kind - 1].chunks; }
  const float* normOf(const DecoderLayerView& layer, Kind kind) const {
    return kind == kQkv ? layer.inputNorm : kind == kGateUp ? layer.outputNorm : nullptr;
  }

  /** Adds up nothing yet: what x[part] gives to xa of layer l's projections of a kind, in the chunk's place.
   */
  void contribute(int64_t l, Kind kind, const float* x, Range part, int64_t chunk) const {
    if (ranks_[kind] == 0) return;
    const DecoderLayerView& layer = layers_[l];
    const float* from = x + part.begin;
    if (const float* gamma = normOf(layer, kind)) {
      static thread_local ThreadBuffer buffer;
      float* scaled = buffer.get(part.count());
      for (int64_t i = 0; i < part.count(); ++i) scaled[i] = from[i] * gamma[part.begin + i];
      from = scaled;
    }
    float* y = partial_[kind] + chunk * places_[kind];
    for (const auto& [weight, lora] : groupOf(layer, kind)) {
      int64_t j = 0;
      for (; j + 4 <= lora.r; j += 4) partialDots<4>(from, part, lora.a + j * weight.in, weight.in, y + j);
      for (; j < lora.r; ++j) partialDots<1>(from, part, lora.a + j * weight.in, weight.in, y + j);
      y += lora.r;
    }
  }

  /** Asks for what contribute() reads, before the product that gives x: its rows of A are short streams. */
  void askForContribution(int64_t l, Kind kind, Range part) const {
    if (l == count_ || part.count() * ranks_[kind] > kMostAsked) return;
    for (const auto& [weight, lora] : groupOf(layers_[l], kind))
      for (int64_t j = 0; j < lora.r; ++j)
        for (int64_t i = part.begin; i < part.end; i += kLineRows)
          __builtin_prefetch(lora.a + j * weight.in + i, 0, 2);
  }

  /** The input of the phase's products, as this thread reads it. */
  void prepare(const DecoderLayerView& layer, Kind kind, Local& local) const {
    static thread_local ThreadBuffer normed, sums;
    float inverseRms = 1;
    const float* x = kind == kO ? attended_ : gated_;
    if (const float* gamma = normOf(layer, kind)) {
      float* y = normed.get(shape_.hidden);
      rmsNormForward(x_, gamma, 1, shape_.hidden, shape_.eps, y, &inverseRms);
      x = y;
    }
    local.part.take(x);
    local.xa = sums.get(larger(1, ranks_[kind]));
    for (int64_t i = 0; i < ranks_[kind]; ++i) {
      float total = 0;
      for (int64_t source = 0; source < sources(kind); ++source)
        total += partial_[kind][source * places_[kind] + i];
      local.xa[i] = total * inverseRms;
    }
  }

  /**
   * Where the weight of the chunk with the same number begins in the next phase with products: its thread
   * asks for it before it waits for that phase. Nowhere, if chunks of the two are not one to one.
   */
  Nf4Place nextOf(int64_t phase, int64_t chunk) const {
    const int64_t next = kindOf(phase + 1) == kAttend ? phase + 2 : phase + 1;
    if (next >= phases() || chunks(next) != chunks(phase) || chunks(next) > threads_) return {};
    const Kind kind = kindOf(next);
    const Group group = groupOf(layers_[(next - 1) / kKinds], kind);
    int64_t row = cutOf(next).rowsOf(chunk).begin;
    const ProjectionView* projection = group.begin();
    if (kind == kQkv)
      for (; row >= projection->weight.out; ++projection) row -= projection->weight.out;
    return firstLines(projection->weight, row);
  }

  void multiply(const ProjectionView& projection, Range rows, Nf4Place next, float* y, float* xa,
                Local& local) const {
    local.part.run({projection.weight, projection.lora, y, xa}, rows.begin, rows.end, next);
  }

  void multiplyQkv(const DecoderLayerView& layer, Range rows, Nf4Place next, Local& local) const {
    float* y = qkv_;
    float* xa = local.xa;
    int64_t first = 0;
    for (const ProjectionView& projection : groupOf(layer, kQkv)) {
      const int64_t out = projection.weight.out;
      const Range own = {larger(rows.begin - first, 0), smaller(rows.end - first, out)};
      first += out;
      if (own.begin < own.end)
        multiply(projection, own, rows.end > first ? firstLines((&projection)[1].weight, 0) : next, y, xa,
                 local);
      y += out;
      xa += projection.lora.r;
    }
  }

  /** The query heads `heads`; the chunk with the first head of a group writes the group's row of the caches.
   */
  void attend(const DecoderLayerView& layer, Range heads) const {
    const int64_t dim = shape_.headDim, group = shape_.heads / shape_.kvHeads, stride = shape_.kvHeads * dim;
    const float *k = qkv_ + shape_.heads * dim, *v = k + stride;
    const int64_t past = shape_.past, first = firstKey(past, layer.window);
    Scratch<float> query(group * dim), key(dim);
    for (int64_t head = heads.begin; head < heads.end;) {
      const int64_t of = head / group, count = smaller((of + 1) * group, heads.end) - head;
      rotate(qkv_ + head * dim, count, query.get());
      rotate(k + of * dim, 1, key.get());
      const int64_t at = first * stride + of * dim, own = past * stride + of * dim;
      const CachedKeys cached = {layer.keys + at, layer.values + at, past - first,
                                 stride,          key.get(),         v + of * dim};
      attendDirect(query.get(), cached, count, dim, shape_.attentionScale, attended_ + head * dim);
      if (head == of * group) {
        std::memcpy(layer.keys + own, key.get(), static_cast<size_t>(dim) * sizeof(float));
        std::memcpy(layer.values + own, v + of * dim, static_cast<size_t>(dim) * sizeof(float));
      }
      head += count;
    }
  }
  void rotate(const float* from, int64_t heads, float* to) const {
    rope(from, &shape_.past, shape_.inverseFrequencies, 1, heads, shape_.headDim, false, to);
  }

  float* const x_;
  const DecoderLayerView* const layers_;
  const int64_t count_;
  const DecoderShape& shape_;
  int64_t threads_;
  Cut cuts_[kKinds];
  /** Of xa of a kind, and the floats of its place for each chunk. */
  int64_t ranks_[kKinds] = {}, places_[kKinds] = {};
  float *qkv_, *attended_, *update_, *gate_, *up_, *gated_, *partial_[kKinds];
};

}  // namespace

void decodeLayers(float* x, const DecoderLayerView* layers, int64_t count, const DecoderShape& shape) {
  if (count == 0) return;
  Phases<Token>::run(Token(x, layers, count, shape));
}

}  // namespace mlab::MLAB_ISA
