// RUN: tenon-opt %s --tenon-expand-broadcasts --cse --split-input-file | FileCheck %s

// Either may be 1: the result is as long as the one that is not.
// CHECK-LABEL: func.func @symbols(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32> {{.*}}, %[[Y:[^:]*]]: tensor<?x4xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Y]], %c0
// CHECK: %[[IS_ONE:.*]] = arith.cmpi eq, %[[N]], %c1
// CHECK: %[[SIZE:.*]] = arith.select %[[IS_ONE]], %[[M]], %[[N]]
// CHECK: %[[SIZE64:.*]] = arith.index_cast %[[SIZE]]
// CHECK: %[[SHAPE:.*]] = tensor.from_elements %[[SIZE64]], %c4
// CHECK: %[[A:.*]] = tenon.expand %[[X]], %[[SHAPE]]
// CHECK: %[[B:.*]] = tenon.expand %[[Y]], %[[SHAPE]]
// CHECK: tenon.add %[[A]], %[[B]]
func.func @symbols(%x: tensor<?x4xf32> {tenon.dims = ["n", ""]}, %y: tensor<?x4xf32> {tenon.dims = ["m", ""]}) -> tensor<?x4xf32> {
  %0 = tenon.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// What is static and not 1 is the result's.
// CHECK-LABEL: func.func @static(
// CHECK: %[[SHAPE:.*]] = tenon.constant dense<5> : tensor<1xi64>
// CHECK: %[[X:.*]] = tenon.expand %{{.*}}, %[[SHAPE]] : (tensor<?xf32>, tensor<1xi64>) -> tensor<5xf32>
// CHECK: tenon.add %[[X]], %{{.*}} : (tensor<5xf32>, tensor<5xf32>)
func.func @static(%x: tensor<?xf32>, %y: tensor<5xf32>) -> tensor<5xf32> {
  %0 = tenon.add %x, %y : (tensor<?xf32>, tensor<5xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// A product's batch; what is not a batch stays.
// CHECK-LABEL: func.func @batch(
// CHECK: %[[A:.*]] = tenon.expand
// CHECK: %[[B:.*]] = tenon.expand
// CHECK: tenon.matmul %[[A]], %[[B]]
func.func @batch(%x: tensor<?x4x?xf32> {tenon.dims = ["n", "", "k"]}, %y: tensor<?x?x4xf32> {tenon.dims = ["m", "l", ""]}) -> tensor<?x4x4xf32> {
  %0 = tenon.matmul %x, %y : (tensor<?x4x?xf32>, tensor<?x?x4xf32>) -> tensor<?x4x4xf32>
  return %0 : tensor<?x4x4xf32>
}

// -----

// Not where sizes are equal: one name, or arithmetic that comes to the same.
// CHECK-LABEL: func.func @equal(
// CHECK-COUNT-1: tenon.expand
// CHECK-NOT: tenon.expand
func.func @equal(%x: tensor<?x4xf32> {tenon.dims = ["n", ""]}, %y: tensor<?x4xf32> {tenon.dims = ["n", ""]}, %z: tensor<?x4xf32> {tenon.dims = ["m", ""]}) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = tenon.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = tenon.concat %0, %y {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  %twice = arith.muli %c2, %d : index
  %i = arith.index_cast %twice : index to i64
  %c4 = arith.constant 4 : i64
  %s = tensor.from_elements %i, %c4 : tensor<2xi64>
  %2 = tenon.expand %z, %s : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %3 = tenon.mul %1, %2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %3 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Nor where both depend on the same dimension, or the type tells it all.
// CHECK-LABEL: func.func @related(
// CHECK-NOT: tenon.expand
func.func @related(%x: tensor<1x4x?x8xf32>, %w: tensor<4x4x3x3xf32>, %b: tensor<1x4x1x1xf32>) -> tensor<1x4x?x8xf32> {
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 1>, strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %c2 = arith.constant 2 : index
  %d = tensor.dim %0, %c2 : tensor<1x4x?x8xf32>
  %twice = arith.muli %d, %c2 : index
  %i = arith.index_cast %twice : index to i64
  %s = tensor.from_elements %i : tensor<1xi64>
  %1 = tenon.resize %0, %s {axes = array<i64: 2>, mode = #tenon.resize_mode<nearest>, coordinate_mode = #tenon.coordinate_mode<asymmetric>} : (tensor<1x4x?x8xf32>, tensor<1xi64>) -> tensor<1x4x?x8xf32>
  %2 = tenon.add %x, %1 : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %3 = tenon.add %2, %b : (tensor<1x4x?x8xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x?x8xf32>
  return %3 : tensor<1x4x?x8xf32>
}
