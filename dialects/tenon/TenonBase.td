//===- TenonBase.td - Classes that the operations are made of -------------===//

#ifndef TENON_BASE
#define TENON_BASE

include "dialects/tenon/TenonAttributes.td"
include "dialects/tenon/TenonInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tenon_Element : AnyTypeOf<[AnyFloat, AnySignlessInteger,
                               AnyUnsignedInteger]>;
def Tenon_Tensor : RankedTensorOf<[Tenon_Element]>;
def Tenon_FloatTensor : RankedTensorOf<[AnyFloat]>;
def Tenon_IntegerTensor : RankedTensorOf<[AnySignlessInteger, AnyUnsignedInteger]>;
/// What convolutions multiply: integers are exact.
def Tenon_FactorTensor : RankedTensorOf<[AnyFloat, I32]>;
def Tenon_BoolTensor : RankedTensorOf<[I1]>;
def Tenon_IndexTensor : RankedTensorOf<[I32, I64]>;
/// A one-dimensional tensor of dimensions, offsets or axes.
def Tenon_ShapeTensor : 1DTensorOf<[I64]>;

class Tenon_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tenon_Dialect, mnemonic, traits>;

/// Verifies results against inference, with one error that says what is wrong.
/// (MLIR's own check adds a second one, "failed to infer returned types"; so
/// `refineReturnTypes`, which it calls, does nothing.)
def Tenon_VerifiesShape : NativeOpTrait<"VerifiesShape"> {
  let cppNamespace = "::tenon";
}

/// An operation whose result types follow from its operands and attributes.
/// It defines `inferShapes`, from which type inference, verification and
/// reification of dynamic dimensions all follow (see TenonShapes.h), and, if
/// its results don't have the element type of the first operand,
/// `inferElementTypes`.
class Tenon_ShapedOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, traits # [Pure, Tenon_VerifiesShape,
        DeclareOpInterfaceMethods<InferTypeOpInterface>,
        DeclareOpInterfaceMethods<Tenon_ShapedOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface>]> {
  code shapedDeclarations = [{
    static ::mlir::LogicalResult inferShapes(Adaptor op,
        ::tenon::DimBuilder &dims,
        ::llvm::SmallVectorImpl<::tenon::TensorShape> &shapes);
    static ::llvm::SmallVector<::mlir::Type> inferElementTypes(Adaptor op);
    static ::llvm::LogicalResult refineReturnTypes(::mlir::MLIRContext *,
        std::optional<::mlir::Location>, ::mlir::ValueRange,
        ::mlir::DictionaryAttr, ::mlir::OpaqueProperties, ::mlir::RegionRange,
        ::llvm::SmallVectorImpl<::mlir::Type> &) {
      return ::mlir::success();
    }
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred,
                                        ::mlir::TypeRange actual);
    ::mlir::LogicalResult reifyResultShapes(::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes);
  }];
  code shapedDefinitions = [{
    ::mlir::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return ::tenon::detail::inferReturnTypes<$cppClass>(
          Adaptor(operands, attributes, properties, regions), location, types);
    }
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange inferred,
                                            ::mlir::TypeRange actual) {
      return ::tenon::detail::areCompatibleTypes(inferred, actual);
    }
    ::mlir::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return ::tenon::detail::reifyResultShapes(*this, builder, shapes);
    }
    ::mlir::LogicalResult $cppClass::guardShapes(::mlir::OpBuilder &builder,
                                                 ::tenon::GuardFn guard) {
      return ::tenon::detail::guardShapes(*this, builder, guard);
    }
  }];
  /// The usual element types: one result, that of the first operand.
  code sameElementType = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::getElementTypeOrSelf(op.getOperands()[0])};
    }
  }];
  /// Those of a sum of products: f32 where `wide` says so.
  code sumElementType = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      ::mlir::Type type = ::mlir::getElementTypeOrSelf(op.getOperands()[0]);
      if (op.getWide())
        type = ::mlir::Float32Type::get(type.getContext());
      return {type};
    }
  }];
  code elementTypes = sameElementType;
  code shapes = "";
  let extraClassDeclaration = shapedDeclarations;
  let extraClassDefinition = shapedDefinitions # elementTypes # shapes;
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

class Tenon_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : Tenon_ShapedOp<mnemonic, traits # [
        DeclareOpInterfaceMethods<Tenon_ElementwiseOpInterface>,
        DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let shapes = [{
    ::mlir::LogicalResult $cppClass::inferShapes(Adaptor op,
        ::tenon::DimBuilder &dims,
        ::llvm::SmallVectorImpl<::tenon::TensorShape> &shapes) {
      return ::tenon::detail::inferElementwiseShape(op.getOperands(), dims,
                                                    shapes);
    }
    ::mlir::FailureOr<::llvm::SmallVector<::mlir::OpOperand *>>
    $cppClass::getPermutedOperands(::llvm::ArrayRef<int64_t> permutation) {
      return ::tenon::detail::getElementwisePermutedOperands(*this);
    }
    void $cppClass::permuteAttributes(::llvm::ArrayRef<int64_t> permutation) {}
  }];
}

class Tenon_UnaryOp<string mnemonic, string what, Type type = Tenon_Tensor,
                    list<Trait> traits = []>
    : Tenon_ElementwiseOp<mnemonic, traits> {
  let summary = what;
  defvar example = !cond(!eq(type, Tenon_BoolTensor) : "i1",
                        !eq(type, Tenon_IntegerTensor) : "i1", true : "f32");
  let description = "Computes `y = " # what # "` for each element.\n\n"
    "Example: `%y = tenon." # mnemonic # " %x : (tensor<2x3x" # example
    # ">) -> tensor<2x3x" # example # ">`";
  let arguments = (ins type:$input);
  let results = (outs type:$output);
}

class Tenon_BinaryOp<string mnemonic, string what, Type type = Tenon_Tensor,
                     list<Trait> traits = []>
    : Tenon_ElementwiseOp<mnemonic, traits # [SameOperandsAndResultElementType]> {
  let summary = what;
  defvar example = !cond(!eq(type, Tenon_BoolTensor) : "i1",
                        !eq(type, Tenon_IntegerTensor) : "i1", true : "f32");
  let description = "Computes `y = " # what # "` for each element.\n\n"
    "Example: `%y = tenon." # mnemonic # " %a, %b : (tensor<2x3x" # example
    # ">, tensor<2x1x" # example # ">) -> tensor<2x3x" # example # ">`";
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$output);
}

def SameTypeOperandsElement : PredOpTrait<
    "operands have one element type",
    CPred<"::mlir::getElementTypeOrSelf($_op.getOperand(0)) == "
          "::mlir::getElementTypeOrSelf($_op.getOperand(1))">>;

class Tenon_CompareOp<string mnemonic, string what>
    : Tenon_ElementwiseOp<mnemonic, [SameTypeOperandsElement]> {
  let summary = what;
  let description = "Computes `y = " # what # "` for each element.\n\n"
    "Example: `%y = tenon." # mnemonic # " %a, %b : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xi1>`";
  let arguments = (ins Tenon_Tensor:$lhs, Tenon_Tensor:$rhs);
  let results = (outs Tenon_BoolTensor:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getLhs().getContext(), 1)};
    }
  }];
}

#endif // TENON_BASE
