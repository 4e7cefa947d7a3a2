//===- DnnConstants.h - Constants as cuDNN wants them --------------------===//

#ifndef TENON_RUNTIME_CUDA_DNNCONSTANTS_H
#define TENON_RUNTIME_CUDA_DNNCONSTANTS_H

#include "runtime/cuda/DeviceWeights.h"
#include "runtime/cuda/DnnGraph.h"

namespace tenon::cuda {

/// Where an operand of a graph is for the kernel's args: what stands there, or
/// what is made of it, once for all sessions. Null if it is no constant then,
/// or there is no memory for it.
void *findOperand(const DnnOperand &operand, DeviceWeights &weights,
                  const std::vector<Tensor> &tensors, void *const *args);

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_DNNCONSTANTS_H
