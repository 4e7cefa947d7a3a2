//===- LibraryKernel.h - What a kernel says that a library can run -------===//

#ifndef TENON_RUNTIME_CUDA_LIBRARYKERNEL_H
#define TENON_RUNTIME_CUDA_LIBRARYKERNEL_H

#include "runtime/core/ModelAbi.h"
#include "runtime/cuda/LibraryAbi.h"

#include <cstddef>
#include <vector>

namespace tenon::cuda {

/// The TenonLibraryKind of a kernel, 0 if it says nothing.
inline int64_t getLibraryKind(const TenonKernel &kernel) {
  return kernel.librarySize ? kernel.library[0] : 0;
}

/// What runs kernels beside generated code.
enum LibraryId : int { NoLibrary, CublasLtLibrary, CudnnLibrary };
inline LibraryId getLibrary(const TenonKernel &kernel) {
  int64_t kind = getLibraryKind(kernel);
  return kind == 0                      ? NoLibrary
         : kind == TENON_LIBRARY_MATMUL ? CublasLtLibrary
                                        : CudnnLibrary;
}

/// What a kernel that was checked says, if it is of the kind of `Words`.
template <typename Words> const Words &getWords(const TenonKernel &kernel) {
  return *reinterpret_cast<const Words *>(kernel.library);
}

/// Throws ProviderFailure if what a kernel says makes no sense.
void checkLibraryKernel(const TenonKernel &kernel);

/// A tensor of a kernel: see TenonKernel::args.
struct Tensor {
  int64_t type;
  std::vector<int64_t> dims; // -1 where dynamic
};

/// The tensors of a kernel that was checked, with the dimensions of a run.
std::vector<Tensor> getTensors(const TenonKernel &kernel, const int64_t *dims);

/// The product of numbers that are not negative. Of no numbers, 1; -1, which no
/// tensor has, if it is more than a number can be.
int64_t multiply(const int64_t *begin, const int64_t *end);
inline int64_t countElements(const Tensor &tensor) {
  return multiply(tensor.dims.data(), tensor.dims.data() + tensor.dims.size());
}
inline size_t getElementSize(int64_t type) { return type == TENON_F32 ? 4 : 2; }

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_LIBRARYKERNEL_H
