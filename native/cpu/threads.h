// The one thread pool of the process. parallelFor blocks until every chunk is done; nested calls run inline.
#pragma once
#include <cstdint>

namespace mlab {

/** A reference to a function of a range; what it refers to must outlive the call that takes it. */
class RangeBody {
 public:
  typedef void (*Call)(const void* context, int64_t begin, int64_t end);
  template <class Function>
  RangeBody(const Function& function)
      : call([](const void* context, int64_t begin, int64_t end) {
          (*static_cast<const Function*>(context))(begin, end);
        }),
        context(&function) {}
  const Call call;
  const void* const context;
};

/** Threads in use, the caller included. Default: the number of cores the process may use. */
int threadCount();
/** Takes effect at the next parallelFor; n >= 1. */
void setThreadCount(int n);

/**
 * Throws what body threw, when all ranges are done.
 *
 * Calls body(begin, end) over disjoint ranges that cover [0, n), each at least `grain` long where n allows.
 * Ranges are fixed by n, grain and the thread count, so results that depend on the split are repeatable.
 */
void parallelFor(int64_t n, int64_t grain, const RangeBody& body);

}  // namespace mlab
