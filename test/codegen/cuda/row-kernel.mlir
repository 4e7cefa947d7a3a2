// RUN: tenon-opt %s --tenon-lower-kernels --split-input-file | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// Each of many rows of unknown length has a warp: its lanes take turns, four at a time as long
// as there are as many, and exchange what they have found by shuffles.

// CHECK-LABEL: func.func private @k0_softmax(
// CHECK-SAME: tenon.unit_threads = 32
// CHECK: %[[THREAD:.*]] = gpu.thread_id x
// CHECK: %[[LANE:.*]] = arith.remui %[[THREAD]], %c32
// CHECK: %[[FOUR:.*]]:2 = scf.for %{{.*}} = %[[LANE]] to %{{.*}} step %c128
// CHECK-COUNT-4: arith.cmpf ogt
// CHECK: scf.for %{{.*}} = %[[FOUR]]#0 to %{{.*}} step %c32
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: scf.for %{{.*}} = %[[LANE]] to
// CHECK: math.exp
// CHECK: memref.store
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK-NOT: math.exp
// CHECK: scf.for %{{.*}} = %[[LANE]] to
// CHECK: memref.store
// CHECK-NOT: gpu.barrier
// CHECK: func.func private @k0_softmax.units
func.func @softmax(%x: tensor<200x?xf32>) -> tensor<200x?xf32> {
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c1 : tensor<200x?xf32>
  %0 = tenon.kernel (%a = %x) dims(%n) {provider = "cuda"} : (tensor<200x?xf32>) -> tensor<200x?xf32> {
    %1 = tenon.softmax %a {axis = 1 : i64} : (tensor<200x?xf32>) -> tensor<200x?xf32>
    tenon.yield %1 : tensor<200x?xf32>
  }
  return %0 : tensor<200x?xf32>
}

// Where there are few, each has a block, as it may be long.

// CHECK-LABEL: func.func private @k1_softmax(
// CHECK-SAME: tenon.unit_threads = 256
func.func @few(%x: tensor<?x8x?xf32>) -> tensor<?x8x?xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %m = tensor.dim %x, %c0 : tensor<?x8x?xf32>
  %n = tensor.dim %x, %c2 : tensor<?x8x?xf32>
  %0 = tenon.kernel (%a = %x) dims(%m, %n) {provider = "cuda"} : (tensor<?x8x?xf32>) -> tensor<?x8x?xf32> {
    %1 = tenon.softmax %a {axis = 2 : i64} : (tensor<?x8x?xf32>) -> tensor<?x8x?xf32>
    tenon.yield %1 : tensor<?x8x?xf32>
  }
  return %0 : tensor<?x8x?xf32>
}
}

// -----

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// A long row has a block: the first lane of each warp leaves what its warp has
// found. The first thread alone writes the result.

// CHECK-LABEL: func.func private @k0_reduce(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: %[[ALL:.*]] = memref.alloca() {alignment = 16 : i64} : memref<8xf32, #gpu.address_space<workgroup>>
// CHECK: %[[FOUR:.*]]:2 = scf.for %{{.*}} to %{{.*}} step %c1024
// CHECK: scf.for %{{.*}} = %[[FOUR]]#0 to %c4096{{.*}} step %c256
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: scf.if
// CHECK: memref.store %{{.*}}, %[[ALL]]
// CHECK: gpu.barrier
// CHECK-COUNT-8: memref.load %[[ALL]]
// CHECK: scf.if
// CHECK: memref.store
func.func @long(%x: tensor<8x4096xf32>) -> tensor<8x1xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<8x4096xf32>) -> tensor<8x1xf32> {
    %1 = tenon.reduce %a {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1>} : (tensor<8x4096xf32>) -> tensor<8x1xf32>
    tenon.yield %1 : tensor<8x1xf32>
  }
  return %0 : tensor<8x1xf32>
}

// Where the last dimension is not reduced, the lanes of a warp have a column
// each, and eight warps share it.

// CHECK-LABEL: func.func private @k1_reduce(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: %[[ALL:.*]] = memref.alloca() {alignment = 16 : i64} : memref<256xf32, #gpu.address_space<workgroup>>
// CHECK: %[[THREAD:.*]] = gpu.thread_id x
// CHECK-NOT: gpu.shuffle
// CHECK: memref.store %{{.*}}, %[[ALL]][%[[THREAD]]]
// CHECK: gpu.barrier
// CHECK-COUNT-8: memref.load %[[ALL]]
func.func @pool(%x: tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32> {
    %1 = tenon.reduce %a {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1, 2>} : (tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32>
    tenon.yield %1 : tensor<1x1x1x64xf32>
  }
  return %0 : tensor<1x1x1x64xf32>
}

// Short rows and columns have a thread each.

// CHECK-LABEL: func.func private @k2_softmax(
// CHECK-NOT: tenon.unit_threads
// CHECK-NOT: gpu.
// CHECK-LABEL: func.func private @k3_softmax(
// CHECK-NOT: tenon.unit_threads
// CHECK-NOT: gpu.
// CHECK: func.func private @k3_softmax.units
func.func @short(%x: tensor<100x10xf32>, %y: tensor<10x10xf32>) -> (tensor<100x10xf32>, tensor<10x10xf32>) {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<100x10xf32>) -> tensor<100x10xf32> {
    %1 = tenon.softmax %a {axis = 1 : i64} : (tensor<100x10xf32>) -> tensor<100x10xf32>
    tenon.yield %1 : tensor<100x10xf32>
  }
  %2 = tenon.kernel (%a = %y) {provider = "cuda"} : (tensor<10x10xf32>) -> tensor<10x10xf32> {
    %1 = tenon.softmax %a {axis = 0 : i64} : (tensor<10x10xf32>) -> tensor<10x10xf32>
    tenon.yield %1 : tensor<10x10xf32>
  }
  return %0, %2 : tensor<100x10xf32>, tensor<10x10xf32>
}
}
