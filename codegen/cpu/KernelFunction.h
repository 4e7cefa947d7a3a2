//===- KernelFunction.h - The function that a kernel becomes --------------===//
//
// A generated kernel is two functions: `@name` runs a range of its units of
// work, and `@name.units` tells how many there are. Their arguments are the
// kernel's inputs and outputs as memrefs of identity layout, its scalars, and,
// for the first, the begin and end of the range. The first returns a
// TenonKernelStatus (runtime/core/ModelAbi.h).
//
// In memory an element of type i1 is one byte, so its memref is one of i8;
// signs are dropped. Outputs never overlap inputs, but for an output that is
// one memory with an input that it may overwrite (kOverwritableAttr).
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_KERNELFUNCTION_H
#define TENON_CODEGEN_CPU_KERNELFUNCTION_H

#include "codegen/cpu/CollapseDims.h"
#include "codegen/cpu/LaneIndex.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon::cpu {

/// The element type of `type` as it stands in memory.
mlir::Type getMemoryType(mlir::Type type);
/// How many elements of `type` a vector has as they stand in memory.
int64_t getVectorWidth(mlir::Type type, int64_t vectorBits);

/// One of the two functions while it is being built: what the values of the
/// kernel's region are in it. Emitters read the region and never change it, but
/// asking for shapes adds to it what computes them.
class KernelFunction {
public:
  /// `kernel` is a copy for this function alone, of which the region's
  /// dimensions may be collapsed.
  /// `func` has the arguments above and one empty block; `hasRange` says
  /// whether the last two are begin and end.
  KernelFunction(KernelOp kernel, const Collapses &collapses,
                 mlir::func::FuncOp func, bool hasRange, unsigned vectorBits);

  KernelOp getKernel() { return kernel; }
  mlir::Block &getRegion() { return kernel.getBody().front(); }
  mlir::Value getYielded(unsigned i) { return kernel.getYield().getOperand(i); }
  mlir::Location getLoc() { return kernel.getLoc(); }
  unsigned getVectorBits() const { return vectorBits; }
  /// How many lanes vectors of elements as wide as `type` have.
  int64_t getWidth(mlir::Type type) const {
    return getVectorWidth(type, vectorBits);
  }
  mlir::Type getElementType(mlir::Value tensor) {
    return mlir::cast<mlir::RankedTensorType>(tensor.getType())
        .getElementType();
  }

  /// Inserts at the end of the function's entry block, where what concerns the
  /// whole kernel stands. Emitters move this builder as they like.
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Value getBegin() { return begin; }
  mlir::Value getEnd() { return end; }

  /// The memory of an argument of the region, of output `i`, or of a constant,
  /// with the shape it has outside.
  mlir::Value getMemRef(mlir::Value tensor);
  mlir::Value getOutput(unsigned i) { return outputs[i]; }
  /// The same as one dimension in row-major order.
  mlir::Value getFlat(mlir::Value tensor);
  mlir::Value getFlatOutput(unsigned i);

  /// Room for `size` elements of a memory type, as long as the function runs.
  mlir::Value allocate(int64_t size, mlir::Type type);

  /// The sizes of a tensor in the region.
  llvm::SmallVector<Dim> getShape(mlir::Value tensor);
  /// An index or number of the region that is known before the kernel's work
  /// begins: a scalar argument, `arith` on those, dimensions, elements of
  /// shape operands. Null, after an error, if it is none.
  mlir::Value getScalar(mlir::Value value);
  Dim getScalar(Dim dim);
  /// Element `i` of a shape operand.
  Dim getShapeElement(mlir::Value tensor, int64_t i);

  /// A number that is wrong, and its limit as the status says; both of type
  /// index.
  struct WrongNumber {
    mlir::Value number, limit;
  };
  using NumberBuilder = llvm::function_ref<WrongNumber(mlir::OpBuilder &)>;
  /// Marks the run as failed where `condition` holds, with a
  /// TenonKernelStatus. `getNumber` builds what is told, where it failed.
  void failIf(mlir::OpBuilder &builder, mlir::Value condition,
              TenonKernelStatus status, NumberBuilder getNumber = {});
  /// Ends the function; for a range function with the state of `failIf`.
  void finish(mlir::Value units = {});

  /// Reports that something of the kernel can't be generated. Emission goes on
  /// with anything, so that not every step has to check.
  void emitError(mlir::Operation *op, const llvm::Twine &what);
  bool hasFailed() const { return failed; }

private:
  llvm::SmallVector<Dim> getArgumentShape(mlir::BlockArgument argument);
  mlir::Value flatten(mlir::Value memref, llvm::ArrayRef<Dim> shape);
  mlir::OpBuilder getEntryBuilder();

  KernelOp kernel;
  const Collapses &collapses;
  mlir::func::FuncOp func;
  unsigned vectorBits;
  mlir::OpBuilder builder;
  /// Everything that is computed once stands before this operation.
  mlir::Operation *entryEnd = nullptr;
  mlir::Value begin, end, errorFlag;
  llvm::SmallVector<mlir::Value> outputs;
  llvm::SmallVector<mlir::Value> flatOutputs;
  llvm::DenseMap<mlir::Value, mlir::Value> memrefs, flats, scalars;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Dim>> shapes;
  bool failed = false;
};

/// How a kind of kernel is generated.
struct KernelEmitter {
  llvm::StringLiteral name;
  /// Whether this emitter takes the kernel; the first one that does is used.
  bool (*matches)(KernelOp kernel);
  /// Whether it wants the region's dimensions collapsed.
  bool collapses;
  /// Builds the number of units of work at the function's builder.
  mlir::Value (*emitUnits)(KernelFunction &function);
  /// Builds the work of the units from begin to end.
  void (*emitBody)(KernelFunction &function);
  /// Brings constant inputs of the kernel into the order in which they are
  /// read, before anything is emitted. May be null.
  void (*prepare)(KernelOp kernel, unsigned vectorBits) = nullptr;
  /// On a device: how many threads do a unit together, see TenonKernel. The
  /// work of a unit then is that of one of them.
  int64_t unitThreads = 1;
  /// Whether output `output` may be written onto an argument of its type: all
  /// units read of it only elements that they have not written there yet, and
  /// that no other unit writes. `kernel` has its dimensions collapsed. May be
  /// null: never.
  bool (*mayOverwrite)(KernelOp kernel, unsigned output,
                       mlir::BlockArgument input,
                       unsigned vectorBits) = nullptr;
};

/// KernelEmitter::emitUnits and emitBody by a `Body`, which is made of the
/// function.
template <typename Body> mlir::Value emitUnitsOf(KernelFunction &function) {
  return Body(function).emitUnits();
}
template <typename Body> void emitBodyOf(KernelFunction &function) {
  Body(function).emitBody();
}

/// The emitters in the order in which they are asked.
llvm::ArrayRef<const KernelEmitter *> getKernelEmitters();

/// The emitter that takes `kernel`, or null.
const KernelEmitter *findKernelEmitter(KernelOp kernel);

/// Makes the two functions of `kernel` by an emitter that takes it, at the end
/// of `module`, and returns the first; failure after an error. The kernel
/// itself stays, but constants among its inputs may become others.
mlir::FailureOr<mlir::func::FuncOp>
emitKernelFunctions(const KernelEmitter &emitter, KernelOp kernel,
                    mlir::ModuleOp module, unsigned vectorBits);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_KERNELFUNCTION_H
