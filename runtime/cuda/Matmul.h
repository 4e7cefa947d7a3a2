//===- Matmul.h - Matrix products by cuBLASLt ----------------------------===//

#ifndef TENON_RUNTIME_CUDA_MATMUL_H
#define TENON_RUNTIME_CUDA_MATMUL_H

#include "runtime/core/ModelAbi.h"
#include "runtime/cuda/CublasLt.h"
#include "runtime/cuda/LibraryAbi.h"

#include <map>
#include <memory>
#include <vector>

namespace tenon::cuda {

/// What `kernel` says that cuBLASLt can run, or null if it says nothing. Throws
/// CudaError if it makes no sense.
const TenonLibraryMatmul *readMatmul(const TenonKernel &kernel);

/// The matrix products of one session, prepared for the shapes that they had.
/// The context of the device is the thread's current one in all functions.
class MatmulRunner {
public:
  /// Its work goes into `stream`. Throws CudaError.
  MatmulRunner(const CublasLt &library, const Driver &driver, Stream stream);
  ~MatmulRunner();
  MatmulRunner(const MatmulRunner &) = delete;

  /// Puts a kernel into the stream. Returns false, and does nothing, if the
  /// library has nothing for these shapes, or the device no memory for it. The
  /// first run of a kernel at a shape may ask for memory of the device; those
  /// after it don't. Throws CudaError, which may be of a kernel before it.
  bool run(const TenonKernel &kernel, const TenonLibraryMatmul &matmul,
           void *const *args, const int64_t *dims);

  /// How the kernel was last run: "cuBLASLt 13.1.0, algorithm 66, tile 20,
  /// stages 4, split 1"; "" if it was not.
  const char *describe(const TenonKernel &kernel) const;
  /// Bytes of the device's memory.
  uint64_t getSize() const { return workspaceSize; }

private:
  struct Product;
  using Key = std::vector<int64_t>;
  struct Entry {
    /// By alignments and dimensions; null where the library has nothing, or
    /// the device no memory for it.
    std::map<Key, std::unique_ptr<Product>> products;
    Product *last = nullptr; // that was run
  };
  std::unique_ptr<Product> prepare(const TenonKernel &kernel,
                                   const TenonLibraryMatmul &matmul,
                                   const int64_t *dims, const void *bias);
  /// False if the device has not that much memory.
  bool growWorkspace(uint64_t bytes);

  const CublasLt &library;
  const Driver &driver;
  Stream stream;
  LtHandle handle = nullptr;
  LtPreference preference = nullptr;
  std::map<const TenonKernel *, Entry> entries;
  Key key; // of the run at work: alignments of first, second, added, result and
           // bias, then dims
  /// All products of a session share it: they run one behind the other.
  Address workspace = 0;
  uint64_t workspaceSize = 0;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_MATMUL_H
