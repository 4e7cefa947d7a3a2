// Pointwise work and movements: what a thread does at once, and where it stays with one element.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// 16 bytes: four elements of f32. What is broadcast along them is read once.
// CHECK-LABEL: func.func private @k0_relu(
// CHECK-DAG: vector.load %{{.*}} {alignment = 16 : i64} : memref<3072xf32>, vector<4xf32>
// CHECK-DAG: memref.load %{{.*}} : memref<8xf32>
// CHECK-NOT: memref.load
// CHECK: vector.store %{{.*}} {alignment = 16 : i64} : memref<3072xf32>, vector<4xf32>
// CHECK-NOT: store
// CHECK-LABEL: func.func private @k0_relu.units(
// CHECK: %[[UNITS:.*]] = arith.constant 768
// CHECK: return %[[UNITS]]
func.func @f32(%x: tensor<8x384xf32>, %s: tensor<8x1xf32>) -> tensor<8x384xf32> {
  %0 = tenon.kernel (%a = %x, %b = %s) {provider = "cuda"} : (tensor<8x384xf32>, tensor<8x1xf32>) -> tensor<8x384xf32> {
    %1 = tenon.add %a, %b : (tensor<8x384xf32>, tensor<8x1xf32>) -> tensor<8x384xf32>
    %2 = tenon.relu %1 : (tensor<8x384xf32>) -> tensor<8x384xf32>
    tenon.yield %2 : tensor<8x384xf32>
  }
  return %0 : tensor<8x384xf32>
}

// Eight of f16.
// CHECK-LABEL: func.func private @k1_add(
// CHECK-COUNT-2: vector.load %{{.*}} {alignment = 16 : i64} : memref<{{.*}}xf16>, vector<8xf16>
// CHECK: vector.store %{{.*}} {alignment = 16 : i64} : memref<3072xf16>, vector<8xf16>
func.func @f16(%x: tensor<8x384xf16>, %bias: tensor<1x384xf16>) -> tensor<8x384xf16> {
  %0 = tenon.kernel (%a = %x, %b = %bias) {provider = "cuda"} : (tensor<8x384xf16>, tensor<1x384xf16>) -> tensor<8x384xf16> {
    %1 = tenon.add %a, %b : (tensor<8x384xf16>, tensor<1x384xf16>) -> tensor<8x384xf16>
    tenon.yield %1 : tensor<8x384xf16>
  }
  return %0 : tensor<8x384xf16>
}

// The widest elements decide.
// CHECK-LABEL: func.func private @k2_cast(
// CHECK: vector.load %{{.*}} {alignment = 8 : i64} : memref<3072xf16>, vector<4xf16>
// CHECK: vector.store %{{.*}} {alignment = 16 : i64} : memref<3072xf32>, vector<4xf32>
func.func @mixed(%x: tensor<8x384xf16>) -> tensor<8x384xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<8x384xf16>) -> tensor<8x384xf32> {
    %1 = tenon.cast %a {to = f32} : (tensor<8x384xf16>) -> tensor<8x384xf32>
    tenon.yield %1 : tensor<8x384xf32>
  }
  return %0 : tensor<8x384xf32>
}

// What one row has beyond a multiple of four, a thread does one by one.
// CHECK-LABEL: func.func private @k3_relu(
// CHECK: %[[IS_WHOLE:.*]] = arith.cmpi slt, %{{.*}}, %c3003
// CHECK: scf.if %[[IS_WHOLE]] {
// CHECK: vector.load
// CHECK: vector.store
// CHECK: } else {
// CHECK: scf.for
// CHECK: memref.load
// CHECK: memref.store
// CHECK-LABEL: func.func private @k3_relu.units(
// CHECK: arith.constant 751
func.func @rest(%x: tensor<3x1001xf32>) -> tensor<3x1001xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<3x1001xf32>) -> tensor<3x1001xf32> {
    %1 = tenon.relu %a : (tensor<3x1001xf32>) -> tensor<3x1001xf32>
    tenon.yield %1 : tensor<3x1001xf32>
  }
  return %0 : tensor<3x1001xf32>
}

