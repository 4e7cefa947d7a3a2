// RUN: tenon-opt %s -canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @neutral
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>)
func.func @neutral(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<1x3xf32>
  %0 = tenon.add %zero, %x : (tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %1 = tenon.sub %0, %zero : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  %2 = tenon.mul %one, %1 : (tensor<1x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %3 = tenon.div %2, %one : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
  %4 = tenon.pow %3, %one : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
  // CHECK: return %[[X]]
  return %4 : tensor<?x3xf32>
}

// Neither where the other operand has another shape, nor 0 - x or 1 / x.
// CHECK-LABEL: func.func @not_neutral
func.func @not_neutral(%x: tensor<1x3xf32>) -> (tensor<2x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) {
  %zeros = tenon.constant dense<0.0> : tensor<2x3xf32>
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  // CHECK-DAG: tenon.add
  // CHECK-DAG: tenon.sub
  // CHECK-DAG: tenon.div
  %0 = tenon.add %zeros, %x : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  %1 = tenon.sub %zero, %x : (tensor<f32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = tenon.div %one, %x : (tensor<f32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}

// CHECK-LABEL: func.func @inverse
// CHECK-SAME: (%[[X:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<3xi1>)
func.func @inverse(%x: tensor<3xf32>, %b: tensor<3xi1>) -> (tensor<3xf32>, tensor<3xi1>) {
  %0 = tenon.neg %x : (tensor<3xf32>) -> tensor<3xf32>
  %1 = tenon.neg %0 : (tensor<3xf32>) -> tensor<3xf32>
  %2 = tenon.not %b : (tensor<3xi1>) -> tensor<3xi1>
  %3 = tenon.not %2 : (tensor<3xi1>) -> tensor<3xi1>
  // CHECK: return %[[X]], %[[B]]
  return %1, %3 : tensor<3xf32>, tensor<3xi1>
}

// CHECK-LABEL: func.func @casts
// CHECK-SAME: (%[[X:.*]]: tensor<3xi32>, %[[F:.*]]: tensor<3xf32>)
func.func @casts(%x: tensor<3xi32>, %f: tensor<3xf32>) -> (tensor<3xi32>, tensor<3xi8>, tensor<3xf32>, tensor<3xi64>) {
  %0 = tenon.cast %x {to = i64} : (tensor<3xi32>) -> tensor<3xi64>
  %1 = tenon.cast %0 {to = i32} : (tensor<3xi64>) -> tensor<3xi32>
  // CHECK-DAG: %[[I8:.*]] = tenon.cast %[[X]] {to = i8} : (tensor<3xi32>)
  %2 = tenon.cast %0 {to = i8} : (tensor<3xi64>) -> tensor<3xi8>
  // A cast that loses something stays, and so does one to another kind.
  // CHECK-DAG: %[[HALF:.*]] = tenon.cast %[[F]] {to = f16}
  // CHECK-DAG: %[[BACK:.*]] = tenon.cast %[[HALF]] {to = f32}
  %3 = tenon.cast %f {to = f16} : (tensor<3xf32>) -> tensor<3xf16>
  %4 = tenon.cast %3 {to = f32} : (tensor<3xf16>) -> tensor<3xf32>
  // CHECK-DAG: %[[WIDE:.*]] = tenon.cast %[[X]] {to = f64}
  // CHECK-DAG: %[[LONG:.*]] = tenon.cast %[[WIDE]] {to = i64}
  %5 = tenon.cast %x {to = f64} : (tensor<3xi32>) -> tensor<3xf64>
  %6 = tenon.cast %5 {to = i64} : (tensor<3xf64>) -> tensor<3xi64>
  // CHECK: return %[[X]], %[[I8]], %[[BACK]], %[[LONG]]
  return %1, %2, %4, %6 : tensor<3xi32>, tensor<3xi8>, tensor<3xf32>, tensor<3xi64>
}

// CHECK-LABEL: func.func @where
// CHECK-SAME: (%[[A:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<3xf32>)
func.func @where(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %c = tenon.constant dense<false> : tensor<1xi1>
  %0 = tenon.where %c, %a, %b : (tensor<1xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  // CHECK: return %[[B]]
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @views
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[S:.*]]: tensor<2xi64>)
func.func @views(%x: tensor<2x3xf32>, %s: tensor<2xi64>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<?x?xf32>) {
  %flat = tenon.constant dense<6> : tensor<1xi64>
  %back = tenon.constant dense<[2, 3]> : tensor<2xi64>
  %0 = tenon.reshape %x, %flat : (tensor<2x3xf32>, tensor<1xi64>) -> tensor<6xf32>
  %1 = tenon.reshape %0, %back : (tensor<6xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  %2 = tenon.unsqueeze %x {axes = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %3 = tenon.squeeze %2 {axes = array<i64: 0>} : (tensor<1x2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %[[ANY:.*]] = tenon.reshape %[[X]], %[[S]]
  %4 = tenon.reshape %2, %s : (tensor<1x2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK: return %[[X]], %[[X]], %[[ANY]]
  return %1, %3, %4 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<?x?xf32>
}

// One dynamic dimension is what it was; of two either may be another.
// CHECK-LABEL: func.func @dynamic_views
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>, %[[Y:.*]]: tensor<?x?xf32>
func.func @dynamic_views(%x: tensor<?x3xf32>, %y: tensor<?x?xf32>, %s: tensor<2xi64>) -> (tensor<?x3xf32>, tensor<?x?xf32>) {
  // CHECK-NOT: tenon.reshape %[[X]]
  // CHECK: tenon.reshape %[[Y]]
  %0 = tenon.reshape %x, %s : (tensor<?x3xf32>, tensor<2xi64>) -> tensor<?x3xf32>
  %1 = tenon.reshape %y, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0, %1 : tensor<?x3xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: func.func @transposes
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<3x2x4xf32>) {
  // CHECK: %[[T:.*]] = tenon.transpose %[[X]] {permutation = array<i64: 1, 0, 2>}
  %0 = tenon.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  %2 = tenon.transpose %0 {permutation = array<i64: 2, 1, 0>} : (tensor<4x2x3xf32>) -> tensor<3x2x4xf32>
  // CHECK: return %[[X]], %[[T]]
  return %1, %2 : tensor<2x3x4xf32>, tensor<3x2x4xf32>
}

// CHECK-LABEL: func.func @movement
// CHECK-SAME: (%[[X:.*]]: tensor<2x?xf32>, %[[E:.*]]: tensor<0x4xf32>, %[[Y:.*]]: tensor<2x4xf32>)
func.func @movement(%x: tensor<2x?xf32>, %e: tensor<0x4xf32>, %y: tensor<2x4xf32>) -> (tensor<2x?xf32>, tensor<4x4xf32>) {
  %zeros = tenon.constant dense<0> : tensor<4xi64>
  %0 = tenon.pad %x, %zeros : (tensor<2x?xf32>, tensor<4xi64>) -> tensor<2x?xf32>
  %ones = tenon.constant dense<1> : tensor<2xi64>
  %1 = tenon.tile %0, %ones : (tensor<2x?xf32>, tensor<2xi64>) -> tensor<2x?xf32>
  %start = tenon.constant dense<0> : tensor<2xi64>
  %end = tenon.constant dense<[2, 9223372036854775807]> : tensor<2xi64>
  %2 = tenon.slice %1, %start, %end {axes = array<i64: 0, 1>, steps = array<i64: 1, 1>} : (tensor<2x?xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<2x?xf32>
  %3 = tenon.concat %2 {axis = 1 : i64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: %[[C:.*]] = tenon.concat %[[Y]], %[[Y]] {axis = 0 : i64}
  %4 = tenon.concat %y, %e, %y {axis = 0 : i64} : (tensor<2x4xf32>, tensor<0x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  // CHECK: return %[[X]], %[[C]]
  return %3, %4 : tensor<2x?xf32>, tensor<4x4xf32>
}

// CHECK-LABEL: func.func @movement_stays
func.func @movement_stays(%x: tensor<2x?xf32>) -> (tensor<2x?xf32>, tensor<2x?xf32>) {
  %start = tenon.constant dense<0> : tensor<1xi64>
  %end = tenon.constant dense<-1> : tensor<1xi64>
  // CHECK: tenon.slice
  %0 = tenon.slice %x, %start, %end {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<2x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x?xf32>
  // CHECK: tenon.slice
  %last = tenon.constant dense<-2147483648> : tensor<1xi64>
  %1 = tenon.slice %x, %end, %last {axes = array<i64: 0>, steps = array<i64: -1>} : (tensor<2x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x?xf32>
  return %0, %1 : tensor<2x?xf32>, tensor<2x?xf32>
}

// CHECK-LABEL: func.func @resize
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4xf32>)
func.func @resize(%x: tensor<1x2x4xf32>) -> (tensor<1x2x4xf32>, tensor<1x2x4xf32>) {
  %s = tenon.constant dense<4> : tensor<1xi64>
  %0 = tenon.resize %x, %s {axes = array<i64: 2>, mode = #tenon.resize_mode<linear>} : (tensor<1x2x4xf32>, tensor<1xi64>) -> tensor<1x2x4xf32>
  // CHECK: %[[R:.*]] = tenon.resize
  %1 = tenon.resize %x, %s {axes = array<i64: 2>, scales = array<f64: 1.2>, mode = #tenon.resize_mode<linear>} : (tensor<1x2x4xf32>, tensor<1xi64>) -> tensor<1x2x4xf32>
  // CHECK: return %[[X]], %[[R]]
  return %0, %1 : tensor<1x2x4xf32>, tensor<1x2x4xf32>
}

// CHECK-LABEL: func.func @shape
func.func @shape(%x: tensor<2x3xf32>) -> tensor<2xi64> {
  // CHECK: tenon.constant dense<[2, 3]> : tensor<2xi64>
  %0 = tenon.shape %x : (tensor<2x3xf32>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// CHECK-LABEL: func.func @reduce
// CHECK-SAME: (%[[X:.*]]: tensor<2x1xf32>)
func.func @reduce(%x: tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<2x1xf32>) {
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  // CHECK: %[[L:.*]] = tenon.reduce
  %1 = tenon.reduce %x {kind = #tenon.reduce_kind<l1>, axes = array<i64: 1>} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  // CHECK: return %[[X]], %[[L]]
  return %0, %1 : tensor<2x1xf32>, tensor<2x1xf32>
}

// The region's better type goes where types are inferred; a cast keeps the
// function's.
// CHECK-LABEL: func.func @branch
// CHECK-SAME: (%[[A:.*]]: tensor<2xf32>, %[[B:.*]]: tensor<3xf32>)
func.func @branch(%a: tensor<2xf32>, %b: tensor<3xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %true = tenon.constant dense<true> : tensor<i1>
  // CHECK-NOT: tenon.if
  // CHECK: %[[N:.*]] = tenon.neg %[[A]]
  // CHECK: %[[CAST:.*]] = tensor.cast %[[N]] : tensor<2xf32> to tensor<?xf32>
  %0 = tenon.if %true : tensor<i1> -> tensor<?xf32> {
    %n = tenon.neg %a : (tensor<2xf32>) -> tensor<2xf32>
    tenon.yield %n : tensor<2xf32>
  } else {
    tenon.yield %b : tensor<3xf32>
  }
  // CHECK: %[[R:.*]] = tenon.relu %[[N]] : (tensor<2xf32>) -> tensor<?xf32>
  %1 = tenon.relu %0 : (tensor<?xf32>) -> tensor<?xf32>
  // CHECK: return %[[CAST]], %[[R]]
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// -----

// What is not chosen may repeat what is, where that is 1 when the model runs;
// a static 1 can't.
// CHECK-LABEL: func.func @choice(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<?xf32>
// CHECK: %[[KEPT:.*]] = tenon.where
// CHECK: return %[[KEPT]], %[[X]]
func.func @choice(%x: tensor<?xf32>, %y: tensor<?xf32>, %one: tensor<1xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %c = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.where %c, %x, %y : (tensor<i1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = tenon.where %c, %x, %one : (tensor<i1>, tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// That a dimension is 1 has to be checked, so that the squeeze stays.
// CHECK-LABEL: func.func @squeezed(
// CHECK: %[[SQUEEZED:.*]] = tenon.squeeze
// CHECK: tenon.reshape %[[SQUEEZED]]
func.func @squeezed(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %s = tenon.constant dense<-1> : tensor<1xi64>
  %0 = tenon.squeeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<4xf32>
  %1 = tenon.reshape %0, %s : (tensor<4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
