//===- Passes.td - The passes of the simplify phase -----------------------===//
//
// In the order in which the pipeline runs them first; see Pipeline.cpp for why.
// A new pass goes here, into a file of its own name, into the pipeline, and has
// a test of the same name in test/transforms/simplify with a case that must
// not fire.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_PASSES
#define TENON_TRANSFORMS_SIMPLIFY_PASSES

include "mlir/Pass/PassBase.td"

class Tenon_SimplifyPass<string argument, string operation>
    : Pass<argument, operation> {
  let dependentDialects = ["::tenon::TenonDialect"];
}

def InferShapes : Tenon_SimplifyPass<"tenon-infer-shapes", "::mlir::func::FuncOp"> {
  let summary = "Refine result types from operands until nothing changes";
  let description = [{
    Runs the shape inference of each operation again, in order, and gives
    results what it knows beyond their types; through `tenon.if` a dimension
    is static where both branches agree. The function's result types follow.
    Types are only refined: a dimension that is static stays as it is.

    Before:
    ```mlir
    %0 = tenon.relu %x : (tensor<2x4xf32>) -> tensor<?x4xf32>
    ```
    After:
    ```mlir
    %0 = tenon.relu %x : (tensor<2x4xf32>) -> tensor<2x4xf32>
    ```
  }];
  let statistics = [
    Statistic<"numTypesRefined", "num-types-refined", "Number of refined result types">
  ];
}

def SimplifyShapes : Tenon_SimplifyPass<"tenon-simplify-shapes", "::mlir::func::FuncOp"> {
  let summary = "Turn shapes as data into index arithmetic on input dimensions";
  let description = [{
    Small tensors that are computed from shapes become scalars: `tenon.shape` and
    everything computed from it elementwise, by slicing, gathering, joining,
    reshaping or reducing, ends as `tensor.from_elements` of `arith` on
    `tensor.dim`. Each `tensor.dim` is then followed through the operations to
    the dimensions of the function's arguments; dimensions of one name (in
    `tenon.dims`) are one dimension. Where two that differ are taken to be equal
    (see `tenon-expand-broadcasts`), a `tenon_rt.require_equal` checks that, as
    the operation in which they meet may go once its size is known. With that,
    each `tenon.reshape` gets all of its dimensions (a -1 is replaced),
    `tenon.squeeze` and `tenon.unsqueeze` become reshapes (with a
    `tenon_rt.require_equal` where a dimension that goes is not known to be 1),
    and inference runs again, until nothing changes.

    An integer input with one element may be read (`tensor.extract`) to make a
    condition; nothing else that is computed from data is touched. Integers that
    a model narrows to 32 bits are taken to be dimensions below 2^31.

    Before:
    ```mlir
    %s = tenon.shape %x : (tensor<?x4x8xf32>) -> tensor<3xi64>
    %b = tenon.slice %s, %zero, %one {axes = array<i64: 0>, steps = array<i64: 1>} : …
    %t = tenon.concat %b, %minus_one {axis = 0 : i64} : …
    %y = tenon.reshape %x, %t : (tensor<?x4x8xf32>, tensor<2xi64>) -> tensor<?x?xf32>
    ```
    After:
    ```mlir
    %d = tensor.dim %x, %c0 : tensor<?x4x8xf32>
    %i = arith.index_cast %d : index to i64
    %t = tensor.from_elements %i, %c32 : tensor<2xi64>
    %y = tenon.reshape %x, %t : (tensor<?x4x8xf32>, tensor<2xi64>) -> tensor<?x32xf32>
    ```
  }];
  let options = [
    Option<"maxElements", "max-elements", "int64_t", "64",
           "Tensors with more elements are not turned into scalars">
  ];
  let statistics = [
    Statistic<"numTensorsScalarized", "num-tensors-scalarized", "Number of tensors turned into scalars">,
    Statistic<"numDimsResolved", "num-dims-resolved", "Number of tensor.dim followed to an input">,
    Statistic<"numReshapesMadeExplicit", "num-reshapes-made-explicit", "Number of reshapes whose dimensions were spelled out">
  ];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FoldConstants : Tenon_SimplifyPass<"tenon-fold-constants", "::mlir::ModuleOp"> {
  let summary = "Evaluate operations whose operands are constants";
  let description = [{
    Evaluates elementwise operations (through the scalar body that they build),
    movement of elements, reductions and ranges. Results become new constants;
    the memory of constants made here is freed when nothing mentions them.
    Convolutions, products and everything else that is heavy stays.

    A result is only made where it does not take more memory than the constants
    that die with it, than `max-result-bytes`, or (for less than twice its
    operands) than what is left of `max-growth-bytes`. So `expand` of a small
    constant to a large tensor stays an operation.

    Before:
    ```mlir
    %0 = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %1 = tenon.neg %0 : (tensor<2xf32>) -> tensor<2xf32>
    ```
    After:
    ```mlir
    %1 = tenon.constant dense<[-1.0, -2.0]> : tensor<2xf32>
    ```
  }];
  let options = [
    Option<"maxResultBytes", "max-result-bytes", "int64_t", "65536",
           "Results up to this size are always made">,
    Option<"maxGrowthBytes", "max-growth-bytes", "int64_t", "33554432",
           "How much larger folding may make all constants together">
  ];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Number of operations evaluated">,
    Statistic<"numOverBudget", "num-over-budget", "Number of operations left because of their size">,
    Statistic<"bytesFreed", "bytes-freed", "Bytes of dead constants freed">
  ];
}

