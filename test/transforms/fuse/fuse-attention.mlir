// RUN: tenon-opt %s --tenon-fuse-attention --split-input-file | FileCheck %s

// Parts of one product become heads, and the heads' results stand side by side again: attention does it all.
// CHECK-LABEL: func.func @heads(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x36x64xf32>, %[[M:.*]]: tensor<?x1x1x?xf32>
// CHECK-NOT: tenon.slice
// CHECK: %[[K:.*]] = tenon.kernel (%[[A:.*]] = %[[X]], %[[AM:.*]] = %[[M]])
// CHECK: %[[PART:.*]] = tenon.slice %[[A]]
// CHECK: %[[Q:.*]] = tenon.transpose %[[PART]]
// CHECK: %[[ATTENTION:.*]] = tenon.attention %[[Q]], %{{.*}}, %{{.*}}, %[[AM]]
// CHECK: %[[BACK:.*]] = tenon.transpose %[[ATTENTION]]
// CHECK-NEXT: tenon.yield %[[BACK]] : tensor<?x?x12x64xf32>
// CHECK: return %[[K]]
func.func @heads(%x: tensor<?x?x36x64xf32>, %m: tensor<?x1x1x?xf32>) -> tensor<?x?x12x64xf32> {
  %c0 = tenon.constant dense<0> : tensor<1xi64>
  %c12 = tenon.constant dense<12> : tensor<1xi64>
  %c24 = tenon.constant dense<24> : tensor<1xi64>
  %c36 = tenon.constant dense<36> : tensor<1xi64>
  %0 = tenon.slice %x, %c0, %c12 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf32>
  %q = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
  %1 = tenon.slice %x, %c12, %c24 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf32>
  %k = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
  %2 = tenon.slice %x, %c24, %c36 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x36x64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x12x64xf32>
  %v = tenon.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
  %3 = tenon.attention %q, %k, %v, %m {scale = 0.125 : f64} : (tensor<?x12x?x64xf32>, tensor<?x12x?x64xf32>, tensor<?x12x?x64xf32>, tensor<?x1x1x?xf32>) -> tensor<?x12x?x64xf32>
  %y = tenon.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x12x?x64xf32>) -> tensor<?x?x12x64xf32>
  return %y : tensor<?x?x12x64xf32>
}

// -----

// What others read has to be in memory, and lines stay whole: in a transpose that takes them apart, a slice of them, and
// a result that is turned on its side.
// CHECK-LABEL: func.func @not(
// CHECK-SAME: %[[X:.*]]: tensor<1x16x8x64xf32>, %[[Y:.*]]: tensor<1x8x64x16xf32>, %[[Z:.*]]: tensor<1x8x16x96xf32>
// CHECK: %[[Q:.*]] = tenon.transpose %[[X]]
// CHECK: %[[K:.*]] = tenon.transpose %[[Y]]
// CHECK: %[[V:.*]] = tenon.slice %[[Z]]
// CHECK: %[[R:.*]] = tenon.kernel (%{{.*}} = %[[Q]], %{{.*}} = %[[K]], %{{.*}} = %[[V]])
// CHECK-NEXT: tenon.attention
// CHECK-NEXT: tenon.yield
// CHECK: tenon.transpose %[[R]]
func.func @not(%x: tensor<1x16x8x64xf32>, %y: tensor<1x8x64x16xf32>, %z: tensor<1x8x16x96xf32>) -> (tensor<1x8x16x64xf32>, tensor<1x8x64x16xf32>) {
  %c16 = tenon.constant dense<16> : tensor<1xi64>
  %c80 = tenon.constant dense<80> : tensor<1xi64>
  %q = tenon.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x16x8x64xf32>) -> tensor<1x8x16x64xf32>
  %k = tenon.transpose %y {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x8x64x16xf32>) -> tensor<1x8x16x64xf32>
  %v = tenon.slice %z, %c16, %c80 {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<1x8x16x96xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x8x16x64xf32>
  %0 = tenon.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x8x16x64xf32>) -> tensor<1x8x64x16xf32>
  return %q, %1 : tensor<1x8x16x64xf32>, tensor<1x8x64x16xf32>
}

