// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn})' 2>&1 | FileCheck %s

// Post-operations compute in f32: what a model rounds to bf16 at each step is
// not for them.

// CHECK: 'onednn' can't because tenon.matmul has element types that oneDNN has not
func.func @main(%x: tensor<4x6xbf16>, %w: tensor<6x8xbf16>) -> tensor<4x8xbf16> {
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<4x6xbf16>, tensor<6x8xbf16>) -> tensor<4x8xbf16> {
    %1 = tenon.matmul %a, %b : (tensor<4x6xbf16>, tensor<6x8xbf16>) -> tensor<4x8xbf16>
    %2 = tenon.relu %1 : (tensor<4x8xbf16>) -> tensor<4x8xbf16>
    tenon.yield %2 : tensor<4x8xbf16>
  }
  return %0 : tensor<4x8xbf16>
}
