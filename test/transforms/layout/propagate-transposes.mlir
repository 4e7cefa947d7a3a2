// RUN: tenon-opt %s --tenon-propagate-transposes --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @cancel(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NOT: tenon.transpose
// CHECK: %[[Y:.*]] = tenon.relu %[[X]]
// CHECK: return %[[Y]]
func.func @cancel(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = tenon.relu %0 : (tensor<4x2x3xf32>) -> tensor<4x2x3xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  return %2 : tensor<2x3x4xf32>
}

// -----

// A residual: both operands are transposed alike, a constant and a scalar go along.
// CHECK-LABEL: func.func @residual(
// CHECK-SAME: %[[A:.*]]: tensor<1x2x2x3xf32>, %[[B:.*]]: tensor<1x2x2x3xf32>, %[[S:.*]]: tensor<f32>
// CHECK-DAG: %[[C:.*]] = tenon.constant dense<{{.*}}1.000000e+00, 2.000000e+00, 3.000000e+00{{.*}}> : tensor<1x1x1x3xf32>
// CHECK: %[[SUM:.*]] = tenon.add %[[A]], %[[B]]
// CHECK: %[[SCALED:.*]] = tenon.mul %[[SUM]], %[[C]]
// CHECK: %[[MAX:.*]] = tenon.max %[[SCALED]], %[[S]]
// CHECK: %[[Y:.*]] = tenon.transpose %[[MAX]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK-NOT: tenon.transpose
// CHECK: return %[[Y]]
func.func @residual(%a: tensor<1x2x2x3xf32>, %b: tensor<1x2x2x3xf32>, %s: tensor<f32>) -> tensor<1x3x2x2xf32> {
  %c = tenon.constant dense<[[[[1.0]], [[2.0]], [[3.0]]]]> : tensor<1x3x1x1xf32>
  %0 = tenon.transpose %a {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x3xf32>) -> tensor<1x3x2x2xf32>
  %1 = tenon.transpose %b {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x3xf32>) -> tensor<1x3x2x2xf32>
  %2 = tenon.add %0, %1 : (tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  %3 = tenon.mul %2, %c : (tensor<1x3x2x2xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x2x2xf32>
  %4 = tenon.max %3, %s : (tensor<1x3x2x2xf32>, tensor<f32>) -> tensor<1x3x2x2xf32>
  return %4 : tensor<1x3x2x2xf32>
}

// -----

// One of two operands is transposed: sinking would only make more of them.
// CHECK-LABEL: func.func @one_of_two(
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<3x2xf32>
// CHECK: %[[T:.*]] = tenon.transpose %[[A]]
// CHECK: %[[Y:.*]] = tenon.add %[[T]], %[[B]]
// CHECK: return %[[Y]]
func.func @one_of_two(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %0 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = tenon.add %0, %b : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// -----

// Two of three: one transpose less.
// CHECK-LABEL: func.func @two_of_three(
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x3xf32>, %[[C:.*]]: tensor<3x2xf32>
// CHECK: %[[CT:.*]] = tenon.transpose %[[C]]
// CHECK: %[[CAT:.*]] = tenon.concat %[[A]], %[[B]], %[[CT]] {axis = 0 : i64}
// CHECK: tenon.transpose %[[CAT]]
func.func @two_of_three(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>, %c: tensor<3x2xf32>) -> tensor<3x6xf32> {
  %0 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = tenon.transpose %b {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = tenon.concat %0, %1, %c {axis = 1 : i64} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x6xf32>
  return %2 : tensor<3x6xf32>
}

// -----

// Squeeze and excitation: the factor moves no element when it is transposed.
// CHECK-LABEL: func.func @squeeze_excite(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x?x8xf32>
// CHECK: %[[MEAN:.*]] = tenon.reduce %[[X]] {axes = array<i64: 1, 2>
// CHECK: %[[S:.*]] = tenon.sigmoid %[[MEAN]]
// CHECK: %[[MUL:.*]] = tenon.mul %[[X]], %[[S]]
// CHECK: tenon.transpose %[[MUL]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: return
func.func @squeeze_excite(%x: tensor<?x?x?x8xf32>) -> tensor<?x8x?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x?x?x8xf32>) -> tensor<?x8x?x?xf32>
  %1 = tenon.reduce %0 {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2, 3>} : (tensor<?x8x?x?xf32>) -> tensor<?x8x1x1xf32>
  %2 = tenon.sigmoid %1 : (tensor<?x8x1x1xf32>) -> tensor<?x8x1x1xf32>
  %3 = tenon.mul %0, %2 : (tensor<?x8x?x?xf32>, tensor<?x8x1x1xf32>) -> tensor<?x8x?x?xf32>
  return %3 : tensor<?x8x?x?xf32>
}

// -----

// A reshape that regroups: [N, C, H, W] to [N, C, H*W] by symbols.
// CHECK-LABEL: func.func @regroup(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x?x8xf32>
// CHECK: %[[R:.*]] = tenon.reshape %[[X]], {{.*}} -> tensor<?x?x8xf32>
// CHECK-NOT: tenon.transpose
// CHECK: return %[[R]]
func.func @regroup(%x: tensor<?x?x?x8xf32> {tenon.dims = ["n", "h", "w", ""]}) -> tensor<?x?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : i64
  %n = tensor.dim %x, %c0 : tensor<?x?x?x8xf32>
  %h = tensor.dim %x, %c1 : tensor<?x?x?x8xf32>
  %w = tensor.dim %x, %c2 : tensor<?x?x?x8xf32>
  %hw = arith.muli %h, %w : index
  %n64 = arith.index_cast %n : index to i64
  %hw64 = arith.index_cast %hw : index to i64
  %s = tensor.from_elements %n64, %c8, %hw64 : tensor<3xi64>
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x?x?x8xf32>) -> tensor<?x8x?x?xf32>
  %1 = tenon.reshape %0, %s : (tensor<?x8x?x?xf32>, tensor<3xi64>) -> tensor<?x8x?xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1>} : (tensor<?x8x?xf32>) -> tensor<?x?x8xf32>
  return %2 : tensor<?x?x8xf32>
}