def SimplifyAlgebra : Tenon_SimplifyPass<"tenon-simplify-algebra", "::mlir::func::FuncOp"> {
  let summary = "Bring arithmetic to a canonical form and drop what does nothing";
  let description = [{
    Each rewrite computes the same numbers:
    - a uniform constant operand that decides no dimension becomes a scalar, and
      stands on the right of a commutative operation;
    - `x + 0`, `x - 0`, `x * 1`, `x / 1`, `x ^ 1` are `x`;
    - `x - c` is `x + -c`; `x / c` is `x * (1 / c)` where `c` is a power of two;
    - `x ^ 2` is `x * x`, `x ^ 3` is `x * x * x`, `x ^ 0.5` is `sqrt(x)`, `x ^ -1` is
      `1 / x`;
    - `max(x, 0)` is `relu(x)`; `max` and `min` with constants are `clip`, and two
      clips are one;
    - `where` with a uniform constant condition is one of its operands;
    - a cast of a cast is one cast where the first loses nothing.

    `x / c` stays for any other `c`: multiplication by the reciprocal rounds
    twice.
  }];
  let statistics = [
    Statistic<"numRewrites", "num-rewrites", "Number of rewrites">
  ];
}

def SimplifyMovement : Tenon_SimplifyPass<"tenon-simplify-movement", "::mlir::func::FuncOp"> {
  let summary = "Compose, drop and absorb transposes, reshapes, pads and expands";
  let description = [{
    - transposes of transposes become one, and none where they cancel;
    - a transpose that moves only dimensions of size 1 is a reshape;
    - reshapes of reshapes become one, and none where nothing changes;
    - a transpose of the last two dimensions becomes a flag of `tenon.matmul`;
    - padding with zeros goes into `tenon.conv`, and into
      `tenon.average_pool` that counts its padding;
    - an expand goes where its user broadcasts by itself;
    - a slice of everything, a tile by one and a concat of one tensor go.

    What needs no more than an operation and its operands (the first, the third
    and the last of these) are the operations' folders, which run here; the
    statistics count the others.
  }];
  let statistics = [
    Statistic<"numTransposesRemoved", "num-transposes-removed", "Number of transposes that became reshapes">,
    Statistic<"numTransposesInMatMul", "num-transposes-in-matmul", "Number of transposes that became matmul flags">,
    Statistic<"numReshapesRemoved", "num-reshapes-removed", "Number of reshapes dropped by what is known of their dimensions">,
    Statistic<"numPadsFolded", "num-pads-folded", "Number of pads that became attributes">,
    Statistic<"numExpandsRemoved", "num-expands-removed", "Number of expands dropped">
  ];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def FoldBatchNorm : Tenon_SimplifyPass<"tenon-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "Fold batch normalisation into the convolution before it, or decompose it";
  let description = [{
    With `s = scale / sqrt(variance + epsilon)`, batch normalisation is
    `x * s + (bias - mean * s)` for each channel. After a convolution or a
    transposed convolution with constant weights and no other use, the factors go
    into the weights and the bias. Elsewhere they become `tenon.mul` and `tenon.add`
    with constants of the size of the channel; if a parameter is not constant,
    with operations that compute them.

    Before:
    ```mlir
    %0 = tenon.conv %x, %w {…} : …
    %1 = tenon.batch_norm %0, %scale, %bias, %mean, %variance {…} : …
    ```
    After:
    ```mlir
    %1 = tenon.conv %x, %scaled_w, %new_bias {…} : …
    ```
  }];
  let statistics = [
    Statistic<"numFoldedIntoConv", "num-folded-into-conv", "Number of batch norms folded into a convolution">,
    Statistic<"numDecomposed", "num-decomposed", "Number of batch norms that became mul and add">,
    Statistic<"bytesFreed", "bytes-freed", "Bytes of dead constants freed">
  ];
}

