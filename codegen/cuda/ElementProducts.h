//===- ElementProducts.h - Elements of matrix products --------------------===//

#ifndef TENON_CODEGEN_CUDA_ELEMENTPRODUCTS_H
#define TENON_CODEGEN_CUDA_ELEMENTPRODUCTS_H

#include "codegen/cpu/ElementEmitter.h"

namespace tenon::cuda {

/// Whether `op` is a matrix product, whose elements an ElementEmitter doesn't
/// know.
bool isProduct(mlir::Operation *op);

/// Has `emitter` compute each element of the result of `op`, if that is a
/// product, by itself.
void bindProduct(cpu::ElementEmitter &emitter, mlir::Operation *op);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_ELEMENTPRODUCTS_H
