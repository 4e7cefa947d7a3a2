// Updates at computed places: a block owns a piece of the result, and goes over all updates that hit it.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda"], ["sm_90"]>} {

// A part of the result in row-major order: copied by all threads, of which each then looks at an update. They mark those
// that hit it, and all go over the marks; each element has one thread that updates it.
// CHECK-LABEL: func.func private @k0_scatter_nd(
// CHECK-SAME: %[[OUT:[^:]*]]: memref<5x700xf32> {llvm.noalias}, %{{[^:]*}}: index, %{{[^:]*}}: index) -> i64
// CHECK-SAME: tenon.unit_threads = 256
// CHECK-DAG: memref.alloca() {alignment = 16 : i64} : memref<8xi32, #gpu.address_space<workgroup>>
// CHECK-DAG: memref.alloca() {alignment = 16 : i64} : memref<256xi64, #gpu.address_space<workgroup>>
// CHECK-DAG: %[[FLAT:.*]] = memref.reinterpret_cast %[[OUT]]
// CHECK: %[[THREAD:.*]] = gpu.thread_id x
// CHECK: scf.for %{{.*}} = %[[THREAD]] to %{{.*}} step %c256
// CHECK: memref.store %{{.*}}, %[[FLAT]]
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %c256
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK: scf.while
// CHECK: "llvm.intr.ctlz"
// CHECK: arith.addf
// CHECK-NEXT: memref.store %{{.*}}, %[[FLAT]]
// CHECK: gpu.barrier
// CHECK-LABEL: func.func private @k0_scatter_nd.units
// CHECK: return %c4
func.func @slices(%x: tensor<5x700xf32>, %i: tensor<?x1xi64>, %u: tensor<?x700xf32>) -> tensor<5x700xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i, %c = %u) {provider = "cuda"} : (tensor<5x700xf32>, tensor<?x1xi64>, tensor<?x700xf32>) -> tensor<5x700xf32> {
    %1 = tenon.scatter_nd %a, %b, %c {reduction = #tenon.scatter_reduction<add>} : (tensor<5x700xf32>, tensor<?x1xi64>, tensor<?x700xf32>) -> tensor<5x700xf32>
    tenon.yield %1 : tensor<5x700xf32>
  }
  return %0 : tensor<5x700xf32>
}

// 32 rows along the axis of 32 columns: of 3 by 100 by 64 elements there are 3 by 4 by 2 pieces.
// CHECK-LABEL: func.func private @k1_scatter_elements(
// CHECK-SAME: tenon.unit_threads = 256
// CHECK: gpu.barrier
// CHECK-LABEL: func.func private @k1_scatter_elements.units
// CHECK: return %c24
func.func @elements(%x: tensor<3x100x64xf32>, %i: tensor<2x20x64xi64>, %u: tensor<2x20x64xf32>) -> tensor<3x100x64xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i, %c = %u) {provider = "cuda"} : (tensor<3x100x64xf32>, tensor<2x20x64xi64>, tensor<2x20x64xf32>) -> tensor<3x100x64xf32> {
    %1 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x100x64xf32>, tensor<2x20x64xi64>, tensor<2x20x64xf32>) -> tensor<3x100x64xf32>
    tenon.yield %1 : tensor<3x100x64xf32>
  }
  return %0 : tensor<3x100x64xf32>
}

// What picks instead has a thread for each element.
// CHECK-LABEL: func.func private @k2_gather_elements(
// CHECK-NOT: tenon.unit_threads
// CHECK-NOT: gpu.barrier
// CHECK-LABEL: func.func private @k2_gather_elements.units
func.func @gather(%x: tensor<3x100xf32>, %i: tensor<3x20xi64>) -> tensor<3x20xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i) {provider = "cuda"} : (tensor<3x100xf32>, tensor<3x20xi64>) -> tensor<3x20xf32> {
    %1 = tenon.gather_elements %a, %b {axis = 1 : i64} : (tensor<3x100xf32>, tensor<3x20xi64>) -> tensor<3x20xf32>
    tenon.yield %1 : tensor<3x20xf32>
  }
  return %0 : tensor<3x20xf32>
}
}
