// Cross-entropy of a language-model head: losses = log sum exp(hidden W^T) - logit of the label, and the
// gradients of their sum, with the logits in memory for one chunk of rows at a time. Rows with a negative
// label cost nothing. Logits are kept transposed, [vocab, rows]: then the weight is read as it lies, and the
// softmax over the vocabulary works on a vector of rows at once. Chunks are cut into panels of kPanel rows,
// so that one panel's slice of a product stays in cache. A block of the vocabulary is one task; the weight is
// expanded block by block.
#include <cmath>

#include "weightRows.h"

namespace mlab::MLAB_ISA {
namespace {

constexpr int64_t kPanel = 64;
constexpr int64_t kChunkValues = 16 << 20;  // logits of one chunk: 64 MiB
constexpr int64_t kMaxChunkRows = 512;
constexpr int64_t kBlockValues =
    96 << 10;                    // weights of one block as floats: 384 KiB, most of a level-2 cache
constexpr int64_t kDepth = 256;  // of one pass over a panel: 256 * kPanel floats are 64 KiB

/** exp(a - b) for a - b of at most some units: 2^x costs half of exp, and its error grows with |a - b| only.
 */
inline Vec expOfDifference(Vec a, Vec b) { return exp2((a - b) * splat(1.44269504088896341f)); }

int64_t vocabBlock(int64_t dim) {
  const int64_t rows = kBlockValues / larger(dim, 1) / kBlockRows * kBlockRows;
  return larger(4 * kBlockRows, smaller(16 * kBlockRows, rows));
}

/** One chunk of rows that have labels. `padded` rounds the rows up to whole vectors; the rest is zero. */
class Chunk {
 public:
  Chunk(const WeightView& weight, int64_t maxRows, bool wantHidden, bool wantWeight)
      : weight_(weight),
        dim_(weight.in),
        paddedDim_(roundUp(weight.in, W)),
        blockRows_(vocabBlock(weight.in)),
        blocks_((weight.out + blockRows_ - 1) / blockRows_),
        threads_(wantHidden ? smaller(threadCount(), blocks_) : 0),
        maxPadded_(roundUp(maxRows, W)),
        hidden_(wantWeight ? maxPadded_ * paddedDim_ : 0),
        hiddenTransposed_(maxPadded_ * dim_),
        logits_(maxPadded_ * weight.out),
        blockMax_(blocks_ * maxPadded_),
        blockSum_(blocks_ * maxPadded_),
        logSumExp_(maxPadded_),
        partial_(threads_ * maxPadded_ * dim_),
        wantHidden_(wantHidden),
        wantWeight_(wantWeight) {}

  /** losses of rows[0..count), which are indices into hidden and labels. */
  void forward(const float* hidden, const int32_t* labels, const int64_t* rows, int64_t count, float* losses);
  /** After forward: writes dHidden at the same rows; dWeight is overwritten by the first chunk, then added
   * to. */
  void backward(const int32_t* labels, const int64_t* rows, float* dHidden, float* dWeight, bool firstChunk);

 private:
  int64_t weightStride() const {
    return paddedDim_ + 16;
  }  // not a power of two: rows must not share a cache set
  int64_t panelWidth(int64_t panel) const { return smaller(kPanel, padded_ - panel); }
  float* logits(int64_t panel, int64_t vocab) const {
    return logits_.get() + panel * weight_.out + vocab * panelWidth(panel);
  }
  /** Where row `row` of the chunk keeps its logit of `vocab`. */
  float& logit(int64_t row, int64_t vocab) const {
    const int64_t panel = row / kPanel * kPanel;
    return logits(panel, vocab)[row - panel];
  }
  void multiplyBlock(int64_t block, const float* weightRows);
  void differentiateBlock(int64_t block, const int32_t* labels, const int64_t* rows, const float* weightRows,
                          float* hiddenPartial, bool first, float* gradientRows, float* dWeight,
                          bool firstChunk);

