// RUN: tenon-opt %s --tenon-recognize-silu | FileCheck %s

// CHECK-LABEL: func.func @silu(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
// CHECK-NEXT: tenon.silu %[[X]]
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tenon.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @decomposed_sigmoid(
// CHECK: %[[Y:.*]] = tenon.sigmoid
// CHECK-NEXT: return %[[Y]]
func.func @decomposed_sigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = tenon.constant dense<1.0> : tensor<f32>
  %0 = tenon.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.exp %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = tenon.div %one, %2 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// The sigmoid of another tensor, and one with another use.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: tenon.silu
func.func @others(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = tenon.sigmoid %y : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.mul %2, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// 2 / (1 + exp(-x)) is no sigmoid.
// CHECK-LABEL: func.func @two(
// CHECK-NOT: tenon.sigmoid
func.func @two(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = tenon.constant dense<1.0> : tensor<f32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.exp %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = tenon.div %two, %2 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
