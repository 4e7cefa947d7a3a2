//===- ElementTypes.h - Element types as the runtime knows them -*- C++ -*-===//

#ifndef TENON_CODEGEN_COMMON_ELEMENTTYPES_H
#define TENON_CODEGEN_COMMON_ELEMENTTYPES_H

#include "mlir/IR/Types.h"

namespace tenon::codegen {

/// The TenonDType of an element type; 0 if it has none.
int32_t getDType(mlir::Type type);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_ELEMENTTYPES_H
