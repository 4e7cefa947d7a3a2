// RUN: tenon-opt %s --tenon-convert-conv-layout --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.*]]: tensor<?x3x32x?xf32>, %[[W:.*]]: tensor<16x3x5x3xf32>, %[[B:.*]]: tensor<16xf32>
// CHECK: %[[XT:.*]] = tenon.transpose %[[X]] {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: %[[WT:.*]] = tenon.transpose %[[W]] {permutation = array<i64: 2, 3, 1, 0>} {{.*}} -> tensor<5x3x3x16xf32>
// CHECK: %[[CONV:.*]] = tenon.conv %[[XT]], %[[WT]], %[[B]]
// CHECK-SAME: layout = #tenon.layout<nhwc>
// CHECK-SAME: -> tensor<?x32x?x16xf32>
// CHECK: %[[Y:.*]] = tenon.transpose %[[CONV]] {permutation = array<i64: 0, 3, 1, 2>} {{.*}} -> tensor<?x16x32x?xf32>
// CHECK: return %[[Y]]
func.func @conv(%x: tensor<?x3x32x?xf32>, %w: tensor<16x3x5x3xf32>, %b: tensor<16xf32>) -> tensor<?x16x32x?xf32> {
  %y = tenon.conv %x, %w, %b {strides = array<i64: 1, 1>, pads = array<i64: 2, 1, 2, 1>, dilations = array<i64: 1, 1>} : (tensor<?x3x32x?xf32>, tensor<16x3x5x3xf32>, tensor<16xf32>) -> tensor<?x16x32x?xf32>
  return %y : tensor<?x16x32x?xf32>
}

// -----

// One spatial dimension, and a transposed convolution: weights [C, M/g, k].
// CHECK-LABEL: func.func @conv_transpose(
// CHECK-SAME: %[[X:.*]]: tensor<1x8x10xf32>, %[[W:.*]]: tensor<8x4x2xf32>
// CHECK: tenon.transpose %[[X]] {permutation = array<i64: 0, 2, 1>}
// CHECK: tenon.transpose %[[W]] {permutation = array<i64: 2, 1, 0>} {{.*}} -> tensor<2x4x8xf32>
// CHECK: tenon.conv_transpose {{.*}}layout = #tenon.layout<nhwc>{{.*}} -> tensor<1x20x4xf32>
func.func @conv_transpose(%x: tensor<1x8x10xf32>, %w: tensor<8x4x2xf32>) -> tensor<1x4x20xf32> {
  %y = tenon.conv_transpose %x, %w {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x8x10xf32>, tensor<8x4x2xf32>) -> tensor<1x4x20xf32>
  return %y : tensor<1x4x20xf32>
}

// -----

// CHECK-LABEL: func.func @pool(
// CHECK: tenon.max_pool {{.*}}layout = #tenon.layout<nhwc>{{.*}} -> tensor<1x4x4x8xi8>
func.func @pool(%x: tensor<1x8x8x8xi8>) -> tensor<1x8x4x4xi8> {
  %y = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x8xi8>) -> tensor<1x8x4x4xi8>
  return %y : tensor<1x8x4x4xi8>
}

// -----

// A channels-last one stays as it is.
// CHECK-LABEL: func.func @channels_last(
// CHECK-NOT: tenon.transpose
func.func @channels_last(%x: tensor<1x8x8x3xf32>) -> tensor<1x4x4x3xf32> {
  %y = tenon.average_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x3xf32>) -> tensor<1x4x4x3xf32>
  return %y : tensor<1x4x4x3xf32>
}
