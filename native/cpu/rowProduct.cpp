#include "rowProduct.h"

#include "rowPart.h"
#include "threads.h"

namespace mlab::MLAB_ISA {
namespace {

/** Values of the weights that one task reads at least, so that a task outweighs its scheduling. */
constexpr int64_t kTaskValues = 131072;
/** Up to so many values a thread there is one task for each: a second claim costs more than a late thread. */
constexpr int64_t kOneTaskValues = 2 << 20;

inline int64_t units(const LinearView& layer) { return (layer.weight.out + kUnit - 1) / kUnit; }

/** Least units of a task, of `total` with `in` columns. */
inline int64_t taskUnits(int64_t total, int64_t in) {
  const int64_t least = kTaskValues / (kUnit * in) + 1;
  const int64_t share = total / threadCount();
  return total * kUnit * in <= kOneTaskValues * threadCount() && share > least ? share : least;
}

template <int R>
void products(const float* x, const LinearView* layers, int64_t count) {
  int64_t total = 0;
  for (int64_t l = 0; l < count; ++l) total += units(layers[l]);
  // By value: each line that another thread has to follow to is a way from core to core.
  parallelFor(total, taskUnits(total, layers[0].weight.in), [=](int64_t begin, int64_t end) {
    Part<R> part;
    part.take(x);
    int64_t first = 0;  // unit of the layer
    for (int64_t l = 0; l < count && first < end; first += units(layers[l++])) {
      const int64_t out = layers[l].weight.out;
      const bool goesOn = l + 1 < count && first + units(layers[l]) < end;
      const int64_t from = begin > first ? (begin - first) * kUnit : 0;
      const int64_t to = (end - first) * kUnit < out ? (end - first) * kUnit : out;
      if (from < to) part.run(layers[l], from, to, goesOn ? firstLines(layers[l + 1].weight, 0) : Nf4Place{});
    }
  });
}

}  // namespace

void rowProducts(const float* x, int64_t rows, const LinearView* layers, int64_t count) {
  switch (rows) {
    case 1:
      return products<1>(x, layers, count);
    case 2:
      return products<2>(x, layers, count);
    case 3:
      return products<3>(x, layers, count);
    case 4:
      return products<4>(x, layers, count);
    case 5:
      return products<5>(x, layers, count);
    case 6:
      return products<6>(x, layers, count);
    case 7:
      return products<7>(x, layers, count);
    case 8:
      return products<8>(x, layers, count);
  }
}

void askForWeight(const WeightView& weight) {
  const Nf4Place first = firstLines(weight, 0);
  if (first.data) askForFirst(first);
}

}  // namespace mlab::MLAB_ISA
