// RUN: tenon-opt %s --tenon-fold-affine-into-conv | FileCheck %s

// CHECK-LABEL: func.func @after(
// CHECK-DAG: %[[W:.*]] = tenon.constant dense<{{.*}}2.000000e+00{{.*}}4.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK-DAG: %[[B:.*]] = tenon.constant dense<[7.000000e+00, 8.000000e+00]> : tensor<2xf32>
// CHECK: %[[Y:.*]] = tenon.conv %{{.*}}, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @after(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = tenon.constant dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %c = tenon.constant dense<[[[[7.0]], [[8.0]]]]> : tensor<1x2x1x1xf32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = tenon.mul %two, %0 : (tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = tenon.add %1, %c : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// Before a convolution, a factor always goes; a summand where nothing is padded.
// CHECK-LABEL: func.func @before(
// CHECK-DAG: %[[W:.*]] = tenon.constant dense<{{.*}}2.000000e+00{{.*}}6.000000e+00{{.*}}> : tensor<1x2x1x1xf32>
// CHECK-DAG: %[[B:.*]] = tenon.constant dense<2.000000e+01> : tensor<1xf32>
// CHECK: %[[Y:.*]] = tenon.conv %{{.*}}, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @before(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = tenon.constant dense<[[[[1.0]], [[3.0]]]]> : tensor<1x2x1x1xf32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %five = tenon.constant dense<5.0> : tensor<f32>
  %0 = tenon.mul %x, %two : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %1 = tenon.add %0, %five : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %2 = tenon.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %2 : tensor<1x1x4x4xf32>
}

// CHECK-LABEL: func.func @padded(
// CHECK: tenon.add
// CHECK: tenon.conv
func.func @padded(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32> {
  %w = tenon.constant dense<1.0> : tensor<1x1x1x1xf32>
  %five = tenon.constant dense<5.0> : tensor<f32>
  %0 = tenon.add %x, %five : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  %1 = tenon.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x6x6xf32>
  return %1 : tensor<1x1x6x6xf32>
}

// A constant that differs along the image, and a second use.
// CHECK-LABEL: func.func @kept(
// CHECK: tenon.conv
// CHECK: tenon.add
// CHECK: tenon.mul
func.func @kept(%x: tensor<1x1x1x2xf32>) -> (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) {
  %w = tenon.constant dense<1.0> : tensor<1x1x1x1xf32>
  %row = tenon.constant dense<[[[[5.0, 6.0]]]]> : tensor<1x1x1x2xf32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x1x2xf32>
  %1 = tenon.add %0, %row : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %2 = tenon.mul %0, %two : (tensor<1x1x1x2xf32>, tensor<f32>) -> tensor<1x1x1x2xf32>
  return %1, %2 : tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>
}
