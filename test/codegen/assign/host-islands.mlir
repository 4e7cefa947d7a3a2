// What stays on the processor though a device could run it.
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "onednn", "codegen"], ["sm_90"]>} {

// Little work between two kernels of the processor, of which the second is one by demand, a view in between; what is
// returned as well is copied in any case.
// CHECK-LABEL: func.func @between(
// CHECK: tenon.top_k
// CHECK-COUNT-2: tenon.kernel {{.*}}provider = "codegen"
func.func @between(%x: tensor<640xf32>) -> (tensor<320xf32>, tensor<2x160xf32>) {
  %shape = tenon.constant dense<[2, 160]> : tensor<2xi64>
  %v, %i = tenon.kernel (%a = %x) : (tensor<640xf32>) -> (tensor<320xf32>, tensor<320xi64>) {
    %k = tenon.constant dense<320> : tensor<1xi64>
    %0, %1 = tenon.top_k %a, %k {axis = 0 : i64, largest = true} : (tensor<640xf32>, tensor<1xi64>) -> (tensor<320xf32>, tensor<320xi64>)
    tenon.yield %0, %1 : tensor<320xf32>, tensor<320xi64>
  }
  %e = tenon.kernel (%a = %v) : (tensor<320xf32>) -> tensor<320xf32> {
    %0 = tenon.exp %a : (tensor<320xf32>) -> tensor<320xf32>
    tenon.yield %0 : tensor<320xf32>
  }
  %w = tenon.reshape %e, %shape : (tensor<320xf32>, tensor<2xi64>) -> tensor<2x160xf32>
  %n = tenon.kernel (%a = %w) {provider = "codegen"} : (tensor<2x160xf32>) -> tensor<2x160xf32> {
    %0 = tenon.neg %a : (tensor<2x160xf32>) -> tensor<2x160xf32>
    tenon.yield %0 : tensor<2x160xf32>
  }
  return %e, %n : tensor<320xf32>, tensor<2x160xf32>
}

// Before what decides on a branch, and in it.
// CHECK-LABEL: func.func @decision(
// CHECK: tenon.kernel {{.*}}provider = "codegen"
// CHECK: tenon.if
// CHECK: tenon.kernel {{.*}}provider = "codegen"
func.func @decision(%x: tensor<f32>) -> tensor<f32> {
  %c = tenon.kernel (%a = %x) : (tensor<f32>) -> tensor<i1> {
    %zero = tenon.constant dense<0.0> : tensor<f32>
    %0 = tenon.greater %a, %zero : (tensor<f32>, tensor<f32>) -> tensor<i1>
    tenon.yield %0 : tensor<i1>
  }
  %y = tenon.if %c : tensor<i1> -> tensor<f32> {
    %0 = tenon.kernel (%a = %x) : (tensor<f32>) -> tensor<f32> {
      %1 = tenon.neg %a : (tensor<f32>) -> tensor<f32>
      tenon.yield %1 : tensor<f32>
    }
    tenon.yield %0 : tensor<f32>
  } else {
    tenon.yield %x : tensor<f32>
  }
  return %y : tensor<f32>
}

// No part of the processor is next to it: the caller alone gives and takes.
// CHECK-LABEL: func.func @alone(
// CHECK: tenon.kernel {{.*}}provider = "cuda"
// CHECK: tenon.kernel {{.*}}provider = "codegen"
func.func @alone(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
  %z = tenon.kernel (%a = %x) {provider = "codegen"} : (tensor<4xf32>) -> tensor<4xf32> {
    %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
  return %y, %z : tensor<4xf32>, tensor<4xf32>
}

// More work than copies are, and what reads it.
// CHECK-LABEL: func.func @work(
// CHECK-COUNT-2: tenon.kernel {{.*}}provider = "cuda"
func.func @work(%x: tensor<1024x1024xf32>) -> tensor<1x1024xf32> {
  %y = tenon.kernel (%a = %x) : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
    %0 = tenon.matmul %a, %a : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
    tenon.yield %0 : tensor<1024x1024xf32>
  }
  %m = tenon.kernel (%a = %y) : (tensor<1024x1024xf32>) -> tensor<1x1024xf32> {
    %0 = tenon.reduce %a {axes = array<i64: 0>, kind = #tenon.reduce_kind<max>} : (tensor<1024x1024xf32>) -> tensor<1x1024xf32>
    tenon.yield %0 : tensor<1x1024xf32>
  }
  %n = tenon.kernel (%a = %m) {provider = "codegen"} : (tensor<1x1024xf32>) -> tensor<1x1024xf32> {
    %0 = tenon.neg %a : (tensor<1x1024xf32>) -> tensor<1x1024xf32>
    tenon.yield %0 : tensor<1x1024xf32>
  }
  return %n : tensor<1x1024xf32>
}

// A provider that was asked for.
// CHECK-LABEL: func.func @asked(
// CHECK: tenon.kernel {{.*}}provider = "cuda"
func.func @asked(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = tenon.kernel (%a = %x) {provider = "cuda"} : (tensor<4xf32>) -> tensor<4xf32> {
    %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
  %z = tenon.kernel (%a = %y) {provider = "codegen"} : (tensor<4xf32>) -> tensor<4xf32> {
    %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

}
