// With `tenon.tf32` on the module products of f32 are for tensor cores: factors are rounded to TF32, of which ldmatrix
// loads those that are contiguous along the depth.
// RUN: tenon-opt %s --split-input-file --tenon-assign-providers=provider=cuda --tenon-lower-kernels | FileCheck %s
// RUN: tenon-opt %s --split-input-file --tenon-assign-providers --tenon-lower-kernels | FileCheck %s --check-prefix=LIBRARY

#target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cublaslt", "cuda"], ["sm_90"]>
module attributes {tenon.target = #target, tenon.tf32} {
// LIBRARY: tenon.library = array<i64: 1, 0, 1, 0, 1, -1, -1, 0, 1,
// CHECK-LABEL: func.func private @k0_matmul(
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.convert.float.to.tf32 {{.*}} {rnd = #nvvm.fp_rnd_mode<rna>}
// CHECK: nvvm.mma.sync {{.*}} shape = #nvvm.shape<m = 16, n = 8, k = 8>
// CHECK-NOT: math.fma
func.func @product(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = tenon.matmul %a, %b {transpose_b} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
  return %y : tensor<64x64xf32>
}
}

// -----

// Without it they are exact.
#target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cublaslt", "cuda"], ["sm_90"]>
module attributes {tenon.target = #target} {
// LIBRARY: tenon.library = array<i64: 1, 0, 1, 0, 1, -1, -1, 0, 0,
// CHECK-LABEL: func.func private @k0_matmul(
// CHECK-NOT: nvvm.mma.sync
// CHECK: math.fma
func.func @product(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = tenon.matmul %a, %b {transpose_b} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
  return %y : tensor<64x64xf32>
}
}
