//===- Architectures.h - What models for CUDA are compiled for ------------===//

#ifndef TENON_RUNTIME_CUDA_ARCHITECTURES_H
#define TENON_RUNTIME_CUDA_ARCHITECTURES_H

namespace tenon::cuda {

/// NVIDIA's names of the architectures that a target can have, the oldest
/// first.
inline constexpr const char *architectures[] = {"sm_80", "sm_86", "sm_89",
                                                "sm_90", "sm_100"};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_ARCHITECTURES_H
