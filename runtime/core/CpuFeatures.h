//===- CpuFeatures.h - Whether this processor can run a model ------------===//

#ifndef TENON_RUNTIME_CORE_CPUFEATURES_H
#define TENON_RUNTIME_CORE_CPUFEATURES_H

#include <string>
#include <vector>

namespace tenon::runtime {

/// The architecture of this process as it begins a target triple: "x86_64",
/// "aarch64".
const char *getHostArchitecture();

/// Which of the features in a list separated by commas (LLVM's names) this
/// processor, or its operating system, lacks. A name that is not known counts
/// as lacking.
std::vector<std::string> findMissingFeatures(const char *features);

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_CPUFEATURES_H
