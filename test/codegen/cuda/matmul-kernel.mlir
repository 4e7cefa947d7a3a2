// Products of matrices in tiles: how many threads have one, what they share, and what they compute with.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "codegen"], ["sm_90"]>} {

// Two tiles of 64 times 64, summed by multiply-adds of f32 in four stages of 16 steps. The rows are as many as there
// are in both batches. Lines of the right operand are not a multiple of 16 bytes: its elements are copied one by one, in
// a loop that stays one.
// CHECK-LABEL: func.func private @k0_matmul(
// CHECK-SAME: nvvm.minctasm = 3 : i32
// CHECK-SAME: tenon.unit_threads = 128
// CHECK: memref.alloca() {alignment = 16 : i64} : memref<32768xi8, #gpu.address_space<workgroup>>
// CHECK: scf.for
// CHECK-COUNT-2: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}} : !llvm.ptr<3>, !llvm.ptr<1>, i32
// CHECK: scf.for
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 4, cache = ca, %{{.*}} : !llvm.ptr<3>, !llvm.ptr<1>, i32
// CHECK-NEXT: } {llvm.loop_annotation =
// CHECK-NOT: nvvm.cp.async.shared
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for {{.*}} -> (f32, f32,
// CHECK: nvvm.cp.async.wait.group 2
// CHECK-NEXT: gpu.barrier
// CHECK: nvvm.cp.async.commit.group
// CHECK: llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<3> -> vector<2xf32>
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: math.fma
// CHECK: scf.yield
// The sums go through shared memory to the tail.
// CHECK: gpu.barrier
// CHECK: llvm.store {{.*}} : f32, !llvm.ptr<3>
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: arith.maximumf
// CHECK: memref.store
// CHECK-LABEL: func.func private @k0_matmul.units(
func.func @fma(%x: tensor<2x60x32xf32>, %w: tensor<1x32x50xf32>) -> tensor<2x60x50xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<2x60x32xf32>, tensor<1x32x50xf32>) -> tensor<2x60x50xf32> {
    %0 = tenon.matmul %a, %b : (tensor<2x60x32xf32>, tensor<1x32x50xf32>) -> tensor<2x60x50xf32>
    %1 = tenon.relu %0 : (tensor<2x60x50xf32>) -> tensor<2x60x50xf32>
    tenon.yield %1 : tensor<2x60x50xf32>
  }
  return %y : tensor<2x60x50xf32>
}

// Tensor cores, and larger tiles where there are many. The left operand is contiguous along the sum, the right one
// across it.
// CHECK-LABEL: func.func private @k1_matmul(
// CHECK-SAME: nvvm.minctasm = 2 : i32
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: memref.alloca() {alignment = 16 : i64} : memref<49152xi8, #gpu.address_space<workgroup>>
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK: nvvm.mma.sync A[{{.*}}] B[{{.*}}] C[{{.*}}] {{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 16>} : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
func.func @halves(%x: tensor<2048x64xf16>, %w: tensor<64x2048xf16>) -> tensor<2048x2048xf16> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<2048x64xf16>, tensor<64x2048xf16>) -> tensor<2048x2048xf16> {
    %0 = tenon.matmul %a, %b : (tensor<2048x64xf16>, tensor<64x2048xf16>) -> tensor<2048x2048xf16>
    tenon.yield %0 : tensor<2048x2048xf16>
  }
  return %y : tensor<2048x2048xf16>
}

// Where only the run tells whether lines are a multiple of 16 bytes, both ways are there. Elements of 16 bits are put
// together to 16 bytes.
// CHECK-LABEL: func.func private @k2_matmul(
// CHECK: scf.if
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg
// CHECK: } else {
// CHECK-NOT: nvvm.cp.async.shared
// CHECK: llvm.store {{.*}} : vector<8xbf16>, !llvm.ptr<3>
// CHECK: nvvm.mma.sync A[{{.*}}] B[{{.*}}] C[{{.*}}] {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>{{.*}} : (i32, i32, f32)
func.func @brain(%x: tensor<?x64x?xbf16>, %w: tensor<?x64x?xbf16>, %n0: index, %m: index, %n: index) -> tensor<?x?x?xbf16> {
  %y = tenon.kernel (%a = %x, %b = %w) dims(%n0, %m, %n) {provider = "cuda"} : (tensor<?x64x?xbf16>, tensor<?x64x?xbf16>) -> tensor<?x?x?xbf16> {
    %0 = tenon.matmul %a, %b {transpose_a} : (tensor<?x64x?xbf16>, tensor<?x64x?xbf16>) -> tensor<?x?x?xbf16>
    tenon.yield %0 : tensor<?x?x?xbf16>
  }
  return %y : tensor<?x?x?xbf16>
}

// f64 has no tiles: a thread has an element.
// CHECK-LABEL: func.func private @k3_matmul(
// CHECK-NOT: tenon.unit_threads
// CHECK-NOT: workgroup
func.func @wide(%x: tensor<64x64xf64>, %w: tensor<64x64xf64>) -> tensor<64x64xf64> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<64x64xf64>, tensor<64x64xf64>) -> tensor<64x64xf64> {
    %0 = tenon.matmul %a, %b : (tensor<64x64xf64>, tensor<64x64xf64>) -> tensor<64x64xf64>
    tenon.yield %0 : tensor<64x64xf64>
  }
  return %y : tensor<64x64xf64>
}
}