// -----

// The same with -1 and known numbers.
// CHECK-LABEL: func.func @regroup_inferred(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x?x8xf32>
// CHECK: %[[R:.*]] = tenon.reshape %[[X]], {{.*}} -> tensor<1x?x8xf32>
// CHECK-NOT: tenon.transpose
// CHECK: return %[[R]]
func.func @regroup_inferred(%x: tensor<1x4x?x8xf32>) -> tensor<1x?x8xf32> {
  %s = tenon.constant dense<[1, 8, -1]> : tensor<3xi64>
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x?x8xf32>) -> tensor<1x8x4x?xf32>
  %1 = tenon.reshape %0, %s : (tensor<1x8x4x?xf32>, tensor<3xi64>) -> tensor<1x8x?xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1>} : (tensor<1x8x?xf32>) -> tensor<1x?x8xf32>
  return %2 : tensor<1x?x8xf32>
}

// -----

// Flattening channels-first order is data movement.
// CHECK-LABEL: func.func @flatten(
// CHECK: %[[T:.*]] = tenon.transpose
// CHECK: tenon.reshape %[[T]]
func.func @flatten(%x: tensor<2x4x4x8xf32>) -> tensor<2x128xf32> {
  %s = tenon.constant dense<[2, 128]> : tensor<2xi64>
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<2x4x4x8xf32>) -> tensor<2x8x4x4xf32>
  %1 = tenon.reshape %0, %s : (tensor<2x8x4x4xf32>, tensor<2xi64>) -> tensor<2x128xf32>
  return %1 : tensor<2x128xf32>
}

// -----

// What is known of two unnamed dimensions is not enough here: the product of
// both may have been split in another way.
// CHECK-LABEL: func.func @unknown_groups(
// CHECK: %[[T:.*]] = tenon.transpose
// CHECK: tenon.reshape %[[T]]
func.func @unknown_groups(%x: tensor<?x?x8xf32>, %s: tensor<3xi64>, %a: i64, %b: i64) -> tensor<?x8x?xf32> {
  %c8 = arith.constant 8 : i64
  %shape = tensor.from_elements %a, %c8, %b : tensor<3xi64>
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<?x8x?xf32>
  %1 = tenon.reshape %0, %shape : (tensor<?x8x?xf32>, tensor<3xi64>) -> tensor<?x8x?xf32>
  return %1 : tensor<?x8x?xf32>
}

// -----

// CHECK-LABEL: func.func @matmul_flag(
// CHECK-SAME: %[[A:.*]]: tensor<1x8x16x32xf32>, %[[B:.*]]: tensor<1x16x8x32xf32>
// CHECK: %[[BT:.*]] = tenon.transpose %[[B]] {permutation = array<i64: 0, 2, 1, 3>}
// CHECK: tenon.matmul %[[A]], %[[BT]] {transpose_b}
func.func @matmul_flag(%a: tensor<1x8x16x32xf32>, %b: tensor<1x16x8x32xf32>) -> tensor<1x8x16x16xf32> {
  %0 = tenon.transpose %b {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x16x8x32xf32>) -> tensor<1x8x32x16xf32>
  %1 = tenon.matmul %a, %0 : (tensor<1x8x16x32xf32>, tensor<1x8x32x16xf32>) -> tensor<1x8x16x16xf32>
  return %1 : tensor<1x8x16x16xf32>
}

