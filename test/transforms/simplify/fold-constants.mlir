// RUN: tenon-opt %s --tenon-fold-constants --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-fold-constants=max-result-bytes=8 --split-input-file | FileCheck %s --check-prefix=SMALL

// CHECK-LABEL: func.func @elementwise(
// CHECK-DAG: tenon.constant dense<{{\[\[}}2.000000e+00, -1.000000e+00], [1.000000e+00, -2.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: tenon.constant dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: tenon.constant dense<[-3, 2]> : tensor<2xi64>
// CHECK-DAG: tenon.constant dense<2.000000e+00> : tensor<1000x1000xf32>
func.func @elementwise() -> (tensor<2x2xf32>, tensor<2xi1>, tensor<2xi64>, tensor<1000x1000xf32>) {
  %a = tenon.constant dense<[[3.0, 0.0]]> : tensor<1x2xf32>
  %b = tenon.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = tenon.sub %a, %b : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %i = tenon.constant dense<[-7, 5]> : tensor<2xi64>
  %two = tenon.constant dense<2> : tensor<i64>
  %1 = tenon.less %i, %two : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  %2 = tenon.div %i, %two : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  %splat = tenon.constant dense<4.0> : tensor<1000x1000xf32>
  %3 = tenon.sqrt %splat : (tensor<1000x1000xf32>) -> tensor<1000x1000xf32>
  return %0, %1, %2, %3 : tensor<2x2xf32>, tensor<2xi1>, tensor<2xi64>, tensor<1000x1000xf32>
}

// -----

