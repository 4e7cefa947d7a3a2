// RUN: tenon-opt %s --tenon-fuse --mlir-print-debuginfo | FileCheck %s

// Sizes of all results come from the arguments, whatever stands between; the
// kernel's location names its nodes.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[X]]
// CHECK-NOT: tensor.dim
// CHECK: tenon.kernel {{.*}} dims(%[[N]])
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.relu
// CHECK-NEXT: tenon.yield
// CHECK-NEXT: } loc(#[[FC:.*]])
// CHECK: tenon.kernel {{.*}} dims(%[[N]])
// CHECK-NEXT: tenon.layer_norm
// CHECK: tenon.kernel {{.*}} dims(%[[N]])
// CHECK-NEXT: tenon.transpose
// CHECK-DAG: #[[MATMUL:.*]] = loc("fc")
// CHECK-DAG: #[[RELU:.*]] = loc("act")
// CHECK-DAG: #[[FC]] = loc(fused[#[[MATMUL]], #[[RELU]]])
func.func @main(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %s: tensor<8xf32>) -> tensor<8x?xf32> {
  %0 = tenon.matmul %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> loc("fc")
  %1 = tenon.relu %0 : (tensor<?x8xf32>) -> tensor<?x8xf32> loc("act")
  %2 = tenon.layer_norm %1, %s {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32> loc("norm")
  %3 = tenon.transpose %2 {permutation = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32> loc("out")
  return %3 : tensor<8x?xf32>
}
