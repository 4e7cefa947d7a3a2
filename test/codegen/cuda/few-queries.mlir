// Attention of few queries: a block for each of them, whose threads share the keys.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "codegen"], ["sm_90"]>} {

// Sixteen threads have a key, eight keys at a time: their chunks of the keys, then of the values. What they have of the
// scores is added by shuffles.
// CHECK-LABEL: func.func private @k0_attention(
// CHECK-SAME: tenon.unit_threads = 128
// CHECK: memref.alloca() {alignment = 16 : i64} : memref<3072xi8, #gpu.address_space<workgroup>>
// CHECK-NOT: nvvm.cp.async
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32, f32, f32)
// CHECK-COUNT-16: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-32: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
// CHECK-COUNT-9: math.exp
// CHECK: scf.yield
// All groups in one.
// CHECK: gpu.barrier
// CHECK: arith.divf
// CHECK: memref.store
// CHECK-LABEL: func.func private @k0_attention.units(
// CHECK: arith.constant 12 : index
// CHECK-NEXT: return
func.func @few(%q: tensor<2x3x2x64xf32>, %k: tensor<2x3x100x64xf32>, %v: tensor<2x3x100x64xf32>) -> tensor<2x3x2x64xf32> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) {provider = "cuda"} : (tensor<2x3x2x64xf32>, tensor<2x3x100x64xf32>, tensor<2x3x100x64xf32>) -> tensor<2x3x2x64xf32> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<2x3x2x64xf32>, tensor<2x3x100x64xf32>, tensor<2x3x100x64xf32>) -> tensor<2x3x2x64xf32>
    tenon.yield %0 : tensor<2x3x2x64xf32>
  }
  return %y : tensor<2x3x2x64xf32>
}

// Lines that are no whole chunks are loaded one by one, of a key at a time.
// CHECK-LABEL: func.func private @k1_attention(
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32, f32, f32)
// CHECK-COUNT-8: memref.load
// CHECK-COUNT-2: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
func.func @lines(%q: tensor<1x3x2x10xf32>, %k: tensor<1x3x100x10xf32>, %v: tensor<1x3x100x16xf32>) -> tensor<1x3x2x16xf32> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) {provider = "cuda"} : (tensor<1x3x2x10xf32>, tensor<1x3x100x10xf32>, tensor<1x3x100x16xf32>) -> tensor<1x3x2x16xf32> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<1x3x2x10xf32>, tensor<1x3x100x10xf32>, tensor<1x3x100x16xf32>) -> tensor<1x3x2x16xf32>
    tenon.yield %0 : tensor<1x3x2x16xf32>
  }
  return %y : tensor<1x3x2x16xf32>
}

// Whether there are few is not known: either way, in the same shared memory.
// CHECK-LABEL: func.func private @k2_attention(
// CHECK: memref.alloca() {{.*}}memref<43264xi8, #gpu.address_space<workgroup>>
// CHECK-NOT: memref.alloca
// CHECK: %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c9
// CHECK: scf.if %[[FEW]] {
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xf16>
// CHECK: } else {
// CHECK: nvvm.cp.async.shared
func.func @unknown(%q: tensor<1x2x?x64xf16>, %k: tensor<1x2x?x64xf16>, %v: tensor<1x2x?x64xf16>, %n: index) -> tensor<1x2x?x64xf16> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) dims(%n) {provider = "cuda"} : (tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>) -> tensor<1x2x?x64xf16> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>) -> tensor<1x2x?x64xf16>
    tenon.yield %0 : tensor<1x2x?x64xf16>
  }
  return %y : tensor<1x2x?x64xf16>
}

// More queries are for tiles.
// CHECK-LABEL: func.func private @k3_attention(
// CHECK-NOT: -> vector<4xf32>
// CHECK: nvvm.cp.async.shared
func.func @more(%q: tensor<2x3x9x64xf32>, %k: tensor<2x3x33x64xf32>, %v: tensor<2x3x33x64xf32>) -> tensor<2x3x9x64xf32> {
  %y = tenon.kernel (%a = %q, %b = %k, %c = %v) {provider = "cuda"} : (tensor<2x3x9x64xf32>, tensor<2x3x33x64xf32>, tensor<2x3x33x64xf32>) -> tensor<2x3x9x64xf32> {
    %0 = tenon.attention %a, %b, %c {scale = 0.125 : f64} : (tensor<2x3x9x64xf32>, tensor<2x3x33x64xf32>, tensor<2x3x33x64xf32>) -> tensor<2x3x9x64xf32>
    tenon.yield %0 : tensor<2x3x9x64xf32>
  }
  return %y : tensor<2x3x9x64xf32>
}
}
