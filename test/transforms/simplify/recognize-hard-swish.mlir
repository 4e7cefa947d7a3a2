// RUN: tenon-opt %s --tenon-recognize-hard-swish | FileCheck %s

// CHECK-LABEL: func.func @swish(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK: tenon.hard_swish %[[X]]
// CHECK-NOT: tenon.div
func.func @swish(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.add %x, %three : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = tenon.mul %x, %1 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = tenon.div %2, %six : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// The gate is divided before the product.
// CHECK-LABEL: func.func @gate_first(
// CHECK: tenon.hard_swish
func.func @gate_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %sixth = tenon.constant dense<0.16666667> : tensor<f32>
  %0 = tenon.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.mul %1, %sixth : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = tenon.mul %2, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// CHECK-LABEL: func.func @by_hard_sigmoid(
// CHECK: tenon.hard_swish
// CHECK: %[[GATE:.*]] = tenon.hard_sigmoid
// CHECK: tenon.mul %{{.*}}, %[[GATE]]
func.func @by_hard_sigmoid(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tenon.hard_sigmoid %x {alpha = 0.16666667 : f64, beta = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.mul %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.hard_sigmoid %x {alpha = 0.2 : f64, beta = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.mul %x, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @sigmoid(
// CHECK: tenon.hard_sigmoid %{{.*}} {alpha = 0.1666{{.*}} : f64
func.func @sigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.div %1, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// Another divisor.
// CHECK-LABEL: func.func @other_constant(
// CHECK-NOT: tenon.hard_s
func.func @other_constant(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %five = tenon.constant dense<5.0> : tensor<f32>
  %0 = tenon.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.mul %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.div %2, %five : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// The clip has another use.
// CHECK-LABEL: func.func @other_use(
// CHECK-NOT: tenon.hard_s
func.func @other_use(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.mul %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.div %2, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// x * relu6(x) / 6 is no hard swish, and relu6(x) / 6 no hard sigmoid.
// CHECK-LABEL: func.func @no_offset(
// CHECK-NOT: tenon.hard_s
func.func @no_offset(%x: tensor<4xf32>) -> tensor<4xf32> {
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.clip %x {max = 6.0 : f64, min = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.div %0, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = tenon.mul %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
