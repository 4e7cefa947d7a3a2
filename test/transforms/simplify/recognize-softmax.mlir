// RUN: tenon-opt %s --tenon-recognize-softmax | FileCheck %s

// CHECK-LABEL: func.func @stable(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: tenon.softmax %[[X]] {axis = 1 : i64}
func.func @stable(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %max = tenon.reduce %x {kind = #tenon.reduce_kind<max>, axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %d = tenon.sub %x, %max : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %e = tenon.exp %d : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %sum = tenon.reduce %e {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %y = tenon.div %e, %sum : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @logarithm(
// CHECK-NEXT: tenon.log_softmax %{{.*}} {axis = 0 : i64}
func.func @logarithm(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %e = tenon.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %sum = tenon.reduce %e {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<1x3xf32>
  %y = tenon.div %e, %sum : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  %log = tenon.log %y : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %log : tensor<2x3xf32>
}

// A mean, and an exponential with another use.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: tenon.softmax
func.func @others(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %e = tenon.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %mean = tenon.reduce %e {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %y = tenon.div %e, %mean : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %n = tenon.neg %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %f = tenon.exp %n : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %sum = tenon.reduce %f {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %z = tenon.div %f, %sum : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %y, %f, %z : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
