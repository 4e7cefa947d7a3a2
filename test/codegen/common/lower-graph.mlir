// RUN: tenon-opt %s --tenon-lower-graph --split-input-file -verify-diagnostics | FileCheck %s

// A result that a call makes is written into the caller's buffer, behind a view
// too; its shape is told without asking the result.

func.func private @k(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %begin: index, %end: index) -> i64

// CHECK: tenon_rt.weight @w0 at 0 = dense<1.000000e+00> : tensor<4xf32>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32> {tenon.name = "x"}
// CHECK-SAME: %[[OUT:.*]]: memref<?x2xf32> {tenon.name = "y"}
// CHECK-SAME: %[[W_OUT:.*]]: memref<4xf32>
// CHECK-SAME: !llvm.ptr
// CHECK-SAME: tenon_rt.num_inputs = 1
func.func @main(%x: tensor<?x4xf32> {tenon.name = "x"})
    -> (tensor<?x2xf32> {tenon.name = "y"}, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %two = arith.constant 2 : i64
  // CHECK: %[[D:.*]] = tensor.dim %[[X]]
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  // CHECK: %[[W:.*]] = tenon_rt.get_weight @w0
  // CHECK: %[[WT:.*]] = bufferization.to_tensor %[[W]] restrict :
  %w = tenon.constant dense<1.0> : tensor<4xf32>
  // CHECK: %[[RESULT:.*]] = bufferization.to_tensor %[[OUT]] restrict writable
  // CHECK: %[[DEST:.*]] = tenon_rt.view %[[RESULT]][%[[D]]]
  %e = tensor.empty(%d) : tensor<?x4xf32>
  // CHECK: %[[Y:.*]] = tenon_rt.launch @k(%[[X]]) outs(%[[DEST]])
  %y = tenon_rt.launch @k(%x) outs(%e) : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: %[[ROWS:.*]] = arith.addi
  %rows = arith.addi %d, %d : index
  %rows64 = arith.index_cast %rows : index to i64
  %shape = tensor.from_elements %rows64, %two : tensor<2xi64>
  // CHECK: tenon_rt.view %[[Y]][%[[ROWS]]]
  %r = tenon.reshape %y, %shape : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  // CHECK: tenon_rt.result_shape 0[%[[ROWS]], %{{.*}}]
  // CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[OUT]]
  // A constant is no call: it is copied.
  // CHECK: bufferization.materialize_in_destination %[[WT]] in restrict writable %[[W_OUT]]
  // CHECK: return{{$}}
  return %r, %w : tensor<?x2xf32>, tensor<4xf32>
}

// -----

// Equal constants are one weight; others follow, aligned.

// CHECK: tenon_rt.weight @w0 at 0 = dense<1.000000e+00> : tensor<4xf32>
// CHECK: tenon_rt.weight @w1 at 64 = dense<2.000000e+00> : tensor<4xf32>
// CHECK-NOT: tenon_rt.weight
// CHECK-LABEL: func.func @main(
func.func @main() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %a = tenon.constant dense<1.0> : tensor<4xf32>
  %b = tenon.constant dense<1.0> : tensor<4xf32>
  %c = tenon.constant dense<2.0> : tensor<4xf32>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Weights that are there keep their places, and others follow. What is read on
// the device has a place there too, and nothing else.

