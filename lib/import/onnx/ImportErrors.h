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
  void addUnsupported(UnsupportedOp op, llvm::StringRef node) {
    for (UnsupportedOp &known : status.unsupported)
      if (known.op == op.op && known.domain == op.domain &&
          known.version == op.version && known.elementType == op.elementType &&
          known.reason == op.reason) {
        known.nodes.push_back(node.str());
        return;
      }
    op.nodes.push_back(node.str());
    status.unsupported.push_back(std::move(op));
  }

  bool failed() const { return hasError; }
  bool hasUnsupported() const { return !status.unsupported.empty(); }

  /// Writes the message of a failed import from what was gathered.
  void finish();

private:
  ImportStatus &status;
  bool hasError = false;
};

/// A name as it stands in messages: quoted, shortened, control characters and
/// broken UTF-8 escaped.
std::string quote(llvm::StringRef name);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_IMPORTERRORS_H
