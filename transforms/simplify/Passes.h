//===- Passes.h - The passes of the simplify phase ------------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_PASSES_H
#define TENON_TRANSFORMS_SIMPLIFY_PASSES_H

#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "transforms/simplify/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "transforms/simplify/Passes.h.inc"

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_PASSES_H
