//===- Passes.td - The passes of the layout phase -------------------------===//
//
// In the order in which the pipeline runs them. A new pass goes where it has
// to run; a new way in which transposes move is a pattern of
// tenon-propagate-transposes, not a pass.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_LAYOUT_PASSES
#define TENON_TRANSFORMS_LAYOUT_PASSES

include "mlir/Pass/PassBase.td"

def ConvertConvLayout : Pass<"tenon-convert-conv-layout"> {
  let summary = "Make convolutions and poolings channels-last";
  let description = [{
    Gives every `tenon.conv`, `tenon.conv_transpose`, `tenon.max_pool` and
    `tenon.average_pool` the layout `nhwc`, in one, two or three spatial
    dimensions, and puts the transposes that this takes before and after it and
    on its weights. Making these transposes go away is the work of
    `tenon-propagate-transposes`.

    ```mlir
    %y = tenon.max_pool %x {kernel = array<i64: 2, 2>, ...} : (tensor<1x8x4x4xf32>) -> tensor<1x8x2x2xf32>
    // becomes
    %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x8x4x4xf32>) -> tensor<1x4x4x8xf32>
    %1 = tenon.max_pool %0 {kernel = array<i64: 2, 2>, layout = #tenon.layout<nhwc>, ...} : (tensor<1x4x4x8xf32>) -> tensor<1x2x2x8xf32>
    %y = tenon.transpose %1 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x8xf32>) -> tensor<1x8x2x2xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Operations made channels-last">
  ];
}

def FoldTransposes : Pass<"tenon-fold-transposes"> {
  let summary = "Compute transposes of constants now";
  let description = [{
    What packs weights wants them constant, so that this is not left to where
    transposes happen to move. A transpose that only matmuls read, which take it
    as a flag, stays.

    ```mlir
    %w = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    %y = tenon.transpose %w {permutation = array<i64: 1, 0>} : (tensor<1x2xf32>) -> tensor<2x1xf32>
    // becomes
    %y = tenon.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Transposes of constants computed">
  ];
}

def PropagateTransposes : Pass<"tenon-propagate-transposes"> {
  let summary = "Move transposes towards the results until they cancel";
  let description = [{
    Transposes sink: below operations that do the same work on permuted
    dimensions (`PermutableOpInterface`), below reshapes that only regroup
    dimensions, below `pad`, `expand` and `tile`. Two in a row compose and one that
    does nothing goes (by its folder), one of a constant is computed now, and one that
    exchanges the last two dimensions of a matmul's operand becomes its flag.

    An operation with several operands lets transposes through only where that
    doesn't make more of them.

    ```mlir
    %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %y = tenon.relu %0 : (tensor<3x2xf32>) -> tensor<3x2xf32>
    // becomes
    %0 = tenon.relu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %y = tenon.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect",
      "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
  let statistics = [
    Statistic<"numSunk", "num-sunk", "Transposes moved below an operation">,
    Statistic<"numSunkThroughReshape", "num-sunk-through-reshape",
              "Transposes moved below a reshape">,
    Statistic<"numFolded", "num-folded", "Transposes of constants computed">,
    Statistic<"numAbsorbed", "num-absorbed",
              "Transposes that became flags of a matmul">
  ];
}

def ConvertUnitTransposes : Pass<"tenon-convert-unit-transposes"> {
  let summary = "Make transposes that only move dimensions of size 1 reshapes";
  let description = [{
    A transpose that keeps the order of all dimensions but those of size 1
    moves no element: it is a reshape, which is a view.

    This runs when transposes have stopped moving, because they move better
    than reshapes do.

    ```mlir
    %y = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<2x1x1x8xf32>) -> tensor<2x8x1x1xf32>
    // becomes
    %s = tenon.constant dense<[2, 8, 1, 1]> : tensor<4xi64>
    %y = tenon.reshape %x, %s : (tensor<2x1x1x8xf32>, tensor<4xi64>) -> tensor<2x8x1x1xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect",
      "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Transposes made reshapes">
  ];
}

def VerifyLayout : Pass<"tenon-verify-layout"> {
  let summary = "Check what the layout phase promises, and count transposes";
  let description = [{
    Fails where a convolution or pooling is not channels-last. Counts the
    transposes that are left: at the border (of an input, or only for a result)
    and inside. The counts are also a remark, `transposes-left`, of category
    `layout`.
  }];
  let statistics = [
    Statistic<"numInputTransposes", "num-input-transposes",
              "Transposes of an input of the model">,
    Statistic<"numOutputTransposes", "num-output-transposes",
              "Transposes only for a result of the model">,
    Statistic<"numInnerTransposes", "num-inner-transposes",
              "Transposes inside the model">
  ];
}

#endif // TENON_TRANSFORMS_LAYOUT_PASSES
