//===- TenonOpsElementwise.td - One element from one element --------------===//
//
// Each entry is complete: with a body in TenonElementwise.cpp, a new operation
// here is imported by one table entry and fused, lowered and folded as it is.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_OPS_ELEMENTWISE
#define TENON_OPS_ELEMENTWISE

include "dialects/tenon/TenonBase.td"

// One operand.
def Tenon_AbsOp : Tenon_UnaryOp<"abs", "|x|">;
def Tenon_NegOp : Tenon_UnaryOp<"neg", "-x"> {
  let hasFolder = 1;
}
def Tenon_SignOp : Tenon_UnaryOp<"sign", "-1, 0 or 1 as x is negative, zero or positive">;
def Tenon_FloorOp : Tenon_UnaryOp<"floor", "the largest integer not above x", Tenon_FloatTensor>;
def Tenon_CeilOp : Tenon_UnaryOp<"ceil", "the smallest integer not below x", Tenon_FloatTensor>;
def Tenon_RoundOp : Tenon_UnaryOp<"round", "x rounded, halves to even", Tenon_FloatTensor>;
def Tenon_SqrtOp : Tenon_UnaryOp<"sqrt", "sqrt(x)", Tenon_FloatTensor>;
def Tenon_RsqrtOp : Tenon_UnaryOp<"rsqrt", "1 / sqrt(x)", Tenon_FloatTensor>;
def Tenon_ReciprocalOp : Tenon_UnaryOp<"reciprocal", "1 / x", Tenon_FloatTensor>;
def Tenon_ExpOp : Tenon_UnaryOp<"exp", "e^x", Tenon_FloatTensor>;
def Tenon_LogOp : Tenon_UnaryOp<"log", "ln(x)", Tenon_FloatTensor>;
def Tenon_SinOp : Tenon_UnaryOp<"sin", "sin(x)", Tenon_FloatTensor>;
def Tenon_CosOp : Tenon_UnaryOp<"cos", "cos(x)", Tenon_FloatTensor>;
def Tenon_TanOp : Tenon_UnaryOp<"tan", "tan(x)", Tenon_FloatTensor>;
def Tenon_AsinOp : Tenon_UnaryOp<"asin", "asin(x)", Tenon_FloatTensor>;
def Tenon_AcosOp : Tenon_UnaryOp<"acos", "acos(x)", Tenon_FloatTensor>;
def Tenon_AtanOp : Tenon_UnaryOp<"atan", "atan(x)", Tenon_FloatTensor>;
def Tenon_SinhOp : Tenon_UnaryOp<"sinh", "sinh(x)", Tenon_FloatTensor>;
def Tenon_CoshOp : Tenon_UnaryOp<"cosh", "cosh(x)", Tenon_FloatTensor>;
def Tenon_AsinhOp : Tenon_UnaryOp<"asinh", "asinh(x)", Tenon_FloatTensor>;
def Tenon_AcoshOp : Tenon_UnaryOp<"acosh", "acosh(x)", Tenon_FloatTensor>;
def Tenon_AtanhOp : Tenon_UnaryOp<"atanh", "atanh(x)", Tenon_FloatTensor>;
def Tenon_TanhOp : Tenon_UnaryOp<"tanh", "tanh(x)", Tenon_FloatTensor>;
def Tenon_ErfOp : Tenon_UnaryOp<"erf", "erf(x)", Tenon_FloatTensor>;
def Tenon_NotOp : Tenon_UnaryOp<"not", "not x", Tenon_IntegerTensor> {
  let hasFolder = 1;
}
def Tenon_SigmoidOp : Tenon_UnaryOp<"sigmoid", "1 / (1 + e^-x)", Tenon_FloatTensor>;
def Tenon_ReluOp : Tenon_UnaryOp<"relu", "max(x, 0)"> {
  let hasFolder = 1;
}
def Tenon_SiluOp : Tenon_UnaryOp<"silu", "x * sigmoid(x)", Tenon_FloatTensor>;
def Tenon_HardSwishOp : Tenon_UnaryOp<"hard_swish", "x * min(max(x / 6 + 1/2, 0), 1)", Tenon_FloatTensor>;
def Tenon_MishOp : Tenon_UnaryOp<"mish", "x * tanh(ln(1 + e^x))", Tenon_FloatTensor>;
def Tenon_SoftplusOp : Tenon_UnaryOp<"softplus", "ln(1 + e^x)", Tenon_FloatTensor>;
def Tenon_SoftsignOp : Tenon_UnaryOp<"softsign", "x / (1 + |x|)", Tenon_FloatTensor>;

