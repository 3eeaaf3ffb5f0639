#include "blas.h"

#include <array>
#include <unordered_map>

#include "library.h"

namespace mlab::cuda {
namespace {

using Status = int;  // 0: success
using Handle = struct BlasHandle*;
using MatmulDesc = struct MatmulDescHandle*;
using Layout = struct LayoutHandle*;
using Preference = struct PreferenceHandle*;

constexpr int kReal32F = 0, kReal16BF = 14, kCompute32F = 68;
constexpr int kOpNone = 0, kOpTranspose = 1;
enum DescAttribute { kTransA = 3, kTransB = 4 };
enum LayoutAttribute { kBatchCount = 5, kBatchStride = 6 };
enum PreferenceAttribute {
  kMaxWorkspaceBytes = 1,
  kMinAlignmentA = 5,
  kMinAlignmentB = 6,
  kMinAlignmentC = 7,
  kMinAlignmentD = 8
};

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};

// clang-format off
#define MLAB_BLAS_FUNCTIONS(X)                                                                              \
  X(Status, create, "cublasLtCreate", (Handle* handle))                                                    \
  X(size_t, version, "cublasLtGetVersion", ())                                                             \
  X(Status, descCreate, "cublasLtMatmulDescCreate", (MatmulDesc* desc, int compute, int scaleType))        \
  X(Status, descSet, "cublasLtMatmulDescSetAttribute", (MatmulDesc desc, int what, const void* value, size_t bytes)) \
  X(Status, descDestroy, "cublasLtMatmulDescDestroy", (MatmulDesc desc))                                   \
  X(Status, layoutCreate, "cublasLtMatrixLayoutCreate", (Layout* layout, int type, uint64_t rows, uint64_t cols, int64_t ld)) \
  X(Status, layoutSet, "cublasLtMatrixLayoutSetAttribute", (Layout layout, int what, const void* value, size_t bytes)) \
  X(Status, layoutDestroy, "cublasLtMatrixLayoutDestroy", (Layout layout))                                 \
  X(Status, preferenceCreate, "cublasLtMatmulPreferenceCreate", (Preference* preference))                  \
  X(Status, preferenceSet, "cublasLtMatmulPreferenceSetAttribute", (Preference preference, int what, const void* value, size_t bytes)) \
  X(Status, preferenceDestroy, "cublasLtMatmulPreferenceDestroy", (Preference preference))                 \
  X(Status, heuristic, "cublasLtMatmulAlgoGetHeuristic",                                                   \
    (Handle handle, MatmulDesc desc, Layout a, Layout b, Layout c, Layout d, Preference preference, int wanted, \
     Heuristic* results, int* found))                                                                      \
  X(Status, matmul, "cublasLtMatmul",                                                                      \
    (Handle handle, MatmulDesc desc, const void* alpha, const void* a, Layout layoutA, const void* b,      \
     Layout layoutB, const void* beta, const void* c, Layout layoutC, void* d, Layout layoutD,             \
     const Algorithm* algorithm, void* workspace, size_t workspaceBytes, Stream stream))
// clang-format on

struct Library {
#define MLAB_FIELD(type, field, symbol, parameters) type(*field) parameters = nullptr;
  MLAB_BLAS_FUNCTIONS(MLAB_FIELD)
#undef MLAB_FIELD
  Handle handle = nullptr;
  std::string path, problem;

  Library() {
    void* library = openToolkitLibrary("MISTRAL_LAB_CUBLASLT", "libcublasLt.so", path, problem);
    if (!library) return;
#define MLAB_BIND(type, field, symbol, parameters)                        \
  field = reinterpret_cast<decltype(field)>(findSymbol(library, symbol)); \
  if (!field) problem = path + ": " + symbol + " is missing";
    MLAB_BLAS_FUNCTIONS(MLAB_BIND)
#undef MLAB_BIND
    if (problem.empty()) path = fileOf(reinterpret_cast<void*>(create), path);
    if (problem.empty() && create(&handle) != 0) problem = path + ": cublasLtCreate failed";
  }
};

const Library& library() {
  static const Library once;
  return once;
}

/** One kind of product: what cuBLASLt needs to run it, and the algorithm it chose. */
struct Plan {
  MatmulDesc desc = nullptr;
  Layout a = nullptr, b = nullptr, c = nullptr;
  Heuristic chosen{};
};

using Key = std::array<int64_t, 19>;
struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 0;
    for (const int64_t word : key) hash = (hash ^ static_cast<uint64_t>(word)) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
  }
};

/** Batches of many lengths leave plans behind; beyond this they are all made again. */
constexpr size_t kMaxPlans = 4096;

int64_t alignment(Address address) {
  const int64_t lowest = static_cast<int64_t>(address & (~address + 1));
  return lowest == 0 || lowest > 256 ? 256 : lowest;
}

