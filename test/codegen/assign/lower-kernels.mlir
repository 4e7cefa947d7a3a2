// RUN: tenon-opt %s --tenon-lower-kernels --split-input-file --verify-diagnostics | FileCheck %s

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has no provider; tenon-assign-providers gives one}}
  %0 = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %1 = tenon.relu %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// A call knows its arithmetic: 2 * 6 * n * 8 of the product, 10 * 6 * n of the
// function, in the dimensions of the run.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]]
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[A:.*]] = arith.muli %{{.*}}, %[[C2]]
// CHECK: %[[FLOPS:.*]] = arith.addi
// CHECK: tenon_rt.launch @{{.*}}(%[[X]], %{{.*}}) outs(%{{.*}}) flops %[[FLOPS]] :
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "+avx2", 256, ["codegen"]>} {
func.func @dynamic(%x: tensor<?x8xf32>, %w: tensor<8x6xf32>) -> tensor<?x6xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) dims(%n) {provider = "codegen"} : (tensor<?x8xf32>, tensor<8x6xf32>) -> tensor<?x6xf32> {
    %1 = tenon.matmul %a, %b : (tensor<?x8xf32>, tensor<8x6xf32>) -> tensor<?x6xf32>
    %2 = tenon.tanh %1 : (tensor<?x6xf32>) -> tensor<?x6xf32>
    tenon.yield %2 : tensor<?x6xf32>
  }
  return %0 : tensor<?x6xf32>
}
}

// -----

// What only moves data does none.
// CHECK-LABEL: func.func @movement(
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: tenon_rt.launch @{{.*}} flops %[[ZERO]] :
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "+avx2", 256, ["codegen"]>} {
func.func @movement(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "codegen"} : (tensor<4x8xf32>) -> tensor<8x4xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
    tenon.yield %1 : tensor<8x4xf32>
  }
  return %0 : tensor<8x4xf32>
}
}

// -----

// What a provider can't run is told, too, where IR says that it does.
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "+avx2", 256, ["winograd"]>} {
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{can't run with winograd because it is no convolution}}
  %0 = tenon.kernel (%a = %x) {provider = "winograd"} : (tensor<4xf32>) -> tensor<4xf32> {
    %1 = tenon.relu %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
}
