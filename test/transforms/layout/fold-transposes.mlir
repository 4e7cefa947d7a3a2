// RUN: tenon-opt %s --tenon-fold-transposes --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @constant(
// CHECK: %[[W:.*]] = tenon.constant dense<{{\[\[}}[1.000000e+00], [3.000000e+00{{.*}}> : tensor<2x2x1xf32>
// CHECK-NOT: tenon.transpose
// CHECK: return %[[W]]
func.func @constant() -> tensor<2x2x1xf32> {
  %w = tenon.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %0 = tenon.transpose %w {permutation = array<i64: 2, 1, 0>} : (tensor<1x2x2xf32>) -> tensor<2x2x1xf32>
  return %0 : tensor<2x2x1xf32>
}

// -----

// An input stays, and so does what becomes a flag of a product.
// CHECK-LABEL: func.func @others(
// CHECK-COUNT-2: tenon.transpose
func.func @others(%x: tensor<3x2xf32>) -> tensor<2x2xf32> {
  %w = tenon.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %1 = tenon.transpose %w {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = tenon.matmul %0, %1 : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}