def FoldAffineIntoConv : Tenon_SimplifyPass<"tenon-fold-affine-into-conv", "::mlir::ModuleOp"> {
  let summary = "Fold factors and summands of each channel into a convolution";
  let description = [{
    After a convolution with constant weights and bias and no other use, `mul`, `div`
    and `add` by a constant of the size of the channel (or a scalar) go into the
    weights and the bias. Before one, a factor goes into the weights, and a summand
    into the bias if the convolution doesn't pad (padding is zero after the
    addition). Numbers are computed as doubles and rounded once.

    It does not fire if the convolution has another use, or for a constant that
    differs along the image.
  }];
  let statistics = [
    Statistic<"numMulAfter", "num-mul-after", "Number of factors after a convolution">,
    Statistic<"numAddAfter", "num-add-after", "Number of summands after a convolution">,
    Statistic<"numMulBefore", "num-mul-before", "Number of factors before a convolution">,
    Statistic<"numAddBefore", "num-add-before", "Number of summands before a convolution">,
    Statistic<"bytesFreed", "bytes-freed", "Bytes of dead constants freed">
  ];
}

def RecognizeHardSwish : Tenon_SimplifyPass<"tenon-recognize-hard-swish", "::mlir::func::FuncOp"> {
  let summary = "Recognise hard sigmoid and hard swish";
  let description = [{
    `clip(x * a + b, 0, c) / c` (with the factor optional, and the division as a
    factor where that is how it is written) becomes
    `tenon.hard_sigmoid`; `x * hard_sigmoid(x)` with slope 1/6 and offset 1/2, or
    `x * clip(x + 3, 0, 6) / 6` in any order, becomes `tenon.hard_swish`.
    Intermediate values must have no other use.
  }];
  let statistics = [
    Statistic<"numHardSigmoid", "num-hard-sigmoid", "Number of hard sigmoids recognised">,
    Statistic<"numHardSwish", "num-hard-swish", "Number of hard swishes recognised">
  ];
}

def RecognizeSilu : Tenon_SimplifyPass<"tenon-recognize-silu", "::mlir::func::FuncOp"> {
  let summary = "Recognise x * sigmoid(x), and sigmoid itself";
  let description = [{
    `1 / (1 + exp(-x))` becomes `tenon.sigmoid`, and `x * sigmoid(x)`, where the sigmoid
    has no other use, `tenon.silu`.
  }];
  let statistics = [
    Statistic<"numSigmoid", "num-sigmoid", "Number of sigmoids recognised">,
    Statistic<"numSilu", "num-silu", "Number of SiLUs recognised">
  ];
}

