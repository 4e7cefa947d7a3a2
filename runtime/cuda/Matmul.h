//===- Matmul.h - Matrix products by cuBLASLt ----------------------------===//

#ifndef TENON_RUNTIME_CUDA_MATMUL_H
#define TENON_RUNTIME_CUDA_MATMUL_H

#include "runtime/cuda/CublasLt.h"
#include "runtime/cuda/LibraryRunner.h"

namespace tenon::cuda {

/// Runs kernels of TENON_LIBRARY_MATMUL.
class MatmulRunner : public LibraryRunner {
public:
  /// Its work goes into `stream`. Throws ProviderFailure.
  MatmulRunner(const CublasLt &library, Stream stream, Workspace &workspace);
  ~MatmulRunner() override;

private:
  struct Product;
  struct Sizes;
  struct Calls;
  std::unique_ptr<LibraryPlan> prepare(const TenonKernel &kernel,
                                       void *const *args,
                                       const int64_t *alignments,
                                       const int64_t *dims) override;
  bool start(LibraryPlan &plan, const TenonKernel &kernel,
             void *const *args) override;
  void describeOperation(Calls &calls, Product &product,
                         const TenonLibraryMatmul &matmul, int resultType,
                         const void *bias) const;
  void describeMatrices(Calls &calls, Product &product,
                        const TenonLibraryMatmul &matmul, const Sizes &sizes,
                        int factorType, int resultType) const;
  std::string describeChoice(const Product &product) const;

  const CublasLt &library;
  Stream stream;
  LtHandle handle = nullptr;
  LtPreference preference = nullptr;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_MATMUL_H
