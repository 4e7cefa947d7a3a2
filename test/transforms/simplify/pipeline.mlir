// RUN: tenon-opt %s --tenon-simplify | FileCheck %s
// RUN: tenon-opt %s --tenon-simplify=recognize=false | FileCheck %s --check-prefix=PLAIN

// A block of a recognition network: convolution, factors of each channel, hard
// swish, batch norm, flattening by shape arithmetic, and layer norm.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: -> (tensor<?x?x2xf32> {tenon.dims = ["n", "w", ""]
// CHECK: tenon.conv
// CHECK-NEXT: tenon.hard_swish
// CHECK-NEXT: tenon.conv
// CHECK: tenon.reshape %{{.*}} -> tensor<?x2x?xf32>
// CHECK: tenon.transpose
// CHECK: %[[Y:.*]] = tenon.layer_norm
// CHECK-NEXT: return %[[Y]]

// PLAIN-NOT: tenon.hard_swish
// PLAIN-NOT: tenon.layer_norm
// PLAIN: tenon.sqrt
func.func @main(%x: tensor<?x1x1x?xf32> {tenon.name = "x", tenon.dims = ["n", "", "", "w"]}) -> (tensor<?x?x?xf32> {tenon.name = "y", tenon.dims = ["n", "w", "c"]}) {
  %w = tenon.constant dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>
  %half = tenon.constant dense<0.5> : tensor<1xf32>
  %factor = tenon.unsqueeze %half {axes = array<i64: 0, 1, 2>} : (tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %three = tenon.constant dense<3.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x1x1x?xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x1x?xf32>
  %1 = tenon.mul %factor, %0 : (tensor<1x1x1x1xf32>, tensor<?x2x1x?xf32>) -> tensor<?x2x1x?xf32>
  %2 = tenon.add %1, %three : (tensor<?x2x1x?xf32>, tensor<f32>) -> tensor<?x2x1x?xf32>
  %3 = tenon.clip %2 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<?x2x1x?xf32>) -> tensor<?x2x1x?xf32>
  %4 = tenon.mul %1, %3 : (tensor<?x2x1x?xf32>, tensor<?x2x1x?xf32>) -> tensor<?x2x1x?xf32>
  %5 = tenon.div %4, %six : (tensor<?x2x1x?xf32>, tensor<f32>) -> tensor<?x2x1x?xf32>
  %v = tenon.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32>
  %6 = tenon.conv %5, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x1x?xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x1x?xf32>
  %p = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %7 = tenon.batch_norm %6, %p, %p, %p, %p {epsilon = 1.0e-05 : f64} : (tensor<?x2x1x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x1x?xf32>
  %s = tenon.shape %7 : (tensor<?x2x1x?xf32>) -> tensor<4xi64>
  %start = tenon.constant dense<0> : tensor<1xi64>
  %end = tenon.constant dense<2> : tensor<1xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %n = tenon.slice %s, %start, %end {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %t = tenon.concat %n, %minus {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64>
  %8 = tenon.reshape %7, %t : (tensor<?x2x1x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  %9 = tenon.transpose %8 {permutation = array<i64: 0, 2, 1>} : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %epsilon = tenon.constant dense<1.0e-05> : tensor<f32>
  %mean = tenon.reduce %9 {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2>} : (tensor<?x?x?xf32>) -> tensor<?x?x1xf32>
  %d = tenon.sub %9, %mean : (tensor<?x?x?xf32>, tensor<?x?x1xf32>) -> tensor<?x?x?xf32>
  %square = tenon.pow %d, %two : (tensor<?x?x?xf32>, tensor<f32>) -> tensor<?x?x?xf32>
  %variance = tenon.reduce %square {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2>} : (tensor<?x?x?xf32>) -> tensor<?x?x1xf32>
  %sum = tenon.add %variance, %epsilon : (tensor<?x?x1xf32>, tensor<f32>) -> tensor<?x?x1xf32>
  %root = tenon.sqrt %sum : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %10 = tenon.div %d, %root : (tensor<?x?x?xf32>, tensor<?x?x1xf32>) -> tensor<?x?x?xf32>
  return %10 : tensor<?x?x?xf32>
}
