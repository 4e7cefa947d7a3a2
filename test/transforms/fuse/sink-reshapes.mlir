// RUN: tenon-opt %s --tenon-sink-reshapes --split-input-file | FileCheck %s

// Bias and residual go along, the residual under the shape of the product.
// CHECK-LABEL: func.func @tail(
// CHECK-SAME: %[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<8x16xf32>, %[[C:.*]]: tensor<1x1x16xf32>, %[[R:.*]]: tensor<4x?x16xf32>
// CHECK-DAG: %[[M:.*]] = tenon.matmul %[[A]], %[[B]]
// CHECK-DAG: %[[C2:.*]] = tenon.reshape %[[C]], %{{.*}} -> tensor<1x16xf32>
// CHECK-DAG: %[[R2:.*]] = tenon.reshape %[[R]], %{{.*}} -> tensor<?x16xf32>
// CHECK-DAG: %[[BIAS:.*]] = tenon.add %[[M]], %[[C2]]
// CHECK-DAG: %[[SUM:.*]] = tenon.add %[[BIAS]], %[[R2]]
// CHECK-DAG: %[[GELU:.*]] = tenon.gelu %[[SUM]]
// CHECK: %[[Y:.*]] = tenon.reshape %[[GELU]], %{{.*}} -> tensor<4x?x16xf32>
// CHECK: return %[[Y]]
func.func @tail(%a: tensor<?x8xf32>, %b: tensor<8x16xf32>, %c: tensor<1x1x16xf32>, %r: tensor<4x?x16xf32>) -> tensor<4x?x16xf32> {
  %s = tenon.constant dense<[4, -1, 16]> : tensor<3xi64>
  %0 = tenon.matmul %a, %b : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
  %1 = tenon.reshape %0, %s : (tensor<?x16xf32>, tensor<3xi64>) -> tensor<4x?x16xf32>
  %2 = tenon.add %1, %c : (tensor<4x?x16xf32>, tensor<1x1x16xf32>) -> tensor<4x?x16xf32>
  %3 = tenon.add %2, %r : (tensor<4x?x16xf32>, tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
  %4 = tenon.gelu %3 : (tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
  return %4 : tensor<4x?x16xf32>
}

// -----

// Two readers, and a factor for each row: nothing to gain, or no way.
// CHECK-LABEL: func.func @stays(
// CHECK: %[[R0:.*]] = tenon.reshape
// CHECK: tenon.relu %[[R0]]
// CHECK: tenon.tanh %[[R0]]
// CHECK: %[[R1:.*]] = tenon.reshape
// CHECK: tenon.mul %[[R1]]
func.func @stays(%a: tensor<32x8xf32>, %b: tensor<8x16xf32>, %rows: tensor<4x8x1xf32>) -> (tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x8x16xf32>) {
  %s = tenon.constant dense<[4, 8, 16]> : tensor<3xi64>
  %0 = tenon.matmul %a, %b : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
  %1 = tenon.reshape %0, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
  %2 = tenon.relu %1 : (tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  %3 = tenon.tanh %1 : (tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  %4 = tenon.matmul %a, %b : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
  %5 = tenon.reshape %4, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
  %6 = tenon.mul %5, %rows : (tensor<4x8x16xf32>, tensor<4x8x1xf32>) -> tensor<4x8x16xf32>
  return %2, %3, %6 : tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x8x16xf32>
}

// -----

// Both sides have a producer: the operation joins the anchor, or the first, and
// the other's reshape does not sink in turn.
// CHECK-LABEL: func.func @chooses(
// CHECK-DAG: %[[EXP:.*]] = tenon.exp
// CHECK-DAG: %[[M:.*]] = tenon.matmul
// CHECK-DAG: %[[E:.*]] = tenon.reshape %[[EXP]]
// CHECK: tenon.mul %[[E]], %[[M]] : (tensor<32x16xf32>
// CHECK-DAG: %[[FIRST:.*]] = tenon.sin
// CHECK-DAG: %[[SECOND:.*]] = tenon.cos
// CHECK-DAG: %[[RESHAPED:.*]] = tenon.reshape %[[SECOND]]
// CHECK: tenon.mul %[[FIRST]], %[[RESHAPED]] : (tensor<4x8x16xf32>
func.func @chooses(%a: tensor<32x8xf32>, %b: tensor<8x16xf32>, %c: tensor<4x8x16xf32>, %d: tensor<32x16xf32>) -> (tensor<4x8x16xf32>, tensor<4x8x16xf32>) {
  %s = tenon.constant dense<[4, 8, 16]> : tensor<3xi64>
  %0 = tenon.exp %c : (tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  %1 = tenon.matmul %a, %b : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
  %2 = tenon.reshape %1, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
  %3 = tenon.mul %0, %2 : (tensor<4x8x16xf32>, tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  %4 = tenon.sin %c : (tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  %5 = tenon.cos %d : (tensor<32x16xf32>) -> tensor<32x16xf32>
  %6 = tenon.reshape %5, %s : (tensor<32x16xf32>, tensor<3xi64>) -> tensor<4x8x16xf32>
  %7 = tenon.mul %4, %6 : (tensor<4x8x16xf32>, tensor<4x8x16xf32>) -> tensor<4x8x16xf32>
  return %3, %7 : tensor<4x8x16xf32>, tensor<4x8x16xf32>
}

// -----

// A part of the columns becomes heads: they are taken as heads.
// CHECK-LABEL: func.func @heads(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x24xf32>
// CHECK: %[[SHAPE:.*]] = tensor.from_elements %{{.*}}, %{{.*}}, %c6{{.*}}, %c4{{.*}} : tensor<4xi64>
// CHECK: %[[WHOLE:.*]] = tenon.reshape %[[X]], %[[SHAPE]] : (tensor<?x?x24xf32>, tensor<4xi64>) -> tensor<?x?x6x4xf32>
// CHECK: %[[PART:.*]] = tenon.slice %[[WHOLE]], %[[BEGIN:.*]], %[[END:.*]] {axes = array<i64: 2>, steps = array<i64: 1>} : {{.*}} -> tensor<?x?x2x4xf32>
// CHECK: tenon.transpose %[[PART]]
func.func @heads(%x: tensor<?x?x24xf32>, %b: i64, %s: i64) -> tensor<?x2x?x4xf32> {
  %c2 = arith.constant 2 : i64
  %c4 = arith.constant 4 : i64
  %starts = tenon.constant dense<-16> : tensor<1xi64>
  %ends = tenon.constant dense<16> : tensor<1xi64>
  %shape = tensor.from_elements %b, %s, %c2, %c4 : tensor<4xi64>
  %0 = tenon.slice %x, %starts, %ends {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x24xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x8xf32>
  %1 = tenon.reshape %0, %shape : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x4xf32>) -> tensor<?x2x?x4xf32>
  return %2 : tensor<?x2x?x4xf32>
}

// -----

// The same where columns have several dimensions.
// CHECK-LABEL: func.func @several(
// CHECK: %[[WHOLE:.*]] = tenon.reshape %{{.*}} : (tensor<?x3x2x4xf32>, tensor<3xi64>) -> tensor<?x6x4xf32>
// CHECK: %[[PART:.*]] = tenon.slice %[[WHOLE]], %[[BEGIN:.*]], %[[END:.*]] {axes = array<i64: 1>, steps = array<i64: 1>} : {{.*}} -> tensor<?x2x4xf32>
// CHECK: tenon.transpose %[[PART]]
func.func @several(%x: tensor<?x3x2x4xf32>) -> tensor<2x?x4xf32> {
  %starts = tenon.constant dense<2> : tensor<1xi64>
  %ends = tenon.constant dense<3> : tensor<1xi64>
  %shape = tenon.constant dense<[-1, 2, 4]> : tensor<3xi64>
  %0 = tenon.slice %x, %starts, %ends {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x3x2x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x1x2x4xf32>
  %1 = tenon.reshape %0, %shape : (tensor<?x1x2x4xf32>, tensor<3xi64>) -> tensor<?x2x4xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<?x2x4xf32>) -> tensor<2x?x4xf32>
  return %2 : tensor<2x?x4xf32>
}

// -----

// Columns that begin within a head, and what is not divided by heads.
// CHECK-LABEL: func.func @parts(
// CHECK: %[[A:.*]] = tenon.slice
// CHECK: tenon.reshape %[[A]]
// CHECK: %[[B:.*]] = tenon.slice
// CHECK: tenon.reshape %[[B]]
// CHECK-NOT: tenon.slice
func.func @parts(%x: tensor<3x24xf32>, %y: tensor<8x9xf32>) -> (tensor<2x3x4xf32>, tensor<9x3x2xf32>) {
  %c2 = tenon.constant dense<2> : tensor<1xi64>
  %c10 = tenon.constant dense<10> : tensor<1xi64>
  %shape = tenon.constant dense<[3, 2, 4]> : tensor<3xi64>
  %0 = tenon.slice %x, %c2, %c10 {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<3x24xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x8xf32>
  %1 = tenon.reshape %0, %shape : (tensor<3x8xf32>, tensor<3xi64>) -> tensor<3x2x4xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x4xf32>) -> tensor<2x3x4xf32>
  %pairs = tenon.constant dense<[3, 9, 2]> : tensor<3xi64>
  %3 = tenon.slice %y, %c2, %c10 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<8x9xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<6x9xf32>
  %4 = tenon.reshape %3, %pairs : (tensor<6x9xf32>, tensor<3xi64>) -> tensor<3x9x2xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x9x2xf32>) -> tensor<9x3x2xf32>
  return %2, %5 : tensor<2x3x4xf32>, tensor<9x3x2xf32>
}
