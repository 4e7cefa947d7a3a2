// Attention that cuDNN can run: of 16 bits, with a result of the same type. It gets code as well, and its words
// (runtime/cuda/LibraryAbi.h) stand at the function of that.
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s --check-prefix=ASSIGN
// RUN: tenon-opt %s --tenon-assign-providers --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cublaslt", "cudnn", "cuda", "codegen"], ["sm_90"]>} {

// With f32 inside and a mask of f32, as a compressed model has it. The words: kind; query, key, value and result,
// each with its axes, begins and sizes; mask, scale.
// ASSIGN-LABEL: @wide
// ASSIGN: tenon.kernel {{.*}}provider = "cudnn"
// CHECK-LABEL: func.func @wide
// CHECK: tenon_rt.launch @[[WIDE:[a-z0-9_]*]](
func.func @wide(%q: tensor<?x3x?x64xf16>, %k: tensor<?x3x?x64xf16>, %v: tensor<?x3x?x32xf16>, %m: tensor<?x1x1x?xf32>, %b: index, %s: index) -> tensor<?x3x?x32xf16> {
  %y = tenon.kernel (%m1 = %m, %q1 = %q, %k1 = %k, %v1 = %v) dims(%b, %s) : (tensor<?x1x1x?xf32>, tensor<?x3x?x64xf16>, tensor<?x3x?x64xf16>, tensor<?x3x?x32xf16>) -> tensor<?x3x?x32xf16> {
    %0 = tenon.attention %q1, %k1, %v1, %m1 {scale = 0.125 : f64, wide} : (tensor<?x3x?x64xf16>, tensor<?x3x?x64xf16>, tensor<?x3x?x32xf16>, tensor<?x1x1x?xf32>) -> tensor<?x3x?x32xf32>
    %1 = tenon.cast %0 {to = f16} : (tensor<?x3x?x32xf32>) -> tensor<?x3x?x32xf16>
    tenon.yield %1 : tensor<?x3x?x32xf16>
  }
  return %y : tensor<?x3x?x32xf16>
}

// Of bf16 throughout, without a mask.
// ASSIGN-LABEL: @narrow
// ASSIGN: tenon.kernel {{.*}}provider = "cudnn"
// CHECK-LABEL: func.func @narrow
// CHECK: tenon_rt.launch @[[NARROW:[a-z0-9_]*]](
func.func @narrow(%q: tensor<2x3x70x64xbf16>, %k: tensor<2x3x33x64xbf16>) -> tensor<2x3x70x64xbf16> {
  %y = tenon.kernel (%q1 = %q, %k1 = %k) : (tensor<2x3x70x64xbf16>, tensor<2x3x33x64xbf16>) -> tensor<2x3x70x64xbf16> {
    %0 = tenon.attention %q1, %k1, %k1 {scale = 0.5 : f64} : (tensor<2x3x70x64xbf16>, tensor<2x3x33x64xbf16>, tensor<2x3x33x64xbf16>) -> tensor<2x3x70x64xbf16>
    tenon.yield %0 : tensor<2x3x70x64xbf16>
  }
  return %y : tensor<2x3x70x64xbf16>
}

// Heads that are parts of one tensor, and a result whose heads stand side by side: strides.
// ASSIGN-LABEL: @heads
// ASSIGN: tenon.kernel {{.*}}provider = "cudnn"
// CHECK-LABEL: func.func @heads
// CHECK: tenon_rt.launch @[[HEADS:[a-z0-9_]*]](
func.func @heads(%x: tensor<?x?x36x64xf16>, %b: index, %s: index) -> tensor<?x?x12x64xf16> {
  %y = tenon.kernel (%a = %x) dims(%b, %s) : (tensor<?x?x36x64xf16>) -> tensor<?x?x12x64xf16> {
    %c0 = tenon.constant dense<0> : tensor<1xi64>
    %c12 = tenon.constant dense<12> : tensor<1xi64>
    %c24 = tenon.constant dense<24> : tensor<1xi64>
    %c36 = tenon.constant dense<36> : tensor<1xi64>
    %0 = tenon.slice %a, %c0, %c12 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf16>
    %q = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf16>) -> tensor<?x12x?x64xf16>
    %1 = tenon.slice %a, %c12, %c24 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf16>
    %k = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf16>) -> tensor<?x12x?x64xf16>
    %2 = tenon.slice %a, %c24, %c36 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf16>
    %v = tenon.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf16>) -> tensor<?x12x?x64xf16>
    %3 = tenon.attention %q, %k, %v {scale = 0.125 : f64, wide} : (tensor<?x12x?x64xf16>, tensor<?x12x?x64xf16>, tensor<?x12x?x64xf16>) -> tensor<?x12x?x64xf32>
    %4 = tenon.cast %3 {to = f16} : (tensor<?x12x?x64xf32>) -> tensor<?x12x?x64xf16>
    %5 = tenon.transpose %4 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x12x?x64xf16>) -> tensor<?x?x12x64xf16>
    tenon.yield %5 : tensor<?x?x12x64xf16>
  }
  return %y : tensor<?x?x12x64xf16>
}

