//===- TenonInterfaces.td - What passes ask of an operation ---------------===//

#ifndef TENON_INTERFACES
#define TENON_INTERFACES

include "mlir/IR/OpBase.td"

def Tenon_ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An operation that computes each element of its one result from the elements
    of its operands at the same position. Fusion, code generation and constant
    folding know nothing else of it.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the computation of one element (or of a vector of them) in terms of
      `arith` and `math`. `operands` are scalars or vectors of the operands'
      element types made signless; the result has the signless element type of
      the operation's result and the shape of the operands.
    }], "::mlir::Value", "buildBody",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
         "::mlir::ValueRange":$operands)>
  ];
}

def Tenon_ShapedOpInterface : OpInterface<"ShapedOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An operation that takes for granted that some sizes agree. Sizes that are
    static and differ are an error of its verifier; the others are checked when
    the model runs.
  }];
  let methods = [
    InterfaceMethod<[{
      Hands to `guard` each pair of sizes that have to be equal and are not known
      to be. They are computed at the builder's insertion point.
    }], "::mlir::LogicalResult", "guardShapes",
    (ins "::mlir::OpBuilder &":$builder, "::tenon::GuardFn":$guard)>
  ];
}

def Tenon_PermutableOpInterface : OpInterface<"PermutableOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An operation that does the same work on permuted dimensions once its
    attributes are permuted too. With `p = [p0, p1, ...]`, dimension `i` of a
    permuted tensor is dimension `p[i]` of the original, as in
    `tenon.transpose`.
  }];
  let methods = [
    InterfaceMethod<"Returns the operands that have to be permuted, or failure "
                    "if the operation can't be permuted this way.",
      "::mlir::FailureOr<::llvm::SmallVector<::mlir::OpOperand *>>",
      "getPermutedOperands", (ins "::llvm::ArrayRef<int64_t>":$permutation)>,
    InterfaceMethod<"Permutes the attributes. The caller has replaced the "
                    "operands and sets the types of the results, all of which "
                    "become permuted.",
      "void", "permuteAttributes", (ins "::llvm::ArrayRef<int64_t>":$permutation)>
  ];
}

#endif // TENON_INTERFACES
