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

// cuDNN could run what is of 16 bits, of whole tensors; what is of f32 it can't.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["cudnn", "cuda", "codegen"], ["sm_90"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @cudnn(
  // CHECK: %[[Q:.*]] = tenon.transpose
  // CHECK: %[[K:.*]] = tenon.kernel (%{{.*}} = %[[Q]]) : {{.*}} -> tensor<1x2x4x64xf16>
  // CHECK-NEXT: tenon.attention
  // CHECK-NEXT: tenon.cast
  // CHECK-NEXT: tenon.yield
  // CHECK: tenon.transpose %[[K]]
  // CHECK: tenon.kernel
  // CHECK-NEXT: tenon.attention
  // CHECK-NEXT: tenon.transpose
  // CHECK-NEXT: tenon.yield
  func.func @cudnn(%x: tensor<1x4x2x64xf16>, %y: tensor<1x2x4x64xf32>) -> (tensor<1x4x2x64xf16>, tensor<1x4x2x64xf32>) {
    %q = tenon.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x2x64xf16>) -> tensor<1x2x4x64xf16>
    %0 = tenon.attention %q, %q, %q {scale = 1.0 : f64, wide} : (tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>, tensor<1x2x4x64xf16>) -> tensor<1x2x4x64xf32>
    %1 = tenon.cast %0 {to = f16} : (tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf16>
    %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x4x64xf16>) -> tensor<1x4x2x64xf16>
    %3 = tenon.attention %y, %y, %y {scale = 1.0 : f64} : (tensor<1x2x4x64xf32>, tensor<1x2x4x64xf32>, tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf32>
    %4 = tenon.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x4x64xf32>) -> tensor<1x4x2x64xf32>
    return %2, %4 : tensor<1x4x2x64xf16>, tensor<1x4x2x64xf32>
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
