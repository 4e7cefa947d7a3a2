//===- WeightsFile.h - The bytes of a model's constants -------------------===//

#ifndef TENON_LIB_DRIVER_WEIGHTSFILE_H
#define TENON_LIB_DRIVER_WEIGHTSFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/FunctionExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon {

/// The name of a weight of `module` whose bytes are not there: IR can be read
/// without the file beside it.
std::optional<llvm::StringRef> findMissingWeight(mlir::ModuleOp module);

/// The weights as something that is written when they are needed.
struct WeightsSource {
  uint64_t size = 0;
  /// Writes `size` bytes.
  llvm::unique_function<llvm::Error(llvm::raw_ostream &)> write;
};

/// The weights of `module`, which must outlive the result. All of them must be
/// there.
WeightsSource getWeights(mlir::ModuleOp module);

/// Writes an ELF relocatable object whose read-only section holds the weights
/// under the hidden symbol `symbol`. `machine` is ELF's number of the
/// processor. An assembler would hold all bytes in memory; this streams them.
llvm::Error writeWeightsObject(WeightsSource &weights, uint16_t machine,
                               llvm::StringRef symbol, llvm::raw_ostream &os);

} // namespace tenon

#endif // TENON_LIB_DRIVER_WEIGHTSFILE_H
