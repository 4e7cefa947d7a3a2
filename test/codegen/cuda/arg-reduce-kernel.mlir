// The place of the largest element in a row: who looks for it, and how the threads compare what they have found.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// Lanes exchange elements and places, which are two words.
// CHECK-LABEL: func.func private @k0_arg_reduce(
// CHECK-SAME: tenon.unit_threads = 32
// CHECK: %[[THREAD:.*]] = gpu.thread_id x
// CHECK: %[[LANE:.*]] = arith.remui %[[THREAD]], %c32
// CHECK: scf.for %{{.*}} = %[[LANE]] to %c100{{.*}} step %c32
// CHECK: arith.cmpf
// CHECK-COUNT-15: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
// CHECK: func.func private @k0_arg_reduce.units
func.func @warp(%x: tensor<8x100xf32>) -> tensor<8x1xi64> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<8x100xf32>) -> tensor<8x1xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 1 : i64} : (tensor<8x100xf32>) -> tensor<8x1xi64>
    tenon.yield %1 : tensor<8x1xi64>
  }
  return %0 : tensor<8x1xi64>
}

// Of a long row the warps of a block meet in shared memory; its first thread writes the place.
// CHECK-LABEL: func.func private @k1_arg_reduce(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK-DAG: memref.alloca() {alignment = 16 : i64} : memref<8xf32, #gpu.address_space<workgroup>>
// CHECK-DAG: memref.alloca() {alignment = 16 : i64} : memref<8xi64, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: memref.store
func.func @long(%x: tensor<8x4096xf32>) -> tensor<8x1xi64> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<8x4096xf32>) -> tensor<8x1xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 1 : i64} : (tensor<8x4096xf32>) -> tensor<8x1xi64>
    tenon.yield %1 : tensor<8x1xi64>
  }
  return %0 : tensor<8x1xi64>
}

// A row of unknown length has a block where there are few of them, and a warp where there are many. It may be empty.
// CHECK-LABEL: func.func private @k2_arg_reduce(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: scf.if
// CHECK-LABEL: func.func private @k3_arg_reduce(
// CHECK-SAME: tenon.unit_threads = 32
func.func @few(%x: tensor<?x?xf32>, %m: index) -> tensor<?x1xi64> {
  %0 = tenon.kernel (%a = %x) dims(%m) {provider = "cuda"} : (tensor<?x?xf32>) -> tensor<?x1xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x1xi64>
    tenon.yield %1 : tensor<?x1xi64>
  }
  return %0 : tensor<?x1xi64>
}
func.func @many(%x: tensor<?x200x?xf32>, %m: index) -> tensor<?x200x1xi64> {
  %0 = tenon.kernel (%a = %x) dims(%m) {provider = "cuda"} : (tensor<?x200x?xf32>) -> tensor<?x200x1xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 2 : i64} : (tensor<?x200x?xf32>) -> tensor<?x200x1xi64>
    tenon.yield %1 : tensor<?x200x1xi64>
  }
  return %0 : tensor<?x200x1xi64>
}

// Short rows, and columns, have a thread each.
// CHECK-LABEL: func.func private @k4_arg_reduce(
// CHECK-NOT: tenon.unit_threads
// CHECK-LABEL: func.func private @k4_arg_reduce.units
// CHECK-LABEL: func.func private @k5_arg_reduce(
// CHECK-NOT: tenon.unit_threads
// CHECK-LABEL: func.func private @k5_arg_reduce.units
func.func @short(%x: tensor<100x10xf32>) -> tensor<100x1xi64> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<100x10xf32>) -> tensor<100x1xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 1 : i64} : (tensor<100x10xf32>) -> tensor<100x1xi64>
    tenon.yield %1 : tensor<100x1xi64>
  }
  return %0 : tensor<100x1xi64>
}
func.func @columns(%x: tensor<100x40xf32>) -> tensor<1x40xi64> {
  %0 = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<100x40xf32>) -> tensor<1x40xi64> {
    %1 = tenon.arg_reduce %a {kind = #tenon.reduce_kind<max>, axis = 0 : i64} : (tensor<100x40xf32>) -> tensor<1x40xi64>
    tenon.yield %1 : tensor<1x40xi64>
  }
  return %0 : tensor<1x40xi64>
}
}
