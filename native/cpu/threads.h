// The one thread pool of the process. parallelFor blocks until every chunk is done; nested calls run inline.
#pragma once
#include <cstdint>
#include <functional>

namespace mlab {

/** Threads in use, the caller included. Default: the number of cores the process may use. */
int threadCount();
/** Takes effect at the next parallelFor; n >= 1. */
void setThreadCount(int n);

/**
 * Calls body(begin, end) over disjoint ranges that cover [0, n), each at least `grain` long where n allows.
 * Ranges are fixed by n, grain and the thread count, so results that depend on the split are repeatable.
 */
void parallelFor(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace mlab