def RecognizeGelu : Tenon_SimplifyPass<"tenon-recognize-gelu", "::mlir::func::FuncOp"> {
  let summary = "Recognise GELU in its erf and tanh forms";
  let description = [{
    `x * (1 + erf(x / sqrt(2))) * 0.5` and
    `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) * 0.5`, factors in any
    order, become `tenon.gelu`. Constants may differ from the formula by 1e-4 of
    their size, as exporters write them with few digits.
  }];
  let statistics = [
    Statistic<"numErf", "num-erf", "Number of GELUs recognised in the erf form">,
    Statistic<"numTanh", "num-tanh", "Number of GELUs recognised in the tanh form">
  ];
}

def RecognizeLayerNorm : Tenon_SimplifyPass<"tenon-recognize-layer-norm", "::mlir::func::FuncOp"> {
  let summary = "Recognise layer normalisation";
  let description = [{
    With `d = x - mean(x)`, the expression `d / sqrt(mean(d * d) + epsilon)` (or times the
    reciprocal root), over the last dimensions, becomes `tenon.layer_norm`; a
    following `* scale` and `+ bias` of the shape of these dimensions go into it.
    Without them the scale is 1. The last dimensions must be static; the mean
    and the variance must have no other use.
  }];
  let statistics = [
    Statistic<"numLayerNorm", "num-layer-norm", "Number of layer norms recognised">
  ];
}

def RecognizeSoftmax : Tenon_SimplifyPass<"tenon-recognize-softmax", "::mlir::func::FuncOp"> {
  let summary = "Recognise softmax";
  let description = [{
    `e / sum(e)` with `e = exp(x - max(x))` or `exp(x)`, along one dimension, becomes
    `tenon.softmax`, which subtracts the maximum in either case: the numbers are the
    same, only overflow goes. `log(softmax(x))` becomes `tenon.log_softmax`.
  }];
  let statistics = [
    Statistic<"numSoftmax", "num-softmax", "Number of softmaxes recognised">,
    Statistic<"numLogSoftmax", "num-log-softmax", "Number of log softmaxes recognised">
  ];
}

def RecognizeAttention : Tenon_SimplifyPass<"tenon-recognize-attention", "::mlir::func::FuncOp"> {
  let summary = "Recognise scaled dot product attention";
  let description = [{
    `softmax(scale(q k^T) + mask) v` with tensors of rank 4 becomes `tenon.attention`.
    - The scale may stand on q, on k, or on the product, as a factor or divisor;
      on q and k also before they are reshaped and transposed.
    - k may come transposed by a flag or by an operation; where it is the last
      step, the transpose is changed to give `[B, H, T, D]`.
    - `where(visible, scores, c)` with a constant below -1e9 becomes a summand of the mask:
      0 or c. Scores are far smaller than the rounding of such a c.
    Scores and shares must have no other use; the softmax is along the last
    dimension.
  }];
  let statistics = [
    Statistic<"numAttention", "num-attention", "Number of attentions recognised">
  ];
}

def MergeProducts : Tenon_SimplifyPass<"tenon-merge-products", "::mlir::ModuleOp"> {
  let summary = "Make one product of those that attention has of one tensor";
  let description = [{
    Queries, keys and values are products of one tensor with matrices of their
    own. One product with the matrices side by side reads the tensor once, and
    is large enough to keep a GPU busy; its parts are slices.

    1. The left operand, the element types and the flags are the same; the right
       operands are constant matrices whose value nothing else reads, and not of
       one value repeated.
    2. Each result, to which a constant for each column may be added, is read as
       heads: by a reshape that splits the last dimension, and by a transpose
       that keeps the elements of each head together. Whoever reads heads there
       takes them from the larger tensor as well. Any other reader would need a
       copy of its part, or would not fuse with the product any more.
    3. All heads have one size.

    Where only some have a bias, that of the others is 0.

    Before:
    ```mlir
    %0 = tenon.matmul %x, %w : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
    %1 = tenon.matmul %x, %v : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %2 = tenon.matmul %x, %wv : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
    %0 = tenon.slice %2, %c0, %c8 {axes = array<i64: 1>, steps = array<i64: 1>} : …
    %1 = tenon.slice %2, %c8, %c16 {axes = array<i64: 1>, steps = array<i64: 1>} : …
    ```
  }];
  let statistics = [
    Statistic<"numMerged", "num-merged", "Number of products that became part of one">,
    Statistic<"bytesFreed", "bytes-freed", "Bytes of dead constants freed">
  ];
}

