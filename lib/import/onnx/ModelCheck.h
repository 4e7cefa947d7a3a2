//===- ModelCheck.h - The structure of a model, before it is trusted ------===//

#ifndef TENON_LIB_IMPORT_ONNX_MODELCHECK_H
#define TENON_LIB_IMPORT_ONNX_MODELCHECK_H

#include "lib/import/onnx/ImportErrors.h"
#include "lib/import/onnx/TensorData.h"
#include "lib/import/onnx/onnx.pb.h"
#include "llvm/ADT/StringMap.h"

namespace tenon::onnx_import {

/// The versions that are accepted. An operator set is newer than the newest
/// only if its operators have entries in the tables (OpTable.h).
inline constexpr int64_t kOldestIrVersion = 3, kNewestIrVersion = 13;
inline constexpr int64_t kOldestOpset = 1, kNewestOpset = 26;

/// Functions and graphs that stand in one another deeper than this are refused:
/// the import goes down them on the stack.
inline constexpr unsigned kMaxNesting = 64;

/// The versions of operator domains; ONNX's own domain is "".
using Opsets = llvm::StringMap<int64_t>;

/// "" for both names of ONNX's own domain.
inline llvm::StringRef normalizeDomain(llvm::StringRef domain) {
  return domain == "ai.onnx" ? llvm::StringRef() : domain;
}

/// The imports of a model or function; fails on contradicting ones.
template <typename Proto>
mlir::FailureOr<Opsets> getOpsets(const Proto &proto, ImportErrors &errors) {
  Opsets opsets;
  for (const onnx::OperatorSetIdProto &import : proto.opset_import()) {
    auto [it, isNew] =
        opsets.try_emplace(normalizeDomain(import.domain()), import.version());
    if (!isNew && it->second != import.version())
      return errors.invalid("operator set " + quote(import.domain()) +
                            " is imported in version " +
                            llvm::Twine(it->second) + " and in version " +
                            llvm::Twine(import.version()) +
                            ", expected one version");
  }
  return opsets;
}

/// How a function is found: domain, name and overload.
std::string getFunctionKey(llvm::StringRef domain, llvm::StringRef name,
                           llvm::StringRef overload);

/// The name of a node, or "OpType_index" where it has none.
std::string getNodeName(const onnx::NodeProto &node, int index);

/// Checks all that holds whatever the operators mean: versions, names, types
/// and sizes of tensors, that every value is produced once and ahead of its
/// uses, that attributes hold what they say, that functions don't call
/// themselves. What passes can be walked without further thought.
mlir::LogicalResult checkModel(const onnx::ModelProto &model,
                               TensorReader &tensors, ImportErrors &errors);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_MODELCHECK_H
