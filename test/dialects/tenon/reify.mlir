// Dimensions of results in terms of the operands. The same code infers types:
// here it emits what it can't know.
// RUN: tenon-opt %s -resolve-ranked-shaped-type-result-dims -canonicalize -cse -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK-SAME: (%[[X:.*]]: tensor<1x3x?x8xf32>, %[[W:.*]]: tensor<4x3x3x3xf32>)
func.func @conv(%x: tensor<1x3x?x8xf32>, %w: tensor<4x3x3x3xf32>) -> index {
  %c2 = arith.constant 2 : index
  // (d + 1 + 0 - 3) / 2 + 1
  // CHECK-DAG: %[[PADS:.*]] = arith.constant -2
  // CHECK-DAG: %[[C1:.*]] = arith.constant 1
  // CHECK-DAG: %[[C2:.*]] = arith.constant 2
  // CHECK: %[[D:.*]] = tensor.dim %[[X]], %[[C2]]
  // CHECK: %[[ROOM:.*]] = arith.addi %[[D]], %[[PADS]]
  // CHECK: %[[STEPS:.*]] = arith.floordivsi %[[ROOM]], %[[C2]]
  // CHECK: %[[RESULT:.*]] = arith.addi %[[STEPS]], %[[C1]]
  // CHECK: return %[[RESULT]]
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x?x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x?x6xf32>
  %d = tensor.dim %0, %c2 : tensor<1x4x?x6xf32>
  return %d : index
}

// -----

// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: (%[[A:.*]]: tensor<1x?xf32>, %[[B:.*]]: tensor<?x1xf32>)
func.func @elementwise(%a: tensor<1x?xf32>, %b: tensor<?x1xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0
  // CHECK-DAG: %[[C1:.*]] = arith.constant 1
  // CHECK-DAG: %[[D0:.*]] = tensor.dim %[[B]], %[[C0]]
  // CHECK-DAG: %[[D1:.*]] = tensor.dim %[[A]], %[[C1]]
  // CHECK: return %[[D0]], %[[D1]]
  %0 = tenon.add %a, %b : (tensor<1x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  %d0 = tensor.dim %0, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %0, %c1 : tensor<?x?xf32>
  return %d0, %d1 : index, index
}

// -----

// An element that was made of an index is that index.
// CHECK-LABEL: func.func @reshape
// CHECK-SAME: (%[[X:.*]]: tensor<?x12x64xf32>)
func.func @reshape(%x: tensor<?x12x64xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d = tensor.dim %x, %c0 : tensor<?x12x64xf32>
  %i = arith.index_cast %d : index to i64
  %n = arith.constant -1 : i64
  %s = tensor.from_elements %i, %n : tensor<2xi64>
  // CHECK-DAG: %[[C768:.*]] = arith.constant 768
  // CHECK-DAG: %[[D:.*]] = tensor.dim %[[X]]
  // CHECK: return %[[D]], %[[C768]]
  %0 = tenon.reshape %x, %s : (tensor<?x12x64xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %d0 = tensor.dim %0, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %0, %c1 : tensor<?x?xf32>
  return %d0, %d1 : index, index
}

// -----

// CHECK-LABEL: func.func @reshape_infer
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>)
func.func @reshape_infer(%x: tensor<?x?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %s = tenon.constant dense<[-1, 4]> : tensor<2xi64>
  // CHECK: %[[TOTAL:.*]] = arith.muli
  // CHECK: %[[ROWS:.*]] = arith.floordivsi %[[TOTAL]], %{{.*}}
  // CHECK: return %[[ROWS]]
  %0 = tenon.reshape %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %d = tensor.dim %0, %c0 : tensor<?x4xf32>
  return %d : index
}

// -----

// To the end is the dimension itself; another end is limited by it.
// CHECK-LABEL: func.func @slice
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>)
func.func @slice(%x: tensor<?x?xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s = tenon.constant dense<[0, 2]> : tensor<2xi64>
  %e = tenon.constant dense<[9223372036854775807, -1]> : tensor<2xi64>
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0
  // CHECK-DAG: %[[C1:.*]] = arith.constant 1
  // CHECK-DAG: %[[D0:.*]] = tensor.dim %[[X]], %[[C0]]
  // CHECK-DAG: %[[D1:.*]] = tensor.dim %[[X]], %[[C1]]
  // CHECK-DAG: %[[START:.*]] = arith.minsi %[[D1]], %{{.*}}
  // CHECK-DAG: %[[LAST:.*]] = arith.addi %[[D1]], %{{.*}}
  // CHECK-DAG: %[[END:.*]] = arith.maxsi %[[LAST]], %[[C0]]
  // CHECK: %[[COUNT:.*]] = arith.subi %[[END]], %[[START]]
  // CHECK: %[[SIZE:.*]] = arith.maxsi %[[COUNT]], %[[C0]]
  // CHECK: return %[[D0]], %[[SIZE]]
  %0 = tenon.slice %x, %s, %e {axes = array<i64: 0, 1>, steps = array<i64: 1, 1>} : (tensor<?x?xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x?xf32>
  %d0 = tensor.dim %0, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %0, %c1 : tensor<?x?xf32>
  return %d0, %d1 : index, index
}

// -----

// CHECK-LABEL: func.func @concat
// CHECK-SAME: (%[[A:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<3x4xf32>)
func.func @concat(%a: tensor<?x4xf32>, %b: tensor<3x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  // CHECK: %[[D:.*]] = tensor.dim %[[A]]
  // CHECK: %[[SUM:.*]] = arith.addi %[[D]], %{{.*}}
  // CHECK: return %[[SUM]]
  %0 = tenon.concat %a, %b {axis = 0 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %d = tensor.dim %0, %c0 : tensor<?x4xf32>
  return %d : index
}

// -----

// Data decide: the dimension is read from the tensor.
// CHECK-LABEL: func.func @expand
// CHECK-SAME: (%[[X:.*]]: tensor<1x4xf32>, %[[S:.*]]: tensor<2xi64>)
func.func @expand(%x: tensor<1x4xf32>, %s: tensor<2xi64>) -> index {
  %c0 = arith.constant 0 : index
  // CHECK: %[[E:.*]] = tensor.extract %[[S]]
  // CHECK: %[[D:.*]] = arith.index_cast %[[E]] : i64 to index
  // CHECK: return %[[D]]
  %0 = tenon.expand %x, %s : (tensor<1x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %d = tensor.dim %0, %c0 : tensor<?x4xf32>
  return %d : index
}

// -----

// CHECK-LABEL: func.func @range
// CHECK-SAME: (%[[N:.*]]: tensor<i64>)
func.func @range(%n: tensor<i64>) -> index {
  %c0 = arith.constant 0 : index
  %zero = tenon.constant dense<0> : tensor<i64>
  %one = tenon.constant dense<1> : tensor<i64>
  // CHECK: %[[E:.*]] = tensor.extract %[[N]][]
  // CHECK: %[[LIMIT:.*]] = arith.index_cast %[[E]]
  // CHECK: %[[COUNT:.*]] = arith.maxsi %[[LIMIT]], %{{.*}}
  // CHECK: return %[[COUNT]]
  %0 = tenon.range %zero, %n, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %d = tensor.dim %0, %c0 : tensor<?xi64>
  return %d : index
}

// -----

// CHECK-LABEL: func.func @kernel
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[D:.*]]: index)
func.func @kernel(%x: tensor<?x4xf32>, %n: index) -> index {
  %c0 = arith.constant 0 : index
  // CHECK: return %[[D]]
  %0 = tenon.kernel (%a = %x) dims(%n) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    tenon.yield %a : tensor<?x4xf32>
  }
  %d = tensor.dim %0, %c0 : tensor<?x4xf32>
  return %d : index
}

// -----

// Only a run can tell how many floats there are: nothing is reified.
// CHECK-LABEL: func.func @range_float
func.func @range_float(%n: tensor<f32>) -> index {
  %c0 = arith.constant 0 : index
  // CHECK: %[[R:.*]] = tenon.range
  // CHECK: tensor.dim %[[R]]
  %0 = tenon.range %n, %n, %n : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
  %d = tensor.dim %0, %c0 : tensor<?xf32>
  return %d : index
}
