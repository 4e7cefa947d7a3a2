// RUN: tenon-opt %s --pass-pipeline="builtin.module(gpu.module(tenon-cuda-verify-kernels{libdevice=false}))" --split-input-file --verify-diagnostics | FileCheck %s

// What is there, and what LLVM knows, may be called.

// CHECK-LABEL: gpu.module @good
gpu.module @good {
  llvm.func @helper(%x: f64) -> f64 {
    llvm.return %x : f64
  }
  llvm.func @k(%x: f64) {
    %0 = llvm.call @helper(%x) : (f64) -> f64
    %1 = llvm.intr.sqrt(%0) : (f64) -> f64
    llvm.return
  }
}

// -----

gpu.module @of_libdevice {
  llvm.func @__nv_exp(f64) -> f64
  llvm.func @k(%x: f64) {
    // expected-error@below {{a GPU has no function '__nv_exp' without libdevice: expected a CUDA Toolkit in /usr/local/cuda, or named by CUDA_ROOT}}
    %0 = llvm.call @__nv_exp(%x) : (f64) -> f64
    llvm.return
  }
}

// -----

gpu.module @of_libm {
  llvm.func @erf(f64) -> f64
  llvm.func @k(%x: f64) {
    // expected-error@below {{a GPU has no function 'erf'}}
    %0 = llvm.call @erf(%x) : (f64) -> f64
    llvm.return
  }
}