// -----

// For a GPU attention rounds its result itself; what is not rounded, or read twice, stays outside.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["cuda", "codegen"], ["sm_90"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @gpu(
  // CHECK: %[[K:.*]] = tenon.kernel {{.*}} -> tensor<1x4x2x64xf16>
  // CHECK-NEXT: %[[ATTENTION:.*]] = tenon.attention
  // CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[ATTENTION]] {to = f16}
  // CHECK-NEXT: %[[BACK:.*]] = tenon.transpose %[[HALF]]
  // CHECK-NEXT: tenon.yield %[[BACK]]
  // CHECK: %[[L:.*]] = tenon.kernel
  // CHECK-NEXT: tenon.attention
  // CHECK-NEXT: tenon.yield
  // CHECK: tenon.relu %[[L]]
  // CHECK: tenon.cast %[[L]]
  func.func @gpu(%q: tensor<1x2x4x64xf16>) -> (tensor<1x4x2x64xf16>, tensor<1x2x4x64xf32>, tensor<1x2x4x64xf16>) {
    %0 = tenon.attention %q, %q, %q {scale = 1.0 : f64, wide} : (tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>) -> tensor<1x2x4x64xf32>
    %1 = tenon.cast %0 {to = f16} : (tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf16>
    %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x4x64xf16>) -> tensor<1x4x2x64xf16>
    %3 = tenon.attention %q, %q, %q {scale = 2.0 : f64, wide} : (tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>) -> tensor<1x2x4x64xf32>
    %4 = tenon.relu %3 : (tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf32>
    %5 = tenon.cast %3 {to = f16} : (tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf16>
    return %2, %4, %5 : tensor<1x4x2x64xf16>, tensor<1x2x4x64xf32>, tensor<1x2x4x64xf16>
  }
}

// -----

// cuDNN could run what is of 16 bits, with heads that are strides of what there is: a fixed part of a tensor, and turned. What
// is not, and what becomes of a mask, stays outside there, but not of f32.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["cudnn", "cuda", "codegen"], ["sm_90"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @cudnn(
  // CHECK-SAME: %[[X:.*]]: tensor<1x4x8x64xf16>
  // CHECK-NOT: tenon.transpose
  // CHECK: tenon.kernel (%{{.*}} = %[[X]]) : {{.*}} -> tensor<1x4x4x64xf16>
  // CHECK: tenon.slice
  // CHECK: tenon.transpose
  // CHECK: tenon.attention
  // CHECK-NEXT: tenon.cast
  // CHECK-NEXT: tenon.transpose
  // CHECK-NEXT: tenon.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: return
  func.func @cudnn(%x: tensor<1x4x8x64xf16>) -> tensor<1x4x4x64xf16> {
    %c2 = tenon.constant dense<2> : tensor<1xi64>
    %c6 = tenon.constant dense<6> : tensor<1xi64>
    %0 = tenon.slice %x, %c2, %c6 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<1x4x8x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x4x4x64xf16>
    %1 = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x4x64xf16>) -> tensor<1x4x4x64xf16>
    %2 = tenon.attention %1, %1, %1 {scale = 1.0 : f64, wide} : (tensor<1x4x4x64xf16>, tensor<1x4x4x64xf16>, tensor<1x4x4x64xf16>) -> tensor<1x4x4x64xf32>
    %3 = tenon.cast %2 {to = f16} : (tensor<1x4x4x64xf32>) -> tensor<1x4x4x64xf16>
    %4 = tenon.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x4x64xf16>) -> tensor<1x4x4x64xf16>
    return %4 : tensor<1x4x4x64xf16>
  }

  // Every second query, keys counted from the end, values from where data say.
  // CHECK-LABEL: func.func @others(
  // CHECK: %[[Q:.*]] = tenon.slice
  // CHECK: %[[K:.*]] = tenon.slice
  // CHECK: %[[V:.*]] = tenon.slice
  // CHECK: %[[M:.*]] = tenon.transpose
  // CHECK: tenon.kernel (%{{.*}} = %[[Q]], %{{.*}} = %[[K]], %{{.*}} = %[[V]], %{{.*}} = %[[M]])
  // CHECK-NEXT: tenon.attention
  // CHECK-NEXT: tenon.yield
  func.func @others(%x: tensor<2x1x8x64xf16>, %m: tensor<1x2x4x4xf16>, %n: i64) -> tensor<2x1x4x64xf16> {
    %c0 = tenon.constant dense<0> : tensor<1xi64>
    %c8 = tenon.constant dense<8> : tensor<1xi64>
    %e4 = tenon.constant dense<-4> : tensor<1xi64>
    %at = tensor.from_elements %n : tensor<1xi64>
    %q = tenon.slice %x, %c0, %c8 {axes = array<i64: 2>, steps = array<i64: 2>} : (tensor<2x1x8x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x1x4x64xf16>
    %k = tenon.slice %x, %e4, %c8 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<2x1x8x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x1x4x64xf16>
    %v = tenon.slice %x, %at, %c8 {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<2x1x8x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x1x?x64xf16>
    %t = tenon.transpose %m {permutation = array<i64: 1, 0, 2, 3>} : (tensor<1x2x4x4xf16>) -> tensor<2x1x4x4xf16>
    %0 = tenon.attention %q, %k, %v, %t {scale = 1.0 : f64} : (tensor<2x1x4x64xf16>, tensor<2x1x4x64xf16>, tensor<2x1x?x64xf16>, tensor<2x1x4x4xf16>) -> tensor<2x1x4x64xf16>
    return %0 : tensor<2x1x4x64xf16>
  }

  // CHECK-LABEL: func.func @exact(
  // CHECK-SAME: %[[X:.*]]: tensor<2x1x8x64xf32>, %[[M:.*]]: tensor<1x2x4x4xf32>
  // CHECK: tenon.kernel (%{{.*}} = %[[X]], %{{.*}} = %[[M]])
  // CHECK: return
  func.func @exact(%x: tensor<2x1x8x64xf32>, %m: tensor<1x2x4x4xf32>) -> tensor<2x1x4x64xf32> {
    %c0 = tenon.constant dense<0> : tensor<1xi64>
    %c8 = tenon.constant dense<8> : tensor<1xi64>
    %q = tenon.slice %x, %c0, %c8 {axes = array<i64: 2>, steps = array<i64: 2>} : (tensor<2x1x8x64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x1x4x64xf32>
    %t = tenon.transpose %m {permutation = array<i64: 1, 0, 2, 3>} : (tensor<1x2x4x4xf32>) -> tensor<2x1x4x4xf32>
    %0 = tenon.attention %q, %q, %q, %t {scale = 1.0 : f64} : (tensor<2x1x4x64xf32>, tensor<2x1x4x64xf32>, tensor<2x1x4x64xf32>, tensor<2x1x4x4xf32>) -> tensor<2x1x4x64xf32>
    return %0 : tensor<2x1x4x64xf32>
  }
}

// -----

// A processor's attention doesn't round: the cast is left to others.
// CHECK-LABEL: func.func @processor(
// CHECK: %[[K:.*]] = tenon.kernel {{.*}} -> tensor<1x2x4x64xf32>
// CHECK-NEXT: tenon.attention
// CHECK-NEXT: tenon.yield
// CHECK: tenon.cast %[[K]]
func.func @processor(%q: tensor<1x2x4x64xf16>) -> tensor<1x2x4x64xf16> {
  %0 = tenon.attention %q, %q, %q {scale = 1.0 : f64, wide} : (tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>) -> tensor<1x2x4x64xf32>
  %1 = tenon.cast %0 {to = f16} : (tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf16>
  return %1 : tensor<1x2x4x64xf16>
}
