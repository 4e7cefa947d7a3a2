// RUN: tenon-opt %s --tenon-insert-transfers --split-input-file | FileCheck %s

func.func private @k(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %begin: index, %end: index) -> i64
func.func private @flat(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64

// An input is copied once for all its readers, what stays on the device not at
// all, and a view of it becomes a view of the copy.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>)
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?xf32>, tensor<?x4xf32>) {
  // CHECK: %[[X1:.*]] = tenon_rt.transfer %[[X]] to_device
  // CHECK-NOT: to_device
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e0 = tensor.empty(%d) : tensor<?x4xf32>
  // CHECK: %[[Y:.*]] = tenon_rt.launch @k(%[[X1]])
  %y = tenon_rt.launch @k(%x) outs(%e0) on_device : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: %[[Y1:.*]] = tenon_rt.transfer %[[Y]] outs
  %e1 = tensor.empty(%d) : tensor<?x4xf32>
  // CHECK: %[[Z:.*]] = tenon_rt.launch @k(%[[Y]])
  %z = tenon_rt.launch @k(%y) outs(%e1) on_device : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: %[[Z1:.*]] = tenon_rt.transfer %[[Z]] outs
  %e2 = tensor.empty(%d) : tensor<?x4xf32>
  // CHECK: tenon_rt.launch @k(%[[X1]])
  %again = tenon_rt.launch @k(%x) outs(%e2) on_device : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: %[[V:.*]] = tenon.reshape %[[Y1]]
  %shape = tenon.constant dense<-1> : tensor<1xi64>
  %v = tenon.reshape %y, %shape : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  %n = arith.muli %d, %c4 : index
  %e3 = tensor.empty(%n) : tensor<?xf32>
  // CHECK: %[[W:.*]] = tenon_rt.launch @flat(%[[V]])
  %w = tenon_rt.launch @flat(%v) outs(%e3) : (tensor<?xf32>) outs(tensor<?xf32>) -> tensor<?xf32>
  // CHECK: return %[[W]], %[[Z1]]
  return %w, %z : tensor<?xf32>, tensor<?x4xf32>
}

// -----

// Without a device nothing is copied.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
// CHECK-NOT: transfer
// CHECK: return
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = tenon_rt.launch @k(%x) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// What one region of a conditional alone reads elsewhere is copied there, once,
// and so is a view of it. What both read, or what decides, is copied before.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func private @square(%x: memref<2x2xf32>, %y: memref<2x2xf32>, %begin: index, %end: index) -> i64
func.func private @test(%x: memref<4xf32>, %c: memref<i1>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<4xf32>, %[[Z:[a-z0-9]*]]: tensor<4xf32>)
func.func @main(%x: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<2x2xf32>) {
  %shape = tenon.constant dense<2> : tensor<2xi64>
  %e0 = tensor.empty() : tensor<4xf32>
  %e1 = tensor.empty() : tensor<2x2xf32>
  %e2 = tensor.empty() : tensor<i1>
  // CHECK-DAG: %[[X1:.*]] = tenon_rt.transfer %[[X]] to_device
  // CHECK-DAG: %[[Z1:.*]] = tenon_rt.transfer %[[Z]] to_device
  // CHECK: %[[A:.*]] = tenon_rt.launch @k(%[[X1]])
  // CHECK-NOT: transfer %[[A]]
  %a = tenon_rt.launch @k(%x) outs(%e0) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  %v = tenon.reshape %a, %shape : (tensor<4xf32>, tensor<2xi64>) -> tensor<2x2xf32>
  // CHECK: %[[B:.*]] = tenon_rt.launch @k(%[[Z1]])
  // CHECK: %[[B1:.*]] = tenon_rt.transfer %[[B]] outs
  %b = tenon_rt.launch @k(%z) outs(%e0) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  // CHECK: %[[C:.*]] = tenon_rt.launch @test
  // CHECK: %[[C1:.*]] = tenon_rt.transfer %[[C]] outs
  %c = tenon_rt.launch @test(%x) outs(%e2) on_device : (tensor<4xf32>) outs(tensor<i1>) -> tensor<i1>
  // CHECK: tenon.if %[[C1]]
  %r, %s = tenon.if %c : tensor<i1> -> tensor<4xf32>, tensor<2x2xf32> {
    // CHECK: %[[A1:.*]] = tenon_rt.transfer %[[A]] outs
    // CHECK: %[[V1:.*]] = tenon.reshape %[[A1]]
    // CHECK: tenon_rt.launch @square(%[[V1]])
    %s0 = tenon_rt.launch @square(%v) outs(%e1) : (tensor<2x2xf32>) outs(tensor<2x2xf32>) -> tensor<2x2xf32>
    %s1 = tenon_rt.launch @square(%s0) outs(%e1) : (tensor<2x2xf32>) outs(tensor<2x2xf32>) -> tensor<2x2xf32>
    // CHECK: tenon_rt.launch @k(%[[A1]])
    %r0 = tenon_rt.launch @k(%a) outs(%e0) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    %r1 = tenon_rt.launch @k(%r0) outs(%e0) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    // CHECK: tenon_rt.launch @k(%[[B1]])
    %r2 = tenon_rt.launch @k(%b) outs(%e0) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %r2, %s1 : tensor<4xf32>, tensor<2x2xf32>
  } else {
    // CHECK: else
    // CHECK-NOT: transfer
    // CHECK: tenon_rt.launch @k(%[[B1]])
    %s0 = tenon_rt.launch @square(%e1) outs(%e1) : (tensor<2x2xf32>) outs(tensor<2x2xf32>) -> tensor<2x2xf32>
    %r0 = tenon_rt.launch @k(%b) outs(%e0) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %r0, %s0 : tensor<4xf32>, tensor<2x2xf32>
  }
  return %r, %s : tensor<4xf32>, tensor<2x2xf32>
}

