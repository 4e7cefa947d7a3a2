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

// -----

// What is required is a guard; what is known to hold is none.
// CHECK-LABEL: func.func @require(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32>, %[[N:[^:]*]]: tensor<1xi64>
// CHECK: %[[ELEMENT:.*]] = tensor.extract %[[N]]
// CHECK: %[[SIZE:.*]] = arith.index_cast %[[ELEMENT]]
// CHECK: tenon_rt.require_equal %[[SIZE]], %c7{{.*}}, "the size"
// CHECK-NOT: require
// CHECK: return %[[X]]
func.func @require(%x: tensor<?x4xf32>, %n: tensor<1xi64>) -> tensor<?x4xf32> {
  %seven = tenon.constant dense<7> : tensor<1xi64>
  %0 = tenon.require %x, %n, %seven {what = "the size"} : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
  %1 = tenon.require %0, %seven, %seven {what = "seven"} : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// No step is 0, and a reflection does not reach beyond the other end.
// CHECK-LABEL: func.func @pads(
// CHECK-DAG: tenon_rt.require_equal {{.*}}, "the step, which is not 0"
// CHECK-DAG: tenon_rt.require_equal {{.*}}, "the padding of dimension 0 and the most there can be in mode reflect"
// CHECK-NOT: tenon_rt.require_equal
// CHECK: return
func.func @pads(%x: tensor<?x4xf32>, %s: tensor<i64>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi64>) {
  %a = tenon.constant dense<0> : tensor<i64>
  %b = tenon.constant dense<9> : tensor<i64>
  %c = tenon.constant dense<[2, 0, 0, 0]> : tensor<4xi64>
  %0 = tenon.pad %x, %c {mode = #tenon.pad_mode<reflect>} : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x4xf32>
  %1 = tenon.pad %x, %c {mode = #tenon.pad_mode<constant>} : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x4xf32>
  %2 = tenon.range %a, %b, %s : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return %0, %1, %2 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi64>
}
