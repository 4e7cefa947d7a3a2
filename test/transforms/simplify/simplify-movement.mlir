// RUN: tenon-opt %s --tenon-simplify-movement | FileCheck %s

// CHECK-LABEL: func.func @cancel(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x?xf32>
// CHECK-NEXT: return %[[X]]
func.func @cancel(%x: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %1 : tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @compose(
// CHECK-NEXT: %[[Y:.*]] = tenon.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return %[[Y]]
func.func @compose(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @unit_dims(
// CHECK: tenon.reshape %{{.*}} -> tensor<?x1x4xf32>
// CHECK: tenon.transpose
func.func @unit_dims(%x: tensor<1x?x4xf32>, %y: tensor<1x5x4xf32>) -> (tensor<?x1x4xf32>, tensor<1x4x5xf32>) {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<1x?x4xf32>) -> tensor<?x1x4xf32>
  %1 = tenon.transpose %y {permutation = array<i64: 0, 2, 1>} : (tensor<1x5x4xf32>) -> tensor<1x4x5xf32>
  return %0, %1 : tensor<?x1x4xf32>, tensor<1x4x5xf32>
}

// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[A:.*]]: tensor<2x4x8xf32>, %[[B:.*]]: tensor<2x16x8xf32>
// CHECK-NEXT: tenon.matmul %[[A]], %[[B]] {transpose_b}
func.func @product(%a: tensor<2x4x8xf32>, %b: tensor<2x16x8xf32>) -> tensor<2x4x16xf32> {
  %0 = tenon.transpose %b {permutation = array<i64: 0, 2, 1>} : (tensor<2x16x8xf32>) -> tensor<2x8x16xf32>
  %1 = tenon.matmul %a, %0 : (tensor<2x4x8xf32>, tensor<2x8x16xf32>) -> tensor<2x4x16xf32>
  return %1 : tensor<2x4x16xf32>
}

// Not a transpose of the last two dimensions.
// CHECK-LABEL: func.func @other_dims(
// CHECK: tenon.transpose
// CHECK: tenon.matmul %{{.*}}, %{{.*}} :
func.func @other_dims(%a: tensor<2x4x8xf32>, %b: tensor<8x2x16xf32>) -> tensor<2x4x16xf32> {
  %0 = tenon.transpose %b {permutation = array<i64: 1, 0, 2>} : (tensor<8x2x16xf32>) -> tensor<2x8x16xf32>
  %1 = tenon.matmul %a, %0 : (tensor<2x4x8xf32>, tensor<2x8x16xf32>) -> tensor<2x4x16xf32>
  return %1 : tensor<2x4x16xf32>
}

// CHECK-LABEL: func.func @reshapes(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @reshapes(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %flat = tenon.constant dense<-1> : tensor<1xi64>
  %rows = tenon.constant dense<[-1, 4]> : tensor<2xi64>
  %0 = tenon.reshape %x, %flat : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  %1 = tenon.reshape %0, %rows : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// Equal dimensions are seen by what they are, and others are not taken for
// equal.
// CHECK-LABEL: func.func @dynamic_reshapes(
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>
// CHECK: %[[KEPT:.*]] = tenon.reshape
// CHECK: return %[[X]], %[[KEPT]]
func.func @dynamic_reshapes(%x: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %x, %c1 : tensor<?x?xf32>
  %i0 = arith.index_cast %d0 : index to i64
  %i1 = arith.index_cast %d1 : index to i64
  %s = tensor.from_elements %i0, %i1 : tensor<2xi64>
  %t = tensor.from_elements %i1, %i0 : tensor<2xi64>
  %0 = tenon.reshape %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %1 = tenon.reshape %x, %t : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: func.func @pad(
// CHECK-SAME: %[[X:.*]]: tensor<1x3x8x8xf32>
// CHECK: tenon.conv %[[X]], %{{.*}} pads = array<i64: 1, 2, 3, 4>
func.func @pad(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<1x4x10x12xf32> {
  %pads = tenon.constant dense<[0, 0, 0, 1, 0, 0, 2, 3]> : tensor<8xi64>
  %0 = tenon.pad %x, %pads : (tensor<1x3x8x8xf32>, tensor<8xi64>) -> tensor<1x3x10x12xf32>
  %1 = tenon.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x3x10x12xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x10x12xf32>
  return %1 : tensor<1x4x10x12xf32>
}

// Reflections, other values and other dimensions are no padding of a conv.
// CHECK-LABEL: func.func @other_pads(
// CHECK-COUNT-2: tenon.pad
func.func @other_pads(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) {
  %pads = tenon.constant dense<[0, 0, 1, 1, 0, 0, 1, 1]> : tensor<8xi64>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %0 = tenon.pad %x, %pads {mode = #tenon.pad_mode<reflect>} : (tensor<1x3x8x8xf32>, tensor<8xi64>) -> tensor<1x3x10x10xf32>
  %1 = tenon.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x10x10xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  %2 = tenon.pad %x, %pads, %one : (tensor<1x3x8x8xf32>, tensor<8xi64>, tensor<f32>) -> tensor<1x3x10x10xf32>
  %3 = tenon.conv %2, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x10x10xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %1, %3 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>
}

// CHECK-LABEL: func.func @expand(
// CHECK-SAME: %[[X:.*]]: tensor<1x4xf32>, %[[Y:.*]]: tensor<3x4xf32>
// CHECK: %[[WIDE:.*]] = tenon.expand
// CHECK: tenon.add %[[X]], %[[Y]]
// CHECK: tenon.relu %[[WIDE]]
func.func @expand(%x: tensor<1x4xf32>, %y: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %s = tenon.constant dense<[3, 4]> : tensor<2xi64>
  %0 = tenon.expand %x, %s : (tensor<1x4xf32>, tensor<2xi64>) -> tensor<3x4xf32>
  %1 = tenon.add %0, %y : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = tenon.relu %0 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %1, %2 : tensor<3x4xf32>, tensor<3x4xf32>
}

// A window of a pool has to reach into the input: more padding stays a pad.
// CHECK-LABEL: func.func @wide_pad(
// CHECK: tenon.pad
// CHECK: tenon.average_pool
func.func @wide_pad(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x7x7xf32> {
  %p = tenon.constant dense<[0, 0, 2, 2, 0, 0, 2, 2]> : tensor<8xi64>
  %0 = tenon.pad %x, %p : (tensor<1x1x4x4xf32>, tensor<8xi64>) -> tensor<1x1x8x8xf32>
  %1 = tenon.average_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, count_include_pad} : (tensor<1x1x8x8xf32>) -> tensor<1x1x7x7xf32>
  return %1 : tensor<1x1x7x7xf32>
}
