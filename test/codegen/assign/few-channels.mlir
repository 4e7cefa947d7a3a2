// RUN: tenon-opt %s --tenon-assign-providers --split-input-file | FileCheck %s

// A network's first window meets three channels at each place, with which
// the library is slower than generated code. With more it is the faster one.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {

// CHECK-LABEL: func.func @picture(
// CHECK: provider = "codegen"
func.func @picture(%x: tensor<8x224x224x3xf32>) -> tensor<8x112x112x32xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x3x32xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<8x224x224x3xf32>, tensor<3x3x3x32xf32>) -> tensor<8x112x112x32xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<8x224x224x3xf32>, tensor<3x3x3x32xf32>) -> tensor<8x112x112x32xf32>
    tenon.yield %1 : tensor<8x112x112x32xf32>
  }
  return %0 : tensor<8x112x112x32xf32>
}

// CHECK-LABEL: func.func @one_vector(
// CHECK: provider = "codegen"
func.func @one_vector(%x: tensor<1x48x320x3xf32>) -> tensor<1x24x160x16xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x3x16xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x48x320x3xf32>, tensor<3x3x3x16xf32>) -> tensor<1x24x160x16xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x48x320x3xf32>, tensor<3x3x3x16xf32>) -> tensor<1x24x160x16xf32>
    tenon.yield %1 : tensor<1x24x160x16xf32>
  }
  return %0 : tensor<1x24x160x16xf32>
}

// CHECK-LABEL: func.func @more_channels(
// CHECK: provider = "onednn"
func.func @more_channels(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
    tenon.yield %1 : tensor<1x28x28x64xf32>
  }
  return %0 : tensor<1x28x28x64xf32>
}

// CHECK-LABEL: func.func @one_channel(
// CHECK: provider = "codegen"
func.func @one_channel(%x: tensor<1x224x224x1xf32>) -> tensor<1x112x112x32xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x1x32xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x224x224x1xf32>, tensor<3x3x1x32xf32>) -> tensor<1x112x112x32xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x224x224x1xf32>, tensor<3x3x1x32xf32>) -> tensor<1x112x112x32xf32>
    tenon.yield %1 : tensor<1x112x112x32xf32>
  }
  return %0 : tensor<1x112x112x32xf32>
}

// Columns that don't fill the last vector.
// CHECK-LABEL: func.func @part_of_a_vector(
// CHECK: provider = "codegen"
func.func @part_of_a_vector(%x: tensor<1x224x224x3xf32>) -> tensor<1x112x112x24xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x3x24xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x224x224x3xf32>, tensor<3x3x3x24xf32>) -> tensor<1x112x112x24xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x224x224x3xf32>, tensor<3x3x3x24xf32>) -> tensor<1x112x112x24xf32>
    tenon.yield %1 : tensor<1x112x112x24xf32>
  }
  return %0 : tensor<1x112x112x24xf32>
}

// CHECK-LABEL: func.func @many_channels_in_part_of_a_vector(
// CHECK: provider = "onednn"
func.func @many_channels_in_part_of_a_vector(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x24xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x24xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x24xf32>) -> tensor<1x28x28x24xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x24xf32>) -> tensor<1x28x28x24xf32>
    tenon.yield %1 : tensor<1x28x28x24xf32>
  }
  return %0 : tensor<1x28x28x24xf32>
}
}

// -----

// Vectors of half the size.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v3", "", 256, ["onednn", "codegen"]>} {

// CHECK-LABEL: func.func @short_vectors(
// CHECK: provider = "codegen"
func.func @short_vectors(%x: tensor<1x224x224x3xf32>) -> tensor<1x112x112x32xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x3x32xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x224x224x3xf32>, tensor<3x3x3x32xf32>) -> tensor<1x112x112x32xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x224x224x3xf32>, tensor<3x3x3x32xf32>) -> tensor<1x112x112x32xf32>
    tenon.yield %1 : tensor<1x112x112x32xf32>
  }
  return %0 : tensor<1x112x112x32xf32>
}

// CHECK-LABEL: func.func @part_of_a_short_vector(
// CHECK: provider = "codegen"
func.func @part_of_a_short_vector(%x: tensor<1x224x224x1xf32>) -> tensor<1x112x112x20xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x1x20xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x224x224x1xf32>, tensor<3x3x1x20xf32>) -> tensor<1x112x112x20xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x224x224x1xf32>, tensor<3x3x1x20xf32>) -> tensor<1x112x112x20xf32>
    tenon.yield %1 : tensor<1x112x112x20xf32>
  }
  return %0 : tensor<1x112x112x20xf32>
}

// CHECK-LABEL: func.func @many_channels_in_short_vectors(
// CHECK: provider = "onednn"
func.func @many_channels_in_short_vectors(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
    tenon.yield %1 : tensor<1x28x28x64xf32>
  }
  return %0 : tensor<1x28x28x64xf32>
}
}
