// RUN: tenon-opt %s --canonicalize --tenon-lower-graph --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map unknown-type-conversion=identity-layout-map" --canonicalize --cse --tenon-plan-buffers --tenon-make-plan --tenon-lower-runtime-calls --canonicalize --cse --convert-scf-to-cf --expand-strided-metadata --lower-affine --convert-to-llvm --reconcile-unrealized-casts --tenon-describe-model | FileCheck %s

// From a graph of two launches to the tables that the runtime reads.

// CHECK-DAG: tenon_rt.weight @w0 at 0
// CHECK-DAG: llvm.func internal @k0_relu.entry(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) -> i64
// CHECK-DAG: llvm.mlir.global internal constant @kernels() {{.*}} : !llvm.array<2 x struct<(ptr, ptr, ptr, ptr, i64, ptr, i32, i32, i32, i32, ptr, i64)>>
// CHECK-DAG: llvm.mlir.global internal constant @args0(dense<[1, 1, 1, 2, -1, 4, 1, 2, -1, 4]> : tensor<10xi64>)
// CHECK-DAG: llvm.mlir.global internal constant @{{.*}}("Relu_0\00")
// CHECK-DAG: llvm.mlir.global internal constant @{{.*}}("two-kernels\00")
// CHECK-DAG: llvm.mlir.global external hidden constant @tenon_weights() {{.*}} : !llvm.array<16 x i8>
// CHECK: llvm.mlir.global external constant @tenon_model()
// CHECK-NOT: builtin.unrealized_conversion_cast

module attributes {tenon.name = "two-kernels", tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "+avx2", 256, ["codegen"]>} {
func.func private @k0_relu(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "codegen"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %z = arith.constant 0.0 : f32
  scf.for %i = %begin to %end step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      %v = memref.load %x[%i, %j] : memref<?x4xf32>
      %r = arith.maximumf %v, %z : f32
      memref.store %r, %y[%i, %j] : memref<?x4xf32>
    }
  }
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0_relu.units(%x: memref<?x4xf32>, %y: memref<?x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = memref.dim %y, %c0 : memref<?x4xf32>
  return %n : index
}
func.func private @k1_add(%x: memref<?x4xf32>, %w: memref<4xf32>, %y: memref<?x4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "codegen"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %begin to %end step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      %v = memref.load %x[%i, %j] : memref<?x4xf32>
      %u = memref.load %w[%j] : memref<4xf32>
      %r = arith.addf %v, %u : f32
      memref.store %r, %y[%i, %j] : memref<?x4xf32>
    }
  }
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k1_add.units(%x: memref<?x4xf32>, %w: memref<4xf32>, %y: memref<?x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = memref.dim %y, %c0 : memref<?x4xf32>
  return %n : index
}
func.func @main(%x: tensor<?x4xf32> {tenon.name = "x", tenon.dims = ["n", ""]}) -> (tensor<?x2xf32> {tenon.name = "y", tenon.dims = ["m", ""]}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  %w = tenon.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %e = tensor.empty(%d) : tensor<?x4xf32>
  %a = tenon_rt.launch @k0_relu(%x) outs(%e) : (tensor<?x4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32> loc("Relu_0")
  %e1 = tensor.empty(%d) : tensor<?x4xf32>
  %b = tenon_rt.launch @k1_add(%a, %w) outs(%e1) : (tensor<?x4xf32>, tensor<4xf32>) outs(tensor<?x4xf32>) -> tensor<?x4xf32> loc("Add_1")
  %d2 = arith.muli %d, %c2 : index
  %i = arith.index_cast %d2 : index to i64
  %two = arith.constant 2 : i64
  %s = tensor.from_elements %i, %two : tensor<2xi64>
  %r = tenon.reshape %b, %s : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
}
