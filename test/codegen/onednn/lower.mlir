// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn},tenon-lower-kernels)' --split-input-file | FileCheck %s

// version 2, conv 1, 5 args, bias 2, 10 attribute words, 2 post-ops; each arg is
// f32, its rank, its permutation; then S, groups, strides, pads, dilations; then
// relu, and the sum with arg 3.
// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.*]]: tensor<?x8x8x4xf32>, %[[R:.*]]: tensor<?x4x4x6xf32>, %[[N:.*]]: index
// CHECK-DAG: %[[W:.*]] = tenon.constant dense<5.000000e-01>
// CHECK-DAG: %[[B:.*]] = tenon.constant dense<1.000000e+00>
// CHECK-DAG: %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x4x4x6xf32>
// CHECK: %[[Y:.*]] = tenon_rt.library "onednn"(%[[X]], %[[W]], %[[B]], %[[R]]) outs(%[[E]])
// CHECK-SAME: constants = array<i64: 1, 2>
// CHECK-SAME: descriptor = array<i64: 2, 1, 5, 2, 10, 2,
// CHECK-SAME: 1, 4, 0, 3, 1, 2, 1, 4, 3, 2, 0, 1, 1, 1, 0, 1, 4, 0, 3, 1, 2, 1, 4, 0, 3, 1, 2,
// CHECK-SAME: 2, 2, 2, 2, 1, 1, 0, 0, 1, 1,
// CHECK-SAME: 1, 1, 0, 0, -1, 2, 1, 0, 0, 3>
// CHECK: return %[[Y]]
func.func @conv(%x: tensor<?x8x8x4xf32>, %r: tensor<?x4x4x6xf32>, %n: index) -> tensor<?x4x4x6xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x2x6xf32>
  %b = tenon.constant dense<1.0> : tensor<6xf32>
  %0 = tenon.kernel (%a0 = %x, %a1 = %r, %a2 = %w, %a3 = %b) dims(%n) : (tensor<?x8x8x4xf32>, tensor<?x4x4x6xf32>, tensor<3x3x2x6xf32>, tensor<6xf32>) -> tensor<?x4x4x6xf32> {
    %1 = tenon.conv %a0, %a2, %a3 {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64, layout = #tenon.layout<nhwc>} : (tensor<?x8x8x4xf32>, tensor<3x3x2x6xf32>, tensor<6xf32>) -> tensor<?x4x4x6xf32>
    %2 = tenon.relu %1 : (tensor<?x4x4x6xf32>) -> tensor<?x4x4x6xf32>
    %3 = tenon.add %2, %a1 : (tensor<?x4x4x6xf32>, tensor<?x4x4x6xf32>) -> tensor<?x4x4x6xf32>
    tenon.yield %3 : tensor<?x4x4x6xf32>
  }
  return %0 : tensor<?x4x4x6xf32>
}

// -----

// A transposed operand is a permutation; a reversed difference is linear(-1, 0)
// and a sum. -1.0 stands as its bits.
// CHECK-LABEL: func.func @matmul(
// CHECK: tenon_rt.library "onednn"
// CHECK-SAME: constants = array<i64>
// CHECK-SAME: descriptor = array<i64: 2, 3, 4, -1, 0, 2,
// CHECK-SAME: 1, 2, 0, 1, 1, 2, 1, 0, 1, 2, 0, 1, 1, 2, 0, 1,
// CHECK-SAME: 1, 7, -4616189618054758400, 0, -1, 2, 1, 0, 0, 2>
func.func @matmul(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %c: tensor<1x6xf32>) -> tensor<4x6xf32> {
  %0 = tenon.kernel (%a0 = %x, %a1 = %w, %a2 = %c) : (tensor<4x8xf32>, tensor<6x8xf32>, tensor<1x6xf32>) -> tensor<4x6xf32> {
    %1 = tenon.matmul %a0, %a1 {transpose_b} : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %2 = tenon.sub %a2, %1 : (tensor<1x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
    tenon.yield %2 : tensor<4x6xf32>
  }
  return %0 : tensor<4x6xf32>
}

// -----

// S, kernel, strides, pads, dilations, and that padding doesn't count.
// CHECK-LABEL: func.func @pool(
// CHECK: descriptor = array<i64: 2, 5, 2, -1, 12, 0, 1, 4, 0, 3, 1, 2, 1, 4, 0, 3, 1, 2,
// CHECK-SAME: 2, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1, 0>
func.func @pool(%x: tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32> {
  %0 = tenon.kernel (%a = %x) : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32> {
    %1 = tenon.average_pool %a {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    tenon.yield %1 : tensor<1x4x4x4xf32>
  }
  return %0 : tensor<1x4x4x4xf32>
}

// -----

// A scale of 0.125, and the mask is arg 3.
// CHECK-LABEL: func.func @attention(
// CHECK: descriptor = array<i64: 2, 7, 5, -1, 2, 0,
// CHECK-SAME: 4593671619917905920, 3>
func.func @attention(%q: tensor<1x2x4x64xf32>, %k: tensor<1x2x6x64xf32>, %v: tensor<1x2x6x64xf32>, %m: tensor<1x1x1x6xf32>) -> tensor<1x2x4x64xf32> {
  %0 = tenon.kernel (%a0 = %q, %a1 = %k, %a2 = %v, %a3 = %m) : (tensor<1x2x4x64xf32>, tensor<1x2x6x64xf32>, tensor<1x2x6x64xf32>, tensor<1x1x1x6xf32>) -> tensor<1x2x4x64xf32> {
    %1 = tenon.attention %a0, %a1, %a2, %a3 {scale = 0.125 : f64} : (tensor<1x2x4x64xf32>, tensor<1x2x6x64xf32>, tensor<1x2x6x64xf32>, tensor<1x1x1x6xf32>) -> tensor<1x2x4x64xf32>
    tenon.yield %1 : tensor<1x2x4x64xf32>
  }
  return %0 : tensor<1x2x4x64xf32>
}

// -----

// A scale and an offset are one linear post-operation (LINEAR = 7, 2.0, 0.5).
// CHECK-LABEL: func.func @affine_tail(
// CHECK: descriptor = array<i64:
// CHECK-SAME: 1, 1, 7, 4611686018427387904, 4602678819172646912, -1>
func.func @affine_tail(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32> {
    %two = tenon.constant dense<2.0> : tensor<f32>
    %half = tenon.constant dense<0.5> : tensor<f32>
    %1 = tenon.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
    %2 = tenon.mul %1, %two : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
    %3 = tenon.add %2, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
    tenon.yield %3 : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
