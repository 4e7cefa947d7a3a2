// The largest elements of a line, in order: found one after the other by a warp or a block.
// RUN: tenon-opt %s --tenon-assign-providers --tenon-lower-kernels | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s --check-prefix=ASSIGN

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda", "codegen"], ["sm_90"]>} {

// Lanes exchange elements and places, which are two words; the first writes both results.
// CHECK-LABEL: func.func private @k0_top_k(
// CHECK-SAME: tenon.unit_threads = 32
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %c1
// CHECK: scf.for %{{.*}} = %{{.*}} to %c100{{.*}} step %c32
// CHECK-COUNT-15: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
// CHECK: scf.if
// CHECK-COUNT-2: memref.store
// CHECK-NOT: gpu.barrier
// CHECK: func.func private @k0_top_k.units
// ASSIGN-LABEL: func.func @warp(
// ASSIGN: provider = "cuda"
func.func @warp(%x: tensor<8x100xf32>) -> (tensor<8x5xf32>, tensor<8x5xi64>) {
  %v, %i = tenon.kernel (%a = %x) : (tensor<8x100xf32>) -> (tensor<8x5xf32>, tensor<8x5xi64>) {
    %k = tenon.constant dense<5> : tensor<1xi64>
    %0, %1 = tenon.top_k %a, %k {axis = 1 : i64} : (tensor<8x100xf32>, tensor<1xi64>) -> (tensor<8x5xf32>, tensor<8x5xi64>)
    tenon.yield %0, %1 : tensor<8x5xf32>, tensor<8x5xi64>
  }
  return %v, %i : tensor<8x5xf32>, tensor<8x5xi64>
}

// Warps of a block leave what they found in shared memory, and read it before the next round.
// CHECK-LABEL: func.func private @k1_top_k(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK-COUNT-2: gpu.barrier
// CHECK: func.func private @k1_top_k.units
// ASSIGN-LABEL: func.func @block(
// ASSIGN: provider = "cuda"
func.func @block(%x: tensor<8x4096xf32>) -> tensor<8x5xi64> {
  %i = tenon.kernel (%a = %x) : (tensor<8x4096xf32>) -> tensor<8x5xi64> {
    %k = tenon.constant dense<5> : tensor<1xi64>
    %0, %1 = tenon.top_k %a, %k {axis = 1 : i64} : (tensor<8x4096xf32>, tensor<1xi64>) -> (tensor<8x5xf32>, tensor<8x5xi64>)
    tenon.yield %1 : tensor<8x5xi64>
  }
  return %i : tensor<8x5xi64>
}

// Many are sorted by the processor, and so is what may be many.
// CHECK-LABEL: func.func private @k2_top_k(
// CHECK-NOT: gpu.thread_id
// ASSIGN-LABEL: func.func @many(
// ASSIGN: provider = "codegen"
func.func @many(%x: tensor<8x4096xf32>) -> tensor<8x257xi64> {
  %i = tenon.kernel (%a = %x) : (tensor<8x4096xf32>) -> tensor<8x257xi64> {
    %k = tenon.constant dense<257> : tensor<1xi64>
    %0, %1 = tenon.top_k %a, %k {axis = 1 : i64} : (tensor<8x4096xf32>, tensor<1xi64>) -> (tensor<8x257xf32>, tensor<8x257xi64>)
    tenon.yield %1 : tensor<8x257xi64>
  }
  return %i : tensor<8x257xi64>
}
}
