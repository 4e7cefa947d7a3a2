//===- Passes.h - The passes of the compress phase --------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_PASSES_H
#define TENON_TRANSFORMS_COMPRESS_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace tenon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "transforms/compress/Passes.h.inc"

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_PASSES_H