  const WeightView& weight_;
  const int64_t dim_, paddedDim_, blockRows_, blocks_, threads_, maxPadded_;
  int64_t count_ = 0, padded_ = 0;
  Scratch<float> hidden_, hiddenTransposed_, logits_, blockMax_, blockSum_, logSumExp_, partial_;
  const bool wantHidden_, wantWeight_;
};

void Chunk::multiplyBlock(int64_t block, const float* weightRows) {
  const int64_t begin = block * blockRows_, rows = smaller(blockRows_, weight_.out - begin);
  for (int64_t depth = 0; depth < dim_; depth += kDepth)
    for (int64_t panel = 0; panel < padded_; panel += kPanel) {
      const int64_t width = panelWidth(panel);
      tileMatMul(rows, width, smaller(kDepth, dim_ - depth), weightRows + depth, weightStride(), 1,
                 hiddenTransposed_.get() + panel * dim_ + depth * width, width, logits(panel, begin), width,
                 depth > 0);
    }
  // Maximum and sum of this block while it is in cache; a NaN is lost in the maximum but not in the sum.
  for (int64_t row = 0; row < padded_; row += W) {
    const int64_t panel = row / kPanel * kPanel, width = panelWidth(panel);
    const float* column = logits(panel, begin) + (row - panel);
    Vec largest = load(column);
    for (int64_t i = 1; i < rows; ++i) largest = max(load(column + i * width), largest);
    const Vec base = largest == splat(-__builtin_inff()) ? Vec{} : largest;
    Vec total = {};
    for (int64_t i = 0; i < rows; ++i) total += expOfDifference(load(column + i * width), base);
    store(blockMax_.get() + block * maxPadded_ + row, base);
    store(blockSum_.get() + block * maxPadded_ + row, total);
  }
}

void Chunk::forward(const float* hidden, const int32_t* labels, const int64_t* rows, int64_t count,
                    float* losses) {
  count_ = count;
  padded_ = roundUp(count, W);
  for (int64_t panel = 0; panel < padded_; panel += kPanel) {
    const int64_t width = panelWidth(panel);
    float* transposed = hiddenTransposed_.get() + panel * dim_;
    for (int64_t r = 0; r < width; ++r) {
      const float* in = panel + r < count ? hidden + rows[panel + r] * dim_ : nullptr;
      for (int64_t i = 0; i < dim_; ++i) transposed[i * width + r] = in ? in[i] : 0;
      if (!wantWeight_) continue;
      float* copy = hidden_.get() + (panel + r) * paddedDim_;
      for (int64_t i = 0; i < paddedDim_; ++i) copy[i] = in && i < dim_ ? in[i] : 0;
    }
  }
  forEachClaim(blocks_, [&](auto& claim) {
    Scratch<float> weightRows(blockRows_ * weightStride());
    for (int64_t block = claim(); block >= 0; block = claim()) {
      const int64_t begin = block * blockRows_;
      readWeightRows(weight_, begin, smaller(blockRows_, weight_.out - begin), weightRows.get(),
                     weightStride());
      multiplyBlock(block, weightRows.get());
    }
  });
  parallelFor(padded_, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float largest = blockMax_[row];
      for (int64_t b = 1; b < blocks_; ++b)
        if (blockMax_[b * maxPadded_ + row] > largest) largest = blockMax_[b * maxPadded_ + row];
      double total = 0;
      for (int64_t b = 0; b < blocks_; ++b)
        total += blockSum_[b * maxPadded_ + row] *
                 std::exp(static_cast<double>(blockMax_[b * maxPadded_ + row]) - largest);
      const double logTotal = std::log(total);
      logSumExp_[row] = static_cast<float>(largest + logTotal);
      // Difference first: the loss is small where maximum and logit are large and close.
      if (row < count_)
        losses[rows[row]] =
            static_cast<float>((static_cast<double>(largest) - logit(row, labels[rows[row]])) + logTotal);
    }
  });
}

