//===- ConvGraph.h - A convolution as a graph of cuDNN -------------------===//

#ifndef TENON_RUNTIME_CUDA_CONVGRAPH_H
#define TENON_RUNTIME_CUDA_CONVGRAPH_H

#include "runtime/cuda/DnnGraph.h"

namespace tenon::cuda {

/// Makes the operations of a convolution and what is behind it: the residual,
/// then the bias, then the activation, the order in which the library has most
/// engines for it. False if the tensors of a run don't fit together.
bool makeConvGraph(DnnGraphBuilder &builder, const TenonLibraryConv &conv);

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CONVGRAPH_H
