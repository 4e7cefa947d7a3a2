//===- AbiBuilder.h - Accesses to memory shared with the runtime ----------===//

#ifndef TENON_CODEGEN_COMMON_ABIBUILDER_H
#define TENON_CODEGEN_COMMON_ABIBUILDER_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "runtime/core/ModelAbi.h"

namespace tenon::codegen {

/// The place of a member of the frame, or of the runtime's table, in pointers:
/// the members of the ABI's structures are pointers one after another.
#define TENON_FRAME_SLOT(member)                                               \
  (offsetof(TenonRunFrame, member) / sizeof(void *))
#define TENON_TABLE_SLOT(member)                                               \
  (offsetof(TenonRuntimeTable, member) / sizeof(void *))

/// Builds accesses to memory that the runtime and the model share.
class AbiBuilder : public mlir::ImplicitLocOpBuilder {
public:
  AbiBuilder(mlir::Location loc, mlir::Operation *before,
             const mlir::LLVMTypeConverter &types)
      : ImplicitLocOpBuilder(loc, before), types(types) {}

  mlir::Type getPointerType();

  /// The address of element `index` of an array of `type`.
  mlir::Value elementAddress(mlir::Value base, mlir::Type type, int64_t index);
  mlir::Value loadElement(mlir::Value base, mlir::Type type, int64_t index);
  mlir::Value loadPointer(mlir::Value base, int64_t index);
  mlir::Value loadIndex(mlir::Value base, int64_t index);

  /// Contiguous memory at `pointer` as a memref. `sizes` are the dynamic ones.
  mlir::Value makeMemRef(mlir::MemRefType type, mlir::Value pointer,
                         mlir::ValueRange sizes);
  /// The address of the first element of a contiguous memref.
  mlir::Value getPointer(mlir::Value memory);
  /// An array on the stack that holds `values`, made once at function entry.
  mlir::Value makeArray(mlir::Type type, mlir::ArrayRef<mlir::Value> values);

private:
  const mlir::LLVMTypeConverter &types;
};

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_ABIBUILDER_H
