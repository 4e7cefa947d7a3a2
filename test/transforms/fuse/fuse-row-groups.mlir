// RUN: tenon-opt %s --tenon-fuse-row-groups --split-input-file | FileCheck %s

// The mask is added while the softmax reads.
// CHECK-LABEL: func.func @softmax(
// CHECK: tenon.kernel
// CHECK-NEXT: %[[ADD:.*]] = tenon.add
// CHECK-NEXT: %[[SOFTMAX:.*]] = tenon.softmax %[[ADD]]
// CHECK-NEXT: %[[CAST:.*]] = tenon.cast %[[SOFTMAX]] {to = f16}
// CHECK-NEXT: tenon.yield %[[CAST]]
func.func @softmax(%x: tensor<2x4x8xf32>, %mask: tensor<1x1x8xf32>) -> tensor<2x4x8xf16> {
  %0 = tenon.add %x, %mask : (tensor<2x4x8xf32>, tensor<1x1x8xf32>) -> tensor<2x4x8xf32>
  %1 = tenon.softmax %0 {axis = 2 : i64} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %2 = tenon.cast %1 {to = f16} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf16>
  return %2 : tensor<2x4x8xf16>
}

// -----

// A layer norm reads its input more than once, a sum does not.
// CHECK-LABEL: func.func @costly(
// CHECK: tenon.gelu
// CHECK: tenon.kernel
// CHECK-NEXT: tenon.layer_norm
// CHECK-NEXT: tenon.yield
// CHECK: tenon.kernel
// CHECK-NEXT: tenon.gelu
// CHECK-NEXT: tenon.reduce
// CHECK-NEXT: tenon.sqrt
// CHECK-NEXT: tenon.yield
func.func @costly(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>) {
  %0 = tenon.gelu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.layer_norm %0, %s {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %2 = tenon.gelu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = tenon.reduce %2 {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %4 = tenon.sqrt %3 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %1, %4 : tensor<4x8xf32>, tensor<4x1xf32>
}

// -----

// A residual that others read too is computed before; what broadcasts the sums
// again reads them from memory.
// CHECK-LABEL: func.func @shared(
// CHECK: %[[SUM:.*]] = tenon.add
// CHECK: %[[K:.*]] = tenon.kernel (%{{.*}} = %[[SUM]])
// CHECK-NEXT: tenon.reduce
// CHECK-NEXT: tenon.yield
// CHECK: tenon.sub %[[SUM]], %[[K]]
func.func @shared(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.add %x, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.reduce %0 {kind = #tenon.reduce_kind<max>, axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %2 = tenon.sub %0, %1 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}
