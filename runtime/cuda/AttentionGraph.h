//===- AttentionGraph.h - Attention as a graph of cuDNN ------------------===//

#ifndef TENON_RUNTIME_CUDA_ATTENTIONGRAPH_H
#define TENON_RUNTIME_CUDA_ATTENTIONGRAPH_H

#include "runtime/cuda/DnnGraph.h"

namespace tenon::cuda {

/// Makes the operations of attention: the scores, their softmax, and the
/// product with the values, by which the library knows that it need not have
/// all scores in memory. False if the tensors of a run don't fit together, or
/// there are few queries.
bool makeAttentionGraph(DnnGraphBuilder &builder,
                        const TenonLibraryAttention &attention);

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_ATTENTIONGRAPH_H
