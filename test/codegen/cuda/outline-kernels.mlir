// RUN: tenon-opt %s --tenon-cuda-outline-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Kernels of the device and their constants move to a module for the GPUs of the
// target. An entry has a pointer for each memref, then the sizes and scalars in
// order, the number of units, and the status. That nothing else is the memory of
// one stays known where threads are on their own.

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_80", "sm_90"]>} {
  memref.global "private" constant @table : memref<2xf32> = dense<[1.0, 2.0]>
  // CHECK: func.func private @on_host(
  // CHECK-NOT: @on_device
  // CHECK: gpu.module @device [#nvvm.target<O = 3, chip = "sm_80", features = "+ptx80">, #nvvm.target<O = 3, chip = "sm_90", features = "+ptx80">] {
  // CHECK: memref.global "private" constant @table
  // CHECK: gpu.func @on_device(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr {llvm.noalias}, %[[D:.*]]: i64, %[[S:.*]]: i64, %[[UNITS:.*]]: i64, %[[STATUS:.*]]: !llvm.ptr) kernel {
  // CHECK: %[[END:.*]] = arith.index_cast %[[UNITS]]
  // CHECK: %[[THREAD:.*]] = gpu.thread_id x
  // CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %[[THREAD]]
  // CHECK: %[[STEP:.*]] = arith.muli %grid_dim_x, %c256
  // CHECK: scf.for %{{.*}} = %[[FIRST]] to %[[END]] step %[[STEP]] {
  // CHECK: memref.get_global @table
  // CHECK: memref.store
  // CHECK: scf.if
  // CHECK: llvm.cmpxchg %[[STATUS]]
  // CHECK: gpu.return
  func.func private @on_host(%x: memref<?xf32>, %begin: index, %end: index) -> i64 {
    %t = memref.get_global @table : memref<2xf32>
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
  func.func private @on_device(%x: memref<?xf32>, %y: memref<4xf32> {llvm.noalias}, %s: index, %begin: index, %end: index) -> i64 attributes {tenon.on_device} {
    %t = memref.get_global @table : memref<2xf32>
    %c1 = arith.constant 1 : index
    %v = memref.load %t[%c1] : memref<2xf32>
    memref.store %v, %x[%begin] : memref<?xf32>
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
}

// -----

// The threads of a warp, or of a block, do a unit together. Those of a block wait
// for each other before the next one. What they share is the block's.

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {
  // CHECK: gpu.func @warp({{.*}} kernel attributes {known_block_size = array<i32: 256, 1, 1>} {
  // CHECK: %[[THREAD:.*]] = gpu.thread_id x
  // CHECK: %[[WARP:.*]] = arith.divui %[[THREAD]], %c32
  // CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %[[WARP]]
  // CHECK: %[[STEP:.*]] = arith.muli %grid_dim_x, %c8
  // CHECK: scf.for %{{.*}} = %[[FIRST]] to %{{.*}} step %[[STEP]] {
  // CHECK-NOT: gpu.barrier
  func.func private @warp(%x: memref<?xf32>, %begin: index, %end: index) -> i64 attributes {tenon.on_device, tenon.unit_threads = 32} {
    %lane = gpu.lane_id
    %v = memref.load %x[%lane] : memref<?xf32>
    memref.store %v, %x[%begin] : memref<?xf32>
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
  // CHECK: gpu.func @block({{[^{]*}}) workgroup(%[[SHARED:.*]] : memref<128xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}) kernel attributes {known_block_size = array<i32: 128, 1, 1>, nvvm.minctasm = 4 : i32} {
  // CHECK: %[[BLOCK:.*]] = gpu.block_id x
  // CHECK: %[[BLOCKS:.*]] = gpu.grid_dim x
  // CHECK: scf.for %{{.*}} = %[[BLOCK]] to %{{.*}} step %[[BLOCKS]] {
  // CHECK: memref.store %{{.*}}, %[[SHARED]]
  // CHECK: gpu.barrier
  // CHECK: memref.load %[[SHARED]]
  // CHECK: gpu.barrier
  // CHECK: gpu.return
  func.func private @block(%x: memref<?xf32> {llvm.noalias}, %begin: index, %end: index) -> i64 attributes {tenon.on_device, tenon.unit_threads = 128, nvvm.minctasm = 4 : i32} {
    %shared = memref.alloca() {alignment = 16 : i64} : memref<128xf32, #gpu.address_space<workgroup>>
    %thread = gpu.thread_id x
    %v = memref.load %x[%thread] : memref<?xf32>
    memref.store %v, %shared[%thread] : memref<128xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %w = memref.load %shared[%begin] : memref<128xf32, #gpu.address_space<workgroup>>
    memref.store %w, %x[%begin] : memref<?xf32>
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
}

// -----

// Nothing to do.

// CHECK-NOT: gpu.module
module {
  func.func private @on_host(%x: memref<?xf32>, %begin: index, %end: index) -> i64
}

// -----

// expected-error@below {{has kernels of a GPU, but its target has none}}
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "", 128, ["cuda"]>} {
  func.func private @on_device(%x: memref<?xf32>, %begin: index, %end: index) -> i64 attributes {tenon.on_device} {
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
}

// -----

// expected-error@below {{expected a GPU of sm_80, sm_86, sm_89, sm_90, sm_100, but found "sm_75"}}
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_75"]>} {
  func.func private @on_device(%x: memref<?xf32>, %begin: index, %end: index) -> i64 attributes {tenon.on_device} {
    %zero = arith.constant 0 : i64
    return %zero : i64
  }
}
