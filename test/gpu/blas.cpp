// libcublasLt of the emulator: plain products in the layout of NVIDIA's cuBLASLt reference, from which the
// numbers below come. Factors are float32 or bfloat16, sums float32.
#include <algorithm>
#include <cstring>

#include "host.h"

using namespace emulator;

namespace {

constexpr int kInvalidValue = 7, kNotSupported = 15, kExecutionFailed = 13;
constexpr int kReal32F = 0, kReal16BF = 14, kCompute32F = 68;

struct Desc {
  int32_t transA = 0, transB = 0;
};
struct Layout {
  int32_t type;
  int32_t rowOrder = 0;
  uint64_t rows, cols;
  int64_t ld;
  int32_t batch = 1;
  int64_t stride = 0;

  size_t bytes() const { return type == kReal32F ? 4 : 2; }
  int64_t at(int64_t row, int64_t col) const { return rowOrder ? row * ld + col : col * ld + row; }
};
struct Preference {
  uint64_t workspaceBytes = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};
/** What the heuristic chose; cublasLtMatmul may rely on the alignments that it was promised. */
struct Algorithm {
  uint32_t magic, alignment[4];
  uint32_t unused;
  uint64_t workspaceBytes, rest[4];
};
static_assert(sizeof(Algorithm) == 64, "as cublasLtMatmulAlgo_t");
constexpr uint32_t kMagic = 0x656d756c;
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  int state;
  float waves;
  int reserved[4];
};

template <class T>
int set(T& field, const void* value, size_t bytes) {
  if (bytes != sizeof field) return report(kInvalidValue, "cuBLASLt: an attribute of another size");
  memcpy(&field, value, bytes);
  return 0;
}

float load(const Layout& layout, uint64_t address, int64_t i) {
  float x;
  if (layout.type == kReal32F) {
    memcpy(&x, reinterpret_cast<const float*>(address) + i, 4);
  } else {
    const uint32_t u = uint32_t{reinterpret_cast<const uint16_t*>(address)[i]} << 16;
    memcpy(&x, &u, 4);
  }
  return x;
}
void store(const Layout& layout, uint64_t address, int64_t i, float x) {
  if (layout.type == kReal32F) {
    reinterpret_cast<float*>(address)[i] = x;
    return;
  }
  uint32_t u;
  memcpy(&u, &x, 4);
  reinterpret_cast<uint16_t*>(address)[i] = x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/** op(matrix) as float32, row-major. */
std::vector<float> unpack(const Layout& layout, uint64_t address, bool transposed) {
  const int64_t rows = transposed ? layout.cols : layout.rows, cols = transposed ? layout.rows : layout.cols;
  std::vector<float> values(rows * cols);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      values[i * cols + j] = load(layout, address, transposed ? layout.at(j, i) : layout.at(i, j));
  return values;
}

const char* problem(const Desc& desc, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
  const uint64_t m = desc.transA ? a.cols : a.rows, k = desc.transA ? a.rows : a.cols;
  const uint64_t n = desc.transB ? b.rows : b.cols;
  if (k != (desc.transB ? b.cols : b.rows) || d.rows != m || d.cols != n || c.rows != m || c.cols != n)
    return "the shapes do not fit";
  if (m == 0 || n == 0 || k == 0) return "an empty matrix";
  for (const Layout* x : {&a, &b, &c, &d}) {
    if (x->ld < static_cast<int64_t>(x->rowOrder ? x->cols : x->rows))
      return "a leading dimension is too small";
    if (x->batch != d.batch) return "the batch counts differ";
    if (x->type != kReal32F && x->type != kReal16BF) return "an unknown type";
  }
  if (a.type != b.type || c.type != d.type) return "the types do not fit";
  if (a.type == kReal32F && d.type == kReal16BF) return "float32 factors have no bfloat16 product";
  return nullptr;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

size_t cublasLtGetVersion() { return 130000; }
int cublasLtCreate(void** handle) {
  static int one;
  *handle = &one;
  return 0;
}
int cublasLtDestroy(void*) { return 0; }

int cublasLtMatmulDescCreate(Desc** desc, int compute, int scaleType) {
  if (compute != kCompute32F || scaleType != kReal32F)
    return report(kNotSupported, "cuBLASLt: only sums in float32");
  *desc = new Desc;
  return 0;
}
int cublasLtMatmulDescSetAttribute(Desc* desc, int attribute, const void* value, size_t bytes) {
  if (attribute == 3) return set(desc->transA, value, bytes);
  if (attribute == 4) return set(desc->transB, value, bytes);
  return report(kNotSupported, "cublasLtMatmulDescSetAttribute: the emulator knows only the transposes");
}
int cublasLtMatmulDescDestroy(Desc* desc) {
  delete desc;
  return 0;
}

int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  *layout = new Layout{type, 0, rows, cols, ld};
  return 0;
}
int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case 0:
      return set(layout->type, value, bytes);
    case 1:
      return set(layout->rowOrder, value, bytes);
    case 2:
      return set(layout->rows, value, bytes);
    case 3:
      return set(layout->cols, value, bytes);
    case 4:
      return set(layout->ld, value, bytes);
    case 5:
      return set(layout->batch, value, bytes);
    case 6:
      return set(layout->stride, value, bytes);
    default:
      return report(kNotSupported, "cublasLtMatrixLayoutSetAttribute: an attribute unknown to the emulator");
  }
}
int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return 0;
}

int cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference;
  return 0;
}
int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value,
                                         size_t bytes) {
  if (attribute == 1) return set(preference->workspaceBytes, value, bytes);
  if (attribute >= 5 && attribute <= 8) return set(preference->alignment[attribute - 5], value, bytes);
  return 0;
}
int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return 0;
}

int cublasLtMatmulAlgoGetHeuristic(void*, const Desc* desc, const Layout* a, const Layout* b, const Layout* c,
                                   const Layout* d, const Preference* preference, int wanted,
                                   Heuristic* results, int* found) {
  *found = 0;
  if (const char* text = problem(*desc, *a, *b, *c, *d))
    return report(kNotSupported, std::string("cublasLtMatmulAlgoGetHeuristic: ") + text);
  if (wanted < 1) return kInvalidValue;
  results[0] = {};
  results[0].algorithm.magic = kMagic;
  memcpy(results[0].algorithm.alignment, preference->alignment, sizeof preference->alignment);
  results[0].algorithm.workspaceBytes = results[0].workspaceBytes = preference->workspaceBytes;
  *found = 1;
  return 0;
}

int cublasLtMatmul(void*, const Desc* desc, const void* alpha, const void* a, const Layout* layoutA,
                   const void* b, const Layout* layoutB, const void* beta, const void* c,
                   const Layout* layoutC, void* d, const Layout* layoutD, const Algorithm* algorithm,
                   void* workspace, size_t workspaceBytes, void*) {
  const auto refuse = [](const char* text) {
    return report(kInvalidValue, std::string("cublasLtMatmul: ") + text);
  };
  if (const char* text = problem(*desc, *layoutA, *layoutB, *layoutC, *layoutD)) return refuse(text);
  const uint64_t address[4] = {reinterpret_cast<uint64_t>(a), reinterpret_cast<uint64_t>(b),
                               reinterpret_cast<uint64_t>(c), reinterpret_cast<uint64_t>(d)};
  const Layout layout[4] = {*layoutA, *layoutB, *layoutC, *layoutD};
  if (algorithm) {
    if (algorithm->magic != kMagic) return refuse("the algorithm comes from nowhere");
    if (workspaceBytes < algorithm->workspaceBytes) return refuse("less workspace than the algorithm needs");
    for (int i = 0; i < 4; i++)
      if (address[i] % algorithm->alignment[i])
        return refuse("an address is aligned less than the preference said");
  }
  if (workspaceBytes && !inDeviceMemory(reinterpret_cast<uint64_t>(workspace), workspaceBytes))
    return refuse("the workspace is no device memory");
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  for (int i = 0; i < 4; i++) {
    const Layout& l = layout[i];
    if (i == 2 && keep == 0) continue;
    const int64_t values = (l.batch - 1) * l.stride + l.at(l.rows - 1, l.cols - 1) + 1;
    if (!inDeviceMemory(address[i], values * l.bytes()))
      return refuse("a matrix is not within one allocation");
  }
  const bool transA = desc->transA != 0, transB = desc->transB != 0;
  return enqueue([=] {
           // As the GPU's workspace is after a product: nobody may count on it.
           if (workspaceBytes) memset(workspace, 0xff, std::min<size_t>(workspaceBytes, 4096));
           const auto& [la, lb, lc, ld] = layout;
           const int64_t m = ld.rows, n = ld.cols;
           for (int64_t batch = 0; batch < ld.batch; batch++) {
             const auto at = [&](int i) { return address[i] + batch * layout[i].stride * layout[i].bytes(); };
             const std::vector<float> left = unpack(la, at(0), transA), right = unpack(lb, at(1), transB);
             const int64_t k = left.size() / m;
             std::vector<float> row(n);
             for (int64_t i = 0; i < m; i++) {
               std::fill(row.begin(), row.end(), 0.0f);
               for (int64_t p = 0; p < k; p++) {
                 const float x = left[i * k + p];
                 const float* from = &right[p * n];
                 for (int64_t j = 0; j < n; j++) row[j] += x * from[j];
               }
               for (int64_t j = 0; j < n; j++) {
                 const float before = keep == 0 ? 0.0f : keep * load(lc, at(2), lc.at(i, j));
                 store(ld, at(3), ld.at(i, j), scale * row[j] + before);
               }
             }
           }
           return 0;
         }) == 0
             ? 0
             : kExecutionFailed;
}

}  // extern "C"
#pragma GCC visibility pop
