// RUN: tenon-opt %s --tenon-expose-kernels --mlir-print-debuginfo --split-input-file | FileCheck %s

// What each kernel gives becomes a result behind those of the model; its name
// has the kernel's number, the result's, the nodes that gave it and all nodes,
// however many there are; what separates names or can't be printed is _ in them.
// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<?xf32> {tenon.dims = ["n"], tenon.name = "z"}
// CHECK-SAME: tensor<?xf32> {tenon.dims = [""], tenon.name = "kernel|0|0|a|a;b"}
// CHECK-SAME: tensor<?xf32> {tenon.dims = [""], tenon.name = "kernel|0|1|b|a;b"}
// CHECK-SAME: tensor<?xi32> {tenon.dims = [""], tenon.name = "kernel|1|0|c_d____\C3\A9|c_d____\C3\A9;e;f;g;h;i"})
// CHECK: %[[FIRST:.*]]:2 = tenon.kernel
// CHECK: %[[SECOND:.*]] = tenon.kernel
// CHECK: return %[[FIRST]]#1, %[[FIRST]]#0, %[[FIRST]]#1, %[[SECOND]] :
func.func @main(%x: tensor<?xf32>) -> (tensor<?xf32> {tenon.name = "z", tenon.dims = ["n"]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %0:2 = tenon.kernel (%i = %x) dims(%n, %n) : (tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
    %a = tenon.relu %i : (tensor<?xf32>) -> tensor<?xf32> loc("a")
    %b = tenon.neg %a : (tensor<?xf32>) -> tensor<?xf32> loc("b")
    tenon.yield %a, %b : tensor<?xf32>, tensor<?xf32>
  } loc(fused["a", "b"])
  %1 = tenon.kernel (%i = %0#0) dims(%n) : (tensor<?xf32>) -> tensor<?xi32> {
    %c = tenon.cast %i {to = i32} : (tensor<?xf32>) -> tensor<?xi32> loc("c\09d\01|;\7Fé")
    tenon.yield %c : tensor<?xi32>
  } loc(fused["c\09d\01|;\7Fé", "e", "f", "g", "h", "i"])
  return %0#1 : tensor<?xf32>
}

// -----

// A conditional is one: what stands within has no number of its own.
// CHECK-LABEL: func.func @main
// CHECK-SAME: tenon.name = "kernel|0|0|choose|choose"})
// CHECK: %[[IF:.*]] = tenon.if
// CHECK: return %[[IF]], %[[IF]] :
func.func @main(%c: tensor<i1>, %x: tensor<4xf32>) -> (tensor<4xf32> {tenon.name = "y"}) {
  %0 = tenon.if %c : tensor<i1> -> tensor<4xf32> {
    %1 = tenon.kernel (%i = %x) : (tensor<4xf32>) -> tensor<4xf32> {
      %a = tenon.relu %i : (tensor<4xf32>) -> tensor<4xf32> loc("a")
      tenon.yield %a : tensor<4xf32>
    } loc("a")
    tenon.yield %1 : tensor<4xf32>
  } else {
    tenon.yield %x : tensor<4xf32>
  } loc("choose")
  return %0 : tensor<4xf32>
}

// -----

// A model without kernels and another function than main stay as they are.
// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<4xf32> {tenon.name = "y"})
// CHECK: return %{{[a-z0-9]+}} :
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {tenon.name = "y"}) {
  return %x : tensor<4xf32>
}
// CHECK-LABEL: func.func @other
// CHECK-SAME: -> tensor<4xf32>
// CHECK: return %{{[a-z0-9]+}} :
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tenon.kernel (%i = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %a = tenon.relu %i : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
