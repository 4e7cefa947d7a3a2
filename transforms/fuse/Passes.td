//===- Passes.td - The passes of the fuse phase ---------------------------===//
//
// In the order in which the pipeline runs them: the groups that gain most come
// first, and an operation that is in a kernel is out of reach of what follows.
// A new kind of group goes before tenon-wrap-kernels, which leaves nothing.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_FUSE_PASSES
#define TENON_TRANSFORMS_FUSE_PASSES

include "mlir/Pass/PassBase.td"

class FusePass<string argument> : Pass<argument> {
  let dependentDialects = ["::tenon::TenonDialect",
      "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def DecomposeAttention : FusePass<"tenon-decompose-attention"> {
  let summary = "Make attention two matmuls and a softmax";
  let description = [{
    `softmax(scale * Q K^T + mask) V` becomes these operations. The scores are
    then a tensor in memory, which costs more than one kernel that never writes
    them, but it is what a library of matrix products can run. What generated
    code may run stays whole: on a processor, by `codegen`, attention that is not
    `wide`, if its heads have known sizes of at most 256; of a target with GPUs,
    by `cuda` alone, what fits in a block's shared memory: heads of at most 64 in
    f32, of 128 in f16 and bf16.

    ```mlir
    %y = tenon.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
    // becomes
    %c = tenon.constant dense<1.250000e-01> : tensor<f32>
    %0 = tenon.matmul %q, %k {transpose_b} : (tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x16xf32>
    %1 = tenon.mul %0, %c : (tensor<1x8x16x16xf32>, tensor<f32>) -> tensor<1x8x16x16xf32>
    %2 = tenon.softmax %1 {axis = 3 : i64} : (tensor<1x8x16x16xf32>) -> tensor<1x8x16x16xf32>
    %y = tenon.matmul %2, %v : (tensor<1x8x16x16xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
    ```
  }];
  let statistics = [
    Statistic<"numDecomposed", "num-decomposed", "Attentions decomposed">
  ];
}

def DecomposeConvTranspose : FusePass<"tenon-decompose-conv-transpose"> {
  let summary = "Make transposed convolutions of others";
  let description = [{
    A transposed convolution is a convolution of stride 1 whose channels are
    those of all outputs that begin at a multiple of the strides, and these
    outputs are then put where they belong. Where windows lie side by side, as in
    the upper half of a U-Net, it is of single pixels, a matrix product; where
    they overlap, phases differ in the inputs that they read, and weights of 0
    fill their windows: at most three for each other weight, so that they may
    take four times the memory, and an infinite input makes NaN in all outputs
    around it. Weights are constant, of one group, with 32 channels and as many
    results or more, and outputs fill whole strides. Elementwise operations
    behind it that read scalars only stay with the convolution.

    It is done for a target with GPUs, where nothing else but a sum in each
    thread computes them, and for bf16 on a processor where libraries multiply
    that faster than f32: with AMX all of them, with AVX-512 the matrix products.
    Elsewhere the generated kernel, which writes each output to its place, is as
    fast.

    ```mlir
    %y = tenon.conv_transpose %x, %w {layout = #tenon.layout<nhwc>, strides = array<i64: 2, 2>, ...} : (tensor<1x8x8x64xf32>, tensor<2x2x32x64xf32>) -> tensor<1x16x16x32xf32>
    // becomes
    %0 = tenon.conv %x, %v {layout = #tenon.layout<nhwc>, strides = array<i64: 1, 1>, ...} : (tensor<1x8x8x64xf32>, tensor<1x1x64x128xf32>) -> tensor<1x8x8x128xf32>
    %1 = tenon.reshape %0, %s : (tensor<1x8x8x128xf32>, tensor<6xi64>) -> tensor<1x8x8x2x2x32xf32>
    %2 = tenon.transpose %1 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<1x8x8x2x2x32xf32>) -> tensor<1x8x2x8x2x32xf32>
    %y = tenon.reshape %2, %t : (tensor<1x8x2x8x2x32xf32>, tensor<4xi64>) -> tensor<1x16x16x32xf32>
    ```
  }];
  let statistics = [
    Statistic<"numDecomposed", "num-decomposed",
              "Transposed convolutions decomposed">
  ];
}

def SinkReshapes : FusePass<"tenon-sink-reshapes"> {
  let summary = "Move reshapes out from between operations that could fuse";
  let description = [{
    A reshape behind an anchor or an elementwise operation goes below the
    elementwise operation that reads it, if nobody else does. Reshapes are
    views: that another operand needs the opposite one costs nothing. One that
    splits the columns that a slice takes, before a transpose, goes above the
    slice.

    ```mlir
    %0 = tenon.matmul %a, %b : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
    %1 = tenon.reshape %0, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
    %y = tenon.relu %1 : (tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
    // becomes
    %0 = tenon.matmul %a, %b : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
    %1 = tenon.relu %0 : (tensor<32x16xf32>) -> tensor<32x16xf32>
    %y = tenon.reshape %1, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
    ```
  }];
  let statistics = [
    Statistic<"numSunk", "num-sunk", "Reshapes moved below an operation">,
    Statistic<"numHoisted", "num-hoisted", "Reshapes moved above a slice">
  ];
}

def FuseAttention : FusePass<"tenon-fuse-attention"> {
  let summary = "Make kernels of attention with the movements of its heads";
  let description = [{
    Queries, keys and values are heads of a product, or parts of one for all
    three, and the heads' results are joined again. Generated attention reads
    and writes lines, of a query, a key or a value, wherever they are. So
    `tenon.attention` is one kernel with

    1. transposes and slices before it that leave the last dimension as it is,
       whose only readers are in the kernel;
    2. for a target with a GPU the cast that rounds what is computed from f16
       or bf16;
    3. such a transpose behind that, if nobody else reads what it reads.

    Beside cuDNN what is computed from f16 or bf16 has, of the first, none of
    the mask and only slices of step 1 whose begin and size are constants, so
    that cuDNN can run it.

    ```mlir
    %q = tenon.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x16x8x64xf32>) -> tensor<1x8x16x64xf32>
    %y = tenon.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
    // becomes
    %y = tenon.kernel (%arg0 = %x, %arg1 = %k, %arg2 = %v) : (tensor<1x16x8x64xf32>, tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32> {
      %0 = tenon.transpose %arg0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x16x8x64xf32>) -> tensor<1x8x16x64xf32>
      %1 = tenon.attention %0, %arg1, %arg2 {scale = 0.125 : f64} : (tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
      tenon.yield %1 : tensor<1x8x16x64xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels made">,
    Statistic<"numFused", "num-fused", "Operations fused with an attention">
  ];
}

def FuseAnchorTails : FusePass<"tenon-fuse-anchor-tails"> {
  let summary = "Make kernels of a convolution or matmul with its pointwise tail";
  let description = [{
    An anchor (`tenon.conv`, `tenon.conv_transpose`, `tenon.matmul`) is one
    kernel with the chain of elementwise operations behind it. Each operation of
    the chain

    1. is the only reader of the value before it;
    2. computes what libraries know as a post-operation: an activation or
       arithmetic;
    3. has as other operands only tensors of the same shape (a residual), one
       value for each index of the last dimension (a channel), or one value;
    4. doesn't change the shape or the element type; but a cast from f32 to f16
       or bf16 may be the last.

    Where two anchors meet in a sum, the later one gets it.

    ```mlir
    %0 = tenon.matmul %a, %b : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
    %y = tenon.relu %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
    // becomes
    %y = tenon.kernel (%arg0 = %a, %arg1 = %b) : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32> {
      %0 = tenon.matmul %arg0, %arg1 : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
      %1 = tenon.relu %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
      tenon.yield %1 : tensor<4x16xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels made">,
    Statistic<"numTailOps", "num-tail-ops", "Operations fused behind an anchor">
  ];
}

def FuseRowGroups : FusePass<"tenon-fuse-row-groups"> {
  let summary = "Make kernels of reductions with what is pointwise around them";
  let description = [{
    `tenon.softmax`, `tenon.log_softmax`, `tenon.layer_norm` and `tenon.reduce`
    are one kernel each, with

    1. elementwise operations of the shape of the input before it, whose only
       readers are in the kernel. A softmax or layer norm reads its input more
       than once, so that only cheap arithmetic is computed again;
    2. a chain of elementwise operations of the shape of the result behind it,
       each the only reader of the value before.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels made">,
    Statistic<"numPointwiseOps", "num-pointwise-ops",
              "Elementwise operations fused to a reduction">
  ];
}

def FusePointwiseGroups : FusePass<"tenon-fuse-pointwise-groups"> {
  let summary = "Make kernels of what is left of elementwise operations and data movement";
  let description = [{
    A group grows from an operation upwards: a producer joins if all its
    readers are in the group, and, unless it is pure data movement, only if
    each of them reads each of its elements at most once, and a concatenation
    only once in all. Where they read it at different places there is code for
    each: of an element of the group's result, four at most. A concatenation of
    up to eight tensors is the end of a group, or, if it isn't along the last
    dimension, or the last before some of size 1, any part of one.

    A transpose that moves the last dimension is alone, since it has to go
    through memory in squares. For a GPU it is also a part of a group of such
    transposes, all of one permutation, and elementwise operations, where
    nothing is read both transposed and not, and what is transposed twice is
    as it was.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels made">,
    Statistic<"numFused", "num-fused", "Operations fused into another's kernel">
  ];
}

def WrapKernels : FusePass<"tenon-wrap-kernels"> {
  let summary = "Make every operation that is left a kernel of its own";
  let description = [{
    Only constants, reshapes (which are views), control flow and index
    arithmetic stay outside.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels made">
  ];
}

def FuseDepthwise : FusePass<"tenon-fuse-depthwise"> {
  let summary = "Make one kernel of a depthwise convolution and the pointwise one that it reads";
  let description = [{
    A pointwise convolution to many channels does little arithmetic for what it
    writes, and a depthwise one little for what it reads: both wait for memory.
    As one kernel they need none between them. The kernels of both, with their
    tails, are joined if

    1. nobody else reads the first, and only the convolution of the second does;
    2. both are in two dimensions, channels last, of f32, without dilation; the
       window is a square of at most 7 x 7;
    3. the pointwise convolution has at most 64 input channels: with more, its
       arithmetic takes most of the time; and it makes at least 32, which fill
       vectors, and twice as many as it reads, or too little leaves memory;
    4. the target lists `codegen`, which alone runs such a kernel, has vectors
       of 512 bits, and has no GPU.

    ```mlir
    %0 = tenon.kernel (%a = %x, %b = %w) : ... { ... tenon.conv ... tenon.relu ... }
    %y = tenon.kernel (%a = %0, %b = %v) : ... { ... tenon.conv ... tenon.relu ... }
    // becomes
    %y = tenon.kernel (%a = %x, %b = %w, %c = %v) : ... { ... tenon.conv ... tenon.relu ... tenon.conv ... tenon.relu ... }
    ```
  }];
  let statistics = [
    Statistic<"numFused", "num-fused", "Depthwise convolutions fused">
  ];
}

def FusePrologues : FusePass<"tenon-fuse-prologues"> {
  let summary = "Make one kernel of a pointwise convolution and the arithmetic that computes its input";
  let description = [{
    Where the channels of a feature map are weighed (squeeze and excitation), or
    normalised before a convolution, the whole map is written and read once more
    for an operation an element. As one kernel, arithmetic and product share what
    a tile reads. Both are joined if

    1. nobody else reads the arithmetic, and only the convolution of the second
       kernel does;
    2. the convolution is pointwise: channels last, one tap, without strides,
       padding or groups; and it makes at most 64 channels: with more, its
       arithmetic takes most of the time;
    3. the first kernel is nothing but additions, subtractions, products,
       maxima, minima, `tenon.relu` and `tenon.clip`, of f32;
    4. the target lists `codegen`, which alone runs such a kernel, has vectors
       of 512 bits, and has no GPU.

    ```mlir
    %0 = tenon.kernel (%a = %x, %b = %s) : ... { ... tenon.mul ... }
    %y = tenon.kernel (%a = %0, %b = %w) : ... { ... tenon.conv ... tenon.relu ... }
    // becomes
    %y = tenon.kernel (%a = %x, %b = %s, %c = %w) : ... { ... tenon.mul ... tenon.conv ... tenon.relu ... }
    ```
  }];
  let statistics = [
    Statistic<"numFused", "num-fused", "Convolutions fused with their input">
  ];
}

def VerifyKernels : Pass<"tenon-verify-kernels"> {
  let summary = "Check what the fuse phase promises";
  let description = [{
    Outside kernels there are only constants, reshapes, `tenon.if`,
    `tenon.loop`, index arithmetic, `tenon_rt.require_equal` and returns;
    inside, only operations of `tenon` and the index arithmetic of their shape
    operands.
  }];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "Kernels in the model">
  ];
}

#endif // TENON_TRANSFORMS_FUSE_PASSES
