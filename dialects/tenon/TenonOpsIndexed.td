//===- TenonOpsIndexed.td - Elements by computed indices ------------------===//
//
// Operations whose accesses depend on data: chosen, scattered, sorted and
// sampled elements. An index out of range is an error at run time.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_OPS_INDEXED
#define TENON_OPS_INDEXED

include "dialects/tenon/TenonBase.td"

/// Indices and the like, whatever the type of the data.
class Tenon_IndexResult<string operand> {
  code inference = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.get}] # operand # [{().getContext(), 64)};
    }
  }];
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

def Tenon_GatherElementsOp : Tenon_ShapedOp<"gather_elements"> {
  let summary = "the element of each line along `axis` that `indices` names";
  let description = [{
    The result has the shape of `indices`: `y[i, j, k] = x[i, indices[i, j, k],
    k]` for `axis = 1`. Other dimensions of `indices` are at most those of
    `input`. An index lies in `[-d, d)`.

    Example: `%y = tenon.gather_elements %x, %i {axis = 1 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>) -> tensor<3x4xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$output);
}
def Tenon_GatherNdOp : Tenon_ShapedOp<"gather_nd"> {
  let summary = "the slices of `input` that the rows of `indices` name";
  let description = [{
    The first `batch_dims` dimensions are common to both operands. The last
    dimension of `indices`, which is static, holds an index for each of the
    next dimensions of `input`. Result shape: `indices[:-1] +
    input[batch_dims + indices[-1]:]`. An index lies in `[-d, d)`.

    Example: `%y = tenon.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<5x6x7xf32>, tensor<4x2xi64>) -> tensor<4x7xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_IndexTensor:$indices, I64Attr:$batch_dims);
  let results = (outs Tenon_Tensor:$output);
}
def Tenon_ArgReduceOp : Tenon_ShapedOp<"arg_reduce"> {
  let summary = "the index of the largest (smallest) element along `axis`";
  let description = [{
    `kind` is `max` or `min`. Of equal elements the first one counts, with
    `select_last` the last; what is not a number is larger and smaller than all
    others. The reduced dimension stays, with size 1.

    Example: `%y = tenon.arg_reduce %x {axis = 1 : i64, kind = #tenon.reduce_kind<max>} : (tensor<3x9xf32>) -> tensor<3x1xi64>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ReduceKindAttr:$kind,
      I64Attr:$axis, DefaultValuedAttr<BoolAttr, "false">:$select_last);
  let results = (outs Tenon_Tensor:$output);
  let elementTypes = Tenon_IndexResult<"Input">.inference;
  let hasVerifier = 1;
}
def Tenon_TopKOp : Tenon_ShapedOp<"top_k"> {
  let summary = "the `k` largest (smallest) elements along `axis`, in order";
  let description = [{
    The results are the elements and their indices. Of equal elements the one
    with the smaller index comes first; what is not a number is larger than all
    others. `k` is at most the dimension.

    Example: `%v, %i = tenon.top_k %x, %k {axis = 1 : i64} : (tensor<3x9xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$k,
      I64Attr:$axis, DefaultValuedAttr<BoolAttr, "true">:$largest);
  let results = (outs Tenon_Tensor:$values, Tenon_Tensor:$indices);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::getElementTypeOrSelf(op.getInput()),
              ::mlir::IntegerType::get(op.getInput().getContext(), 64)};
    }
  }];
}

//===----------------------------------------------------------------------===//
// Scattering
//===----------------------------------------------------------------------===//

