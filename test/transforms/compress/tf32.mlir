// TF32 changes nothing but how a GPU multiplies, which the module says.
// RUN: tenon-opt %s --tenon-convert-precision=precision=tf32 | FileCheck %s
// RUN: not tenon-opt %s --tenon-convert-precision='precision=tf32 keep-fp32=*' 2>&1 | FileCheck %s --check-prefix=KEEP
// KEEP: error: precision 'tf32': expected bf16, fp16, or tf32 without keep-fp32

// CHECK: module attributes {tenon.tf32}
// CHECK: tenon.matmul {{.*}} : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
// CHECK-NOT: tenon.cast
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x2xf32>) -> tensor<4x2xf32> {
  %y = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
