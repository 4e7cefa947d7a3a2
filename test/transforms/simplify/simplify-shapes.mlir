// RUN: tenon-opt %s --tenon-simplify-shapes --split-input-file | FileCheck %s

// The shape arithmetic of a flatten: slice of a shape, joined with -1.
// CHECK-LABEL: func.func @flatten(
// CHECK-SAME: %[[X:.*]]: tensor<?x4x?x8xf32>
// CHECK-SAME: -> tensor<?x4x?xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[H:.*]] = tensor.dim %[[X]], %c2
// CHECK-DAG: %[[N64:.*]] = arith.index_cast %[[N]]
// CHECK-DAG: %[[PRODUCT:.*]] = arith.muli %[[H]], %c8
// CHECK-DAG: %[[P64:.*]] = arith.index_cast %[[PRODUCT]]
// CHECK: %[[SHAPE:.*]] = tensor.from_elements %[[N64]], %c4{{.*}}, %[[P64]] : tensor<3xi64>
// CHECK: tenon.reshape %{{.*}}, %[[SHAPE]] : {{.*}} -> tensor<?x4x?xf32>
func.func @flatten(%x: tensor<?x4x?x8xf32>) -> tensor<?x?x?xf32> {
  %zero = tenon.constant dense<0> : tensor<1xi64>
  %two = tenon.constant dense<2> : tensor<1xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %0 = tenon.relu %x : (tensor<?x4x?x8xf32>) -> tensor<?x4x?x8xf32>
  %s = tenon.shape %0 : (tensor<?x4x?x8xf32>) -> tensor<4xi64>
  %n = tenon.slice %s, %zero, %two {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %t = tenon.concat %n, %minus {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64>
  %y = tenon.reshape %0, %t : (tensor<?x4x?x8xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}

// -----

// Dynamic factors cancel: what -1 stands for is constant. A size that is narrowed
// to 32 bits on the way is the same size.
// CHECK-LABEL: func.func @heads(
// CHECK-SAME: -> tensor<?x?x24xf32>
// CHECK: tenon.reshape %{{.*}} -> tensor<?x?x3x8xf32>
// CHECK: %[[SHAPE:.*]] = tensor.from_elements %{{.*}}, %{{.*}}, %c24{{.*}} : tensor<3xi64>
// CHECK: tenon.reshape %{{.*}}, %[[SHAPE]] : {{.*}} -> tensor<?x?x24xf32>
func.func @heads(%x: tensor<?x?x24xf32>) -> tensor<?x?x?xf32> {
  %s = tenon.shape %x : (tensor<?x?x24xf32>) -> tensor<3xi64>
  %s32 = tenon.cast %s {to = i32} : (tensor<3xi64>) -> tensor<3xi32>
  %s64 = tenon.cast %s32 {to = i64} : (tensor<3xi32>) -> tensor<3xi64>
  %i0 = tenon.constant dense<0> : tensor<i64>
  %i1 = tenon.constant dense<1> : tensor<i64>
  %b = tenon.gather %s64, %i0 {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %l = tenon.gather %s64, %i1 {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %b1 = tenon.unsqueeze %b {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %l1 = tenon.unsqueeze %l {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %rest = tenon.constant dense<[3, -1]> : tensor<2xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %split = tenon.concat %b1, %l1, %rest {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<2xi64>) -> tensor<4xi64>
  %0 = tenon.reshape %x, %split : (tensor<?x?x24xf32>, tensor<4xi64>) -> tensor<?x?x?x?xf32>
  %1 = tenon.relu %0 : (tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
  %join = tenon.concat %b1, %l1, %minus {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  %2 = tenon.reshape %1, %join : (tensor<?x?x?x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %2 : tensor<?x?x?xf32>
}

// -----

// An if on a rank or a size is decided; squeeze and unsqueeze are reshapes.
// CHECK-LABEL: func.func @decided(
// CHECK-NOT: tenon.if
// CHECK-NOT: tenon.squeeze
// CHECK: tenon.reshape %{{.*}} : (tensor<?x1x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
func.func @decided(%x: tensor<?x1x4xf32>) -> tensor<?x4xf32> {
  %one = tenon.constant dense<1> : tensor<1xi64>
  %zero = tenon.constant dense<0> : tensor<1xi64>
  %s = tenon.shape %x : (tensor<?x1x4xf32>) -> tensor<3xi64>
  %d = tenon.gather %s, %one {axis = 0 : i64} : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64>
  %e = tenon.equal %d, %one : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
  %c = tenon.squeeze %e {axes = array<i64: 0>} : (tensor<1xi1>) -> tensor<i1>
  %y = tenon.if %c : tensor<i1> -> tensor<?x4xf32> {
    %1 = tenon.squeeze %x {axes = array<i64: 1>} : (tensor<?x1x4xf32>) -> tensor<?x4xf32>
    tenon.yield %1 : tensor<?x4xf32>
  } else {
    %2 = tenon.reduce %x {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1>} : (tensor<?x1x4xf32>) -> tensor<?x1x4xf32>
    %3 = tenon.squeeze %2 {axes = array<i64: 1>} : (tensor<?x1x4xf32>) -> tensor<?x4xf32>
    tenon.yield %3 : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A condition on an integer input is read from it, and stays an if.
// CHECK-LABEL: func.func @rate(
// CHECK-SAME: %[[RATE:[a-z0-9]+]]: tensor<i64>
// CHECK: %[[R:.*]] = tensor.extract %[[RATE]][] : tensor<i64>
// CHECK: %[[EQUAL:.*]] = arith.cmpi eq, %[[R]], %c16000
// CHECK: %[[C:.*]] = tensor.from_elements %[[EQUAL]] : tensor<i1>
// CHECK: tenon.if %[[C]]
func.func @rate(%x: tensor<?x4xf32>, %rate: tensor<i64>) -> tensor<?x4xf32> {
  %k = tenon.constant dense<16000> : tensor<i64>
  %c = tenon.equal %rate, %k : (tensor<i64>, tensor<i64>) -> tensor<i1>
  %y = tenon.if %c : tensor<i1> -> tensor<?x4xf32> {
    %1 = tenon.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    tenon.yield %1 : tensor<?x4xf32>
  } else {
    tenon.yield %x : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// Dimensions of one name are one, so that what -1 stands for is known.
// CHECK-LABEL: func.func @symbols(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x6xf32>
// CHECK-SAME: -> tensor<2x?x3xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK: %[[N64:.*]] = arith.index_cast %[[N]]
// CHECK: tensor.from_elements %c2{{.*}}, %[[N64]], %c3
func.func @symbols(%x: tensor<?x6xf32> {tenon.name = "x", tenon.dims = ["batch", ""]}, %y: tensor<?xf32> {tenon.name = "y", tenon.dims = ["batch"]}) -> tensor<?x?x?xf32> {
  %two = tenon.constant dense<2> : tensor<1xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %s = tenon.shape %y : (tensor<?xf32>) -> tensor<1xi64>
  %t = tenon.concat %two, %s, %minus {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  %0 = tenon.reshape %x, %t : (tensor<?x6xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

// Numbers that are computed from data, and large tensors, are left alone.
// CHECK-LABEL: func.func @data(
// CHECK: tenon.add %{{.*}} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
// CHECK: tenon.reduce
// CHECK: tenon.add %{{.*}} : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
func.func @data(%x: tensor<2xf32>, %n: tensor<80xi64>) -> (tensor<2xf32>, tensor<1xi64>) {
  %one = tenon.constant dense<1> : tensor<1xi64>
  %0 = tenon.add %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = tenon.reduce %n {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<80xi64>) -> tensor<1xi64>
  %2 = tenon.add %1, %one : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  return %0, %2 : tensor<2xf32>, tensor<1xi64>
}

// -----

// What narrows the scores to fewer rows does not make their number less simple:
// of equal dimensions the simplest is taken.
// CHECK-LABEL: func.func @simplest(
// CHECK-SAME: %{{.*}}: tensor<1x?xi1>, %[[N:.*]]: tensor<i64>, %[[X:.*]]: tensor<4x?xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %c1
// CHECK: %[[I:.*]] = arith.index_cast %[[D]]
// CHECK: tensor.from_elements %[[I]], %c4
func.func @simplest(%c: tensor<1x?xi1>, %n: tensor<i64>, %x: tensor<4x?xf32>) -> tensor<?x4xf32> {
  %zero = tenon.constant dense<0> : tensor<1xi64>
  %low = tenon.constant dense<-1.0e30> : tensor<f32>
  %one = tenon.unsqueeze %n {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %0 = tenon.slice %c, %zero, %one {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<1x?xi1>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x?xi1>
  %1 = tenon.where %0, %x, %low : (tensor<1x?xi1>, tensor<4x?xf32>, tensor<f32>) -> tensor<4x?xf32>
  %s = tenon.shape %1 : (tensor<4x?xf32>) -> tensor<2xi64>
  %starts = tenon.constant dense<-1> : tensor<1xi64>
  %ends = tenon.constant dense<-3> : tensor<1xi64>
  %t = tenon.slice %s, %starts, %ends {axes = array<i64: 0>, steps = array<i64: -1>} : (tensor<2xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %2 = tenon.reshape %1, %t : (tensor<4x?xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----

// Comparisons that no dimension can pass, as in an expand of -1.
// CHECK-LABEL: func.func @kept_sizes(
// CHECK-NOT: arith.cmpi
// CHECK: %[[D:.*]] = arith.index_cast
// CHECK: %[[S:.*]] = tensor.from_elements %[[D]], %c1{{.*}} : tensor<2xi64>
// CHECK: tenon.expand %{{.*}}, %[[S]]
func.func @kept_sizes(%x: tensor<?x4xf32>, %y: tensor<1x1xf32>) -> tensor<?x?xf32> {
  %zero = tenon.constant dense<0> : tensor<1xi64>
  %one = tenon.constant dense<1> : tensor<1xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %ones = tenon.constant dense<1> : tensor<2xi64>
  %minuses = tenon.constant dense<-1> : tensor<2xi64>
  %s = tenon.shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
  %n = tenon.slice %s, %zero, %one {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<2xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %t = tenon.concat %n, %minus {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %k = tenon.equal %t, %minuses : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi1>
  %u = tenon.where %k, %ones, %t : (tensor<2xi1>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %0 = tenon.expand %y, %u : (tensor<1x1xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// A branch that is taken gives its shape to what follows, also out of the
// function.
// CHECK-LABEL: func.func @taken(
// CHECK-SAME: -> tensor<2x4xf32>
// CHECK-NOT: tensor.cast
// CHECK: return %{{.*}} : tensor<2x4xf32>
func.func @taken(%x: tensor<2x4xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.if %c : tensor<i1> -> tensor<?x?xf32> {
    %1 = tenon.relu %x : (tensor<2x4xf32>) -> tensor<2x4xf32>
    tenon.yield %1 : tensor<2x4xf32>
  } else {
    tenon.yield %y : tensor<?x?xf32>
  }
  return %0 : tensor<?x?xf32>
}

// -----

// A quotient by a factor, and one that is none.
// CHECK-LABEL: func.func @quotient(
// CHECK: %[[W:.*]] = tensor.dim %{{.*}}, %c1
// CHECK: %[[ODD:.*]] = arith.floordivsi %{{.*}}, %c3
// CHECK: return %[[W]], %[[ODD]]
func.func @quotient(%x: tensor<?x?xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %n = tensor.dim %x, %c0 : tensor<?x?xf32>
  %w = tensor.dim %x, %c1 : tensor<?x?xf32>
  %0 = arith.muli %n, %w : index
  %1 = arith.floordivsi %0, %n : index
  %2 = arith.floordivsi %0, %c3 : index
  return %1, %2 : index, index
}

// -----

// That a dimension is 1 is checked before a view forgets it.
// CHECK-LABEL: func.func @squeezed(
// CHECK: %[[N:.*]] = tensor.dim %{{.*}}, %c0
// CHECK: tenon_rt.require_equal %[[N]], %c1{{.*}}, "dimension 0 and 1, as it is squeezed"
// CHECK: tenon.reshape
func.func @squeezed(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %s = tenon.constant dense<-1> : tensor<1xi64>
  %0 = tenon.squeeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<4xf32>
  %1 = tenon.reshape %0, %s : (tensor<4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// A size multiplied with itself again and again: 2^40 factors, of which not
// all are looked at.
// CHECK-LABEL: func.func @powers(
// CHECK: tenon.reshape
func.func @powers(%x: tensor<?x4xf32>) -> tensor<?x?xf32> {
  %zero = tenon.constant dense<0> : tensor<1xi64>
  %one = tenon.constant dense<1> : tensor<1xi64>
  %minus = tenon.constant dense<-1> : tensor<1xi64>
  %s = tenon.shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
  %n0 = tenon.slice %s, %zero, %one {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<2xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n1 = tenon.mul %n0, %n0 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n2 = tenon.mul %n1, %n1 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n3 = tenon.mul %n2, %n2 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n4 = tenon.mul %n3, %n3 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n5 = tenon.mul %n4, %n4 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n6 = tenon.mul %n5, %n5 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n7 = tenon.mul %n6, %n6 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n8 = tenon.mul %n7, %n7 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n9 = tenon.mul %n8, %n8 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n10 = tenon.mul %n9, %n9 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n11 = tenon.mul %n10, %n10 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n12 = tenon.mul %n11, %n11 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n13 = tenon.mul %n12, %n12 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n14 = tenon.mul %n13, %n13 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n15 = tenon.mul %n14, %n14 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n16 = tenon.mul %n15, %n15 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n17 = tenon.mul %n16, %n16 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n18 = tenon.mul %n17, %n17 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n19 = tenon.mul %n18, %n18 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n20 = tenon.mul %n19, %n19 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n21 = tenon.mul %n20, %n20 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n22 = tenon.mul %n21, %n21 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n23 = tenon.mul %n22, %n22 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n24 = tenon.mul %n23, %n23 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n25 = tenon.mul %n24, %n24 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n26 = tenon.mul %n25, %n25 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n27 = tenon.mul %n26, %n26 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n28 = tenon.mul %n27, %n27 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n29 = tenon.mul %n28, %n28 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n30 = tenon.mul %n29, %n29 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n31 = tenon.mul %n30, %n30 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n32 = tenon.mul %n31, %n31 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n33 = tenon.mul %n32, %n32 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n34 = tenon.mul %n33, %n33 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n35 = tenon.mul %n34, %n34 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n36 = tenon.mul %n35, %n35 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n37 = tenon.mul %n36, %n36 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n38 = tenon.mul %n37, %n37 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n39 = tenon.mul %n38, %n38 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n40 = tenon.mul %n39, %n39 : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %t = tenon.concat %n40, %minus {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %y = tenon.reshape %x, %t : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// Sizes that depend on one dimension are taken to be equal where they meet. The
// check of it stays although the sum, of which only the size is used, goes: with
// one element in %x there are two in the sum, and not one.

// CHECK-LABEL: func.func @met(
// CHECK-SAME: %[[X:.*]]: tensor<?xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]]
// CHECK-DAG: %[[TWICE:.*]] = arith.{{muli|addi}} %[[N]]
// CHECK: tenon_rt.require_equal %[[TWICE]], %[[N]], "dimension 0 of the operands"
// CHECK-NOT: tenon.add
// CHECK-NOT: require_equal
func.func @met(%x: tensor<?xf32>) -> tensor<1xi64> {
  %0 = tenon.concat %x, %x {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = tenon.add %0, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = tenon.shape %1 : (tensor<?xf32>) -> tensor<1xi64>
  return %2 : tensor<1xi64>
}

// Those that are equal need none.

// CHECK-LABEL: func.func @met_equal(
// CHECK-NOT: require_equal
func.func @met_equal(%x: tensor<?xf32>) -> tensor<1xi64> {
  %0 = tenon.relu %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = tenon.add %0, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = tenon.shape %1 : (tensor<?xf32>) -> tensor<1xi64>
  return %2 : tensor<1xi64>
}

// -----

// From the past's tokens to all there are as many numbers as new tokens: there is one row of them.

// CHECK-LABEL: func.func @positions(
// CHECK: tenon.reshape {{.*}} -> tensor<1x?xi64>
// CHECK: return
func.func @positions(%new: tensor<?xi64>, %past: tensor<?xi64>) -> tensor<?x?xi64> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %new, %c0 : tensor<?xi64>
  %p = tensor.dim %past, %c0 : tensor<?xi64>
  %n64 = arith.index_cast %n : index to i64
  %p64 = arith.index_cast %p : index to i64
  %all64 = arith.addi %n64, %p64 : i64
  %minus = arith.constant -1 : i64
  %start = tensor.from_elements %p64 : tensor<i64>
  %limit = tensor.from_elements %all64 : tensor<i64>
  %step = tenon.constant dense<1> : tensor<i64>
  %range = tenon.range %start, %limit, %step : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %shape = tensor.from_elements %minus, %n64 : tensor<2xi64>
  %rows = tenon.reshape %range, %shape : (tensor<?xi64>, tensor<2xi64>) -> tensor<?x?xi64>
  return %rows : tensor<?x?xi64>
}

// From the past's tokens to the new ones there may be none.

// CHECK-LABEL: func.func @fewer(
// CHECK: tenon.reshape {{.*}} -> tensor<?x?xi64>
func.func @fewer(%new: tensor<?xi64>, %past: tensor<?xi64>) -> tensor<?x?xi64> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %new, %c0 : tensor<?xi64>
  %p = tensor.dim %past, %c0 : tensor<?xi64>
  %n64 = arith.index_cast %n : index to i64
  %p64 = arith.index_cast %p : index to i64
  %minus = arith.constant -1 : i64
  %start = tensor.from_elements %p64 : tensor<i64>
  %limit = tensor.from_elements %n64 : tensor<i64>
  %step = tenon.constant dense<1> : tensor<i64>
  %range = tenon.range %start, %limit, %step : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %shape = tensor.from_elements %minus, %n64 : tensor<2xi64>
  %rows = tenon.reshape %range, %shape : (tensor<?xi64>, tensor<2xi64>) -> tensor<?x?xi64>
  return %rows : tensor<?x?xi64>
}
