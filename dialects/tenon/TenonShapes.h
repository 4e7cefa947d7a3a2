//===- TenonShapes.h - The one place where result shapes are computed -----===//
//
// Every shaped operation defines `inferShapes` once, in terms of `Dim`s and a
// `DimBuilder`. Without an OpBuilder the arithmetic is static and unknown stays
// unknown: that is type inference. With one, unknown dimensions become SSA
// values: that is reification, which lowering uses. With a guard too, sizes
// that have to agree but are unknown are handed to it: that is how a compiled
// model gets its checks.
//
// Dynamic dimensions that meet are taken to be equal. Where that is not known,
// the simplify phase makes it so: tenon-expand-broadcasts repeats operands that
// may be 1, and tenon-guard-shapes checks what is left when the model runs.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONSHAPES_H
#define TENON_DIALECTS_TENON_TENONSHAPES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace tenon {

/// A dimension or offset: a constant, a value of type `index`, or unknown.
class Dim {
public:
  Dim() = default;
  Dim(int64_t constant) : constant(constant) {}
  Dim(mlir::Value value) : value(value) {}

  static Dim unknown() { return Dim(); }
  bool isConstant() const { return constant.has_value(); }
  bool isUnknown() const { return !constant && !value; }
  int64_t getConstant() const { return *constant; }
  mlir::Value getValue() const { return value; }
  /// The constant, or ShapedType::kDynamic.
  int64_t getStatic() const {
    return constant.value_or(mlir::ShapedType::kDynamic);
  }

private:
  std::optional<int64_t> constant;
  mlir::Value value;
};

using TensorShape = llvm::SmallVector<Dim>;

/// Takes two sizes of type `index` that have to be equal at run time, and what
/// they are sizes of.
using GuardFn =
    llvm::function_ref<void(mlir::Value, mlir::Value, const llvm::Twine &)>;

/// Arithmetic on dimensions. Constants fold; what is left becomes unknown, or,
/// with an OpBuilder, `arith` operations at its insertion point.
class DimBuilder {
public:
  /// `opName`, if not empty, stands in error messages.
  explicit DimBuilder(std::optional<mlir::Location> loc,
                      llvm::StringRef opName = {})
      : loc(loc), opName(opName) {}
  DimBuilder(mlir::OpBuilder &builder, mlir::Location loc,
             llvm::StringRef opName = {}, GuardFn guard = nullptr)
      : builder(&builder), loc(loc), opName(opName), guard(guard) {}

  Dim add(Dim a, Dim b);
  Dim sub(Dim a, Dim b);
  Dim mul(Dim a, Dim b);
  /// Quotients of integers, rounded down or up; `b` is a positive dimension.
  Dim floorDiv(Dim a, Dim b);
  Dim ceilDiv(Dim a, Dim b);
  Dim min(Dim a, Dim b);
  Dim max(Dim a, Dim b);
  /// `ifTrue` where `a < b`.
  Dim selectLess(Dim a, Dim b, Dim ifTrue, Dim ifFalse);
  /// `ifTrue` where `a == b`.
  Dim selectEqual(Dim a, Dim b, Dim ifTrue, Dim ifFalse);

  /// Dimension `index` of a ranked tensor.
  Dim dim(mlir::Value tensor, int64_t index);
  /// All dimensions of a ranked tensor.
  TensorShape shape(mlir::Value tensor);
  /// Element `index` of a one-dimensional integer tensor, or of a scalar one
  /// (`index` = 0): constant where it is a constant or `tensor.from_elements`
  /// of constants.
  Dim element(mlir::Value tensor, int64_t index);

  /// Whether `requireEqual` wants sizes that are only known at run time.
  bool isGuarding() const { return bool(guard); }
  /// What an operation takes for granted. Constants that differ are an error;
  /// sizes that may differ at run time go to the guard, if there is one.
  mlir::LogicalResult requireEqual(Dim a, Dim b, const llvm::Twine &what);

  /// Reports what is wrong with operands or attributes; returns failure.
  mlir::LogicalResult error(const llvm::Twine &message);

private:
  Dim build(llvm::ArrayRef<Dim> operands,
            llvm::function_ref<mlir::Value(mlir::OpBuilder &)> make);
  mlir::Value materialize(Dim dim);