// -----

// Heads to the middle moves rows; no flag says that.
// CHECK-LABEL: func.func @heads(
// CHECK: %[[T:.*]] = tenon.transpose {{.*}} {permutation = array<i64: 0, 2, 1, 3>}
// CHECK: tenon.matmul %[[T]], {{[^{]*}} :
func.func @heads(%a: tensor<1x16x8x32xf32>, %b: tensor<32x4xf32>) -> tensor<1x8x16x4xf32> {
  %0 = tenon.transpose %a {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x16x8x32xf32>) -> tensor<1x8x16x32xf32>
  %1 = tenon.matmul %0, %b : (tensor<1x8x16x32xf32>, tensor<32x4xf32>) -> tensor<1x8x16x4xf32>
  return %1 : tensor<1x8x16x4xf32>
}

// -----

// CHECK-LABEL: func.func @shapes(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-DAG: %[[PADS:.*]] = tenon.constant dense<[2, 1, 4, 3]>
// CHECK: %[[PAD:.*]] = tenon.pad %[[X]], %[[PADS]]
// CHECK: %[[SLICE:.*]] = tenon.slice %[[PAD]], {{.*}} {axes = array<i64: 0>
// CHECK: %[[E:.*]] = tenon.expand %[[SLICE]], %{{.*}} -> tensor<8x7xf32>
// CHECK: tenon.transpose %[[E]]
func.func @shapes(%x: tensor<2x3xf32>) -> tensor<7x8xf32> {
  %pads = tenon.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %start = tenon.constant dense<[1]> : tensor<1xi64>
  %end = tenon.constant dense<[2]> : tensor<1xi64>
  %shape = tenon.constant dense<[7, 8]> : tensor<2xi64>
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = tenon.pad %0, %pads : (tensor<3x2xf32>, tensor<4xi64>) -> tensor<7x8xf32>
  %2 = tenon.slice %1, %start, %end {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<7x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<7x1xf32>
  %3 = tenon.expand %2, %shape : (tensor<7x1xf32>, tensor<2xi64>) -> tensor<7x8xf32>
  return %3 : tensor<7x8xf32>
}

// -----

// A softmax along the last dimension stays along the last dimension.
// CHECK-LABEL: func.func @softmax(
// CHECK: %[[T:.*]] = tenon.transpose
// CHECK: tenon.softmax %[[T]] {axis = 1 : i64}
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = tenon.softmax %0 {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// -----

// Where no element moves, nothing is gained: the operands would hand the
// transpose to each other for ever.
// CHECK-LABEL: func.func @unit_dims(
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[Y:[^:]*]]: tensor<17x1x5xf32>
// CHECK: %[[T:.*]] = tenon.transpose %[[X]]
// CHECK: %[[SUM:.*]] = tenon.add %[[T]], %[[Y]]
// CHECK: return %[[SUM]], %[[T]]
func.func @unit_dims(%x: tensor<17x5x1xf32>, %y: tensor<17x1x5xf32>) -> (tensor<17x1x5xf32>, tensor<17x1x5xf32>) {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<17x5x1xf32>) -> tensor<17x1x5xf32>
  %1 = tenon.add %0, %y : (tensor<17x1x5xf32>, tensor<17x1x5xf32>) -> tensor<17x1x5xf32>
  return %1, %0 : tensor<17x1x5xf32>, tensor<17x1x5xf32>
}

// -----

// So with those of a concat, whose result has elements to move.
// CHECK-LABEL: func.func @unit_parts(
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[Y:[^:]*]]: tensor<7x4x1xf32>
// CHECK: %[[T:.*]] = tenon.transpose %[[X]]
// CHECK: tenon.concat %[[Y]], %[[T]], %[[Y]]
func.func @unit_parts(%x: tensor<7x1x4xf32>, %y: tensor<7x4x1xf32>) -> (tensor<7x4x3xf32>, tensor<7x4x1xf32>) {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<7x1x4xf32>) -> tensor<7x4x1xf32>
  %1 = tenon.concat %y, %0, %y {axis = 2 : i64} : (tensor<7x4x1xf32>, tensor<7x4x1xf32>, tensor<7x4x1xf32>) -> tensor<7x4x3xf32>
  return %1, %0 : tensor<7x4x3xf32>, tensor<7x4x1xf32>
}

