// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-providers --remarks-filter=assign --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=NS

// Costs of kernels of unknown sizes: those that follow from a picture are what they are for one of 224 x 224.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen", "winograd"]>} {

// Of 224 / 32 pixels in each direction, weights cost more than products do, also where the sizes are told by the kernel
// before.
// CHECK-LABEL: func.func @picture(
// CHECK: provider = "onednn"
// CHECK: provider = "onednn"
func.func @picture(%picture: tensor<?x?x?x3xf32>, %x: tensor<1x?x?x512xf32>) -> tensor<1x?x?x512xf32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %height = tensor.dim %picture, %c1 : tensor<?x?x?x3xf32>
  %width = tensor.dim %picture, %c2 : tensor<?x?x?x3xf32>
  %h = arith.floordivsi %height, %c32 : index
  %w = arith.floordivsi %width, %c32 : index
  %weights = tenon.constant dense<0.5> : tensor<3x3x512x512xf32>
  %0 = tenon.kernel (%a = %x, %b = %weights) dims(%h, %w) : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32> {
    %2 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32>
    tenon.yield %2 : tensor<1x?x?x512xf32>
  }
  %h0 = tensor.dim %0, %c1 : tensor<1x?x?x512xf32>
  %w0 = tensor.dim %0, %c2 : tensor<1x?x?x512xf32>
  %others = tenon.constant dense<0.25> : tensor<3x3x512x512xf32>
  %1 = tenon.kernel (%a = %0, %b = %others) dims(%h0, %w0) : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32> {
    %2 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32>
    tenon.yield %2 : tensor<1x?x?x512xf32>
  }
  return %1 : tensor<1x?x?x512xf32>
}

// What follows from no picture is of usual size.
// CHECK-LABEL: func.func @no_picture(
// CHECK: provider = "winograd"
func.func @no_picture(%x: tensor<1x?x?x512xf32>) -> tensor<1x?x?x512xf32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %h = tensor.dim %x, %c1 : tensor<1x?x?x512xf32>
  %w = tensor.dim %x, %c2 : tensor<1x?x?x512xf32>
  %weights = tenon.constant dense<0.5> : tensor<3x3x512x512xf32>
  %0 = tenon.kernel (%a = %x, %b = %weights) dims(%h, %w) : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x?x?x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x?x?x512xf32>
    tenon.yield %1 : tensor<1x?x?x512xf32>
  }
  return %0 : tensor<1x?x?x512xf32>
}

// Of two convolutions in a kernel each has sizes of its own: 112 x 112, and 56 x 56.
// NS: "known"{{.*}}ns=[[NS:[0-9]+]],
// NS: "follows"{{.*}}ns=[[NS]],
func.func @known_pair(%x: tensor<1x112x112x16xf32>, %w: tensor<1x1x16x96xf32>, %v: tensor<3x3x1x96xf32>) -> tensor<1x56x56x96xf32> {
  %0 = tenon.kernel (%a = %x, %b = %w, %c = %v) : (tensor<1x112x112x16xf32>, tensor<1x1x16x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x56x56x96xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x112x112x16xf32>, tensor<1x1x16x96xf32>) -> tensor<1x112x112x96xf32>
    %2 = tenon.silu %1 : (tensor<1x112x112x96xf32>) -> tensor<1x112x112x96xf32>
    %3 = tenon.conv %2, %c {dilations = array<i64: 1, 1>, groups = 96 : i64, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x112x112x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x56x56x96xf32>
    tenon.yield %3 : tensor<1x56x56x96xf32>
  } loc("known")
  return %0 : tensor<1x56x56x96xf32>
}
func.func @pair(%picture: tensor<1x?x?x3xf32>, %x: tensor<1x?x?x16xf32>, %w: tensor<1x1x16x96xf32>, %v: tensor<3x3x1x96xf32>) -> tensor<1x?x?x96xf32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %height = tensor.dim %picture, %c1 : tensor<1x?x?x3xf32>
  %width = tensor.dim %picture, %c2 : tensor<1x?x?x3xf32>
  %h = arith.floordivsi %height, %c2 : index
  %w2 = arith.floordivsi %width, %c2 : index
  %h4 = arith.floordivsi %height, %c4 : index
  %w4 = arith.floordivsi %width, %c4 : index
  %half = tenon.kernel (%a = %x) dims(%h, %w2) : (tensor<1x?x?x16xf32>) -> tensor<1x?x?x16xf32> {
    %1 = tenon.relu %a : (tensor<1x?x?x16xf32>) -> tensor<1x?x?x16xf32>
    tenon.yield %1 : tensor<1x?x?x16xf32>
  }
  %0 = tenon.kernel (%a = %half, %b = %w, %c = %v) dims(%h4, %w4) : (tensor<1x?x?x16xf32>, tensor<1x1x16x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x?x?x96xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x?x?x16xf32>, tensor<1x1x16x96xf32>) -> tensor<1x?x?x96xf32>
    %2 = tenon.silu %1 : (tensor<1x?x?x96xf32>) -> tensor<1x?x?x96xf32>
    %3 = tenon.conv %2, %c {dilations = array<i64: 1, 1>, groups = 96 : i64, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x?x?x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x?x?x96xf32>
    tenon.yield %3 : tensor<1x?x?x96xf32>
  } loc("follows")
  return %0 : tensor<1x?x?x96xf32>
}
}
