// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s

// Which convolutions are worth to be transformed, and which can't be.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen", "winograd"]>} {

// CHECK-LABEL: func.func @wide(
// CHECK: provider = "winograd"
func.func @wide(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %1 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK-LABEL: func.func @deep(
// CHECK: provider = "winograd"
func.func @deep(%x: tensor<1x14x14x256xf32>) -> tensor<1x14x14x256xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x256x256xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x14x14x256xf32>, tensor<3x3x256x256xf32>) -> tensor<1x14x14x256xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x14x14x256xf32>, tensor<3x3x256x256xf32>) -> tensor<1x14x14x256xf32>
    tenon.yield %1 : tensor<1x14x14x256xf32>
  }
  return %0 : tensor<1x14x14x256xf32>
}

// CHECK-LABEL: func.func @few_pixels(
// More weights than pixels.
// CHECK: provider = "onednn"
func.func @few_pixels(%x: tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x512x512xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x7x7x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x7x7x512xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x7x7x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x7x7x512xf32>
    tenon.yield %1 : tensor<1x7x7x512xf32>
  }
  return %0 : tensor<1x7x7x512xf32>
}

// CHECK-LABEL: func.func @few_channels(
// CHECK-NOT: provider = "winograd"
// CHECK: return
func.func @few_channels(%x: tensor<1x56x56x8xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x8x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x8xf32>, tensor<3x3x8x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x8xf32>, tensor<3x3x8x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %1 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK-LABEL: func.func @strided(
// CHECK-NOT: provider = "winograd"
// CHECK: return
func.func @strided(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
    tenon.yield %1 : tensor<1x28x28x64xf32>
  }
  return %0 : tensor<1x28x28x64xf32>
}

// CHECK-LABEL: func.func @grouped(
// CHECK-NOT: provider = "winograd"
// CHECK: return
func.func @grouped(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x32x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x32x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x56x56x64xf32>, tensor<3x3x32x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %1 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK-LABEL: func.func @variable(
// Weights that are not known can't be transformed when compiled.
// CHECK-NOT: provider = "winograd"
// CHECK: return
func.func @variable(%x: tensor<1x56x56x64xf32>, %w: tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %1 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK-LABEL: func.func @shared(
// Each convolution would have weights of its own.
// CHECK-NOT: provider = "winograd"
// CHECK: return
func.func @shared(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    %y = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %y : tensor<1x56x56x64xf32>
  }
  %1 = tenon.kernel (%a = %0, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    %y = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %y : tensor<1x56x56x64xf32>
  }
  return %1 : tensor<1x56x56x64xf32>
}

}
