//===- NodeNames.h - Which nodes of the model an operation came from ------===//

#ifndef TENON_CODEGEN_COMMON_NODENAMES_H
#define TENON_CODEGEN_COMMON_NODENAMES_H

#include "mlir/IR/Location.h"
#include <string>

namespace tenon::codegen {

/// The names of the ONNX nodes in `loc`, joined by " + "; after the first few,
/// only their number. Empty if there is none.
std::string getNodeNames(mlir::Location loc);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_NODENAMES_H
