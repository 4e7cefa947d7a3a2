// RUN: tenon-opt %s --tenon-fuse-pointwise-groups --split-input-file | FileCheck %s

// A diamond is one kernel: both readers of the sum are in it.
// CHECK-LABEL: func.func @diamond(
// CHECK: %[[K:.*]] = tenon.kernel
// CHECK-COUNT-4: tenon.{{add|sigmoid|tanh|mul}}
// CHECK: tenon.yield
// CHECK: return %[[K]]
func.func @diamond(%x: tensor<4x8xf32>, %y: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %0 = tenon.add %x, %y : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %1 = tenon.sigmoid %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = tenon.tanh %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = tenon.mul %1, %2 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

// Movement goes into the reader: an embedding with its position, and a slice
// whose bounds are scalars of the kernel.
// CHECK-LABEL: func.func @movement(
// CHECK-SAME: %[[T:.*]]: tensor<99x8xf32>, %[[I:.*]]: tensor<1x?xi64>, %[[P:.*]]: tensor<1x64x8xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[I]], %c1
// CHECK: tenon.kernel (%{{.*}} = %[[T]], %[[AI:.*]] = %[[I]], %[[AP:.*]] = %[[P]]) scalars(%[[S:.*]] = %[[N]]) dims(%{{.*}})
// CHECK: %[[S64:.*]] = arith.index_cast %[[S]] : index to i64
// CHECK: %[[END:.*]] = tensor.from_elements %[[S64]]
// CHECK: tenon.gather
// CHECK: tenon.slice %[[AP]], %{{.*}}, %[[END]]
// CHECK: tenon.add
func.func @movement(%table: tensor<99x8xf32>, %i: tensor<1x?xi64>, %p: tensor<1x64x8xf32>) -> tensor<1x?x8xf32> {
  %c1 = arith.constant 1 : index
  %n = tensor.dim %i, %c1 : tensor<1x?xi64>
  %n64 = arith.index_cast %n : index to i64
  %start = tenon.constant dense<0> : tensor<1xi64>
  %end = tensor.from_elements %n64 : tensor<1xi64>
  %0 = tenon.gather %table, %i {axis = 0 : i64} : (tensor<99x8xf32>, tensor<1x?xi64>) -> tensor<1x?x8xf32>
  %1 = tenon.slice %p, %start, %end {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<1x64x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x?x8xf32>
  %2 = tenon.add %0, %1 : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  return %2 : tensor<1x?x8xf32>
}

// -----

// What is broadcast would be computed many times; a transpose of the last
// dimension is a kernel of its own kind.
// CHECK-LABEL: func.func @separate(
// CHECK: %[[EXP:.*]] = tenon.kernel
// CHECK-NEXT: tenon.exp
// CHECK-NEXT: tenon.yield
// CHECK: %[[T:.*]] = tenon.transpose
// CHECK: tenon.kernel (%{{.*}} = %[[T]], %{{.*}} = %[[EXP]])
// CHECK-NEXT: tenon.mul
func.func @separate(%x: tensor<8x4xf32>, %y: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %0 = tenon.exp %y : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %1 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %2 = tenon.mul %1, %0 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// Each reader of what is narrow widens it itself: no kernel does only that.
// CHECK-LABEL: func.func @widen(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xbf16>
// CHECK-NEXT: tenon.kernel (%{{.*}} = %[[X]])
// CHECK-NEXT: tenon.cast
// CHECK-NEXT: tenon.exp
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}} = %[[X]])
// CHECK-NEXT: tenon.cast
// CHECK-NEXT: tenon.sqrt
// CHECK-NOT: tenon.cast
func.func @widen(%x: tensor<4x8xbf16>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = tenon.cast %x {to = f32} : (tensor<4x8xbf16>) -> tensor<4x8xf32>
  %1 = tenon.exp %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = tenon.sqrt %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// New keys behind those of the past: what only says where they are, and what is computed of each once, goes into the
// concatenation that writes them.
// CHECK-LABEL: func.func @append(
// CHECK-SAME: %[[PAST:.*]]: tensor<1x4x?x8xf32>, %[[X:.*]]: tensor<1x?x12x8xf32>
// CHECK: %[[K:.*]] = tenon.kernel (%[[A0:.*]] = %[[X]], %[[A1:.*]] = %[[PAST]])
// CHECK: %[[PART:.*]] = tenon.slice %[[A0]]
// CHECK: %[[TURNED:.*]] = tenon.transpose %[[PART]]
// CHECK: %[[NEW:.*]] = tenon.relu %[[TURNED]]
// CHECK: tenon.concat %[[A1]], %[[NEW]]
// CHECK: return %[[K]]
func.func @append(%past: tensor<1x4x?x8xf32>, %x: tensor<1x?x12x8xf32>) -> tensor<1x4x?x8xf32> {
  %c4 = tenon.constant dense<4> : tensor<1xi64>
  %c8 = tenon.constant dense<8> : tensor<1xi64>
  %0 = tenon.slice %x, %c4, %c8 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<1x?x12x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x?x4x8xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x4x8xf32>) -> tensor<1x4x?x8xf32>
  %2 = tenon.relu %1 : (tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %3 = tenon.concat %past, %2 {axis = 2 : i64} : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  return %3 : tensor<1x4x?x8xf32>
}

// -----

// One that joins many is alone, and one that something else reads isn't computed again.
// CHECK-LABEL: func.func @joins(
// CHECK: %[[R:.*]] = tenon.kernel
// CHECK-NEXT: tenon.relu
// CHECK-NEXT: tenon.yield
// CHECK: %[[T:.*]] = tenon.kernel
// CHECK-NEXT: tenon.tanh
// CHECK-NEXT: tenon.yield
// CHECK: tenon.concat %[[R]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {axis = 0
// CHECK: tenon.kernel (%[[A0:.*]] = %{{.*}}, %[[A1:.*]] = %[[T]])
// CHECK-NEXT: tenon.concat %[[A0]], %[[A1]]
func.func @joins(%x: tensor<2x8xf32>) -> (tensor<18x8xf32>, tensor<4x8xf32>, tensor<2x8xf32>) {
  %0 = tenon.relu %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = tenon.tanh %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %2 = tenon.concat %0, %x, %x, %x, %x, %x, %x, %x, %x {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<18x8xf32>
  %3 = tenon.concat %x, %1 {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  return %2, %3, %1 : tensor<18x8xf32>, tensor<4x8xf32>, tensor<2x8xf32>
}

// -----

// A concatenation of whole lines goes into what reads it, one along them doesn't, nor one of lines of one element.
// CHECK-LABEL: func.func @lines(
// CHECK: %[[C:.*]] = tenon.kernel
// CHECK-NEXT: tenon.concat {{.*}} {axis = 1
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}} = %[[C]])
// CHECK-NEXT: tenon.relu
// CHECK: tenon.kernel
// CHECK-NEXT: tenon.concat {{.*}} {axis = 0
// CHECK-NEXT: tenon.relu
// CHECK: %[[D:.*]] = tenon.kernel
// CHECK-NEXT: tenon.concat {{.*}} {axis = 0
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}} = %[[D]])
// CHECK-NEXT: tenon.relu
func.func @lines(%x: tensor<2x8xf32>, %y: tensor<8x1xf32>) -> (tensor<2x16xf32>, tensor<4x8xf32>, tensor<16x1xf32>) {
  %0 = tenon.concat %x, %x {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x16xf32>
  %1 = tenon.relu %0 : (tensor<2x16xf32>) -> tensor<2x16xf32>
  %2 = tenon.concat %x, %x {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  %3 = tenon.relu %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = tenon.concat %y, %y {axis = 0 : i64} : (tensor<8x1xf32>, tensor<8x1xf32>) -> tensor<16x1xf32>
  %5 = tenon.relu %4 : (tensor<16x1xf32>) -> tensor<16x1xf32>
  return %1, %3, %5 : tensor<2x16xf32>, tensor<4x8xf32>, tensor<16x1xf32>
}

// -----

// What is joined with itself would be computed twice, and twice as often with
// each further time.
// CHECK-LABEL: func.func @joined_with_itself(
// CHECK: %[[TANH:.*]] = tenon.kernel
// CHECK-NEXT: tenon.tanh
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}} = %[[TANH]])
// CHECK-NEXT: tenon.concat
func.func @joined_with_itself(%x: tensor<2x8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.tanh %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = tenon.concat %0, %0 {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// Halves that meet are one kernel with what they are of, but not again and
// again: there would be code for each half of a half.
// CHECK-LABEL: func.func @halves(
// CHECK: %[[A:.*]] = tenon.kernel
// CHECK-NEXT: tenon.tanh
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel ({{.*}}%[[A]])
// CHECK: tenon.exp
// CHECK: tenon.add
// CHECK: tenon.sigmoid
// CHECK: tenon.add
func.func @halves(%x: tensor<64xf32>) -> tensor<8xf32> {
  %c0 = tenon.constant dense<0> : tensor<1xi64>
  %c8 = tenon.constant dense<8> : tensor<1xi64>
  %c16 = tenon.constant dense<16> : tensor<1xi64>
  %c32 = tenon.constant dense<32> : tensor<1xi64>
  %c64 = tenon.constant dense<64> : tensor<1xi64>
  %0 = tenon.tanh %x : (tensor<64xf32>) -> tensor<64xf32>
  %1 = tenon.slice %0, %c0, %c32 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<32xf32>
  %2 = tenon.slice %0, %c32, %c64 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<32xf32>
  %3 = tenon.add %1, %2 : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %4 = tenon.exp %3 : (tensor<32xf32>) -> tensor<32xf32>
  %5 = tenon.slice %4, %c0, %c16 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<32xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<16xf32>
  %6 = tenon.slice %4, %c16, %c32 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<32xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<16xf32>
  %7 = tenon.add %5, %6 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %8 = tenon.sigmoid %7 : (tensor<16xf32>) -> tensor<16xf32>
  %9 = tenon.slice %8, %c0, %c8 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<8xf32>
  %10 = tenon.slice %8, %c8, %c16 {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<8xf32>
  %11 = tenon.add %9, %10 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %11 : tensor<8xf32>
}

// -----

// For a GPU, what is turned is read in squares by those that compute with it. Where turns differ, or something else is moved, one
// stays alone. So it does where the same is read as it is, or what is turned is turned again, if not back.
// CHECK-LABEL: func.func @turned(
// CHECK-NEXT: tenon.kernel
// CHECK-NEXT: tenon.relu
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.mul
// CHECK-NEXT: tenon.sub
// CHECK-NEXT: tenon.yield
// CHECK-LABEL: func.func @turned_differently(
// CHECK-NEXT: %[[T:.*]] = tenon.kernel
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}}%[[T]]
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.add
// CHECK-LABEL: func.func @turned_and_expanded(
// CHECK: %[[T:.*]] = tenon.{{kernel|transpose}}
// CHECK: tenon.kernel (%{{.*}}%[[T]]
// CHECK: tenon.expand
// CHECK-NEXT: tenon.add
// CHECK-NEXT: tenon.yield
// CHECK-LABEL: func.func @turned_and_not(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>
// CHECK-NEXT: %[[T:.*]] = tenon.kernel (%{{.*}} = %[[X]])
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}} = %[[X]], %{{.*}} = %[[T]])
// CHECK-NEXT: tenon.relu
// CHECK-NEXT: tenon.add
// CHECK-NEXT: tenon.yield
// CHECK-LABEL: func.func @turned_twice(
// CHECK-NEXT: %[[T:.*]] = tenon.kernel
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel (%{{.*}}%[[T]]
// CHECK-NEXT: tenon.add
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.yield
// CHECK-LABEL: func.func @turned_back(
// CHECK-NEXT: tenon.kernel
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.add
// CHECK-NEXT: tenon.transpose
// CHECK-NEXT: tenon.yield
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {
  func.func @turned(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>, %z: tensor<4x1xf32>) -> tensor<4x8xf32> {
    %0 = tenon.relu %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %1 = tenon.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %2 = tenon.transpose %y {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %3 = tenon.mul %1, %2 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    %4 = tenon.sub %3, %z : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
    return %4 : tensor<4x8xf32>
  }
  func.func @turned_differently(%x: tensor<4x4x4xf32>, %y: tensor<4x4x4xf32>) -> tensor<4x4x4xf32> {
    %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<4x4x4xf32>) -> tensor<4x4x4xf32>
    %1 = tenon.transpose %y {permutation = array<i64: 2, 1, 0>} : (tensor<4x4x4xf32>) -> tensor<4x4x4xf32>
    %2 = tenon.add %0, %1 : (tensor<4x4x4xf32>, tensor<4x4x4xf32>) -> tensor<4x4x4xf32>
    return %2 : tensor<4x4x4xf32>
  }
  func.func @turned_and_expanded(%x: tensor<8x4xf32>, %y: tensor<1x8xf32>) -> tensor<4x8xf32> {
    %shape = tenon.constant dense<[4, 8]> : tensor<2xi64>
    %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %1 = tenon.expand %y, %shape : (tensor<1x8xf32>, tensor<2xi64>) -> tensor<4x8xf32>
    %2 = tenon.add %0, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    return %2 : tensor<4x8xf32>
  }
  func.func @turned_and_not(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %0 = tenon.relu %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %2 = tenon.add %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %2 : tensor<4x4xf32>
  }
  func.func @turned_twice(%x: tensor<8x4x6xf32>, %y: tensor<4x6x8xf32>) -> tensor<6x8x4xf32> {
    %0 = tenon.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<8x4x6xf32>) -> tensor<4x6x8xf32>
    %1 = tenon.add %0, %y : (tensor<4x6x8xf32>, tensor<4x6x8xf32>) -> tensor<4x6x8xf32>
    %2 = tenon.transpose %1 {permutation = array<i64: 1, 2, 0>} : (tensor<4x6x8xf32>) -> tensor<6x8x4xf32>
    return %2 : tensor<6x8x4xf32>
  }
  func.func @turned_back(%x: tensor<8x4xf32>, %y: tensor<4x8xf32>) -> tensor<8x4xf32> {
    %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %1 = tenon.add %0, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    %2 = tenon.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
    return %2 : tensor<8x4xf32>
  }
}
