//===- NodeNames.h - Which nodes of the model an operation came from ------===//

#ifndef TENON_CODEGEN_COMMON_NODENAMES_H
#define TENON_CODEGEN_COMMON_NODENAMES_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/Location.h"
#include <string>
#include <vector>

namespace tenon::codegen {

/// The names of the ONNX nodes in `loc`, each once.
std::vector<std::string> listNodeNames(mlir::Location loc);

/// Names joined by " + "; after the first few, only their number.
std::string joinNodeNames(llvm::ArrayRef<std::string> names);

/// Both: the names of the ONNX nodes in `loc` as one text. Empty if there is
/// none.
std::string getNodeNames(mlir::Location loc);

/// What is in a kernel, constants left out: "tenon.conv, tenon.relu".
std::string listOps(KernelOp kernel);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_NODENAMES_H
