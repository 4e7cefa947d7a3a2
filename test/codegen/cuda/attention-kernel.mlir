// Attention in tiles: a block of 128 threads for 64 queries of a head. Each tile of keys is multiplied with the queries,
// becomes weights in shared memory, and these are multiplied with the values.
// RUN: tenon-opt %s --tenon-assign-providers --tenon-lower-kernels | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s --check-prefix=ASSIGN

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "codegen"], ["sm_90"]>} {

// CHECK-LABEL: func.func private @k0_attention(
// CHECK-SAME: tenon.unit_threads = 128
// CHECK: memref.alloca() {alignment = 16 : i64} : memref<43264xi8, #gpu.address_space<workgroup>>
// The queries, and the loop over the keys.
// CHECK: nvvm.cp.async.shared.global
// CHECK: scf.for
// CHECK: gpu.barrier
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.mma.sync
// The scores: two threads have a row.
// CHECK: gpu.barrier
// CHECK: gpu.shuffle xor
// CHECK: math.exp
// CHECK: gpu.barrier
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.mma.sync
// CHECK: scf.yield
// CHECK: arith.divf
// The rows of f32 are products of fused multiply-adds.
// CHECK-LABEL: func.func private @k1_attention(
// CHECK-NOT: nvvm.mma.sync
// CHECK: math.fma
// CHECK: gpu.shuffle xor
// CHECK: math.fma

func.func @half(%q: tensor<2x3x?x64xf16>, %k: tensor<2x3x?x64xf16>, %v: tensor<2x3x?x64xf16>, %m: tensor<1x1x?x?xf16>, %n: index) -> tensor<2x3x?x64xf16> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v, %d = %m) dims(%n) : (tensor<2x3x?x64xf16>, tensor<2x3x?x64xf16>, tensor<2x3x?x64xf16>, tensor<1x1x?x?xf16>) -> tensor<2x3x?x64xf16> {
    %0 = tenon.attention %a, %b, %c, %d {scale = 0.125 : f64} : (tensor<2x3x?x64xf16>, tensor<2x3x?x64xf16>, tensor<2x3x?x64xf16>, tensor<1x1x?x?xf16>) -> tensor<2x3x?x64xf16>
    tenon.yield %0 : tensor<2x3x?x64xf16>
  }
  return %y : tensor<2x3x?x64xf16>
}

func.func @full(%q: tensor<2x3x70x40xf32>, %k: tensor<2x3x33x40xf32>, %v: tensor<2x3x33x24xf32>) -> tensor<2x3x70x24xf32> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) : (tensor<2x3x70x40xf32>, tensor<2x3x33x40xf32>, tensor<2x3x33x24xf32>) -> tensor<2x3x70x24xf32> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<2x3x70x40xf32>, tensor<2x3x33x40xf32>, tensor<2x3x33x24xf32>) -> tensor<2x3x70x24xf32>
    tenon.yield %0 : tensor<2x3x70x24xf32>
  }
  return %y : tensor<2x3x70x24xf32>
}

// Heads that are too large for shared memory; the fuse phase leaves none.
// ASSIGN-LABEL: @large
// ASSIGN: tenon.kernel {{.*}}provider = "codegen"
func.func @large(%q: tensor<2x3x4x96xf32>, %k: tensor<2x3x4x96xf32>, %v: tensor<2x3x4x96xf32>) -> tensor<2x3x4x96xf32> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) : (tensor<2x3x4x96xf32>, tensor<2x3x4x96xf32>, tensor<2x3x4x96xf32>) -> tensor<2x3x4x96xf32> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<2x3x4x96xf32>, tensor<2x3x4x96xf32>, tensor<2x3x4x96xf32>) -> tensor<2x3x4x96xf32>
    tenon.yield %0 : tensor<2x3x4x96xf32>
  }
  return %y : tensor<2x3x4x96xf32>
}
}