// Of f32, with a result of f32, with heads of 20, and with something added to the result.
// ASSIGN-LABEL: @others
// ASSIGN-COUNT-4: tenon.kernel {{.*}}provider = "cuda"
func.func @others(%f: tensor<2x3x70x64xf32>, %h: tensor<2x3x70x64xf16>, %t: tensor<2x3x70x20xf16>) -> (tensor<2x3x70x64xf32>, tensor<2x3x70x64xf32>, tensor<2x3x70x20xf16>, tensor<2x3x70x64xf16>) {
  %0 = tenon.kernel (%a = %f) : (tensor<2x3x70x64xf32>) -> tensor<2x3x70x64xf32> {
    %p = tenon.attention %a, %a, %a {scale = 0.125 : f64} : (tensor<2x3x70x64xf32>, tensor<2x3x70x64xf32>, tensor<2x3x70x64xf32>) -> tensor<2x3x70x64xf32>
    tenon.yield %p : tensor<2x3x70x64xf32>
  }
  %1 = tenon.kernel (%a = %h) : (tensor<2x3x70x64xf16>) -> tensor<2x3x70x64xf32> {
    %p = tenon.attention %a, %a, %a {scale = 0.125 : f64, wide} : (tensor<2x3x70x64xf16>, tensor<2x3x70x64xf16>, tensor<2x3x70x64xf16>) -> tensor<2x3x70x64xf32>
    tenon.yield %p : tensor<2x3x70x64xf32>
  }
  %2 = tenon.kernel (%a = %t) : (tensor<2x3x70x20xf16>) -> tensor<2x3x70x20xf16> {
    %p = tenon.attention %a, %a, %a {scale = 0.125 : f64} : (tensor<2x3x70x20xf16>, tensor<2x3x70x20xf16>, tensor<2x3x70x20xf16>) -> tensor<2x3x70x20xf16>
    tenon.yield %p : tensor<2x3x70x20xf16>
  }
  %3 = tenon.kernel (%a = %h) : (tensor<2x3x70x64xf16>) -> tensor<2x3x70x64xf16> {
    %p = tenon.attention %a, %a, %a {scale = 0.125 : f64} : (tensor<2x3x70x64xf16>, tensor<2x3x70x64xf16>, tensor<2x3x70x64xf16>) -> tensor<2x3x70x64xf16>
    %q = tenon.add %p, %a : (tensor<2x3x70x64xf16>, tensor<2x3x70x64xf16>) -> tensor<2x3x70x64xf16>
    tenon.yield %q : tensor<2x3x70x64xf16>
  }
  return %0, %1, %2, %3 : tensor<2x3x70x64xf32>, tensor<2x3x70x64xf32>, tensor<2x3x70x20xf16>, tensor<2x3x70x64xf16>
}
}

// 0.125 and 0.5 as words.
// CHECK: func.func private @[[WIDE]](
// CHECK-SAME: tenon.library = array<i64: 3, 1, 0, 1, 2, 0, 0, 0, -1, -1, -1, 2, 0, 1, 2, 0, 0, 0, -1, -1, -1, 3, 0, 1, 2, 0, 0, 0, -1, -1, -1, 4, 0, 1, 2, 0, 0, 0, -1, -1, -1, 0, 4593671619917905920>, tenon.provider = "cudnn"
// CHECK: func.func private @[[NARROW]](
// CHECK-SAME: tenon.library = array<i64: 3, 0, 0, 1, 2, 0, 0, 0, -1, -1, -1, 1, 0, 1, 2, 0, 0, 0, -1, -1, -1, 1, 0, 1, 2, 0, 0, 0, -1, -1, -1, 2, 0, 1, 2, 0, 0, 0, -1, -1, -1, -1, 4602678819172646912>, tenon.provider = "cudnn"
// CHECK: func.func private @[[HEADS]](
// CHECK-SAME: tenon.library = array<i64: 3, 0, 0, 2, 1, 0, 0, 0, -1, 12, -1, 0, 0, 2, 1, 0, 12, 0, -1, 12, -1, 0, 0, 2, 1, 0, 24, 0, -1, 12, -1, 1, 0, 2, 1, 0, 0, 0, -1, -1, -1, -1, 4593671619917905920>, tenon.provider = "cudnn"