// Rows that don't begin at a multiple of 16 bytes have a thread for each element, and those of six two of them at once.
// CHECK-LABEL: func.func private @k4_mul(
// CHECK-NOT: vector
// CHECK: return
// CHECK-LABEL: func.func private @k4_mul.units(
// CHECK: arith.constant 3003
// CHECK-LABEL: func.func private @k5_mul(
// CHECK: vector.load %{{.*}} {alignment = 8 : i64} : memref<18xf32>, vector<2xf32>
func.func @odd(%x: tensor<3x1001xf32>, %s: tensor<3x1xf32>) -> tensor<3x1001xf32> {
  %0 = tenon.kernel (%a = %x, %b = %s) {provider = "cuda"} : (tensor<3x1001xf32>, tensor<3x1xf32>) -> tensor<3x1001xf32> {
    %1 = tenon.mul %a, %b : (tensor<3x1001xf32>, tensor<3x1xf32>) -> tensor<3x1001xf32>
    tenon.yield %1 : tensor<3x1001xf32>
  }
  return %0 : tensor<3x1001xf32>
}
func.func @even(%x: tensor<3x6xf32>, %s: tensor<3x1xf32>) -> tensor<3x6xf32> {
  %0 = tenon.kernel (%a = %x, %b = %s) {provider = "cuda"} : (tensor<3x6xf32>, tensor<3x1xf32>) -> tensor<3x6xf32> {
    %1 = tenon.mul %a, %b : (tensor<3x6xf32>, tensor<3x1xf32>) -> tensor<3x6xf32>
    tenon.yield %1 : tensor<3x6xf32>
  }
  return %0 : tensor<3x6xf32>
}

// Of rows of unknown length the run finds it out, for all threads alike.
// CHECK-LABEL: func.func private @k6_mul(
// CHECK: %[[REST:.*]] = arith.remui %[[ROW:.*]], %c4
// CHECK: arith.cmpi eq, %[[REST]], %c0
// CHECK: %[[ARE_CHUNKS:.*]] = arith.andi
// CHECK: %[[CHUNKS:.*]] = arith.ceildivsi %[[ROW]], %c4
// CHECK: arith.select %[[ARE_CHUNKS]], %[[CHUNKS]], %[[ROW]]
// CHECK: scf.if %[[ARE_CHUNKS]] {
// CHECK: vector.load
// CHECK: } else {
// CHECK-NOT: vector
// CHECK: memref.store
// CHECK-LABEL: func.func private @k6_mul.units(
// CHECK: arith.remui
// CHECK: arith.select
func.func @dynamic(%x: tensor<?x?xf32>, %s: tensor<?x1xf32>, %m: index, %n: index) -> tensor<?x?xf32> {
  %0 = tenon.kernel (%a = %x, %b = %s) dims(%m, %n) {provider = "cuda"} : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32> {
    %1 = tenon.mul %a, %b : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
    tenon.yield %1 : tensor<?x?xf32>
  }
  return %0 : tensor<?x?xf32>
}

// Movements that leave a row's elements together.
// CHECK-LABEL: func.func private @k7_transpose(
// CHECK: vector.load
// CHECK: vector.store
// CHECK-LABEL: func.func private @k8_gather(
// CHECK: memref.load %{{.*}} : memref<5xi64>
// CHECK: vector.load %{{.*}} {alignment = 16 : i64} : memref<3200xf32>, vector<4xf32>
// CHECK: vector.store
func.func @heads(%x: tensor<2x12x8x64xf32>) -> tensor<2x8x12x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<2x12x8x64xf32>) -> tensor<2x8x12x64xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x12x8x64xf32>) -> tensor<2x8x12x64xf32>
    tenon.yield %1 : tensor<2x8x12x64xf32>
  }
  return %0 : tensor<2x8x12x64xf32>
}
func.func @gather(%x: tensor<100x32xf32>, %i: tensor<5xi64>) -> tensor<5x32xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i) {provider = "cuda"} : (tensor<100x32xf32>, tensor<5xi64>) -> tensor<5x32xf32> {
    %1 = tenon.gather %a, %b {axis = 0 : i64} : (tensor<100x32xf32>, tensor<5xi64>) -> tensor<5x32xf32>
    tenon.yield %1 : tensor<5x32xf32>
  }
  return %0 : tensor<5x32xf32>
}

