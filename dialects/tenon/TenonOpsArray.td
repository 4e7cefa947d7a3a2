//===- TenonOpsArray.td - Bits, work along a dimension, matrices ----------===//

#ifndef TENON_OPS_ARRAY
#define TENON_OPS_ARRAY

include "dialects/tenon/TenonBase.td"

// Bits.
def Tenon_ShiftLeftOp : Tenon_BinaryOp<"shift_left", "a * 2^b, of which the lowest bits stay; 0 if b is not below their number", Tenon_IntegerTensor>;
def Tenon_ShiftRightOp : Tenon_BinaryOp<"shift_right", "the bits of a moved down by b, zeros above; 0 if b is not below their number", Tenon_IntegerTensor>;

// Floats of at most eight bits, of which tensors hold the codes.
def Tenon_EncodeOp : Tenon_ElementwiseOp<"encode"> {
  let summary = "floats as codes of a float format of at most eight bits";
  let description = [{
    Rounds each element to the nearest number of `format`, ties to even, and
    gives its code in the low bits of a byte. What is too large becomes the
    largest number with `saturate`; without it, an infinity or NaN, as the
    format has. NaN stays NaN, but in f4E2M1FN, where it is the largest number.
    `rounding` (`up`, `down` or `nearest` with ties up) is that of f8E8M0FNU,
    whose codes are powers of two without a sign.

    Example: `%y = tenon.encode %x {format = f8E4M3FN, saturate} : (tensor<4xf32>) -> tensor<4xui8>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, TypeAttr:$format,
      UnitAttr:$saturate, DefaultValuedStrAttr<StrAttr, "up">:$rounding);
  let results = (outs RankedTensorOf<[UI8]>:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getInput().getContext(), 8,
                                       ::mlir::IntegerType::Unsigned)};
    }
  }];
  let hasVerifier = 1;
}

def Tenon_DecodeOp : Tenon_ElementwiseOp<"decode"> {
  let summary = "the numbers that codes of a float format stand for";
  let description = [{
    The inverse of `tenon.encode`, exact. Bits of a byte that the format does
    not have mean nothing.

    Example: `%y = tenon.decode %x {format = f8E5M2} : (tensor<4xui8>) -> tensor<4xf32>`
  }];
  let arguments = (ins RankedTensorOf<[UI8]>:$input, TypeAttr:$format);
  let results = (outs RankedTensorOf<[F32]>:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::Float32Type::get(op.getInput().getContext())};
    }
  }];
  let hasVerifier = 1;
}

// Work along a dimension.
def Tenon_CumulateOp : Tenon_ShapedOp<"cumulate"> {
  let summary = "sums or products of all elements up to each one along `axis`";
  let description = [{
    `kind` is `sum` or `prod`. With `exclusive` an element is not part of its own
    result, and the first result is that of no elements. With `reverse` elements
    are taken from the end on.

    Example: `%y = tenon.cumulate %x {kind = #tenon.reduce_kind<sum>, axis = 1 : i64, exclusive} : (tensor<2x?xf32>) -> tensor<2x?xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ReduceKindAttr:$kind,
      I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
}

def Tenon_DetOp : Tenon_ShapedOp<"det"> {
  let summary = "the determinants of square matrices";
  let description = [{
    The last two dimensions are a matrix, and the result has the others.

    Example: `%y = tenon.det %x : (tensor<?x3x3xf32>) -> tensor<?xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input);
  let results = (outs Tenon_FloatTensor:$output);
}

def Tenon_MaxPoolIndicesOp : Tenon_ShapedOp<"max_pool_indices"> {
  let summary = "where `tenon.max_pool` finds its elements";
  let description = [{
    For each result of `tenon.max_pool` with the same attributes, the position of
    the first element in the window that is as large, in the row-major order of
    the whole input. The layout is always `nchw`.

    Example: `%y = tenon.max_pool_indices %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x64x8x8xf32>) -> tensor<1x64x4x4xi64>`
  }];
  let arguments = (ins Tenon_Tensor:$input,
      ConfinedAttr<DenseI64ArrayAttr, [DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>:$kernel,
      ConfinedAttr<DenseI64ArrayAttr, [DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>:$strides,
      DenseI64ArrayAttr:$pads,
      ConfinedAttr<DenseI64ArrayAttr, [DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>:$dilations,
      UnitAttr:$ceil_mode);
  let results = (outs RankedTensorOf<[I64]>:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getInput().getContext(), 64)};
    }
  }];
}

#endif // TENON_OPS_ARRAY
