//===- Passes.h - The passes around providers -------------------*- C++ -*-===//

#ifndef TENON_CODEGEN_ASSIGN_PASSES_H
#define TENON_CODEGEN_ASSIGN_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace tenon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/assign/Passes.h.inc"

} // namespace tenon

#endif // TENON_CODEGEN_ASSIGN_PASSES_H