// A chunk is in one operand where these are multiples of it: of the first two at eight elements, of the others at none.
// CHECK-LABEL: func.func private @k9_concat(
// CHECK: scf.if
// CHECK: vector.load %{{.*}} : memref<{{.*}}xf16>, vector<8xf16>
// CHECK: else
// CHECK: vector.load %{{.*}} : memref<{{.*}}xf16>, vector<8xf16>
// CHECK-NOT: vector.gather
// CHECK-LABEL: func.func private @k10_concat(
// CHECK-NOT: vector
// CHECK: return
func.func @concat(%x: tensor<3x24xf16>, %y: tensor<3x40xf16>) -> tensor<3x64xf16> {
  %0 = tenon.kernel (%a = %x, %b = %y) {provider = "cuda"} : (tensor<3x24xf16>, tensor<3x40xf16>) -> tensor<3x64xf16> {
    %1 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<3x24xf16>, tensor<3x40xf16>) -> tensor<3x64xf16>
    tenon.yield %1 : tensor<3x64xf16>
  }
  return %0 : tensor<3x64xf16>
}
func.func @concat_odd(%x: tensor<3x23xf16>, %y: tensor<3x41xf16>) -> tensor<3x64xf16> {
  %0 = tenon.kernel (%a = %x, %b = %y) {provider = "cuda"} : (tensor<3x23xf16>, tensor<3x41xf16>) -> tensor<3x64xf16> {
    %1 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<3x23xf16>, tensor<3x41xf16>) -> tensor<3x64xf16>
    tenon.yield %1 : tensor<3x64xf16>
  }
  return %0 : tensor<3x64xf16>
}

// So does a part of a row that begins with one; one row of several need not begin where another ends.
// CHECK-LABEL: func.func private @k11_slice(
// CHECK: vector.load %{{.*}} {alignment = 8 : i64} : memref<{{.*}}xf32>, vector<2xf32>
// CHECK-LABEL: func.func private @k12_slice(
// CHECK-NOT: vector
// CHECK: return
func.func @slice(%x: tensor<3x24xf32>) -> tensor<3x16xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<3x24xf32>) -> tensor<3x16xf32> {
    %s = tenon.constant dense<6> : tensor<1xi64>
    %e = tenon.constant dense<22> : tensor<1xi64>
    %1 = tenon.slice %a, %s, %e {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<3x24xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x16xf32>
    tenon.yield %1 : tensor<3x16xf32>
  }
  return %0 : tensor<3x16xf32>
}
func.func @slice_row(%x: tensor<3x9xf32>) -> tensor<1x9xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<3x9xf32>) -> tensor<1x9xf32> {
    %s = tenon.constant dense<1> : tensor<1xi64>
    %e = tenon.constant dense<2> : tensor<1xi64>
    %1 = tenon.slice %a, %s, %e {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<3x9xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x9xf32>
    tenon.yield %1 : tensor<1x9xf32>
  }
  return %0 : tensor<1x9xf32>
}

// What is read across its rows, if these are few (for more see transpose-kernel.mlir), has a thread for each element.
// CHECK-LABEL: func.func private @k13_transpose(
// CHECK-NOT: vector
// CHECK: return
func.func @transpose(%x: tensor<64x8xf32>) -> tensor<8x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<64x8xf32>) -> tensor<8x64xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<64x8xf32>) -> tensor<8x64xf32>
    tenon.yield %1 : tensor<8x64xf32>
  }
  return %0 : tensor<8x64xf32>
}

// How much a unit is does not depend on the sizes that its code asks for, nor on indices, which are read one at a time.
// CHECK-LABEL: func.func private @k14_gather(
// CHECK: memref.dim %arg1
// CHECK: vector.store %{{.*}} : memref<?xf32>, vector<4xf32>
// CHECK-LABEL: func.func private @k14_gather.units(
// CHECK: %[[LINES:.*]] = memref.dim %arg2
// CHECK: return %[[LINES]]
func.func @sizes(%x: tensor<?x8xf32>, %i: tensor<?xi64>, %y: tensor<?x4xf32>, %n: index) -> tensor<?x4xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i, %c = %y) dims(%n) {provider = "cuda"} : (tensor<?x8xf32>, tensor<?xi64>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %s = tenon.constant dense<4> : tensor<1xi64>
    %e = tenon.constant dense<8> : tensor<1xi64>
    %1 = tenon.gather %a, %b {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
    %2 = tenon.slice %1, %s, %e {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
    %3 = tenon.add %c, %2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    tenon.yield %3 : tensor<?x4xf32>
  }
  return %0 : tensor<?x4xf32>
}

}