def ExpandBroadcasts : Tenon_SimplifyPass<"tenon-expand-broadcasts", "::mlir::func::FuncOp"> {
  let summary = "Repeat operands that may turn out to be of size 1";
  let description = [{
    A dynamic dimension of an operand may be 1 when the model runs, and then it
    is repeated. Later phases see broadcasts in types only: they take a dynamic
    dimension to be that of the result. So where an operand of an elementwise
    operation, a batch dimension of a product or the mask of an attention has a
    dynamic dimension that is neither equal to the result's nor depends on a
    dimension of the function's arguments that the result's depends on too, it
    gets an explicit `tenon.expand`. Of two dynamic dimensions `a` and `b`, the
    result's is `b` where `a` is 1, else `a`.

    Dimensions that depend on the same one of an argument, such as the two
    sides of a skip connection, stay: an expand would cost a copy to serve a
    coincidence, so `tenon-guard-shapes` checks them instead. So do those that
    depend on data.

    Before:
    ```mlir
    %0 = tenon.add %x, %y : (tensor<?xf32>, tensor<5xf32>) -> tensor<5xf32>
    ```
    After:
    ```mlir
    %s = tenon.constant dense<5> : tensor<1xi64>
    %1 = tenon.expand %x, %s : (tensor<?xf32>, tensor<1xi64>) -> tensor<5xf32>
    %0 = tenon.add %1, %y : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
    ```
  }];
  let statistics = [
    Statistic<"numExpanded", "num-expanded", "Number of operands that are repeated by an expand">
  ];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def GuardShapes : Tenon_SimplifyPass<"tenon-guard-shapes", "::mlir::func::FuncOp"> {
  let summary = "Check when the model runs what is taken for granted about sizes";
  let description = [{
    Each operation tells which sizes have to agree (it is its shape inference that
    tells: see TenonShapes.h). A pair that is not equal for certain, by the
    arithmetic of dimensions, becomes a `tenon_rt.require_equal`, once for
    each pair. Guards that depend on dimensions alone go to the begin of their
    block, so that nothing is computed with wrong sizes.

    Before:
    ```mlir
    %0 = tenon.matmul %x, %y : (tensor<4x?xf32>, tensor<?x8xf32>) -> tensor<4x8xf32>
    ```
    After:
    ```mlir
    %a = tensor.dim %x, %c1 : tensor<4x?xf32>
    %b = tensor.dim %y, %c0 : tensor<?x8xf32>
    tenon_rt.require_equal %a, %b, "the dimension that is summed over"
    %0 = tenon.matmul %x, %y : (tensor<4x?xf32>, tensor<?x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let statistics = [
    Statistic<"numProven", "num-proven", "Number of pairs of sizes that are known to be equal">,
    Statistic<"numGuards", "num-guards", "Number of guards">
  ];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def VerifySimplified : Tenon_SimplifyPass<"tenon-verify-simplified", "::mlir::func::FuncOp"> {
  let summary = "Check what the simplify phase promises";
  let description = [{
    Reports an error for
    - `tenon.shape`, `tenon.squeeze`, `tenon.unsqueeze` or `tenon.batch_norm`;
    - a reshape with a -1, or whose constant dimension is not in its type;
    - `tensor.dim` of anything but a function's argument, or of a value whose shape
      depends on data;
    - a tensor constant that is not `tenon.constant`.
  }];
}

#endif // TENON_TRANSFORMS_SIMPLIFY_PASSES
