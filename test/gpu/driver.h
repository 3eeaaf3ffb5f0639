// What the two halves of the fake driver share: driver.cpp and launches.cpp.
#pragma once
#include "host.h"

namespace emulator {

constexpr int kInvalidValue = 1, kOutOfMemory = 2, kInvalidDevice = 101, kInvalidImage = 200,
              kInvalidContext = 201, kFileNotFound = 301, kInvalidHandle = 400, kNotFound = 500,
              kOutOfResources = 701, kCooperativeTooLarge = 720, kCaptureUnsupported = 900,
              kCaptureInvalidated = 901;

/** The first stream works at once. Work of others waits until somebody waits for it: as late as may be. */
struct Stream {
  bool late = false;
  std::vector<Work> waiting;
};
struct Event {
  double milliseconds = -1;
  Stream* of = nullptr;
};
inline thread_local bool contextIsCurrent = false;
inline int captureMode = 0;
constexpr int kRelaxed = 2;

constexpr unsigned kMultiprocessors = 4;

inline int maxSharedBytes() {
  const int c = capability();
  return 1024 * (c < 80 ? 64 : c >= 90 && c < 120 ? 227 : c == 80 || c == 87 ? 163 : 99);
}

inline bool inCapture() { return capture() != nullptr; }
/** Calls that wait, or allocate in a capture that is not relaxed, end it. */
inline int refuseInCapture(bool evenRelaxed) {
  if (!inCapture() || (!evenRelaxed && captureMode == kRelaxed)) return kSuccess;
  return report(kCaptureUnsupported, "a call that is not allowed while a capture is on");
}

}  // namespace emulator

#define CHECK(expression) \
  if (const int error = (expression)) return error
#define CHECK_CONTEXT()  \
  if (!contextIsCurrent) \
  return report(kInvalidContext, std::string(__func__) + ": no context is current in this thread")
