// RUN: tenon-opt %s --tenon-cuda-serialize-kernels=assemble=false --split-input-file | FileCheck %s

// One text, for the oldest.

// CHECK: gpu.binary @device
// CHECK-SAME: #gpu.object<#nvvm.target<O = 3, chip = "sm_80", features = "+ptx80">
// CHECK-SAME: assembly = "{{.*}}.target sm_80{{.*}}.visible .entry k(
// CHECK-NOT: sm_90
// CHECK-NOT: gpu.module
gpu.module @device [#nvvm.target<O = 3, chip = "sm_80", features = "+ptx80">, #nvvm.target<O = 3, chip = "sm_90", features = "+ptx80">] {
  llvm.func @k(%x: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i64) : i64
    llvm.store %one, %x : i64, !llvm.ptr
    llvm.return
  }
}

// -----

// What a kernel only reads, it reads past the caches that are kept coherent; not
// so what it may also write.

// CHECK: assembly = "{{.*}}.entry reads({{.*}}ld.global.nc.b32{{.*}}.entry writes(
// CHECK-NOT: ld.global.nc
// CHECK-SAME: ld.global.b32
gpu.module @device [#nvvm.target<O = 3, chip = "sm_80", features = "+ptx80">] {
  llvm.func @reads(%x: !llvm.ptr {llvm.noalias}, %y: !llvm.ptr {llvm.noalias}) attributes {gpu.kernel, nvvm.kernel} {
    %v = llvm.load %x : !llvm.ptr -> f32
    llvm.store %v, %y : f32, !llvm.ptr
    llvm.return
  }
  llvm.func @writes(%x: !llvm.ptr {llvm.noalias}, %y: !llvm.ptr {llvm.noalias}) attributes {gpu.kernel, nvvm.kernel} {
    %v = llvm.load %x : !llvm.ptr -> f32
    llvm.store %v, %y : f32, !llvm.ptr
    %sum = llvm.fadd %v, %v : f32
    llvm.store %sum, %x : f32, !llvm.ptr
    llvm.return
  }
}

// -----

// What is not a GPU's stays.

// CHECK-NOT: gpu.binary
// CHECK: llvm.func @host
llvm.func @host() {
  llvm.return
}
