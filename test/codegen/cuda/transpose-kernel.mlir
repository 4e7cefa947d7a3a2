// Pointwise work on what is contiguous along another dimension than the result: through shared memory, in squares.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

!x = tensor<32x32xf32>

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// Lines of a square are an element longer than 32. What is not transposed is read where it is.
// CHECK-LABEL: func.func private @k0_add(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: %[[SQUARE:.*]] = memref.alloca() {{.*}} : memref<1056xf32, #gpu.address_space<workgroup>>
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK-NOT: scf.if
// CHECK-COUNT-4: memref.load %{{.*}} : memref<2000xf32>
// CHECK-COUNT-4: memref.store %{{.*}}, %[[SQUARE]]
// CHECK: gpu.barrier
// All is loaded before anything is stored. Beyond the results it is their last line or column.
// CHECK-NOT: scf.if
// CHECK: arith.select
// CHECK: memref.load %[[SQUARE]]
// CHECK: memref.load %{{.*}} : memref<2000xf32>
// CHECK-COUNT-3: memref.load %[[SQUARE]]
// CHECK: memref.load %{{.*}} : memref<2000xf32>
// CHECK-COUNT-4: scf.if
// CHECK: memref.store %{{.*}} : memref<2000xf32>
// CHECK-NOT: gpu.barrier
// Two by two squares.
// CHECK-LABEL: func.func private @k0_add.units(
// CHECK: %[[UNITS:.*]] = arith.constant 4 : index
// CHECK: return %[[UNITS]]
func.func @fused(%x: tensor<1x50x40xf32>, %y: tensor<1x40x50xf32>) -> tensor<1x40x50xf32> {
  %0 = tenon.kernel (%a = %x, %b = %y) {provider = "cuda"} : (tensor<1x50x40xf32>, tensor<1x40x50xf32>) -> tensor<1x40x50xf32> {
    %1 = tenon.relu %a : (tensor<1x50x40xf32>) -> tensor<1x50x40xf32>
    %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1>} : (tensor<1x50x40xf32>) -> tensor<1x40x50xf32>
    %3 = tenon.add %2, %b : (tensor<1x40x50xf32>, tensor<1x40x50xf32>) -> tensor<1x40x50xf32>
    tenon.yield %3 : tensor<1x40x50xf32>
  }
  return %0 : tensor<1x40x50xf32>
}

// Two elements of 16 bits at once.
// CHECK-LABEL: func.func private @k1_transpose(
// CHECK: %[[SQUARE:.*]] = memref.alloca() {{.*}} : memref<4160xf16, #gpu.address_space<workgroup>>
// CHECK: vector.load %{{.*}} {alignment = 4 : i64} : memref<2000xf16>, vector<2xf16>
// CHECK: gpu.barrier
// CHECK-COUNT-2: memref.load %[[SQUARE]]
// CHECK: vector.store %{{.*}} {alignment = 4 : i64} : memref<2000xf16>, vector<2xf16>
func.func @half(%x: tensor<50x40xf16>) -> tensor<40x50xf16> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<50x40xf16>) -> tensor<40x50xf16> {
    %1 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<50x40xf16>) -> tensor<40x50xf16>
    tenon.yield %1 : tensor<40x50xf16>
  }
  return %0 : tensor<40x50xf16>
}

// One, where there may be an odd number.
// CHECK-LABEL: func.func private @k2_transpose(
// CHECK: memref.alloca() {{.*}} : memref<1056xf16, #gpu.address_space<workgroup>>
// CHECK-NOT: vector
// CHECK: return
func.func @dynamic(%x: tensor<?x40xf16>, %n: index) -> tensor<40x?xf16> {
  %0 = tenon.kernel (%a = %x) dims(%n) {provider = "cuda"} : (tensor<?x40xf16>) -> tensor<40x?xf16> {
    %1 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<?x40xf16>) -> tensor<40x?xf16>
    tenon.yield %1 : tensor<40x?xf16>
  }
  return %0 : tensor<40x?xf16>
}

// Of twelve operands of f32 there is room for eleven.
// CHECK-LABEL: func.func private @k3_transpose(
// CHECK-COUNT-11: memref.alloca
// CHECK-NOT: memref.alloca
// CHECK: return
func.func @many(%x: !x, %y: !x, %z: !x, %u: !x, %v: !x, %w: !x, %p: !x, %q: !x, %r: !x, %s: !x, %t: !x, %o: !x) -> !x {
  %0 = tenon.kernel (%a = %x, %b = %y, %c = %z, %d = %u, %e = %v, %f = %w, %g = %p, %h = %q, %i = %r, %j = %s, %k = %t, %l = %o) {provider = "cuda"} : (!x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x) -> !x {
    %m0 = tenon.max %a, %b : (!x, !x) -> !x
    %m1 = tenon.max %m0, %c : (!x, !x) -> !x
    %m2 = tenon.max %m1, %d : (!x, !x) -> !x
    %m3 = tenon.max %m2, %e : (!x, !x) -> !x
    %m4 = tenon.max %m3, %f : (!x, !x) -> !x
    %m5 = tenon.max %m4, %g : (!x, !x) -> !x
    %m6 = tenon.max %m5, %h : (!x, !x) -> !x
    %m7 = tenon.max %m6, %i : (!x, !x) -> !x
    %m8 = tenon.max %m7, %j : (!x, !x) -> !x
    %m9 = tenon.max %m8, %k : (!x, !x) -> !x
    %m10 = tenon.max %m9, %l : (!x, !x) -> !x
    %2 = tenon.transpose %m10 {permutation = array<i64: 1, 0>} : (!x) -> !x
    tenon.yield %2 : !x
  }
  return %0 : !x
}

// Pictures have few channels: most of a square would be empty. Nor is there one where neighbours stay neighbours.
// CHECK-LABEL: func.func private @k4_transpose(
// CHECK-NOT: workgroup
// CHECK-LABEL: func.func private @k5_transpose(
// CHECK-NOT: workgroup
func.func @channels(%x: tensor<2x3x64x64xf32>) -> tensor<2x64x64x3xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<2x3x64x64xf32>) -> tensor<2x64x64x3xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 0, 2, 3, 1>} : (tensor<2x3x64x64xf32>) -> tensor<2x64x64x3xf32>
    tenon.yield %1 : tensor<2x64x64x3xf32>
  }
  return %0 : tensor<2x64x64x3xf32>
}
func.func @heads(%x: tensor<2x32x8x64xf32>) -> tensor<2x8x32x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<2x32x8x64xf32>) -> tensor<2x8x32x64xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x32x8x64xf32>) -> tensor<2x8x32x64xf32>
    tenon.yield %1 : tensor<2x8x32x64xf32>
  }
  return %0 : tensor<2x8x32x64xf32>
}

}
