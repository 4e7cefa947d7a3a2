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

// -----

// Each operation is looked at once, however often sizes share it.

// CHECK-LABEL: func.func @shared_sizes(
// CHECK: tenon_rt.require_equal
func.func @shared_sizes(%x: tensor<?x?xf32>, %m: index) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?xf32>
  %r0 = arith.remui %d0, %c3 : index
  %d1 = arith.maxsi %d0, %r0 : index
  %r1 = arith.remui %d1, %c3 : index
  %d2 = arith.maxsi %d1, %r1 : index
  %r2 = arith.remui %d2, %c3 : index
  %d3 = arith.maxsi %d2, %r2 : index
  %r3 = arith.remui %d3, %c3 : index
  %d4 = arith.maxsi %d3, %r3 : index
  %r4 = arith.remui %d4, %c3 : index
  %d5 = arith.maxsi %d4, %r4 : index
  %r5 = arith.remui %d5, %c3 : index
  %d6 = arith.maxsi %d5, %r5 : index
  %r6 = arith.remui %d6, %c3 : index
  %d7 = arith.maxsi %d6, %r6 : index
  %r7 = arith.remui %d7, %c3 : index
  %d8 = arith.maxsi %d7, %r7 : index
  %r8 = arith.remui %d8, %c3 : index
  %d9 = arith.maxsi %d8, %r8 : index
  %r9 = arith.remui %d9, %c3 : index
  %d10 = arith.maxsi %d9, %r9 : index
  %r10 = arith.remui %d10, %c3 : index
  %d11 = arith.maxsi %d10, %r10 : index
  %r11 = arith.remui %d11, %c3 : index
  %d12 = arith.maxsi %d11, %r11 : index
  %r12 = arith.remui %d12, %c3 : index
  %d13 = arith.maxsi %d12, %r12 : index
  %r13 = arith.remui %d13, %c3 : index
  %d14 = arith.maxsi %d13, %r13 : index
  %r14 = arith.remui %d14, %c3 : index
  %d15 = arith.maxsi %d14, %r14 : index
  %r15 = arith.remui %d15, %c3 : index
  %d16 = arith.maxsi %d15, %r15 : index
  %r16 = arith.remui %d16, %c3 : index
  %d17 = arith.maxsi %d16, %r16 : index
  %r17 = arith.remui %d17, %c3 : index
  %d18 = arith.maxsi %d17, %r17 : index
  %r18 = arith.remui %d18, %c3 : index
  %d19 = arith.maxsi %d18, %r18 : index
  %r19 = arith.remui %d19, %c3 : index
  %d20 = arith.maxsi %d19, %r19 : index
  %r20 = arith.remui %d20, %c3 : index
  %d21 = arith.maxsi %d20, %r20 : index
  %r21 = arith.remui %d21, %c3 : index
  %d22 = arith.maxsi %d21, %r21 : index
  %r22 = arith.remui %d22, %c3 : index
  %d23 = arith.maxsi %d22, %r22 : index
  %r23 = arith.remui %d23, %c3 : index
  %d24 = arith.maxsi %d23, %r23 : index
  %r24 = arith.remui %d24, %c3 : index
  %d25 = arith.maxsi %d24, %r24 : index
  %r25 = arith.remui %d25, %c3 : index
  %d26 = arith.maxsi %d25, %r25 : index
  %r26 = arith.remui %d26, %c3 : index
  %d27 = arith.maxsi %d26, %r26 : index
  %r27 = arith.remui %d27, %c3 : index
  %d28 = arith.maxsi %d27, %r27 : index
  %r28 = arith.remui %d28, %c3 : index
  %d29 = arith.maxsi %d28, %r28 : index
  %r29 = arith.remui %d29, %c3 : index
  %d30 = arith.maxsi %d29, %r29 : index
  %r30 = arith.remui %d30, %c3 : index
  %d31 = arith.maxsi %d30, %r30 : index
  %r31 = arith.remui %d31, %c3 : index
  %d32 = arith.maxsi %d31, %r31 : index
  %r32 = arith.remui %d32, %c3 : index
  %d33 = arith.maxsi %d32, %r32 : index
  %r33 = arith.remui %d33, %c3 : index
  %d34 = arith.maxsi %d33, %r33 : index
  %r34 = arith.remui %d34, %c3 : index
  %d35 = arith.maxsi %d34, %r34 : index
  %r35 = arith.remui %d35, %c3 : index
  %d36 = arith.maxsi %d35, %r35 : index
  %r36 = arith.remui %d36, %c3 : index
  %d37 = arith.maxsi %d36, %r36 : index
  %r37 = arith.remui %d37, %c3 : index
  %d38 = arith.maxsi %d37, %r37 : index
  %r38 = arith.remui %d38, %c3 : index
  %d39 = arith.maxsi %d38, %r38 : index
  %r39 = arith.remui %d39, %c3 : index
  %d40 = arith.maxsi %d39, %r39 : index
  %i = arith.index_cast %d40 : index to i64
  %j = arith.index_cast %m : index to i64
  %s = tensor.from_elements %i, %j : tensor<2xi64>
  %y = tenon.reshape %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
