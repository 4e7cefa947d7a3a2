// RUN: tenon-opt %s --tenon-lower-graph --split-input-file | FileCheck %s

// The carried tensor has memory of its own, and what is joined is computed where
// it belongs: row after row.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4xf32>
// CHECK-DAG: %[[STATE:.*]] = memref.alloc() : memref<4xf32>
// CHECK-DAG: %[[ALL:.*]] = memref.alloc(%{{.*}}) : memref<?x4xf32>
// CHECK: bufferization.materialize_in_destination %[[X]] in restrict writable %[[STATE]]
// CHECK: scf.while (%[[I:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}}) : (index, i1) -> (index, i1)
// CHECK: tenon_rt.failed
// CHECK: scf.condition
// CHECK: } do {
// CHECK: ^bb0(%[[I:.*]]: index, %{{.*}}: i1):
// CHECK: %[[V:.*]] = bufferization.to_tensor %[[STATE]] restrict
// CHECK: %[[ROW:.*]] = tenon_rt.row %[[ALL]][%[[I]]]
// CHECK: %[[PLACE:.*]] = bufferization.to_tensor %[[ROW]] restrict writable
// CHECK: %[[W:.*]] = tenon_rt.launch @k(%[[V]]) outs(%[[PLACE]])
// CHECK: bufferization.materialize_in_destination %[[W]] in restrict writable %[[ROW]]
// CHECK: bufferization.materialize_in_destination %[[W]] in restrict writable %[[STATE]]
// CHECK: scf.yield
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  %true = tenon.constant dense<true> : tensor<i1>
  %last, %all = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %w = tenon_rt.launch @k(%v) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %true, %w, %w : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  }
  return %last, %all : tensor<4xf32>, tensor<?x4xf32>
}

// -----

// A size that changes is carried as a number, and the memory is a slot.

// CHECK-LABEL: func.func @main(
// CHECK: tenon_rt.allocate 0[%{{.*}}] : memref<?xf32>
// CHECK: scf.while (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (index, i1, index)
// CHECK: } do {
// CHECK: ^bb0(%{{.*}}: index, %{{.*}}: i1, %[[SIZE:.*]]: index):
// CHECK: tenon_rt.allocate 0[%[[SIZE]]] : memref<?xf32>
// CHECK: %[[NEXT:.*]] = arith.addi
// CHECK: tenon_rt.allocate 0[%[[NEXT]]] : memref<?xf32>
// CHECK: scf.yield %{{.*}}, %{{.*}}, %[[NEXT]]
func.func private @longer(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: tensor<?xf32>, %n: tensor<i64>) -> tensor<?xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %last = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %d = tensor.dim %v, %c0 : tensor<?xf32>
    %s = arith.addi %d, %c4 : index
    %e = tensor.empty(%s) : tensor<?xf32>
    %w = tenon_rt.launch @longer(%v) outs(%e) : (tensor<?xf32>) outs(tensor<?xf32>) -> tensor<?xf32>
    tenon.yield %true, %w : tensor<i1>, tensor<?xf32>
  }
  return %last : tensor<?xf32>
}

// -----

// What is carried and joined on the device has memory there.

// CHECK-LABEL: func.func @main(
// CHECK: tenon_rt.allocate 0[%{{.*}}] on_device : memref<?xf32>
// CHECK: tenon_rt.allocate 1[%{{.*}}] : memref<?xf32>
// CHECK: } do {
// CHECK-COUNT-2: tenon_rt.allocate 0[%{{.*}}] on_device : memref<?xf32>
func.func private @longer(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: tensor<?xf32>, %n: tensor<i64>) -> tensor<?xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %d0 = tensor.dim %x, %c0 : tensor<?xf32>
  %e0 = tensor.empty(%d0) : tensor<?xf32>
  %x0 = tenon_rt.transfer %x to_device outs(%e0) : tensor<?xf32> outs(tensor<?xf32>) -> tensor<?xf32>
  %last, %host = tenon.loop trip(%n : tensor<i64>) (%x0, %x) {tenon_rt.result_spaces = array<i1: true, false>} : (tensor<?xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>, %h: tensor<?xf32>):
    %d = tensor.dim %v, %c0 : tensor<?xf32>
    %s = arith.addi %d, %c4 : index
    %e = tensor.empty(%s) : tensor<?xf32>
    %w = tenon_rt.launch @longer(%v) outs(%e) on_device : (tensor<?xf32>) outs(tensor<?xf32>) -> tensor<?xf32>
    %dh = tensor.dim %h, %c0 : tensor<?xf32>
    %sh = arith.addi %dh, %c4 : index
    %eh = tensor.empty(%sh) : tensor<?xf32>
    %wh = tenon_rt.launch @longer(%h) outs(%eh) : (tensor<?xf32>) outs(tensor<?xf32>) -> tensor<?xf32>
    tenon.yield %true, %w, %wh : tensor<i1>, tensor<?xf32>, tensor<?xf32>
  }
  return %host : tensor<?xf32>
}

// -----

// What is computed before the loop is copied to each row.

// CHECK-LABEL: func.func @main(
// CHECK: %[[W:.*]] = tenon_rt.launch @k
// CHECK: } do {
// CHECK: %[[ROW:.*]] = tenon_rt.row
// CHECK: bufferization.materialize_in_destination %[[W]] in restrict writable %[[ROW]]
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> tensor<?x4xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %e = tensor.empty() : tensor<4xf32>
  %w = tenon_rt.launch @k(%x) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  %all = tenon.loop trip(%n : tensor<i64>) () : () -> tensor<?x4xf32> {
  ^bb0(%i: tensor<i64>):
    tenon.yield %true, %w : tensor<i1>, tensor<4xf32>
  }
  return %all : tensor<?x4xf32>
}