Layout makeLayout(bool half, int64_t rows, int64_t cols, int64_t ld, int64_t batch, int64_t stride) {
  const Library& lib = library();
  Layout layout = nullptr;
  lib.layoutCreate(&layout, half ? kReal16BF : kReal32F, rows, cols, ld);
  if (batch > 1) {
    const int32_t count = static_cast<int32_t>(batch);
    lib.layoutSet(layout, kBatchCount, &count, sizeof count);
    lib.layoutSet(layout, kBatchStride, &stride, sizeof stride);
  }
  return layout;
}

/** cuBLASLt thinks in columns, where a row-major matrix is its transpose: c' = op(b)' op(a)'. */
Status makePlan(const Gemm& g, Plan& plan) {
  const Library& lib = library();
  lib.descCreate(&plan.desc, kCompute32F, kReal32F);
  const int32_t first = g.transposeB ? kOpTranspose : kOpNone, second = g.transposeA ? kOpTranspose : kOpNone;
  lib.descSet(plan.desc, kTransA, &first, sizeof first);
  lib.descSet(plan.desc, kTransB, &second, sizeof second);
  plan.b =
      makeLayout(g.bfloat16B, g.transposeB ? g.k : g.n, g.transposeB ? g.n : g.k, g.ldb, g.batch, g.strideB);
  plan.a =
      makeLayout(g.bfloat16A, g.transposeA ? g.m : g.k, g.transposeA ? g.k : g.m, g.lda, g.batch, g.strideA);
  plan.c = makeLayout(g.bfloat16C, g.n, g.m, g.ldc, g.batch, g.strideC);
  Preference preference = nullptr;
  lib.preferenceCreate(&preference);
  const uint64_t room = g.workspaceBytes;
  lib.preferenceSet(preference, kMaxWorkspaceBytes, &room, sizeof room);
  const uint32_t alignB = alignment(g.b), alignA = alignment(g.a), alignC = alignment(g.c);
  lib.preferenceSet(preference, kMinAlignmentA, &alignB, sizeof alignB);
  lib.preferenceSet(preference, kMinAlignmentB, &alignA, sizeof alignA);
  lib.preferenceSet(preference, kMinAlignmentC, &alignC, sizeof alignC);
  lib.preferenceSet(preference, kMinAlignmentD, &alignC, sizeof alignC);
  int found = 0;
  const Status status = lib.heuristic(lib.handle, plan.desc, plan.b, plan.a, plan.c, plan.c, preference, 1,
                                      &plan.chosen, &found);
  lib.preferenceDestroy(preference);
  if (status != 0) return status;
  return found > 0 ? plan.chosen.state : -1;
}

void dropPlan(const Plan& plan) {
  const Library& lib = library();
  lib.layoutDestroy(plan.a);
  lib.layoutDestroy(plan.b);
  lib.layoutDestroy(plan.c);
  lib.descDestroy(plan.desc);
}

}  // namespace

const std::string& blasProblem() { return library().problem; }
const std::string& blasPath() { return library().path; }
size_t blasVersion() { return library().problem.empty() ? library().version() : 0; }

std::string gemm(const Gemm& g, Stream stream) {
  const Library& lib = library();
  if (!lib.problem.empty()) return lib.problem;
  // Never freed: the queue's thread may be in here while the process ends.
  static auto& plans = *new std::unordered_map<Key, Plan, KeyHash>;
  const Key key = {g.m,        g.n,          g.k,         g.lda,          g.transposeA,   g.bfloat16A,
                   g.ldb,      g.transposeB, g.bfloat16B, g.ldc,          g.bfloat16C,    g.batch,
                   g.strideA,  g.strideB,    g.strideC,   alignment(g.a), alignment(g.b), alignment(g.c),
                   g.beta != 0};
  auto found = plans.find(key);
  if (found == plans.end()) {
    if (plans.size() >= kMaxPlans) {
      for (const auto& entry : plans) dropPlan(entry.second);
      plans.clear();
    }
    Plan plan;
    const Status status = makePlan(g, plan);
    if (status != 0) {
      dropPlan(plan);
      return "cuBLASLt has no algorithm for this product (status " + std::to_string(status) + ")";
    }
    found = plans.emplace(key, plan).first;
  }
  const Plan& plan = found->second;
  const auto pointer = [](Address address) { return reinterpret_cast<void*>(address); };
  const Status status = lib.matmul(lib.handle, plan.desc, &g.alpha, pointer(g.b), plan.b, pointer(g.a),
                                   plan.a, &g.beta, pointer(g.c), plan.c, pointer(g.c), plan.c,
                                   &plan.chosen.algorithm, pointer(g.workspace), g.workspaceBytes, stream);
  return status == 0 ? "" : "cublasLtMatmul failed (status " + std::to_string(status) + ")";
}

}  // namespace mlab::cuda
