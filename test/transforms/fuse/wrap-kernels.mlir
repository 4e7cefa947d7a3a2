// RUN: tenon-opt %s --tenon-wrap-kernels --split-input-file --verify-diagnostics | FileCheck %s

// A constant and a view stay outside; a shape that the model computes is read
// before the kernel.
// CHECK-LABEL: func.func @wrap(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>, %[[S:.*]]: tensor<2xi64>
// CHECK-DAG: %[[S0:.*]] = tensor.extract %[[S]][%c0
// CHECK-DAG: %[[S1:.*]] = tensor.extract %[[S]][%c1
// CHECK-DAG: %[[I0:.*]] = arith.index_cast %[[S0]]
// CHECK-DAG: %[[I1:.*]] = arith.index_cast %[[S1]]
// CHECK: tenon.kernel (%{{.*}} = %[[X]]) scalars(%{{.*}} = %[[I0]], %{{.*}} = %[[I1]])
// CHECK: tenon.tile
// CHECK: tenon.reshape
func.func @wrap(%x: tensor<4x4xf32>, %s: tensor<2xi64>) -> tensor<?xf32> {
  %flat = tenon.constant dense<-1> : tensor<1xi64>
  %0 = tenon.tile %x, %s : (tensor<4x4xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %1 = tenon.reshape %0, %flat : (tensor<?x?xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// In both regions of an `if`; the kernel's location names the node.
// CHECK-LABEL: func.func @regions(
// CHECK: tenon.if
// CHECK: tenon.kernel
// CHECK-NEXT: tenon.relu
// CHECK: else
// CHECK: tenon.kernel
// CHECK-NEXT: tenon.neg
func.func @regions(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tenon.if %c : tensor<i1> -> tensor<4xf32> {
    %1 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  } else {
    %1 = tenon.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @shape(%x: tensor<?xf32>) -> tensor<1xi64> {
  // expected-error @below {{is not expected after simplification}}
  %0 = tenon.shape %x : (tensor<?xf32>) -> tensor<1xi64>
  return %0 : tensor<1xi64>
}
