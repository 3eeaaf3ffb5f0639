#include "args.h"
#include "entries.h"

namespace mlab {
namespace {

double duration(Args& args) {
  const double seconds = args.number("seconds");
  args.require(seconds > 0 && seconds <= 60, "seconds must be above 0 and at most 60");
  return seconds;
}

}  // namespace

Napi::Value peakFlopsEntry(const Napi::CallbackInfo& info) {
  Args args(info, "peakFlops");
  return Napi::Number::New(info.Env(), kernels().peakFlops(duration(args)));
}

Napi::Value readBandwidthEntry(const Napi::CallbackInfo& info) {
  Args args(info, "readBandwidth");
  int64_t n = 0;
  const float* buffer = args.floatsAny("buffer", n);
  const double seconds = duration(args);
  const int64_t jobValues = args.left() ? args.integer("jobValues") : 0;
  args.require(jobValues <= n, "jobValues must be at most the buffer's length");
  return Napi::Number::New(info.Env(), kernels().readBandwidth(buffer, n, seconds, jobValues));
}

}  // namespace mlab
