// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn})' --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @matmul(
// CHECK: tenon.kernel {{.*}} {provider = "onednn"}
func.func @matmul(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32> {
    %1 = tenon.matmul %a0, %a1 : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
    tenon.yield %1 : tensor<4x6xf32>
  }
  return %0 : tensor<4x6xf32>
}

// -----

func.func @pointwise(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{of tenon.tan, tenon.neg has no provider that runs it: 'onednn' can't because tenon.tan is not a primitive}}
  %0 = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %1 = tenon.tan %a : (tensor<4xf32>) -> tensor<4xf32>
    %2 = tenon.neg %1 : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %2 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @element_type(%x: tensor<4x8xf16>, %w: tensor<8x6xf16>) -> tensor<4x6xf16> {
  // expected-error @below {{tenon.matmul has element types that oneDNN has not}}
  %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<4x8xf16>, tensor<8x6xf16>) -> tensor<4x6xf16> {
    %1 = tenon.matmul %a0, %a1 : (tensor<4x8xf16>, tensor<8x6xf16>) -> tensor<4x6xf16>
    tenon.yield %1 : tensor<4x6xf16>
  }
  return %0 : tensor<4x6xf16>
}

// -----

func.func @tail(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  // expected-error @below {{tenon.tan is not a post-operation}}
  %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32> {
    %1 = tenon.matmul %a0, %a1 : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
    %2 = tenon.tan %1 : (tensor<4x6xf32>) -> tensor<4x6xf32>
    tenon.yield %2 : tensor<4x6xf32>
  }
  return %0 : tensor<4x6xf32>
}
