// RUN: tenon-opt %s --pass-pipeline="builtin.module(gpu.module(tenon-cuda-use-instructions))" | FileCheck %s

gpu.module @device {
  // CHECK-NOT: @__nv_fmaf
  // CHECK-NOT: @__nv_sqrt
  // CHECK: llvm.func @__nv_exp(
  llvm.func @__nv_fmaf(f32, f32, f32) -> f32
  llvm.func @__nv_sqrt(f64) -> f64
  llvm.func @__nv_exp(f64) -> f64

  // CHECK-LABEL: llvm.func @instructions(
  // CHECK: llvm.intr.fma(%{{.*}}) : (f32, f32, f32) -> f32
  // CHECK: llvm.intr.sqrt(%{{.*}}) : (f64) -> f64
  // CHECK: "llvm.intr.abs"(%{{.*}}) <{is_int_min_poison = false}> : (i16) -> i16
  llvm.func @instructions(%x: f32, %y: f64, %i: i16) {
    %0 = llvm.call @__nv_fmaf(%x, %x, %x) : (f32, f32, f32) -> f32
    %1 = llvm.call @__nv_sqrt(%y) : (f64) -> f64
    %2 = math.absi %i : i16
    llvm.return
  }

  // What a GPU has no instruction for stays.

  // CHECK-LABEL: llvm.func @functions(
  // CHECK: llvm.call @__nv_exp
  llvm.func @functions(%y: f64) {
    %0 = llvm.call @__nv_exp(%y) : (f64) -> f64
    llvm.return
  }
}
