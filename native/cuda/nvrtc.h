// CUDA C++ to code of a GPU by NVRTC, found at run time: it comes with the CUDA toolkit and with PyTorch, not
// with the driver. Declarations are our own, after NVIDIA's NVRTC reference. Programs get their headers as
// texts, so nothing of CUDA's own headers need be there.
#pragma once
#include <string>
#include <vector>

namespace mlab::cuda {

struct NamedText {
  /** As the includes write it. */
  std::string name, text;
};

struct Compiled {
  /** Machine code, or PTX with its final zero; empty where it does not compile. */
  std::string image;
  /** What NVRTC says, with file and line. */
  std::string problem;
};

const std::string& nvrtcProblem();
const std::string& nvrtcPath();
/** "13.0". */
const std::string& nvrtcVersion();
/** Compute capabilities, times ten, that it compiles for. */
std::vector<int> nvrtcTargets();

/**
 * Any thread may call it, several at once. (NVRTC before 12.3 lets one at a time generate code.)
 *
 * @param options of NVRTC. For an architecture "sm_90a" the image is machine code, for "compute_90" PTX
 */
Compiled compile(const std::vector<std::string>& options, const NamedText& source,
                 const std::vector<NamedText>& headers);

}  // namespace mlab::cuda
