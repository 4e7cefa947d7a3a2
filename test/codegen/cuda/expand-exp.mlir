// RUN: tenon-opt %s --pass-pipeline="builtin.module(gpu.module(tenon-cuda-expand-exp))" | FileCheck %s

gpu.module @device {
  // CHECK-LABEL: gpu.func @approximate(
  // CHECK-SAME: %[[X:.*]]: f32
  // CHECK: %[[LOG2E:.*]] = arith.constant 1.44269502 : f32
  // CHECK-NEXT: %[[POWER:.*]] = arith.mulf %[[X]], %[[LOG2E]] : f32
  // CHECK-NEXT: %[[Y:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[POWER]]) : (f32) -> f32
  // CHECK-NEXT: memref.store %[[Y]]
  gpu.func @approximate(%x: f32, %to: memref<f32>) {
    %y = math.exp %x fastmath<afn> : f32
    memref.store %y, %to[] : memref<f32>
    gpu.return
  }

  // What the rounding of the product took away is added where the result is finite.
  // CHECK-LABEL: gpu.func @exact(
  // CHECK: %[[POWER:.*]] = arith.mulf
  // CHECK: %[[FIRST:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"(%[[POWER]]) : (f32) -> f32
  // CHECK: %[[BETTER:.*]] = math.fma %[[FIRST]], %{{.*}}, %[[FIRST]] : f32
  // CHECK: %[[IS_FINITE:.*]] = arith.cmpf olt
  // CHECK: arith.select %[[IS_FINITE]], %[[BETTER]], %[[FIRST]] : f32
  gpu.func @exact(%x: f32, %to: memref<f32>) {
    %y = math.exp %x : f32
    memref.store %y, %to[] : memref<f32>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @halves(
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK: vector.from_elements %{{.*}}, %{{.*}} : vector<2xf16>
  gpu.func @halves(%x: vector<2xf16>, %to: memref<1xvector<2xf16>>, %i: index) {
    %y = math.exp %x : vector<2xf16>
    memref.store %y, %to[%i] : memref<1xvector<2xf16>>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @wide(
  // CHECK: math.exp %{{.*}} : f64
  // CHECK-NOT: ex2.approx
  gpu.func @wide(%x: f64, %to: memref<f64>) {
    %y = math.exp %x : f64
    memref.store %y, %to[] : memref<f64>
    gpu.return
  }
}
