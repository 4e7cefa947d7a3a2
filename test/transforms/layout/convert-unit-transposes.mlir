// RUN: tenon-opt %s --tenon-convert-unit-transposes --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[X:.*]]: tensor<2x1x1x8xf32>
// CHECK: %[[S:.*]] = tenon.constant dense<[2, 8, 1, 1]> : tensor<4xi64>
// CHECK: tenon.reshape %[[X]], %[[S]]
func.func @static(%x: tensor<2x1x1x8xf32>) -> tensor<2x8x1x1xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<2x1x1x8xf32>) -> tensor<2x8x1x1xf32>
  return %0 : tensor<2x8x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @one_dynamic(
// CHECK: tenon.constant dense<[-1, 8, 1, 1]>
// CHECK: tenon.reshape
func.func @one_dynamic(%x: tensor<?x1x1x8xf32>) -> tensor<?x8x1x1xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x1x1x8xf32>) -> tensor<?x8x1x1xf32>
  return %0 : tensor<?x8x1x1xf32>
}

// -----

// A map of one channel.
// CHECK-LABEL: func.func @two_dynamic(
// CHECK-SAME: %[[X:.*]]: tensor<1x?x?x1xf32>
// CHECK-DAG: %[[H:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG: %[[W:.*]] = tensor.dim %[[X]], %c2
// CHECK: tensor.from_elements
// CHECK: tenon.reshape %[[X]], %{{.*}} -> tensor<1x1x?x?xf32>
func.func @two_dynamic(%x: tensor<1x?x?x1xf32>) -> tensor<1x1x?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x?x?x1xf32>) -> tensor<1x1x?x?xf32>
  return %0 : tensor<1x1x?x?xf32>
}

// -----

// CHECK-LABEL: func.func @moves(
// CHECK: tenon.transpose
// CHECK-NOT: tenon.reshape
func.func @moves(%x: tensor<1x2x1x8xf32>) -> tensor<1x8x2x1xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x1x8xf32>) -> tensor<1x8x2x1xf32>
  return %0 : tensor<1x8x2x1xf32>
}

// -----

// Beside a dimension of 0, the one that is not known can't be inferred.
// CHECK-LABEL: func.func @empty(
// CHECK: %[[D:.*]] = tensor.dim
// CHECK: tenon.reshape %{{.*}} : (tensor<0x1x?xf32>, tensor<3xi64>) -> tensor<1x0x?xf32>
func.func @empty(%x: tensor<0x1x?xf32>) -> tensor<1x0x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<0x1x?xf32>) -> tensor<1x0x?xf32>
  return %0 : tensor<1x0x?xf32>
}