// The reordering of padding that exporters write.
// CHECK-LABEL: func.func @pads(
// CHECK: tenon.constant dense<[0, 0, 0, 32]> : tensor<4xi64>
// CHECK-NOT: tenon.transpose
func.func @pads() -> tensor<4xi64> {
  %0 = tenon.constant dense<[0, 32]> : tensor<2xi64>
  %1 = tenon.constant dense<0> : tensor<2xi64>
  %2 = tenon.concat %0, %1 {axis = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<4xi64>
  %s = tenon.constant dense<[2, 2]> : tensor<2xi64>
  %3 = tenon.reshape %2, %s : (tensor<4xi64>, tensor<2xi64>) -> tensor<2x2xi64>
  %start = tenon.constant dense<-1> : tensor<1xi64>
  %end = tenon.constant dense<-9223372036854775807> : tensor<1xi64>
  %4 = tenon.slice %3, %start, %end {axes = array<i64: 0>, steps = array<i64: -1>} : (tensor<2x2xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xi64>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0>} : (tensor<2x2xi64>) -> tensor<2x2xi64>
  %s4 = tenon.constant dense<4> : tensor<1xi64>
  %6 = tenon.reshape %5, %s4 : (tensor<2x2xi64>, tensor<1xi64>) -> tensor<4xi64>
  return %6 : tensor<4xi64>
}

// -----

// CHECK-LABEL: func.func @movement(
// CHECK-DAG: tenon.constant dense<[5, 7]> : tensor<2xi32>
// CHECK-DAG: tenon.constant dense<{{\[\[}}9, 1, 9], [9, 2, 9]]> : tensor<2x3xi32>
// CHECK-DAG: tenon.constant dense<[3, 4, 5]> : tensor<3xi64>
// CHECK-DAG: tenon.constant dense<18> : tensor<1xi32>
func.func @movement() -> (tensor<2xi32>, tensor<2x3xi32>, tensor<3xi64>, tensor<1xi32>) {
  %t = tenon.constant dense<[6, 5, 7]> : tensor<3xi32>
  %i = tenon.constant dense<[1, -1]> : tensor<2xi64>
  %0 = tenon.gather %t, %i {axis = 0 : i64} : (tensor<3xi32>, tensor<2xi64>) -> tensor<2xi32>
  %x = tenon.constant dense<[[1], [2]]> : tensor<2x1xi32>
  %pads = tenon.constant dense<[0, 1, 0, 1]> : tensor<4xi64>
  %nine = tenon.constant dense<9> : tensor<i32>
  %1 = tenon.pad %x, %pads, %nine : (tensor<2x1xi32>, tensor<4xi64>, tensor<i32>) -> tensor<2x3xi32>
  %three = tenon.constant dense<3> : tensor<i64>
  %six = tenon.constant dense<6> : tensor<i64>
  %one = tenon.constant dense<1> : tensor<i64>
  %2 = tenon.range %three, %six, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<3xi64>
  %3 = tenon.reduce %t {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<3xi32>) -> tensor<1xi32>
  return %0, %1, %2, %3 : tensor<2xi32>, tensor<2x3xi32>, tensor<3xi64>, tensor<1xi32>
}

// -----

// A constant that would grow beyond the budget stays computed; so does what is
// not constant, and an index that is out of range.
// CHECK-LABEL: func.func @kept(
// SMALL-LABEL: func.func @kept(
// CHECK: tenon.gather
// CHECK: tenon.relu
// SMALL: tenon.expand
func.func @kept(%x: tensor<2xf32>) -> (tensor<4x4xf32>, tensor<2xi64>, tensor<2xf32>) {
  %a = tenon.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %s = tenon.constant dense<4> : tensor<2xi64>
  %0 = tenon.expand %a, %s : (tensor<1x4xf32>, tensor<2xi64>) -> tensor<4x4xf32>
  %i = tenon.constant dense<[1, 2]> : tensor<2xi64>
  %1 = tenon.gather %i, %i {axis = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %2 = tenon.relu %x : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<4x4xf32>, tensor<2xi64>, tensor<2xf32>
}

// -----

// What is not a number is no extreme, as in kernels; a constant of one element,
// wherever its bytes stand, repeats without being written out.
// CHECK-LABEL: func.func @extremes(
// CHECK-DAG: tenon.constant dense<{{\[\[}}3.000000e+00], [0xFF800000]]> : tensor<2x1xf32>
// CHECK-DAG: tenon.constant dense<1.000000e+00> : tensor<1099511627776xf32>
func.func @extremes() -> (tensor<2x1xf32>, tensor<1099511627776xf32>) {
  %a = tenon.constant dense<[[0x7FC00000, 1.0, 0x7FC00000, 3.0], [0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000]]> : tensor<2x4xf32>
  %0 = tenon.reduce %a {kind = #tenon.reduce_kind<max>, axes = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %x = tenon.constant dense_resource<one> : tensor<1xf32>
  %s = tenon.constant dense<[1099511627776]> : tensor<1xi64>
  %1 = tenon.expand %x, %s : (tensor<1xf32>, tensor<1xi64>) -> tensor<1099511627776xf32>
  return %0, %1 : tensor<2x1xf32>, tensor<1099511627776xf32>
}
{-# dialect_resources: { builtin: { one: "0x040000000000803F" } } #-}

// -----

// A splat takes no memory, but to look at each of its elements takes forever.
// CHECK-LABEL: func.func @splat(
// CHECK-DAG: tenon.constant dense<6.000000e+00> : tensor<1xf32>
// CHECK-DAG: tenon.reduce
// CHECK-DAG: tenon.nonzero
func.func @splat() -> (tensor<1xf32>, tensor<1xf32>, tensor<1x5xi64>) {
  %n = tenon.constant dense<5> : tensor<1xi64>
  %few = tenon.constant dense<2.0> : tensor<3xf32>
  %all = tenon.constant dense<0.0> : tensor<1099511627776xf32>
  %0 = tenon.reduce %few {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<1xf32>
  %1 = tenon.reduce %all {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<1099511627776xf32>) -> tensor<1xf32>
  %2 = tenon.nonzero %all, %n : (tensor<1099511627776xf32>, tensor<1xi64>) -> tensor<1x5xi64>
  return %0, %1, %2 : tensor<1xf32>, tensor<1xf32>, tensor<1x5xi64>
}