// -----

// A loop would copy each time.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> tensor<4xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %e = tensor.empty() : tensor<4xf32>
  // CHECK: transfer %{{.*}} to_device
  %a = tenon_rt.launch @k(%x) outs(%e) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  // CHECK: %[[A1:.*]] = tenon_rt.transfer
  // CHECK: tenon.loop
  // CHECK-NOT: transfer
  %y = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %z: tensor<4xf32>):
    // CHECK: tenon_rt.launch @k(%[[A1]])
    %b = tenon_rt.launch @k(%a) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %true, %b : tensor<i1>, tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

// What a loop carries stays on the device if each iteration makes it there; the
// first one is copied before. What is joined of it is copied as a whole.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<4xf32>
func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  %true = tenon.constant dense<true> : tensor<i1>
  %e = tensor.empty() : tensor<4xf32>
  // CHECK: %[[X1:.*]] = tenon_rt.transfer %[[X]] to_device
  // CHECK: %[[R:.*]]:4 = tenon.loop trip(%{{.*}}) (%[[X1]], %[[X]], %[[X]])
  // CHECK-SAME: tenon_rt.result_spaces = array<i1: true, false, false, true>
  %last, %host, %same, %all = tenon.loop trip(%n : tensor<i64>) (%x, %x, %x) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>, %h: tensor<4xf32>, %s: tensor<4xf32>):
    // CHECK: ^bb0(%{{.*}}, %[[Y:.*]]: tensor<4xf32>, %[[H:.*]]: tensor<4xf32>, %[[S:.*]]: tensor<4xf32>):
    // CHECK-NOT: transfer
    // CHECK: %[[Z:.*]] = tenon_rt.launch @k(%[[Y]])
    %z = tenon_rt.launch @k(%y) outs(%e) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    // CHECK: %[[G:.*]] = tenon_rt.launch @k(%[[H]])
    %g = tenon_rt.launch @k(%h) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    // CHECK: tenon.yield %{{.*}}, %[[Z]], %[[G]], %[[S]], %[[Z]]
    tenon.yield %true, %z, %g, %s, %z : tensor<i1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  // CHECK-DAG: %[[ALL:.*]] = tenon_rt.transfer %[[R]]#3 outs
  // CHECK-DAG: %[[LAST:.*]] = tenon_rt.transfer %[[R]]#0 outs
  // CHECK: return %[[LAST]], %[[ALL]]
  return %last, %all : tensor<4xf32>, tensor<?x4xf32>
}

// -----

// A branch's result stays there if both regions make it there.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
func.func @main(%x: tensor<4xf32>, %c: tensor<i1>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  // CHECK: transfer %{{.*}} to_device
  // CHECK: %[[R:.*]]:2 = tenon.if
  %r, %s = tenon.if %c : tensor<i1> -> tensor<4xf32>, tensor<4xf32> {
    // CHECK: %[[A:.*]] = tenon_rt.launch
    %a = tenon_rt.launch @k(%x) outs(%e) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    // CHECK: %[[A1:.*]] = tenon_rt.transfer %[[A]] outs
    // CHECK: tenon.yield %[[A]], %[[A1]]
    tenon.yield %a, %a : tensor<4xf32>, tensor<4xf32>
  } else {
    %a = tenon_rt.launch @k(%x) outs(%e) on_device : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %a, %x : tensor<4xf32>, tensor<4xf32>
  }
  // CHECK: %[[R1:.*]] = tenon_rt.transfer %[[R]]#0 outs
  // CHECK: return %[[R1]], %[[R]]#1
  return %r, %s : tensor<4xf32>, tensor<4xf32>
}
