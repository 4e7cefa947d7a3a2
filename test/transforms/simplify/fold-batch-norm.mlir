// RUN: tenon-opt %s --tenon-fold-batch-norm | FileCheck %s

// With variance + epsilon = 4, the factors are scale / 2.
// CHECK-LABEL: func.func @after_conv(
// CHECK-DAG: %[[W:.*]] = tenon.constant dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}6.000000e+00{{.*}}8.000000e+00{{.*}}> : tensor<2x2x1x1xf32>
// CHECK-DAG: %[[B:.*]] = tenon.constant dense<[1.000000e+01, 1.800000e+01]> : tensor<2xf32>
// CHECK: %[[Y:.*]] = tenon.conv %{{.*}}, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @after_conv(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32> {
  %w = tenon.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32>
  %scale = tenon.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %bias = tenon.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %mean = tenon.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %variance = tenon.constant dense<3.0> : tensor<2xf32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x4x4xf32>
  %1 = tenon.batch_norm %0, %scale, %bias, %mean, %variance {epsilon = 1.0 : f64} : (tensor<?x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x4x4xf32>
  return %1 : tensor<?x2x4x4xf32>
}

// Weights of a transposed convolution have the outputs in their second
// dimension.
// CHECK-LABEL: func.func @after_conv_transpose(
// CHECK: tenon.constant dense<{{.*}}1.000000e+00{{.*}}4.000000e+00{{.*}}3.000000e+00{{.*}}8.000000e+00{{.*}}> : tensor<2x2x1x1xf32>
// CHECK-NOT: tenon.batch_norm
func.func @after_conv_transpose(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = tenon.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32>
  %scale = tenon.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %zero = tenon.constant dense<0.0> : tensor<2xf32>
  %variance = tenon.constant dense<3.0> : tensor<2xf32>
  %0 = tenon.conv_transpose %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = tenon.batch_norm %0, %scale, %zero, %zero, %variance {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// Another use of the convolution needs its own numbers.
// CHECK-LABEL: func.func @two_uses(
// CHECK: %[[CONV:.*]] = tenon.conv
// CHECK: %[[MUL:.*]] = tenon.mul %[[CONV]], %{{.*}} tensor<1x2x1x1xf32>
// CHECK: tenon.add %[[MUL]]
func.func @two_uses(%x: tensor<1x2x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = tenon.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32>
  %scale = tenon.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %bias = tenon.constant dense<[3.0, 5.0]> : tensor<2xf32>
  %zero = tenon.constant dense<0.0> : tensor<2xf32>
  %variance = tenon.constant dense<3.0> : tensor<2xf32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = tenon.batch_norm %0, %scale, %bias, %zero, %variance {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %0, %1 : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}

// Parameters that are computed stay so.
// CHECK-LABEL: func.func @computed(
// CHECK: tenon.sqrt
// CHECK: tenon.mul %{{.*}} : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>)
// CHECK-NOT: tenon.batch_norm
func.func @computed(%x: tensor<1x2x4x4xf32>, %p: tensor<2xf32>) -> tensor<1x2x4x4xf32> {
  %0 = tenon.batch_norm %x, %p, %p, %p, %p {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %0 : tensor<1x2x4x4xf32>
}