func.func private @k(%x: memref<4xf32>, %w: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK: tenon_rt.weight @w0 at 0 = dense<1.000000e+00> : tensor<4xf32>
// CHECK: tenon_rt.weight @w1 at 64 on_device at 0 = dense<2.000000e+00> : tensor<4xf32>
// CHECK: tenon_rt.weight @w2 at 128 on_device at 64 = dense<3.000000e+00> : tensor<4xf32>
// CHECK: tenon_rt.weight @w3 at 192 = dense<4.000000e+00> : tensor<4xf32>
// CHECK-NOT: tenon_rt.weight
// CHECK-LABEL: func.func @main(
tenon_rt.weight @w0 at 0 = dense<1.0> : tensor<4xf32>
tenon_rt.weight @w1 at 64 = dense<2.0> : tensor<4xf32>
func.func @main() -> (tensor<4xf32>, tensor<4xf32>) {
  %b = tenon.constant dense<2.0> : tensor<4xf32>
  %c = tenon.constant dense<3.0> : tensor<4xf32>
  %d = tenon.constant dense<4.0> : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %b1 = tenon_rt.transfer %b to_device outs(%e) : tensor<4xf32> outs(tensor<4xf32>) -> tensor<4xf32>
  %c1 = tenon_rt.transfer %c to_device outs(%e) : tensor<4xf32> outs(tensor<4xf32>) -> tensor<4xf32>
  // CHECK-DAG: tenon_rt.get_weight @w1 on_device
  // CHECK-DAG: tenon_rt.get_weight @w2 on_device
  // CHECK: tenon_rt.get_weight @w3 :
  %y = tenon_rt.launch @k(%b1, %c1) outs(%e) on_device : (tensor<4xf32>, tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  %e1 = tensor.empty() : tensor<4xf32>
  %y1 = tenon_rt.transfer %y outs(%e1) : tensor<4xf32> outs(tensor<4xf32>) -> tensor<4xf32>
  return %y1, %d : tensor<4xf32>, tensor<4xf32>
}

// -----

// Regions agree with the conditional's type.

// CHECK-LABEL: func.func @main(
func.func @main(%p: tensor<i1>, %a: tensor<?xf32>, %b: tensor<4xf32>) -> tensor<?xf32> {
  // CHECK: %[[P:.*]] = tensor.extract
  // CHECK: scf.if %[[P]] -> (tensor<?xf32>)
  // CHECK: scf.yield
  // CHECK: %[[CAST:.*]] = tensor.cast %{{.*}} : tensor<4xf32> to tensor<?xf32>
  // CHECK: scf.yield %[[CAST]]
  %y = tenon.if %p : tensor<i1> -> tensor<?xf32> {
    tenon.yield %a : tensor<?xf32>
  } else {
    tenon.yield %b : tensor<4xf32>
  }
  return %y : tensor<?xf32>
}

// -----

// What no provider lowered is an error.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'tenon.relu' op is not part of a lowered graph}}
  %y = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// What takes a few bytes in a model's file can't become terabytes of weights.

func.func @main() -> tensor<1048576x1048576xf32> {
  // expected-error @below {{repeats one value in 'tensor<1048576x1048576xf32>', expected at most 1073741824 bytes}}
  %w = tenon.constant dense<0.0> : tensor<1048576x1048576xf32>
  return %w : tensor<1048576x1048576xf32>
}

// -----

func.func @main() -> tensor<4611686018427387904x8xf32> {
  // expected-error @below {{repeats one value in 'tensor<4611686018427387904x8xf32>'}}
  %w = tenon.constant dense<0.0> : tensor<4611686018427387904x8xf32>
  return %w : tensor<4611686018427387904x8xf32>
}

// -----

// Calls that share a destination get one each, so that a buffer is in use for
// one value only; what is in another block keeps its own.

func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64

// CHECK-LABEL: func.func @main(
func.func @main(%x: tensor<4xf32> {tenon.name = "x"}) -> (tensor<4xf32>) {
  // CHECK: %[[E0:.*]] = tensor.empty
  // CHECK: %[[A:.*]] = tenon_rt.launch @k(%{{.*}}) outs(%[[E0]])
  // CHECK: %[[E1:.*]] = tensor.empty
  // CHECK: %[[B:.*]] = tenon_rt.launch @k(%[[A]]) outs(%[[E1]])
  // CHECK: tenon_rt.launch @k(%[[B]]) outs(%[[OUT:.*]])
  // CHECK-NOT: tensor.empty
  %e = tensor.empty() : tensor<4xf32>
  %a = tenon_rt.launch @k(%x) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  %b = tenon_rt.launch @k(%a) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  %c = tenon_rt.launch @k(%b) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %c : tensor<4xf32>
}
