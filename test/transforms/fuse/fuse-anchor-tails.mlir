// RUN: tenon-opt %s --tenon-fuse-anchor-tails --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-fuse-anchor-tails --split-input-file -o /dev/null --remarks-filter=fuse 2>&1 | FileCheck %s --check-prefix=REMARK

// Bias, residual, per-channel factor, scalar and activation, all in one.
// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x4x3xf32>, %[[R:.*]]: tensor<1x4x4x8xf32>, %[[C:.*]]: tensor<1x1x1x8xf32>, %[[W:.*]]: tensor<1x1x3x8xf32>, %[[B:.*]]: tensor<8xf32>
// CHECK: %[[K:.*]] = tenon.kernel (%[[A0:.*]] = %[[X]], %[[A1:.*]] = %[[W]], %[[A2:.*]] = %[[B]], %[[A3:.*]] = %[[R]], %[[A4:.*]] = %[[C]])
// CHECK-NEXT: %[[CONV:.*]] = tenon.conv %[[A0]], %[[A1]], %[[A2]]
// CHECK-NEXT: %[[ADD:.*]] = tenon.add %[[CONV]], %[[A3]]
// CHECK-NEXT: %[[MUL:.*]] = tenon.mul %[[ADD]], %[[A4]]
// CHECK-NEXT: %[[TWO:.*]] = tenon.constant dense<2.000000e+00> : tensor<f32>
// CHECK-NEXT: %[[SUB:.*]] = tenon.sub %[[TWO]], %[[MUL]]
// CHECK-NEXT: %[[RELU:.*]] = tenon.relu %[[SUB]]
// CHECK-NEXT: tenon.yield %[[RELU]]
// CHECK: return %[[K]]
func.func @conv(%x: tensor<1x4x4x3xf32>, %r: tensor<1x4x4x8xf32>, %c: tensor<1x1x1x8xf32>, %w: tensor<1x1x3x8xf32>, %b: tensor<8xf32>) -> tensor<1x4x4x8xf32> {
  %two = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.conv %x, %w, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x4x4x3xf32>, tensor<1x1x3x8xf32>, tensor<8xf32>) -> tensor<1x4x4x8xf32>
  %1 = tenon.add %0, %r : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %2 = tenon.mul %1, %c : (tensor<1x4x4x8xf32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  %3 = tenon.sub %two, %2 : (tensor<f32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %4 = tenon.relu %3 : (tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %4 : tensor<1x4x4x8xf32>
}

// -----

// Dimensions of the result are asked of what is outside.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<8x?xf32>
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[A]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[B]], %c1
// CHECK: tenon.kernel ({{.*}}) dims(%[[M]], %[[N]])
// CHECK: tenon.matmul
// CHECK: tenon.gelu
// CHECK: tenon.tanh
func.func @dynamic(%a: tensor<?x8xf32>, %b: tensor<8x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.matmul %a, %b : (tensor<?x8xf32>, tensor<8x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.gelu %0 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = tenon.tanh %1 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// The later of two anchors gets the sum.
// CHECK-LABEL: func.func @two_anchors(
// CHECK: %[[FIRST:.*]] = tenon.kernel
// CHECK-NOT: tenon.add
// CHECK: tenon.kernel ({{.*}} = %[[FIRST]])
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.add
func.func @two_anchors(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = tenon.matmul %a, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.matmul %b, %a : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = tenon.add %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Two readers: the value is needed in memory.
// CHECK-LABEL: func.func @two_readers(
// CHECK: %[[K:.*]] = tenon.kernel
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.yield
// CHECK: tenon.relu %[[K]]
// CHECK: tenon.tanh %[[K]]
// REMARK-DAG: the result has several readers
func.func @two_readers(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = tenon.matmul %a, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.relu %0 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = tenon.tanh %0 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %2 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// One factor for each row, and a result that is broadcast, stay outside.
// CHECK-LABEL: func.func @broadcasts(
// CHECK: %[[K:.*]] = tenon.kernel
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.yield
// CHECK: tenon.mul %[[K]]
// REMARK-DAG: its reader broadcasts another operand
// CHECK: %[[L:.*]] = tenon.kernel
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.yield
// CHECK: tenon.add %[[L]]
// REMARK-DAG: its reader broadcasts it"
func.func @broadcasts(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>, %rows: tensor<4x1xf32>, %row: tensor<1x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = tenon.matmul %a, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.mul %0, %rows : (tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  %2 = tenon.matmul %row, %b : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %3 = tenon.add %2, %a : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %3 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// What is narrow in memory is read by a cast in the kernel, and its result is
// rounded at the end; what follows that is another kernel's.
// CHECK-LABEL: func.func @narrow(
// CHECK-SAME: %[[A:.*]]: tensor<4x4xbf16>, %[[R:.*]]: tensor<4x4xbf16>
// CHECK: %[[K:.*]] = tenon.kernel (%[[A0:.*]] = %[[A]], %[[A1:.*]] = %[[R]]) : {{.*}} -> tensor<4x4xbf16>
// CHECK-NEXT: %[[SUM:.*]] = tenon.matmul %[[A0]], %[[A0]] {wide}
// CHECK-NEXT: %[[WIDE:.*]] = tenon.cast %[[A1]] {to = f32}
// CHECK-NEXT: %[[ADD:.*]] = tenon.add %[[SUM]], %[[WIDE]]
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[ADD]] {to = bf16}
// CHECK-NEXT: tenon.yield %[[HALF]]
// CHECK: %[[AGAIN:.*]] = tenon.cast %[[K]] {to = f32}
// CHECK: tenon.relu %[[AGAIN]]
func.func @narrow(%a: tensor<4x4xbf16>, %r: tensor<4x4xbf16>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %w = tenon.cast %r {to = f32} : (tensor<4x4xbf16>) -> tensor<4x4xf32>
  %0 = tenon.matmul %a, %a {wide} : (tensor<4x4xbf16>, tensor<4x4xbf16>) -> tensor<4x4xf32>
  %1 = tenon.add %0, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = tenon.cast %1 {to = bf16} : (tensor<4x4xf32>) -> tensor<4x4xbf16>
  %3 = tenon.cast %2 {to = f32} : (tensor<4x4xbf16>) -> tensor<4x4xf32>
  %4 = tenon.relu %3 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4, %w : tensor<4x4xf32>, tensor<4x4xf32>
}
