//===- EntryFunctions.h - Functions with the ABI's signatures -------------===//

#ifndef TENON_CODEGEN_COMMON_ENTRYFUNCTIONS_H
#define TENON_CODEGEN_COMMON_ENTRYFUNCTIONS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir {
class LLVMTypeConverter;
} // namespace mlir

namespace tenon::codegen {

/// Makes TenonKernel::fn around a kernel function.
void makeKernelEntry(mlir::func::FuncOp kernel,
                     const mlir::LLVMTypeConverter &types);

/// Makes TenonModelDesc::run and ::plan around @main and @plan. Returns the
/// first, with the attributes that tell of inputs, outputs and symbols.
mlir::func::FuncOp makeModelEntries(mlir::func::FuncOp main,
                                    mlir::func::FuncOp plan,
                                    const mlir::LLVMTypeConverter &types);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_ENTRYFUNCTIONS_H
