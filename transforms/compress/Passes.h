//===- Passes.h - The passes of the compress phase --------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_PASSES_H
#define TENON_TRANSFORMS_COMPRESS_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace tenon {

/// On the module, a unit: a GPU may round the factors of f32 of convolutions,
/// matrix products and attention to TF32.
inline constexpr llvm::StringLiteral kTf32Attr = "tenon.tf32";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "transforms/compress/Passes.h.inc"

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_PASSES_H
