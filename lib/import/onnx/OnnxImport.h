//===- OnnxImport.h - From an ONNX model to the tenon dialect -------------===//

#ifndef TENON_LIB_IMPORT_ONNX_ONNXIMPORT_H
#define TENON_LIB_IMPORT_ONNX_ONNXIMPORT_H

#include "lib/import/Finding.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <string>
#include <vector>

namespace tenon {

/// What a caller fixes of a model's inputs before the import.
struct OnnxImportOptions {
  /// The shape of an input, by its name; -1 leaves a dimension as it is.
  llvm::StringMap<llvm::SmallVector<int64_t>> shapes;
  /// The value of an input, by its name: numbers between commas, in row-major
  /// order, or one number for all elements. The input becomes a constant.
  llvm::StringMap<std::string> bindings;
};

/// What is wrong, in the classes that tools give exit codes.
enum class ImportErrorKind {
  None,
  /// The options don't fit the model.
  Usage,
  /// The model breaks a rule of ONNX.
  Invalid,
  /// The model uses what the importer has no form for.
  Unsupported,
  /// A file can't be read.
  File,
};

/// How an import ended. `message` is one error in plain words (for unsupported
/// models, one line for each kind of node); it doesn't name the file. The same
/// in parts are the findings: one, or for an unsupported model one for each
/// kind of node.
struct ImportStatus {
  ImportErrorKind kind = ImportErrorKind::None;
  std::string message;
  std::vector<Finding> findings;
};

/// Imports a model file as a module with one public function, `main`: every
/// value is a ranked tensor of the tenon dialect, locations are node names, and
/// arguments and results carry `tenon.name` and `tenon.dims`. Large constants
/// stay in the mapped file, which lives as long as the constants do; the file
/// must not change meanwhile. Null on failure, with the reason in `status`.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             const OnnxImportOptions &options,
                                             mlir::MLIRContext &context,
                                             ImportStatus &status);

/// The same for a model in memory, which has to outlive `context`. It can't
/// have external data.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::MemoryBufferRef model,
                                             const OnnxImportOptions &options,
                                             mlir::MLIRContext &context,
                                             ImportStatus &status);

} // namespace tenon

#endif // TENON_LIB_IMPORT_ONNX_ONNXIMPORT_H
