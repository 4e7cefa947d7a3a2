//===- TenonOpsNN.td - Convolution, matmul, pooling, norms, recurrence ----===//

#ifndef TENON_OPS_NN
#define TENON_OPS_NN

include "dialects/tenon/TenonBase.td"

/// A window that moves over the spatial dimensions. `pads` holds the begins of
/// all spatial dimensions, then the ends, as ONNX does.
def Tenon_Strides : ConfinedAttr<DenseI64ArrayAttr, [DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>;

def Tenon_ConvOp : Tenon_ShapedOp<"conv"> {
  let summary = "convolution in one, two or three dimensions";
  let description = [{
    `layout = nchw`: input `[N, C, spatial...]`, weights `[M, C/groups,
    kernel...]`. `layout = nhwc`: input `[N, spatial..., C]`, weights
    `[kernel..., C/groups, M]`. The result has the layout of the input. The
    bias is `[M]`. An output dimension is
    `floor((in + pads - dilation * (kernel - 1) - 1) / stride) + 1`. `pads`
    holds the begins of all spatial dimensions, then the ends.

    With `wide`, input and weights are of f16 or bf16, and the bias and the
    result, which is summed in f32, are f32.

    Example: `%y = tenon.conv %x, %w, %b {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<?x3x64x?xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<?x8x32x?xf32>`

    Example: `%y = tenon.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 4 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x9x4xf32>, tensor<3x1x4xf32>) -> tensor<1x7x4xf32>`
  }];
  let arguments = (ins Tenon_FactorTensor:$input, Tenon_FactorTensor:$weights,
      Optional<Tenon_FactorTensor>:$bias, Tenon_Strides:$strides,
      DenseI64ArrayAttr:$pads, Tenon_Strides:$dilations,
      DefaultValuedAttr<I64Attr, "1">:$groups,
      DefaultValuedAttr<Tenon_LayoutAttr, "::tenon::Layout::NCHW">:$layout,
      UnitAttr:$wide);
  let results = (outs Tenon_FactorTensor:$output);
  let hasVerifier = 1;
  let elementTypes = sumElementType;
}

def Tenon_ConvTransposeOp : Tenon_ShapedOp<"conv_transpose"> {
  let summary = "transposed convolution (deconvolution)";
  let description = [{
    `layout = nchw`: input `[N, C, spatial...]`, weights `[C, M/groups,
    kernel...]`. `layout = nhwc`: input `[N, spatial..., C]`, weights
    `[kernel..., M/groups, C]`. An output dimension is `stride * (in - 1) +
    output_padding + dilation * (kernel - 1) + 1 - pads`. `wide` is as in
    `tenon.conv`.

    Example: `%y = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x24x8x8xf32>, tensor<24x6x2x2xf32>) -> tensor<1x6x16x16xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_FloatTensor:$weights,
      Optional<Tenon_FloatTensor>:$bias, Tenon_Strides:$strides,
      DenseI64ArrayAttr:$pads, Tenon_Strides:$dilations,
      DenseI64ArrayAttr:$output_padding,
      DefaultValuedAttr<I64Attr, "1">:$groups,
      DefaultValuedAttr<Tenon_LayoutAttr, "::tenon::Layout::NCHW">:$layout,
      UnitAttr:$wide);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
  let elementTypes = sumElementType;
}

def Tenon_MatMulOp : Tenon_ShapedOp<"matmul", [SameTypeOperandsElement]> {
  let summary = "matrix product over the last two dimensions";
  let description = [{
    `[..., M, K] x [..., K, N] -> [..., M, N]`, or with the last two dimensions
    of an operand exchanged where `transpose_a` or `transpose_b` says so. Both
    operands have rank 2 or more; leading dimensions broadcast as in numpy, and
    an operand may have fewer of them. The importer gives one-dimensional
    operands a second dimension.

    With `wide`, the operands are of f16 or bf16, and the result, which is
    summed in f32, is f32.

    Example: `%c = tenon.matmul %a, %b {transpose_b} : (tensor<8x4x16xf32>, tensor<32x16xf32>) -> tensor<8x4x32xf32>`

    Example: `%c = tenon.matmul %a, %b {wide} : (tensor<4x16xbf16>, tensor<16x32xbf16>) -> tensor<4x32xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$lhs, Tenon_Tensor:$rhs,
      UnitAttr:$transpose_a, UnitAttr:$transpose_b, UnitAttr:$wide);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let elementTypes = sumElementType;
}

class Tenon_PoolOp<string mnemonic, string what> : Tenon_ShapedOp<mnemonic> {
  let summary = what;
  let results = (outs Tenon_Tensor:$output);
}
def Tenon_MaxPoolOp : Tenon_PoolOp<"max_pool", "the largest element in each window"> {
  let description = [{
    Padding never wins. `ceil_mode` rounds an output dimension up instead of
    down, unless the last window would start in the padding at the end. The
    layout is as in `tenon.conv`.

    Example: `%y = tenon.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x64x112x112xf32>) -> tensor<1x64x56x56xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_Strides:$kernel,
      Tenon_Strides:$strides, DenseI64ArrayAttr:$pads, Tenon_Strides:$dilations,
      UnitAttr:$ceil_mode,
      DefaultValuedAttr<Tenon_LayoutAttr, "::tenon::Layout::NCHW">:$layout);
}
def Tenon_AveragePoolOp : Tenon_PoolOp<"average_pool", "the mean of each window"> {
  let description = [{
    `count_include_pad` divides by the size of the window also where a part of
    it is padding. The layout is as in `tenon.conv`. Global pooling is
    `tenon.reduce`.

    Example: `%y = tenon.average_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode} : (tensor<1x64x7x7xf32>) -> tensor<1x64x4x4xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_Strides:$kernel,
      Tenon_Strides:$strides, DenseI64ArrayAttr:$pads, Tenon_Strides:$dilations,
      UnitAttr:$ceil_mode, UnitAttr:$count_include_pad,
      DefaultValuedAttr<Tenon_LayoutAttr, "::tenon::Layout::NCHW">:$layout);
}

def Tenon_BatchNormOp : Tenon_ShapedOp<"batch_norm"> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias per channel";
  let description = [{
    Inference form: `scale`, `bias`, `mean` and `variance` are `[C]`; the
    channel is dimension `axis` of the input.

    Example: `%y = tenon.batch_norm %x, %s, %b, %m, %v {epsilon = 1.0e-5 : f64} : (tensor<?x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8x4x4xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_FloatTensor:$scale,
      Tenon_FloatTensor:$bias, Tenon_FloatTensor:$mean,
      Tenon_FloatTensor:$variance, F64Attr:$epsilon,
      DefaultValuedAttr<I64Attr, "1">:$axis);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
}
def Tenon_LayerNormOp : Tenon_ShapedOp<"layer_norm"> {
  let summary = "normalisation over the dimensions from `axis` on";
  let description = [{
    `(x - mean) / sqrt(variance + epsilon) * scale + bias` with mean and
    variance over dimensions `axis` and after; `scale` and `bias` have the
    shape of these dimensions.

    Example: `%y = tenon.layer_norm %x, %s, %b {axis = 2 : i64, epsilon = 1.0e-5 : f64} : (tensor<1x?x768xf32>, tensor<768xf32>, tensor<768xf32>) -> tensor<1x?x768xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input,
      Tenon_FloatTensor:$scale, Optional<Tenon_FloatTensor>:$bias,
      I64Attr:$axis, F64Attr:$epsilon);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
}
def Tenon_SoftmaxOp : Tenon_ShapedOp<"softmax",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "e^(x - max) divided by its sum along `axis`";
  let description = "Example: `%y = tenon.softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>`";
  let arguments = (ins Tenon_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Tenon_FloatTensor:$output);
}
def Tenon_LogSoftmaxOp : Tenon_ShapedOp<"log_softmax",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "the logarithm of `tenon.softmax`";
  let description = "Example: `%y = tenon.log_softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>`";
  let arguments = (ins Tenon_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Tenon_FloatTensor:$output);
}
def Tenon_ReduceOp : Tenon_ShapedOp<"reduce",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "reduction along dimensions";
  let description = [{
    Reduced dimensions have size 1 in the result (`keepdims`; the importer adds
    a `tenon.squeeze` where ONNX drops them). `axes` are sorted and not
    negative.

    Example: `%y = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2, 3>} : (tensor<1x8x4x4xf32>) -> tensor<1x8x1x1xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ReduceKindAttr:$kind,
      DenseI64ArrayAttr:$axes);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tenon_AttentionOp : Tenon_ShapedOp<"attention"> {
  let summary = "softmax(scale * Q K^T + mask) V";
  let description = [{
    Query `[B, H, S, D]`, key `[B, H, T, D]`, value `[B, H, T, E]`; the
    optional mask is added to the scores and broadcasts to `[B, H, S, T]`. The
    result is `[B, H, S, E]`. With `wide`, query, key and value are of f16 or
    bf16, and the mask, the scores and the result are f32.

    Example: `%y = tenon.attention %q, %k, %v, %m {scale = 0.125 : f64} : (tensor<1x12x?x64xf32>, tensor<1x12x?x64xf32>, tensor<1x12x?x64xf32>, tensor<1x1x1x?xf32>) -> tensor<1x12x?x64xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$query, Tenon_FloatTensor:$key,
      Tenon_FloatTensor:$value, Optional<Tenon_FloatTensor>:$mask,
      F64Attr:$scale, UnitAttr:$wide);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
  let elementTypes = sumElementType;
}

