// RUN: tenon-opt %s --tenon-guard-shapes --cse --split-input-file | FileCheck %s

// Guards come first, in order.
// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x?xf32>, %[[Y:[^:]*]]: tensor<?x8xf32>, %[[Z:[^:]*]]: tensor<?x8xf32>
// CHECK-DAG: %[[K:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG: %[[L:.*]] = tensor.dim %[[Y]], %c0
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Z]], %c0
// CHECK: tenon_rt.require_equal %[[K]], %[[L]], "the dimension that is summed over"
// CHECK: tenon_rt.require_equal %[[M]], %c4{{.*}}, "dimension 0 of the inputs"
// CHECK-NOT: require_equal
// CHECK: tenon.matmul
// CHECK: tenon.concat
func.func @matmul(%x: tensor<4x?xf32>, %y: tensor<?x8xf32>, %z: tensor<?x8xf32>) -> (tensor<4x8xf32>, tensor<?x16xf32>) {
  %0 = tenon.matmul %x, %y : (tensor<4x?xf32>, tensor<?x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.concat %z, %0 {axis = 1 : i64} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<4x16xf32>
  %2 = tensor.cast %1 : tensor<4x16xf32> to tensor<?x16xf32>
  return %0, %2 : tensor<4x8xf32>, tensor<?x16xf32>
}

// -----

// An odd size does not survive halving and doubling.
// CHECK-LABEL: func.func @skip(
// CHECK: %[[HALF:.*]] = arith.floordivsi
// CHECK: %[[TWICE:.*]] = arith.muli
// CHECK: tenon_rt.require_equal %{{.*}}, %[[TWICE]], "dimension 2 of the operands"
// CHECK-NOT: require_equal
func.func @skip(%x: tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32> {
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 1>, strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %c2 = arith.constant 2 : index
  %d = tensor.dim %0, %c2 : tensor<1x4x?x8xf32>
  %twice = arith.muli %d, %c2 : index
  %i = arith.index_cast %twice : index to i64
  %s = tensor.from_elements %i : tensor<1xi64>
  %1 = tenon.resize %0, %s {axes = array<i64: 2>, mode = #tenon.resize_mode<nearest>, coordinate_mode = #tenon.coordinate_mode<asymmetric>} : (tensor<1x4x?x8xf32>, tensor<1xi64>) -> tensor<1x4x?x8xf32>
  %2 = tenon.add %x, %1 : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %3 = tenon.mul %x, %1 : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %4 = tenon.add %2, %3 : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  return %4 : tensor<1x4x?x8xf32>
}

// -----

// Of two operands that are expanded to the size of the one that is not 1, only
// the second can be wrong.
// CHECK-LABEL: func.func @expanded(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?xf32>, %[[Y:[^:]*]]: tensor<?xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]]
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Y]]
// CHECK: %[[SIZE:.*]] = arith.select
// CHECK: %[[REACHED:.*]] = arith.select %{{.*}}, %[[SIZE]], %[[M]]
// CHECK: tenon_rt.require_equal %[[REACHED]], %[[SIZE]], "dimension 0 and what it is expanded to"
// CHECK-NOT: require_equal
func.func @expanded(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %m = tensor.dim %y, %c0 : tensor<?xf32>
  %one = arith.cmpi eq, %n, %c1 : index
  %size = arith.select %one, %m, %n : index
  %i = arith.index_cast %size : index to i64
  %s = tensor.from_elements %i : tensor<1xi64>
  %0 = tenon.expand %x, %s : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  %1 = tenon.expand %y, %s : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  %2 = tenon.add %0, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A reshape of every element needs no guard; neither do names that agree, nor a
// size that is taken from the operand itself.
// CHECK-LABEL: func.func @needless(
// CHECK-NOT: require_equal
func.func @needless(%x: tensor<?x?x8xf32> {tenon.dims = ["n", "t", ""]}, %y: tensor<?x?x8xf32> {tenon.dims = ["n", "t", ""]}, %w: tensor<8x8xf32>) -> (tensor<?x?x2x4xf32>, tensor<?x?xf32>, tensor<?x?x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %n = tensor.dim %x, %c0 : tensor<?x?x8xf32>
  %t = tensor.dim %y, %c1 : tensor<?x?x8xf32>
  %n64 = arith.index_cast %n : index to i64
  %t64 = arith.index_cast %t : index to i64
  %i2 = arith.constant 2 : i64
  %i4 = arith.constant 4 : i64
  %heads = tensor.from_elements %n64, %t64, %i2, %i4 : tensor<4xi64>
  %row = arith.muli %t, %c8 : index
  %row64 = arith.index_cast %row : index to i64
  %flat = tensor.from_elements %n64, %row64 : tensor<2xi64>
  %0 = tenon.add %x, %y : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %1 = tenon.reshape %0, %heads : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  %2 = tenon.reshape %0, %flat : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %3 = tenon.matmul %0, %w : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  return %1, %2, %3 : tensor<?x?x2x4xf32>, tensor<?x?xf32>, tensor<?x?x8xf32>
}
