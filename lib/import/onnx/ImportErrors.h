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

/// A kind of node that can't be imported, and the nodes of that kind.
struct UnsupportedOp {
  std::string op;
  /// Empty for ONNX's own domain.
  std::string domain;
  /// Of the operator, as the model's imports choose it; 0 if unknown.
  int64_t version = 0;
  /// Of the first input, as ONNX calls it; empty if unknown.
  std::string elementType;
  std::string reason;
  std::vector<std::string> nodes;
};

/// Collects what goes wrong during an import. The first error ends it, but
/// unsupported nodes are gathered so that all can be told at once.
class ImportErrors {
public:
  explicit ImportErrors(ImportStatus &status) : status(status) {}

  /// Records the first error. `finding` is the same in parts; without a message
  /// of its own it has all of it.
  Refusal fail(ImportErrorKind kind, const llvm::Twine &message,
               Finding finding = {});
  Refusal invalid(const llvm::Twine &message) {
    return fail(ImportErrorKind::Invalid, message);
  }
  Refusal unsupported(const llvm::Twine &message) {
    return fail(ImportErrorKind::Unsupported, message);
  }

  /// Says more of the error that there is, unless something was said.
  void addNote(const llvm::Twine &note);

  /// Adds a node to the kind of `op` (whose `nodes` are empty).
  void addUnsupported(UnsupportedOp op, llvm::StringRef node);

  bool failed() const { return hasError; }
  bool hasUnsupported() const { return !unsupportedOps.empty(); }

  /// Writes the message of a failed import from what was gathered.
  void finish(bool isImported);

private:
  ImportStatus &status;
  std::vector<UnsupportedOp> unsupportedOps;
  /// Where each kind of node stands among the unsupported ones.
  llvm::StringMap<size_t> kinds;
  bool hasError = false;
};

/// A name as it stands in messages: quoted, shortened, control characters and
/// broken UTF-8 escaped.
std::string quote(llvm::StringRef name);

/// What is wrong with a node, in parts; a `version` of 0 is unknown.
Finding makeNodeFinding(const llvm::Twine &message, llvm::StringRef name,
                        llvm::StringRef opType, llvm::StringRef domain,
                        int64_t version);

/// "node 'name' (OpType)".
std::string describeNode(llvm::StringRef name, llvm::StringRef opType);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_IMPORTERRORS_H