void Chunk::differentiateBlock(int64_t block, const int32_t* labels, const int64_t* rows,
                               const float* weightRows, float* hiddenPartial, bool first, float* gradientRows,
                               float* dWeight, bool firstChunk) {
  const int64_t begin = block * blockRows_, size = smaller(blockRows_, weight_.out - begin);
  for (int64_t panel = 0; panel < padded_; panel += kPanel) {
    const int64_t width = panelWidth(panel);
    float* gradient = logits(panel, begin);
    for (int64_t row = 0; row < width; row += W) {
      const Vec shift = load(logSumExp_.get() + panel + row);
      for (int64_t i = 0; i < size; ++i)
        store(gradient + i * width + row, expOfDifference(load(gradient + i * width + row), shift));
    }
  }
  for (int64_t row = 0; row < count_; ++row) {
    const int64_t label = labels[rows[row]];
    if (label >= begin && label < begin + size) logit(row, label) -= 1;
  }
  for (int64_t panel = 0; panel < padded_; panel += kPanel) {
    const int64_t width = panelWidth(panel);
    const float* gradient = logits(panel, begin);
    if (wantHidden_)
      tileMatMul(dim_, width, size, weightRows, 1, weightStride(), gradient, width,
                 hiddenPartial + panel * dim_, width, !first);
    // Padding rows hold softmax of zeros, but meet zero rows of hidden.
    if (wantWeight_)
      tileMatMul(size, paddedDim_, width, gradient, width, 1, hidden_.get() + panel * paddedDim_, paddedDim_,
                 gradientRows, paddedDim_, panel > 0);
  }
  if (!wantWeight_) return;
  for (int64_t i = 0; i < size; ++i) {
    const float* in = gradientRows + i * paddedDim_;
    float* out = dWeight + (begin + i) * dim_;
    for (int64_t c = 0; c < dim_; ++c) out[c] = firstChunk ? in[c] : out[c] + in[c];
  }
}

void Chunk::backward(const int32_t* labels, const int64_t* rows, float* dHidden, float* dWeight,
                     bool firstChunk) {
  // One slice of blocks a thread, and its own dHidden: fixed, so that the sum's order is too.
  const int64_t slices = larger(1, smaller(threadCount(), wantHidden_ ? threads_ : blocks_));
  parallelFor(slices, 1, [&](int64_t sliceBegin, int64_t sliceEnd) {
    Scratch<float> weightRows(wantHidden_ ? blockRows_ * weightStride() : 0);
    Scratch<float> gradientRows(wantWeight_ ? blockRows_ * paddedDim_ : 0);
    for (int64_t slice = sliceBegin; slice < sliceEnd; ++slice) {
      const int64_t firstBlock = slice * blocks_ / slices, lastBlock = (slice + 1) * blocks_ / slices;
      for (int64_t block = firstBlock; block < lastBlock; ++block) {
        const int64_t begin = block * blockRows_;
        if (wantHidden_)
          readWeightRows(weight_, begin, smaller(blockRows_, weight_.out - begin), weightRows.get(),
                         weightStride());
        differentiateBlock(block, labels, rows, weightRows.get(), partial_.get() + slice * maxPadded_ * dim_,
                           block == firstBlock, gradientRows.get(), dWeight, firstChunk);
      }
    }
  });
  if (!wantHidden_) return;
  parallelFor(count_, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t panel = row / kPanel * kPanel, width = panelWidth(panel);
      const float* in = partial_.get() + panel * dim_ + (row - panel);
      float* out = dHidden + rows[row] * dim_;
      for (int64_t i = 0; i < dim_; ++i) {
        float total = in[i * width];
        for (int64_t slice = 1; slice < slices; ++slice) total += in[slice * maxPadded_ * dim_ + i * width];
        out[i] = total;
      }
    }
  });
}

}  // namespace

void crossEntropy(const float* hidden, int64_t rows, const WeightView& weight, const int32_t* labels,
                  float* losses, float* dHidden, float* dWeight) {
  Scratch<int64_t> labelled(rows);
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (labels[row] >= 0) {
      labelled[count++] = row;
      continue;
    }
    losses[row] = 0;
    if (dHidden) std::memset(dHidden + row * weight.in, 0, static_cast<size_t>(weight.in) * sizeof(float));
  }
  if (count == 0) {
    if (dWeight) std::memset(dWeight, 0, static_cast<size_t>(weight.out * weight.in) * sizeof(float));
    return;
  }
  const int64_t fitting = kChunkValues / weight.out / kPanel * kPanel;
  const int64_t chunkRows = smaller(count, larger(kPanel, smaller(kMaxChunkRows, fitting)));
  Chunk chunk(weight, chunkRows, dHidden != nullptr, dWeight != nullptr);
  for (int64_t begin = 0; begin < count; begin += chunkRows) {
    const int64_t size = smaller(chunkRows, count - begin);
    chunk.forward(hidden, labels, labelled.get() + begin, size, losses);
    if (dHidden || dWeight) chunk.backward(labels, labelled.get() + begin, dHidden, dWeight, begin == 0);
  }
}

}  // namespace mlab::MLAB_ISA
