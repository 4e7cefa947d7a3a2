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
