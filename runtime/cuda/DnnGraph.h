//===- DnnGraph.h - Graphs of cuDNN --------------------------------------===//
//
// As the graph API of "NVIDIA cuDNN Backend API" describes it: operations on
// tensors, of which those between two operations are virtual, that is, not in
// memory.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_DNNGRAPH_H
#define TENON_RUNTIME_CUDA_DNNGRAPH_H

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
  /// What the attribute is, is another descriptor.
  void setOperand(DnnDescriptor descriptor, int attribute,
                  DnnDescriptor operand) {
    set(descriptor, attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, operand);
  }
  void finalize(DnnDescriptor descriptor);
  DnnStatus getStatus() const { return status; }

  /// That one of `other` is one of these from now on.
  void take(DnnDescriptors &other, DnnDescriptor descriptor);
  /// The last that was made, which is the caller's from now on.
  DnnDescriptor release();

private:
  const Cudnn &library;
  std::vector<DnnDescriptor> made;
  DnnStatus status = CUDNN_STATUS_SUCCESS;
};

/// What a graph reads or writes in the device's memory.
struct DnnOperand {
  /// What the library wants: what is there, or what is made of a constant. Its
  /// transpose, with its last dimension as the columns; or its f32, rounded to
  /// the type of the kernel's result.
  enum Form { AsItIs, Transposed, Narrowed };

  int64_t arg; // of the kernel
  int64_t id;  // in the graph
  Form form;
  int64_t offset; // where it begins in what is there, in bytes
};

/// A kernel as a graph.
struct DnnGraph {
  DnnDescriptor descriptor = nullptr;
  std::vector<DnnOperand> operands;
  /// Numbers in the graph, with their ids. The library reads them when the
  /// graph is started.
  std::vector<std::pair<int64_t, float>> numbers;
  /// Whether factors of f32 must not be rounded.
  bool isExact = false;
  /// Whether the library compiles its engines, and then for graphs of all
  /// sizes, but for the fixed ones.
  bool isForAllSizes = false;
  std::vector<int64_t> fixedSizes;
};

/// Makes the graph of a kernel.
class DnnGraphBuilder {
public:
  using Dims = std::vector<int64_t>;

  /// `tensors` are the kernel's with the dimensions of a run, and `alignments`
  /// those of its args, in bytes.
  DnnGraphBuilder(DnnDescriptors &descriptors,
                  const std::vector<Tensor> &tensors, const int64_t *alignments,
                  DnnGraph &graph)
      : descriptors(descriptors), tensors(tensors), alignments(alignments),
        graph(graph) {}

  DnnDescriptors &getDescriptors() { return descriptors; }
  const std::vector<Tensor> &getTensors() const { return tensors; }
  int64_t getResult() const { return tensors.size() - 1; }
  void setExact() { graph.isExact = true; }
  void setForAllSizes(std::vector<int64_t> fixedSizes) {
    graph.isForAllSizes = true;
    graph.fixedSizes = std::move(fixedSizes);
  }

  /// A tensor that is an arg of the kernel, or a part of one that begins at an
  /// element.
  DnnDescriptor makeOperand(int64_t arg, const Dims &dims, const Dims &strides,
                            DnnOperand::Form form = DnnOperand::AsItIs,
                            int64_t begin = 0);
  /// A tensor that is virtual, of f32, or of the type of an arg.
  DnnDescriptor makeVirtual(const Dims &dims, const Dims &strides,
                            int64_t typeOf = -1);
  /// A tensor of one number.
  DnnDescriptor makeNumber(float value, size_t rank);

  /// Adds an operation, which is complete but for this.
  void add(DnnDescriptor operation);
  /// The last two are the second operand, null if there is none, and the upper
  /// limit of CUDNN_POINTWISE_RELU_FWD.
  void addPointwise(int mode, DnnDescriptor input, DnnDescriptor result,
                    DnnDescriptor second, const double *limit = nullptr);
  void finish(DnnHandle handle);

private:
  DnnDescriptor makeTensor(const Dims &dims, const Dims &strides, int type,
                           int64_t alignment);

  DnnDescriptors &descriptors;
  const std::vector<Tensor> &tensors;
  const int64_t *alignments;
  DnnGraph &graph;
  std::vector<DnnDescriptor> operations;
  int64_t lastId = 0;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_DNNGRAPH_H
