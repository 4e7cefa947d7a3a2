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

// -----

// What is joined from sizes is rebuilt inside; a constant is copied.
// CHECK-LABEL: func.func @numbers(
// CHECK-SAME: %[[N:[a-z0-9]*]]: index, %[[M:[a-z0-9]*]]: index
// CHECK: tenon.kernel () scalars(%[[A:.*]] = %[[N]], %[[B:.*]] = %[[M]]) dims(
// CHECK-DAG: %[[STEP:.*]] = tenon.constant
// CHECK-DAG: %[[I:.*]] = arith.index_cast %[[A]] : index to i64
// CHECK-DAG: %[[START:.*]] = tensor.from_elements %[[I]] : tensor<i64>
// CHECK-DAG: %[[J:.*]] = arith.index_cast %[[B]] : index to i64
// CHECK-DAG: %[[LIMIT:.*]] = tensor.from_elements %[[J]] : tensor<i64>
// CHECK: tenon.range %[[START]], %[[LIMIT]], %[[STEP]]
func.func @numbers(%n: index, %m: index) -> tensor<?xi64> {
  %step = tenon.constant dense<2> : tensor<i64>
  %i = arith.index_cast %n : index to i64
  %j = arith.index_cast %m : index to i64
  %start = tensor.from_elements %i : tensor<i64>
  %limit = tensor.from_elements %j : tensor<i64>
  %0 = tenon.range %start, %limit, %step : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// Others than integers go by their bits.
// CHECK-LABEL: func.func @bits(
// CHECK-SAME: %[[X:.*]]: tensor<2xf32>, %[[F:.*]]: f32
// CHECK: %[[BITS:.*]] = arith.bitcast %[[F]] : f32 to i32
// CHECK: %[[SIZE:.*]] = arith.index_cast %[[BITS]] : i32 to index
// CHECK: tenon.kernel (%[[IN:.*]] = %[[X]]) scalars(%[[S:.*]] = %[[SIZE]])
// CHECK: %[[I:.*]] = arith.index_cast %[[S]] : index to i32
// CHECK: %[[G:.*]] = arith.bitcast %[[I]] : i32 to f32
// CHECK: %[[ONE:.*]] = arith.constant 1.0
// CHECK: %[[PAIR:.*]] = tensor.from_elements %[[G]], %[[ONE]]
// CHECK: tenon.mul %[[IN]], %[[PAIR]]
func.func @bits(%x: tensor<2xf32>, %f: f32) -> tensor<2xf32> {
  %one = arith.constant 1.0 : f32
  %pair = tensor.from_elements %f, %one : tensor<2xf32>
  %0 = tenon.mul %x, %pair : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// A library reads what it is given; so does what looks for elements, and many
// numbers are better read.
// CHECK-LABEL: func.func @memory(
// CHECK-COUNT-3: = tensor.from_elements
// CHECK-NOT: tensor.from_elements
// CHECK: return
func.func @memory(%x: tensor<1x1xi64>, %k: tensor<2xi64>, %n: i64) -> (tensor<1x1xi64>, tensor<2xi64>, tensor<9xi64>) {
  %a = tensor.from_elements %n : tensor<1x1xi64>
  %b = tensor.from_elements %n, %n : tensor<2xi64>
  %c = tensor.from_elements %n, %n, %n, %n, %n, %n, %n, %n, %n : tensor<9xi64>
  %0 = tenon.matmul %x, %a : (tensor<1x1xi64>, tensor<1x1xi64>) -> tensor<1x1xi64>
  %1 = tenon.gather %b, %k {axis = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %2 = tenon.neg %c : (tensor<9xi64>) -> tensor<9xi64>
  return %0, %1, %2 : tensor<1x1xi64>, tensor<2xi64>, tensor<9xi64>
}