  mlir::OpBuilder *builder = nullptr;
  std::optional<mlir::Location> loc;
  llvm::StringRef opName;
  GuardFn guard = nullptr;
};

/// What ONNX Slice takes of a dimension of size `dim`: `size` elements from
/// `start`, `step` (not 0) apart. `start` and `end` are clamped; negative ones
/// count from the end. `start` means nothing where `size` is 0.
struct SliceBounds {
  Dim start, size;
};
SliceBounds inferSliceBounds(DimBuilder &dims, Dim start, Dim end, Dim dim,
                             int64_t step);

/// The elements of a constant integer tensor (at most `limit` of them), whether
/// `tenon.constant`, `arith.constant` or `tensor.from_elements` of constants.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value tensor,
                                                          int64_t limit = 4096);

/// The value of a tensor with one element, or of a splat, as a double.
std::optional<double> getConstantScalar(mlir::Value tensor);

/// `type` without signs: `ui8` becomes `i8`. What `arith` wants.
mlir::Type getSignless(mlir::Type type);

namespace detail {

mlir::LogicalResult
inferElementwiseShape(mlir::ValueRange operands, DimBuilder &dims,
                      llvm::SmallVectorImpl<TensorShape> &shapes);
mlir::FailureOr<llvm::SmallVector<mlir::OpOperand *>>
getElementwisePermutedOperands(mlir::Operation *op);
bool areCompatibleTypes(mlir::TypeRange inferred, mlir::TypeRange actual);
mlir::LogicalResult verifyResultTypes(mlir::Operation *op,
                                      mlir::TypeRange inferred);
mlir::RankedTensorType makeTensorType(const TensorShape &shape,
                                      mlir::Type elementType);
/// Fills `reified` from shapes that have no unknown dimension.
mlir::LogicalResult
finishReification(mlir::Operation *op, mlir::OpBuilder &builder,
                  llvm::ArrayRef<TensorShape> shapes,
                  mlir::ReifiedRankedShapedTypeDims &reified);

template <typename ConcreteOp>
mlir::LogicalResult inferReturnTypes(typename ConcreteOp::Adaptor adaptor,
                                     std::optional<mlir::Location> location,
                                     llvm::SmallVectorImpl<mlir::Type> &types) {
  DimBuilder dims(location, ConcreteOp::getOperationName());
  llvm::SmallVector<TensorShape> shapes;
  if (mlir::failed(ConcreteOp::inferShapes(adaptor, dims, shapes)))
    return mlir::failure();
  for (auto [shape, elementType] :
       llvm::zip_equal(shapes, ConcreteOp::inferElementTypes(adaptor)))
    types.push_back(makeTensorType(shape, elementType));
  return mlir::success();
}

template <typename ConcreteOp>
mlir::LogicalResult
reifyResultShapes(ConcreteOp op, mlir::OpBuilder &builder,
                  mlir::ReifiedRankedShapedTypeDims &reified) {
  DimBuilder dims(builder, op.getLoc(), ConcreteOp::getOperationName());
  llvm::SmallVector<TensorShape> shapes;
  if (mlir::failed(ConcreteOp::inferShapes(typename ConcreteOp::Adaptor(op),
                                           dims, shapes)))
    return mlir::failure();
  return finishReification(op, builder, shapes, reified);
}

template <typename ConcreteOp>
mlir::LogicalResult guardShapes(ConcreteOp op, mlir::OpBuilder &builder,
                                GuardFn guard) {
  DimBuilder dims(builder, op.getLoc(), ConcreteOp::getOperationName(), guard);
  llvm::SmallVector<TensorShape> shapes;
  return ConcreteOp::inferShapes(typename ConcreteOp::Adaptor(op), dims,
                                 shapes);
}

} // namespace detail

/// The trait of operations whose results are checked against inference.
template <typename ConcreteOp>
class VerifiesShape
    : public mlir::OpTrait::TraitBase<ConcreteOp, VerifiesShape> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) {
    llvm::SmallVector<mlir::Type> types;
    if (failed(detail::inferReturnTypes<ConcreteOp>(
            typename ConcreteOp::Adaptor(llvm::cast<ConcreteOp>(op)),
            op->getLoc(), types)))
      return mlir::failure();
    return detail::verifyResultTypes(op, types);
  }
};

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONSHAPES_H
