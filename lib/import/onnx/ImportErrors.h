//===- ImportErrors.h - The one error, or all that is unsupported ---------===//

#ifndef TENON_LIB_IMPORT_ONNX_IMPORTERRORS_H
#define TENON_LIB_IMPORT_ONNX_IMPORTERRORS_H

#include "lib/import/onnx/OnnxImport.h"
#include "llvm/ADT/Twine.h"

namespace tenon::onnx_import {

/// That an error was reported: failure in whatever form a function returns it.
/// Unlike mlir::LogicalResult, it need not be looked at.
struct Refusal {
  operator mlir::LogicalResult() const { return mlir::failure(); }
  template <typename T> operator mlir::FailureOr<T>() const {
    return mlir::failure();
  }
};

/// Collects what goes wrong during an import. The first error ends it, but
/// unsupported nodes are gathered so that all can be told at once.
class ImportErrors {
public:
  explicit ImportErrors(ImportStatus &status) : status(status) {}

  /// Records the first error.
  Refusal fail(ImportErrorKind kind, const llvm::Twine &message) {
    if (!hasError) {
      hasError = true;
      status.kind = kind;
      status.message = message.str();
    }
    return {};
  }
  Refusal invalid(const llvm::Twine &message) {
    return fail(ImportErrorKind::Invalid, message);
  }
  Refusal unsupported(const llvm::Twine &message) {
    return fail(ImportErrorKind::Unsupported, message);
  }

  /// Adds a node to the kind of `op` (whose `nodes` are empty).
  void addUnsupported(UnsupportedOp op, llvm::StringRef node);

  bool failed() const { return hasError; }
  bool hasUnsupported() const { return !status.unsupported.empty(); }

  /// Writes the message of a failed import from what was gathered.
  void finish(bool isImported);

private:
  ImportStatus &status;
  /// Where each kind of node stands among the unsupported ones.
  llvm::StringMap<size_t> kinds;
  bool hasError = false;
};

/// A name as it stands in messages: quoted, shortened, control characters and
/// broken UTF-8 escaped.
std::string quote(llvm::StringRef name);

/// "node 'name' (OpType)".
std::string describeNode(llvm::StringRef name, llvm::StringRef opType);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_IMPORTERRORS_H
