// RUN: tenon-opt %s --tenon-describe-model | FileCheck %s

// What the device reads of the weights is told in ranges: neighbours in both memories are one. A model that has another one
// for a device refers to its description; one that has none does not. A buffer tells its memory, and the input or output in
// whose place it stands.

// CHECK-DAG: llvm.mlir.global external hidden constant @tenon_weights() {{.*}} : !llvm.array<272 x i8>
// CHECK-DAG: llvm.mlir.global external hidden constant @tenon_model_on_device()
// CHECK: llvm.mlir.global internal constant @buffers() {{.*}} : !llvm.array<3 x struct<(ptr, i32, i32, i32, i32)>> {
// CHECK: %[[HOST:.*]] = llvm.mlir.constant(0 : i32)
// CHECK: llvm.insertvalue %[[HOST]], %{{.*}}[0, 3]
// CHECK: %[[NONE:.*]] = llvm.mlir.constant(0 : i32)
// CHECK: llvm.insertvalue %[[NONE]], %{{.*}}[0, 4]
// CHECK: %[[DEVICE:.*]] = llvm.mlir.constant(1 : i32)
// CHECK: llvm.insertvalue %[[DEVICE]], %{{.*}}[1, 3]
// CHECK: %[[INPUT:.*]] = llvm.mlir.constant(1 : i32)
// CHECK: llvm.insertvalue %[[INPUT]], %{{.*}}[1, 4]
// CHECK: %[[OUTPUT:.*]] = llvm.mlir.constant(-2 : i32)
// CHECK: llvm.insertvalue %[[OUTPUT]], %{{.*}}[2, 4]
// CHECK: llvm.mlir.global internal constant @device.ranges() {{.*}} : !llvm.array<2 x struct<(i64, i64, i64)>> {
// CHECK: llvm.mlir.global external constant @tenon_model()
// CHECK: llvm.mlir.addressof @device.ranges
// CHECK: llvm.mlir.constant(2 : i64)
// CHECK: llvm.mlir.constant(144 : i64)
// CHECK: llvm.mlir.addressof @tenon_model_on_device
module attributes {tenon_rt.has_device_model, tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "", 128, ["codegen"]>} {
tenon_rt.weight @w0 at 0 = dense<1.0> : tensor<4xf32>
tenon_rt.weight @w1 at 64 on_device at 0 = dense<2.0> : tensor<4xf32>
tenon_rt.weight @w2 at 128 on_device at 64 = dense<3.0> : tensor<4xf32>
tenon_rt.weight @w3 at 256 on_device at 128 = dense<4.0> : tensor<4xf32>
tenon_rt.weight @w4 at 192 = dense<5.0> : tensor<4xf32>
llvm.func @plan.entry(%symbols: !llvm.ptr, %buffers: !llvm.ptr, %outputs: !llvm.ptr, %libraries: !llvm.ptr) {
  llvm.return
}
llvm.func @run(%frame: !llvm.ptr) -> i32 attributes {tenon_rt.inputs = [], tenon_rt.outputs = [], tenon_rt.symbols = [], tenon_rt.kernels = [], tenon_rt.library_kernels = [], tenon_rt.buffers = array<i64: 6, 8, 0, 0, 2, 6, 1, 1, 5, 9, 1, -2>, tenon_rt.buffer_names = ["Relu_0", "x", "y"], tenon_rt.num_slots = 0 : i64} {
  %ok = llvm.mlir.constant(0 : i32) : i32
  llvm.return %ok : i32
}
}