// -----

// An operand that is repeated along the dimension that moves is free.
// CHECK-LABEL: func.func @repeated(
// CHECK: tenon.add
// CHECK: tenon.transpose
// CHECK-NEXT: return
func.func @repeated(%x: tensor<17x5x3xf32>, %y: tensor<17x1x5xf32>) -> tensor<17x3x5xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<17x5x3xf32>) -> tensor<17x3x5xf32>
  %1 = tenon.add %0, %y : (tensor<17x3x5xf32>, tensor<17x1x5xf32>) -> tensor<17x3x5xf32>
  return %1 : tensor<17x3x5xf32>
}

// -----

// The bytes of a resource are moved now; a matmul takes the constant as it is.
// CHECK-LABEL: func.func @constants(
// CHECK-DAG: %[[SMALL:.*]] = tenon.constant dense<{{\[}}[1, 3], [2, 4]]> : tensor<2x2xi32>
// CHECK-DAG: %[[W:.*]] = tenon.constant dense_resource<w> : tensor<2x2xf32>
// CHECK: tenon.add %{{.*}}, %[[SMALL]]
// CHECK: tenon.matmul %{{.*}}, %[[W]] {transpose_b}
func.func @constants(%x: tensor<2x2xi32>, %y: tensor<2x2xf32>) -> (tensor<2x2xi32>, tensor<2x2xf32>) {
  %c = tenon.constant dense_resource<c> : tensor<2x2xi32>
  %w = tenon.constant dense_resource<w> : tensor<2x2xf32>
  %0 = tenon.transpose %c {permutation = array<i64: 1, 0>} : (tensor<2x2xi32>) -> tensor<2x2xi32>
  %1 = tenon.add %x, %0 : (tensor<2x2xi32>, tensor<2x2xi32>) -> tensor<2x2xi32>
  %2 = tenon.transpose %w {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = tenon.matmul %y, %2 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1, %3 : tensor<2x2xi32>, tensor<2x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      c: "0x0400000001000000020000000300000004000000",
      w: "0x0400000000000000000000000000000000000000"
    }
  }
#-}

// -----

// A constant beside a transpose that moves no element is transposed once, and
// does not hand its transpose back.

// CHECK-LABEL: func.func @concat_of_constant(
// CHECK-SAME: %[[X:.*]]: tensor<9x1x3xf32>
// CHECK: %[[K:.*]] = tenon.constant
// CHECK-NOT: tenon.transpose
// CHECK: %[[CAT:.*]] = tenon.concat %[[X]], %[[K]] {axis = 1 : i64}
// CHECK: tenon.transpose %[[CAT]]
func.func @concat_of_constant(%x: tensor<9x1x3xf32>) -> tensor<9x3x4xf32> {
  %k = tenon.constant dense<1.5> : tensor<9x3x3xf32>
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<9x1x3xf32>) -> tensor<9x3x1xf32>
  %1 = tenon.concat %0, %k {axis = 2 : i64} : (tensor<9x3x1xf32>, tensor<9x3x3xf32>) -> tensor<9x3x4xf32>
  return %1 : tensor<9x3x4xf32>
}

// -----

// Two transposes that move nothing don't pay for one that may, which would be
// handed back to them.
// CHECK-LABEL: func.func @two_of_one_channel(
// CHECK-SAME: %{{.*}}: tensor<?x5x7x1xf32>, %[[Y:[^:]*]]: tensor
// CHECK: %[[CAT:.*]] = tenon.concat %{{.*}}, %{{.*}}, %[[Y]] {axis = 0 : i64}
// CHECK-NEXT: return %[[CAT]]
func.func @two_of_one_channel(%x: tensor<?x5x7x1xf32>, %y: tensor<?x?x?x7xf32>) -> tensor<?x1x5x7xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x7x1xf32>) -> tensor<?x1x5x7xf32>
  %1 = tenon.neg %x : (tensor<?x5x7x1xf32>) -> tensor<?x5x7x1xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x7x1xf32>) -> tensor<?x1x5x7xf32>
  %3 = tenon.concat %0, %2, %y {axis = 0 : i64} : (tensor<?x1x5x7xf32>, tensor<?x1x5x7xf32>, tensor<?x?x?x7xf32>) -> tensor<?x1x5x7xf32>
  return %3 : tensor<?x1x5x7xf32>
}
