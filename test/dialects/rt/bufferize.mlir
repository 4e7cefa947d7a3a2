// RUN: tenon-opt %s -one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" -canonicalize | FileCheck %s

func.func private @relu(memref<?x4xf32>, memref<?x4xf32>, index, index, index) -> i64

// CHECK-LABEL: func.func @calls
// CHECK-SAME: (%[[X:.*]]: memref<?x4xf32>, %[[W:.*]]: memref<4x4xf32>, %[[N:.*]]: index)
func.func @calls(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32> {
  %e = tensor.empty(%n) : tensor<?x4xf32>
  // CHECK: %[[B:.*]] = memref.alloc(%[[N]])
  // CHECK: %[[A:.*]] = memref.alloc(%[[N]])
  // CHECK: tenon_rt.launch @relu(%[[X]]) outs(%[[A]]) scalars(%[[N]]) : (memref<?x4xf32>) outs(memref<?x4xf32>)
  // CHECK-NOT: ->
  %0 = tenon_rt.launch @relu(%x) outs(%e) scalars(%n) : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // The empty tensor serves both: each call gets memory of its own, and no copy.
  // CHECK-NOT: memref.copy
  // CHECK: tenon_rt.library "onednn"(%[[A]], %[[W]]) outs(%[[B]]) {constants = array<i64: 1>, descriptor = array<i64: 7>} : (memref<?x4xf32>, memref<4x4xf32>) outs(memref<?x4xf32>)
  %1 = tenon_rt.library "onednn"(%0, %w) outs(%e) {constants = array<i64: 1>, descriptor = array<i64: 7>} : (tensor<?x4xf32>, tensor<4x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: return %[[B]]
  return %1 : tensor<?x4xf32>
}