def Tenon_GeluOp : Tenon_UnaryOp<"gelu", "x * Phi(x)", Tenon_FloatTensor> {
  let description = [{
    The Gaussian error linear unit: `x / 2 * (1 + erf(x / sqrt(2)))`, or its
    approximation `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.

    Example: `%y = tenon.gelu %x {kind = #tenon.gelu_kind<tanh>} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input,
      DefaultValuedAttr<Tenon_GeluKindAttr, "::tenon::GeluKind::Erf">:$kind);
}
def Tenon_LeakyReluOp : Tenon_UnaryOp<"leaky_relu", "x if x >= 0, alpha * x otherwise", Tenon_FloatTensor> {
  let arguments = (ins Tenon_FloatTensor:$input, DefaultValuedAttr<F64Attr, "0.01">:$alpha);
}
def Tenon_EluOp : Tenon_UnaryOp<"elu", "x if x >= 0, alpha * (e^x - 1) otherwise", Tenon_FloatTensor> {
  let arguments = (ins Tenon_FloatTensor:$input, DefaultValuedAttr<F64Attr, "1.0">:$alpha);
}
def Tenon_SeluOp : Tenon_UnaryOp<"selu", "gamma * (x if x > 0, alpha * (e^x - 1) otherwise)", Tenon_FloatTensor> {
  let arguments = (ins Tenon_FloatTensor:$input, F64Attr:$alpha, F64Attr:$gamma);
  let description = [{
    Computes `y = gamma * (x if x > 0, alpha * (e^x - 1) otherwise)`.

    Example: `%y = tenon.selu %x {alpha = 1.67 : f64, gamma = 1.05 : f64} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Tenon_HardSigmoidOp : Tenon_UnaryOp<"hard_sigmoid", "min(max(alpha * x + beta, 0), 1)", Tenon_FloatTensor> {
  let arguments = (ins Tenon_FloatTensor:$input, DefaultValuedAttr<F64Attr, "0.2">:$alpha,
                       DefaultValuedAttr<F64Attr, "0.5">:$beta);
}
def Tenon_ClipOp : Tenon_UnaryOp<"clip", "min(max(x, min), max)"> {
  let description = [{
    Limits each element to `[min, max]`. A bound that is not constant is
    written with `tenon.max` and `tenon.min` instead; an absent bound is an
    infinity (for integers: the type's limit).

    Example: `%y = tenon.clip %x {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, OptionalAttr<F64Attr>:$min, OptionalAttr<F64Attr>:$max);
  let hasFolder = 1;
}
def Tenon_CastOp : Tenon_ElementwiseOp<"cast"> {
  let summary = "conversion of the element type";
  let description = [{
    Converts each element: floats to integers by truncation, numbers to `i1` by
    comparing with zero, `i1` to 0 or 1, and to a narrower float by rounding
    to the nearest even.

    Example: `%y = tenon.cast %x {to = i64} : (tensor<4xf32>) -> tensor<4xi64>`
  }];
  let arguments = (ins Tenon_Tensor:$input, TypeAttr:$to);
  let results = (outs Tenon_Tensor:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {op.getTo()};
    }
  }];
  let hasFolder = 1;
}
def Tenon_IsNanOp : Tenon_ElementwiseOp<"is_nan"> {
  let summary = "whether an element is not a number";
  let description = "Example: `%y = tenon.is_nan %x : (tensor<4xf32>) -> tensor<4xi1>`";
  let arguments = (ins Tenon_FloatTensor:$input);
  let results = (outs Tenon_BoolTensor:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getInput().getContext(), 1)};
    }
  }];
}

// Two operands.
def Tenon_AddOp : Tenon_BinaryOp<"add", "a + b", Tenon_Tensor, [Commutative]> {
  let hasFolder = 1;
}
def Tenon_SubOp : Tenon_BinaryOp<"sub", "a - b"> {
  let hasFolder = 1;
}
def Tenon_MulOp : Tenon_BinaryOp<"mul", "a * b", Tenon_Tensor, [Commutative]> {
  let hasFolder = 1;
}
def Tenon_DivOp : Tenon_BinaryOp<"div", "a / b, for integers rounded towards zero"> {
  let hasFolder = 1;
}
def Tenon_ModOp : Tenon_BinaryOp<"mod", "the remainder of a / b, with the sign of b">;
def Tenon_FmodOp : Tenon_BinaryOp<"fmod", "the remainder of a / b, with the sign of a">;
def Tenon_MaxOp : Tenon_BinaryOp<"max", "the larger of a and b", Tenon_Tensor, [Commutative]>;
def Tenon_MinOp : Tenon_BinaryOp<"min", "the smaller of a and b", Tenon_Tensor, [Commutative]>;
def Tenon_PowOp : Tenon_BinaryOp<"pow", "a^b"> {
  let hasFolder = 1;
}
def Tenon_PreluOp : Tenon_BinaryOp<"prelu", "a if a >= 0, a * b otherwise">;
def Tenon_AndOp : Tenon_BinaryOp<"and", "a and b", Tenon_IntegerTensor, [Commutative]>;
def Tenon_OrOp : Tenon_BinaryOp<"or", "a or b", Tenon_IntegerTensor, [Commutative]>;
def Tenon_XorOp : Tenon_BinaryOp<"xor", "a xor b", Tenon_IntegerTensor, [Commutative]>;
def Tenon_EqualOp : Tenon_CompareOp<"equal", "a = b">;
def Tenon_LessOp : Tenon_CompareOp<"less", "a < b">;
def Tenon_LessEqualOp : Tenon_CompareOp<"less_equal", "a <= b">;
def Tenon_GreaterOp : Tenon_CompareOp<"greater", "a > b">;
def Tenon_GreaterEqualOp : Tenon_CompareOp<"greater_equal", "a >= b">;

// Three operands.
def Tenon_WhereOp : Tenon_ElementwiseOp<"where"> {
  let summary = "a where the condition holds, b elsewhere";
  let description = "Example: `%y = tenon.where %c, %a, %b : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>`";
  let arguments = (ins Tenon_BoolTensor:$condition, Tenon_Tensor:$lhs, Tenon_Tensor:$rhs);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::getElementTypeOrSelf(op.getLhs())};
    }
  }];
  let hasFolder = 1;
}

#endif // TENON_OPS_ELEMENTWISE
