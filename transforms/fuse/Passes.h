//===- Passes.h - The passes of the fuse phase ------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_PASSES_H
#define TENON_TRANSFORMS_FUSE_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace tenon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "transforms/fuse/Passes.h.inc"

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_PASSES_H
