//===- TenonOpsShape.td - Shapes, movement and selection of elements ------===//

#ifndef TENON_OPS_SHAPE
#define TENON_OPS_SHAPE

include "dialects/tenon/TenonBase.td"

// Views: the same elements in the same order.
def Tenon_ReshapeOp : Tenon_ShapedOp<"reshape"> {
  let summary = "the same elements under another shape";
  let description = [{
    `shape` holds the dimensions, all of them: the importer and
    simplification replace ONNX's 0 (copy) by the dimension; a single -1
    (infer) may stand. Result dimensions are static where `shape`'s elements are
    known.

    Example: `%y = tenon.reshape %x, %s : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$shape);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_SqueezeOp : Tenon_ShapedOp<"squeeze"> {
  let summary = "drops dimensions of size 1";
  let description = "Example: `%y = tenon.squeeze %x {axes = array<i64: 0>} : (tensor<1x4xf32>) -> tensor<4xf32>`";
  let arguments = (ins Tenon_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_UnsqueezeOp : Tenon_ShapedOp<"unsqueeze"> {
  let summary = "inserts dimensions of size 1; `axes` are those of the result";
  let description = "Example: `%y = tenon.unsqueeze %x {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<1x4xf32>`";
  let arguments = (ins Tenon_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}

// Movement.
def Tenon_TransposeOp : Tenon_ShapedOp<"transpose"> {
  let summary = "result dimension i is input dimension permutation[i]";
  let description = "Example: `%y = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>`";
  let arguments = (ins Tenon_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_ExpandOp : Tenon_ShapedOp<"expand"> {
  let summary = "broadcast to `shape`";
  let description = [{
    The input has the rank of the result or rank 0. Each dimension of the
    result is the one of `shape`; an input dimension equals it or is 1, also
    where that is known only at run time. The importer gives `shape` the
    broadcast of ONNX's two shapes.

    Example: `%y = tenon.expand %x, %s : (tensor<1x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$shape);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_ConcatOp : Tenon_ShapedOp<"concat",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "joins tensors along `axis`";
  let description = "Example: `%y = tenon.concat %a, %b {axis = 0 : i64} : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>`";
  let arguments = (ins Variadic<Tenon_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}
def Tenon_SliceOp : Tenon_ShapedOp<"slice",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "a strided part of a tensor";
  let description = [{
    As ONNX Slice with `axes` and `steps` as attributes: `starts` and `ends` are
    clamped, and a negative one counts from the end of its dimension. A bound of
    2^31 - 1 or more is the end, its negative the start. Axes are not negative
    and distinct; steps are not zero.

    Example: `%y = tenon.slice %x, %s, %e {axes = array<i64: 1>, steps = array<i64: 2>} : (tensor<2x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x?xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$starts,
      Tenon_ShapeTensor:$ends, DenseI64ArrayAttr:$axes,
      DenseI64ArrayAttr:$steps);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_PadOp : Tenon_ShapedOp<"pad",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "adds (or, where negative, removes) elements at the ends";
  let description = [{
    `pads` holds the begins of all dimensions, then the ends. `value` (a scalar)
    is what `mode = constant` puts there; without it, 0.

    Example: `%y = tenon.pad %x, %p, %v : (tensor<2x3xf32>, tensor<4xi64>, tensor<f32>) -> tensor<?x?xf32>`

    Example: `%y = tenon.pad %x, %p {mode = #tenon.pad_mode<reflect>} : (tensor<1x576xf32>, tensor<4xi64>) -> tensor<?x?xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$pads,
      Optional<0DTensorOf<[Tenon_Element]>>:$value,
      DefaultValuedAttr<Tenon_PadModeAttr, "::tenon::PadMode::Constant">:$mode);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Tenon_TileOp : Tenon_ShapedOp<"tile"> {
  let summary = "repeats a tensor along each dimension";
  let description = "Example: `%y = tenon.tile %x, %r : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>`";
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$repeats);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}
def Tenon_GatherOp : Tenon_ShapedOp<"gather"> {
  let summary = "the slices of `input` along `axis` that `indices` names";
  let description = [{
    Result shape: `input[:axis] + indices + input[axis+1:]`. An index lies in
    `[-d, d)`; one outside is an error at run time.

    Example: `%y = tenon.gather %x, %i {axis = 0 : i64} : (tensor<9x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$output);
}
def Tenon_ResizeOp : Tenon_ShapedOp<"resize",
    [DeclareOpInterfaceMethods<Tenon_PermutableOpInterface>]> {
  let summary = "resamples some dimensions";
  let description = [{
    Dimension `axes[i]` gets size `sizes[i]`. The scale that maps coordinates is
    `scales[i]` where that attribute stands (ONNX: given scales are used as they
    are), else `sizes[i]` over the input dimension.

    Example: `%y = tenon.resize %x, %s {axes = array<i64: 2, 3>, scales = array<f64: 2.0, 2.0>, mode = #tenon.resize_mode<nearest>, coordinate_mode = #tenon.coordinate_mode<asymmetric>, nearest_mode = #tenon.nearest_mode<floor>} : (tensor<1x8x4x?xf32>, tensor<2xi64>) -> tensor<1x8x?x?xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$sizes,
      DenseI64ArrayAttr:$axes, OptionalAttr<DenseF64ArrayAttr>:$scales,
      Tenon_ResizeModeAttr:$mode,
      DefaultValuedAttr<Tenon_CoordinateModeAttr, "::tenon::CoordinateMode::HalfPixel">:$coordinate_mode,
      DefaultValuedAttr<Tenon_NearestModeAttr, "::tenon::NearestMode::RoundPreferFloor">:$nearest_mode,
      DefaultValuedAttr<F64Attr, "-0.75">:$cubic_coefficient);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}

// Shapes as data. Simplification turns them into `tensor.dim`, `arith` and
// `tensor.from_elements`.
def Tenon_ShapeOp : Tenon_ShapedOp<"shape"> {
  let summary = "the dimensions of a tensor, as i64";
  let description = "Example: `%s = tenon.shape %x : (tensor<?x4xf32>) -> tensor<2xi64>`";
  let arguments = (ins Tenon_Tensor:$input);
  let results = (outs Tenon_ShapeTensor:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getInput().getContext(), 64)};
    }
  }];
  let hasFolder = 1;
}
def Tenon_RangeOp : Tenon_ShapedOp<"range"> {
  let summary = "start, start + step, ... below (for a negative step: above) limit";
  let description = "Example: `%r = tenon.range %a, %b, %c : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>`";
  let arguments = (ins 0DTensorOf<[Tenon_Element]>:$start,
      0DTensorOf<[Tenon_Element]>:$limit, 0DTensorOf<[Tenon_Element]>:$step);
  let results = (outs 1DTensorOf<[Tenon_Element]>:$output);
  let hasVerifier = 1;
}

#endif // TENON_OPS_SHAPE