def Tenon_LstmOp : Tenon_ShapedOp<"lstm"> {
  let summary = "long short-term memory, one layer";
  let description = [{
    Operands as ONNX LSTM with the default activations (sigmoid, tanh, tanh) and
    `layout = 0`: input `[S, B, I]`, weights `[D, 4H, I]`, recurrence
    `[D, 4H, H]` with gates in the order i, o, f, c; bias `[D, 8H]`; initial
    state and cell `[D, B, H]`. `D` is the number of directions. Results:
    the states of all steps `[S, D, B, H]`, the last state and the last cell
    `[D, B, H]`. The importer makes absent bias and initial states zeros.

    Example: `%y, %h, %c = tenon.lstm %x, %w, %r, %b, %h0, %c0 : (tensor<?x1x16xf32>, tensor<1x32x16xf32>, tensor<1x32x8xf32>, tensor<1x64xf32>, tensor<1x1x8xf32>, tensor<1x1x8xf32>) -> (tensor<?x1x1x8xf32>, tensor<1x1x8xf32>, tensor<1x1x8xf32>)`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_FloatTensor:$weights,
      Tenon_FloatTensor:$recurrence, Tenon_FloatTensor:$bias,
      Tenon_FloatTensor:$initial_state, Tenon_FloatTensor:$initial_cell,
      DefaultValuedAttr<Tenon_DirectionAttr, "::tenon::Direction::Forward">:$direction);
  let results = (outs Tenon_FloatTensor:$output, Tenon_FloatTensor:$last_state,
      Tenon_FloatTensor:$last_cell);
  let hasVerifier = 1;
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return ::llvm::SmallVector<::mlir::Type>(
          3, ::mlir::getElementTypeOrSelf(op.getInput()));
    }
  }];
}

#endif // TENON_OPS_NN
