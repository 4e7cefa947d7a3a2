// REQUIRES: onednn, tenon-compile, avx512
// RUN: tenon-compile --quiet --compile-from=fuse %s --provider=onednn,codegen --compile-to=assign -o %t.mlir
// RUN: tenon-opt %t.mlir --tenon-lower-kernels=only-packing --tenon-pack-constants | FileCheck %s
// Only for this machine.
// RUN: tenon-compile --quiet --compile-from=fuse %s --target=x86-64-v3 --provider=onednn,codegen --compile-to=assign -o %t.v3.mlir
// RUN: tenon-opt %t.v3.mlir --tenon-lower-kernels=only-packing --tenon-pack-constants | FileCheck %s --check-prefix=OTHER

// Weights of a product become blocks of 16 x 64, filled up with zeros. In the
// descriptor the argument has one dimension, and behind the rest stands its
// layout: arg 1, 2 dimensions, 2 blocks; the dimensions, padded, the strides, the
// blocks and what they divide. What two calls want in the same order is packed;
// what is also read in another way stays plain. Rows are gathered from the packed
// one: blocks of 64 columns by 16, counted from 0 on, are the rows of the plain
// one, behind which there is filling. So are no columns.
// CHECK-LABEL: func.func @main(
// CHECK: %[[SHARED:.*]] = tenon.constant dense<{{.*}}> : tensor<2x2xf32>
// CHECK: tenon_rt.library "onednn"
// CHECK-SAME: descriptor = array<i64: 2, 3, 3, -1, 0, 0, 1, 2, 0, 1, 1, 1, 0, 1, 2, 0, 1, 1, 2, 2, 2, 3, 16, 64, 1024, 1024, 16, 64, 0, 1>
// CHECK-SAME: (tensor<?x2xf32>, tensor<1024xf32>)
// CHECK: tenon_rt.library "onednn"
// CHECK-SAME: (tensor<?x2xf32>, tensor<1024xf32>)
// CHECK: tenon_rt.library "onednn"(%{{.*}}, %[[SHARED]])
// CHECK-SAME: (tensor<?x2xf32>, tensor<2x2xf32>)
// CHECK: %[[TABLE:.*]] = tenon.constant dense_resource<[[RESOURCE:packed.*]]> : tensor<1024xf32>
// CHECK: %[[SAME:.*]] = tenon.constant dense_resource<[[RESOURCE]]>
// CHECK: tenon_rt.library "onednn"(%{{.*}}, %[[TABLE]])
// CHECK: tenon.kernel (%[[PACKED:.*]] = %[[SAME]], %{{.*}} = %{{.*}})
// CHECK: %[[BLOCKS:.*]] = tenon.reshape %[[PACKED]], %{{.*}} : (tensor<1024xf32>, tensor<4xi64>) -> tensor<1x1x16x64xf32>
// CHECK: %[[TURNED:.*]] = tenon.transpose %[[BLOCKS]] {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x1x16x64xf32>) -> tensor<1x64x1x16xf32>
// CHECK: %[[FILLED:.*]] = tenon.reshape %[[TURNED]], %{{.*}} : (tensor<1x64x1x16xf32>, tensor<2xi64>) -> tensor<64x16xf32>
// CHECK: %[[PLAIN:.*]] = tenon.slice %[[FILLED]], %{{.*}}, %{{.*}} {axes = array<i64: 0, 1>, steps = array<i64: 1, 1>} {{.*}} -> tensor<5x2xf32>
// CHECK: tenon.gather %[[PLAIN]], %{{.*}} {axis = 0 : i64} : (tensor<5x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
// CHECK: %[[COLUMNS:.*]] = tenon.constant dense<{{.*}}> : tensor<2x4xf32>
// CHECK: tenon_rt.library "onednn"(%{{.*}}, %[[COLUMNS]])
// OTHER-NOT: packed
// OTHER: tenon_rt.library
// OTHER-NOT: packed
func.func @main(%x: tensor<?x2xf32> {tenon.name = "x", tenon.dims = ["n", ""]}, %y: tensor<?x2xf32> {tenon.name = "y", tenon.dims = ["m", ""]}, %i: tensor<?xi64> {tenon.name = "i", tenon.dims = ["n"]})
    -> (tensor<?x3xf32> {tenon.name = "a"}, tensor<?x3xf32> {tenon.name = "b"}, tensor<?x2xf32> {tenon.name = "c"},
        tensor<?x5xf32> {tenon.name = "d"}, tensor<?x2xf32> {tenon.name = "e"}, tensor<?x4xf32> {tenon.name = "f"}, tensor<2x?xf32> {tenon.name = "g"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x2xf32>
  %m = tensor.dim %y, %c0 : tensor<?x2xf32>
  %w = tenon.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %s = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %0 = tenon.kernel (%p = %x, %q = %w) dims(%n) {provider = "onednn"} : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32> {
    %3 = tenon.matmul %p, %q : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
    tenon.yield %3 : tensor<?x3xf32>
  }
  %1 = tenon.kernel (%p = %y, %q = %w) dims(%m) {provider = "onednn"} : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32> {
    %3 = tenon.matmul %p, %q : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
    tenon.yield %3 : tensor<?x3xf32>
  }
  %2 = tenon.kernel (%p = %x, %q = %s) dims(%n) {provider = "onednn"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> {
    %3 = tenon.matmul %p, %q : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    tenon.yield %3 : tensor<?x2xf32>
  }
  %4 = tenon.kernel (%q = %s, %p = %2) dims(%n) {provider = "codegen"} : (tensor<2x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %3 = tenon.matmul %p, %q {transpose_b} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    tenon.yield %3 : tensor<?x2xf32>
  }
  %table = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]]> : tensor<5x2xf32>
  %5 = tenon.kernel (%p = %x, %q = %table) dims(%n) {provider = "onednn"} : (tensor<?x2xf32>, tensor<5x2xf32>) -> tensor<?x5xf32> {
    %3 = tenon.matmul %p, %q {transpose_b} : (tensor<?x2xf32>, tensor<5x2xf32>) -> tensor<?x5xf32>
    tenon.yield %3 : tensor<?x5xf32>
  }
  %6 = tenon.kernel (%q = %table, %p = %i) dims(%n) {provider = "codegen"} : (tensor<5x2xf32>, tensor<?xi64>) -> tensor<?x2xf32> {
    %3 = tenon.gather %q, %p {axis = 0 : i64} : (tensor<5x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
    tenon.yield %3 : tensor<?x2xf32>
  }
  %columns = tenon.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %7 = tenon.kernel (%p = %x, %q = %columns) dims(%n) {provider = "onednn"} : (tensor<?x2xf32>, tensor<2x4xf32>) -> tensor<?x4xf32> {
    %3 = tenon.matmul %p, %q : (tensor<?x2xf32>, tensor<2x4xf32>) -> tensor<?x4xf32>
    tenon.yield %3 : tensor<?x4xf32>
  }
  %8 = tenon.kernel (%q = %columns, %p = %i) dims(%n) {provider = "codegen"} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<2x?xf32> {
    %3 = tenon.gather %q, %p {axis = 1 : i64} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<2x?xf32>
    tenon.yield %3 : tensor<2x?xf32>
  }
  return %0, %1, %4, %5, %6, %7, %8 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<?x5xf32>, tensor<?x2xf32>, tensor<?x4xf32>, tensor<2x?xf32>
}
