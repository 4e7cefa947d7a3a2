// RUN: tenon-opt %s --tenon-recognize-gelu | FileCheck %s

// CHECK-LABEL: func.func @erf(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[Y:.*]] = tenon.gelu %[[X]] : (tensor<?x4xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @erf(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %root = tenon.constant dense<1.41421354> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.div %x, %root : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %1 = tenon.erf %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = tenon.add %1, %one : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %3 = tenon.mul %x, %2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %4 = tenon.mul %3, %half : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  return %4 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @tanh(
// CHECK: tenon.gelu %{{.*}} {kind = #tenon.gelu_kind<tanh>}
// CHECK-NEXT: return
func.func @tanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %half = tenon.constant dense<0.5> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %cubic = tenon.constant dense<0.044715> : tensor<f32>
  %root = tenon.constant dense<0.797884583> : tensor<f32>
  %0 = tenon.mul %x, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.mul %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.mul %1, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.mul %2, %cubic : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = tenon.add %x, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = tenon.mul %4, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %6 = tenon.tanh %5 : (tensor<4xf32>) -> tensor<4xf32>
  %7 = tenon.add %6, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %8 = tenon.mul %0, %7 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %8 : tensor<4xf32>
}

// Another divisor, and another use of the erf.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: tenon.gelu
func.func @others(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %root = tenon.constant dense<1.41421354> : tensor<f32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.div %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.erf %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = tenon.mul %x, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = tenon.mul %3, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %5 = tenon.div %x, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %6 = tenon.erf %5 : (tensor<4xf32>) -> tensor<4xf32>
  %7 = tenon.add %6, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %8 = tenon.mul %x, %7 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %9 = tenon.mul %8, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %4, %6, %9 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