def Tenon_ScatterElementsOp : Tenon_ShapedOp<"scatter_elements"> {
  let summary = "`input` with the elements that `indices` names updated";
  let description = [{
    For `axis = 1`: `y[i, indices[i, j, k], k]` becomes `updates[i, j, k]`, or
    its `reduction` with what stands there. Updates of one element follow each
    other in row-major order. `indices` and `updates` have one shape, whose
    dimensions are at most those of `input`. An index lies in `[-d, d)`.

    Example: `%y = tenon.scatter_elements %x, %i, %u {axis = 1 : i64, reduction = #tenon.scatter_reduction<add>} : (tensor<3x9xf32>, tensor<3x4xi64>, tensor<3x4xf32>) -> tensor<3x9xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_IndexTensor:$indices,
      Tenon_Tensor:$updates, I64Attr:$axis,
      DefaultValuedAttr<Tenon_ScatterReductionAttr, "::tenon::ScatterReduction::None">:$reduction);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
}
def Tenon_ScatterNdOp : Tenon_ShapedOp<"scatter_nd"> {
  let summary = "`input` with the slices that the rows of `indices` name updated";
  let description = [{
    The last dimension of `indices`, which is static, holds an index for each of
    the first dimensions of `input`; `updates` has the shape `indices[:-1] +
    input[indices[-1]:]`. Updates of one element follow each other in row-major
    order. An index lies in `[-d, d)`.

    Example: `%y = tenon.scatter_nd %x, %i, %u : (tensor<5x6xf32>, tensor<4x1xi64>, tensor<4x6xf32>) -> tensor<5x6xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_IndexTensor:$indices,
      Tenon_Tensor:$updates,
      DefaultValuedAttr<Tenon_ScatterReductionAttr, "::tenon::ScatterReduction::None">:$reduction);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Sampling
//===----------------------------------------------------------------------===//

def Tenon_SampleOp : Tenon_ShapedOp<"sample"> {
  let summary = "interpolated elements at computed positions";
  let description = [{
    `input` is `[N, C, spatial...]`, `positions` `[N, out..., S]` for `S`
    spatial dimensions, the result `[N, C, out...]`. A position counts elements;
    its first coordinate is that of the last dimension, as ONNX has it.
    `padding` says what stands outside. Reflection is at the centres of the
    outer elements with `align_corners`, else at their outer edges.

    Example: `%y = tenon.sample %x, %p {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8x4x4xf32>, tensor<1x6x6x2xf32>) -> tensor<1x8x6x6xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_FloatTensor:$positions,
      Tenon_ResizeModeAttr:$mode, Tenon_SamplePaddingAttr:$padding,
      DefaultValuedAttr<BoolAttr, "false">:$align_corners,
      DefaultValuedAttr<F64Attr, "-0.75">:$cubic_coefficient);
  let results = (outs Tenon_Tensor:$output);
  let hasVerifier = 1;
}
def Tenon_RoiAlignOp : Tenon_ShapedOp<"roi_align"> {
  let summary = "regions of images, each brought to one size";
  let description = [{
    `input` is `[N, C, H, W]`, `rois` `[R, 4]` (x1, y1, x2, y2), the image of
    each region `batch_indices[r]`, the result `[R, C, out...]` with `out` =
    `output_size`. Each output element is the average (`kind = mean`) or the
    maximum of `sampling_ratio` samples per dimension, or, if that is 0, of as
    many as the region has input elements. With `half_pixel` coordinates are
    those of centres of elements, and regions may be smaller than an element.

    Example: `%y = tenon.roi_align %x, %r, %b {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_FloatTensor:$rois,
      Tenon_IndexTensor:$batch_indices, DenseI64ArrayAttr:$output_size,
      Tenon_ReduceKindAttr:$kind, F64Attr:$spatial_scale,
      DefaultValuedAttr<I64Attr, "0">:$sampling_ratio,
      DefaultValuedAttr<BoolAttr, "true">:$half_pixel);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
}

def Tenon_MaxRoiPoolOp : Tenon_ShapedOp<"max_roi_pool"> {
  let summary = "the largest elements in the parts of regions of images";
  let description = [{
    Operands and result are those of `tenon.roi_align`. The corners of a region,
    times `spatial_scale`, are rounded to elements, of which both belong to it.
    It is divided into `output_size` parts, each of which takes all elements that
    it touches; one that has none in the image gives 0.

    Example: `%y = tenon.max_roi_pool %x, %r, %b {output_size = array<i64: 5, 5>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>`
  }];
  let arguments = (ins Tenon_FloatTensor:$input, Tenon_FloatTensor:$rois,
      Tenon_IndexTensor:$batch_indices, DenseI64ArrayAttr:$output_size,
      F64Attr:$spatial_scale);
  let results = (outs Tenon_FloatTensor:$output);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Chance
//===----------------------------------------------------------------------===//

def Tenon_RandomOp : Tenon_ShapedOp<"random"> {
  let summary = "numbers that are uniformly distributed in [0, 1)";
  let description = [{
    Element `i` in row-major order is a function of `seed` and `i`: the top 24
    bits (53 for f64) of the generator SplitMix64 after `i + 1` steps from
    `seed`. Every run gives the same numbers, whatever the number of threads.

    Example: `%y = tenon.random %s {element_type = f32, seed = 42 : i64} : (tensor<2xi64>) -> tensor<?x?xf32>`
  }];
  let arguments = (ins Tenon_ShapeTensor:$shape, I64Attr:$seed, TypeAttr:$element_type);
  let results = (outs Tenon_FloatTensor:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {op.getElementType()};
    }
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Recurrence
//===----------------------------------------------------------------------===//

def Tenon_RecurrentOp : Tenon_ShapedOp<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "a layer of any recurrent cell";
  let description = [{
    `gates` `[directions, steps, batch, G * hidden]` is the input's part of the
    gates (with its bias), `recurrence` `[directions, G * hidden, hidden]` makes
    the state's, with `bias` `[directions, G * hidden]`. Gates are in ONNX's
    order; `cell = rnn` has one, `gru` three (z, r, h), `lstm` four (i, o, f,
    c). `initial_cell` and `peepholes` `[directions, 3 * hidden]` are an LSTM's.
    `lengths` `[batch]` ends sequences early; what follows in the result is 0.

    `activations` has one for `rnn`, two for `gru` and three for `lstm` for each
    direction, each with `alpha` and `beta`; what goes into one is limited to
    `[-clip, clip]` if that is not 0. `linear_before_reset` and `input_forget`
    are ONNX's. Results: all states `[steps, directions, batch, hidden]`, the
    last one, and the last cell (of other cells than LSTM: the last state).

    `tenon.lstm` is the plain LSTM, which is faster.

    Example:
    ```mlir
    func.func @rnn(%g: tensor<1x5x2x4xf32>, %r: tensor<1x4x4xf32>, %b: tensor<1x4xf32>, %h: tensor<1x2x4xf32>) -> tensor<5x1x2x4xf32> {
      %y, %last, %cell = tenon.recurrent %g, %r, %b, %h {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
      return %y : tensor<5x1x2x4xf32>
    }
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$gates, Tenon_FloatTensor:$recurrence,
      Tenon_FloatTensor:$bias, Tenon_FloatTensor:$initial_state,
      Optional<Tenon_FloatTensor>:$initial_cell,
      Optional<Tenon_FloatTensor>:$peepholes,
      Optional<Tenon_IndexTensor>:$lengths, Tenon_CellKindAttr:$cell,
      DefaultValuedAttr<Tenon_DirectionAttr, "::tenon::Direction::Forward">:$direction,
      StrArrayAttr:$activations, DenseF64ArrayAttr:$alpha, DenseF64ArrayAttr:$beta,
      DefaultValuedAttr<F64Attr, "0.0">:$clip,
      DefaultValuedAttr<BoolAttr, "false">:$linear_before_reset,
      DefaultValuedAttr<BoolAttr, "false">:$input_forget);
  let results = (outs Tenon_FloatTensor:$output, Tenon_FloatTensor:$last_state,
      Tenon_FloatTensor:$last_cell);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return ::llvm::SmallVector<::mlir::Type>(
          3, ::mlir::getElementTypeOrSelf(op.getGates()));
    }
  }];
  let hasVerifier = 1;
}

#endif // TENON_OPS_INDEXED
