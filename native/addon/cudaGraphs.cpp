// The order of work on the GPU: a second stream beside the first, marks to measure between, work recorded as
// a graph.
#include <napi.h>

#include "args.h"
#include "cudaState.h"

namespace mlab::gpu {
namespace {

Napi::Value beginBeside(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "beginBeside");
  queue(call.Env(), "beginBeside", [] {
    const cuda::Result result = driver().eventRecord(state.left, state.stream);
    return result != 0 ? result : driver().streamWaitEvent(state.side, state.left, 0);
  });
  state.beside = true;
  return call.Env().Undefined();
}

Napi::Value endBeside(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "endBeside");
  state.beside = false;
  queue(call.Env(), "endBeside", [] { return driver().eventRecord(state.done, state.side); });
  return call.Env().Undefined();
}

Napi::Value join(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "join");
  queue(call.Env(), "join", [] { return driver().streamWaitEvent(state.stream, state.done, 0); });
  return call.Env().Undefined();
}

Napi::Value mark(const Napi::CallbackInfo& call) {
  Args args(call, "cuda mark");
  const int64_t point = args.integer("point");
  args.require(point < kMarks, "point must be below 64");
  requireOpen(call.Env(), "mark");
  queue(call.Env(), "mark", [point] { return driver().eventRecord(state.marks[point], state.stream); });
  return call.Env().Undefined();
}

Napi::Value elapsed(const Napi::CallbackInfo& call) {
  Args args(call, "cuda elapsed");
  const int64_t from = args.integer("from"), to = args.integer("to");
  args.require(from < kMarks && to < kMarks, "points must be below 64");
  requireDirect(call.Env(), "elapsed");
  check(call.Env(), "elapsed", driver().eventSynchronize(state.marks[to]));
  float milliseconds = 0;
  check(call.Env(), "elapsed", driver().eventElapsedTime(&milliseconds, state.marks[from], state.marks[to]));
  return Napi::Number::New(call.Env(), milliseconds);
}

Napi::Value beginCapture(const Napi::CallbackInfo& call) {
  requireDirect(call.Env(), "beginCapture");
  check(call.Env(), "beginCapture", driver().streamBeginCapture(state.stream, cuda::kCaptureRelaxed));
  state.recording = true;
  return call.Env().Undefined();
}

Napi::Value endCapture(const Napi::CallbackInfo& call) {
  requireOpen(call.Env(), "endCapture");
  cuda::Graph graph = nullptr;
  state.recording = false;
  check(call.Env(), "endCapture", driver().streamEndCapture(state.stream, &graph));
  cuda::GraphExec exec = nullptr;
  const cuda::Result result = driver().graphInstantiate(&exec, graph, 0);
  driver().graphDestroy(graph);
  check(call.Env(), "endCapture", result);
  state.graphs.push_back(exec);
  return Napi::Number::New(call.Env(), static_cast<double>(state.graphs.size() - 1));
}

cuda::GraphExec& graphAt(Args& args) {
  const int64_t graph = args.integer("graph");
  args.require(graph < static_cast<int64_t>(state.graphs.size()) && state.graphs[graph],
               "graph is not there");
  return state.graphs[graph];
}

Napi::Value replay(const Napi::CallbackInfo& call) {
  Args args(call, "cuda replay");
  requireOpen(call.Env(), "replay");
  queue(call.Env(), "replay", [exec = graphAt(args)] { return driver().graphLaunch(exec, state.stream); });
  return call.Env().Undefined();
}

Napi::Value freeGraph(const Napi::CallbackInfo& call) {
  Args args(call, "cuda freeGraph");
  requireOpen(call.Env(), "freeGraph");
  cuda::GraphExec& graph = graphAt(args);
  settle(call.Env());
  check(call.Env(), "freeGraph", driver().streamSynchronize(state.stream));
  check(call.Env(), "freeGraph", driver().graphExecDestroy(graph));
  graph = nullptr;
  return call.Env().Undefined();
}

}  // namespace

void addGraphs(Entries& entries) {
  entries.add("beginBeside", beginBeside);
  entries.add("endBeside", endBeside);
  entries.add("join", join);
  entries.add("mark", mark);
  entries.add("elapsed", elapsed);
  entries.add("beginCapture", beginCapture);
  entries.add("endCapture", endCapture);
  entries.add("replay", replay);
  entries.add("freeGraph", freeGraph);
}

}  // namespace mlab::gpu
