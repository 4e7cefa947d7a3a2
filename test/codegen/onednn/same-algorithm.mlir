// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn})' 2>&1 | FileCheck %s

// oneDNN 2.6 gives the second of two eltwise post-operations of one algorithm
// the parameters of the first: such a tail is not for it.

// CHECK: 'onednn' can't because oneDNN mixes up two post-operations of one algorithm
func.func @main(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.kernel (%a = %x, %b = %w) : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32> {
    %two = tenon.constant dense<2.0> : tensor<f32>
    %half = tenon.constant dense<0.5> : tensor<f32>
    %1 = tenon.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
    %2 = tenon.mul %1, %two : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
    %3 = tenon.relu %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %4 = tenon.add %3, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
    tenon.yield %4 : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
