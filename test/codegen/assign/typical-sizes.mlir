// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s

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
}
