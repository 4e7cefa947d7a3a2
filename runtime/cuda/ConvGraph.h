//===- ConvGraph.h - A convolution as a graph of cuDNN -------------------===//

#ifndef TENON_RUNTIME_CUDA_CONVGRAPH_H
#define TENON_RUNTIME_CUDA_CONVGRAPH_H

#include "runtime/cuda/Cudnn.h"
#include "runtime/cuda/LibraryKernel.h"

namespace tenon::cuda {

/// Descriptors of the library. After a call that went wrong the others do
/// nothing, so that only the end has to check.
class DnnDescriptors {
public:
  explicit DnnDescriptors(const Cudnn &library) : library(library) {}
  ~DnnDescriptors();
  DnnDescriptors(const DnnDescriptors &) = delete;

  DnnDescriptor make(int type);
  void set(DnnDescriptor descriptor, int attribute, int type, int64_t count,
           const void *values);
  template <typename T>
  void set(DnnDescriptor descriptor, int attribute, int type, const T &value) {
    set(descriptor, attribute, type, 1, &value);
  }
  void finalize(DnnDescriptor descriptor);
  DnnStatus getStatus() const { return status; }

  /// Those of `other` go before the ones that are here.
  void take(DnnDescriptors &other);
  /// The last that was made, which is the caller's from now on.
  DnnDescriptor release();

private:
  const Cudnn &library;
  std::vector<DnnDescriptor> made;
  DnnStatus status = CUDNN_STATUS_SUCCESS;
};

/// What a convolution reads or writes.
struct ConvOperand {
  int64_t arg; // of the kernel
  int64_t id;  // in the graph
};

/// The sizes of a convolution with all dimensions known, with two axes at
/// least. Channels are last.
struct ConvShape {
  /// False if the tensors of a run don't fit together.
  bool find(const TenonLibraryConv &conv, const std::vector<Tensor> &tensors);

  std::vector<int64_t> input, weights, result; // [N, C, axes...], as cuDNN's
  std::vector<int64_t> strides, dilations, padsBefore, padsAfter;
};

/// The type of an element to the library.
int getDnnType(int64_t type);

/// Makes the graph of a convolution and what is behind it: the residual, then
/// the bias, then the activation, the order in which the library has most
/// engines for it. It expects the weights with their input channels last, and
/// a bias of the result's type. `alignments` are those of the kernel's args in
/// bytes. Whatever is written is in `operands`, the result last.
DnnDescriptor makeConvGraph(DnnDescriptors &descriptors, DnnHandle handle,
                            const TenonLibraryConv &conv,
                            const ConvShape &shape,
                            const std::vector<Tensor> &tensors,
                            const int64_t *alignments,
                            std::vector<ConvOperand> &operands);

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CONVGRAPH_H
