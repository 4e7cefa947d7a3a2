// RUN: tenon-opt %s --tenon-decompose-attention --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @masked(
// CHECK-SAME: %[[Q:.*]]: tensor<?x8x?x64xf32>, %[[K:.*]]: tensor<?x8x?x64xf32>, %[[V:.*]]: tensor<?x8x?x32xf32>, %[[MASK:.*]]: tensor<1x1x1x?xf32>
// CHECK: %[[QK:.*]] = tenon.matmul %[[Q]], %[[K]] {transpose_b} {{.*}} -> tensor<?x8x?x?xf32>
// CHECK: %[[SCALE:.*]] = tenon.constant dense<1.250000e-01> : tensor<f32>
// CHECK: %[[SCALED:.*]] = tenon.mul %[[QK]], %[[SCALE]]
// CHECK: %[[MASKED:.*]] = tenon.add %[[SCALED]], %[[MASK]]
// CHECK: %[[P:.*]] = tenon.softmax %[[MASKED]] {axis = 3 : i64}
// CHECK: %[[Y:.*]] = tenon.matmul %[[P]], %[[V]] : {{.*}} -> tensor<?x8x?x32xf32>
// CHECK: return %[[Y]]
func.func @masked(%q: tensor<?x8x?x64xf32>, %k: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x32xf32>, %mask: tensor<1x1x1x?xf32>) -> tensor<?x8x?x32xf32> {
  %0 = tenon.attention %q, %k, %v, %mask {scale = 0.125 : f64} : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x32xf32>, tensor<1x1x1x?xf32>) -> tensor<?x8x?x32xf32>
  return %0 : tensor<?x8x?x32xf32>
}

// -----

// Nothing to scale with, nothing to mask.
// CHECK-LABEL: func.func @plain(
// CHECK-NEXT: tenon.matmul
// CHECK-NEXT: tenon.softmax
// CHECK-NEXT: tenon.matmul
func.func @plain(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x6x8xf32>, %v: tensor<1x2x6x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// -----

// Where generated code runs it whole it stays, unless its heads have unknown
// sizes; wide products are faster in a library.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["onednn", "codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @whole(
  // CHECK-NEXT: tenon.attention
  func.func @whole(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %v: tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
    return %0 : tensor<1x2x?x8xf32>
  }
  // CHECK-LABEL: func.func @unknown_heads(
  // CHECK-NOT: tenon.attention
  func.func @unknown_heads(%q: tensor<1x2x4x?xf32>, %k: tensor<1x2x4x?xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x?xf32>, tensor<1x2x4x?xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
    return %0 : tensor<1x2x4x8xf32>
  }
  // CHECK-LABEL: func.func @half(
  // CHECK-NEXT: tenon.attention
  func.func @half(%q: tensor<1x2x4x8xbf16>, %k: tensor<1x2x4x8xbf16>, %v: tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
    return %0 : tensor<1x2x4x8xbf16>
  }
  // CHECK-LABEL: func.func @half_and_wide(
  // CHECK-NOT: tenon.attention
  func.func @half_and_wide(%q: tensor<1x2x4x8xbf16>, %k: tensor<1x2x4x8xbf16>, %v: tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64, wide} : (tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xf32>
    return %0 : tensor<1x2x4x8xf32>
  }
}

// -----

// On a GPU it stays, also if it is wide, where its heads fit in shared memory.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["cuda", "codegen"], ["sm_90"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @gpu(
  // CHECK-NEXT: tenon.attention
  func.func @gpu(%q: tensor<1x2x?x128xf16>, %k: tensor<1x2x?x128xf16>, %v: tensor<1x2x?x64xf16>) -> tensor<1x2x?x64xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64, wide} : (tensor<1x2x?x128xf16>, tensor<1x2x?x128xf16>, tensor<1x2x?x64xf16>) -> tensor<1x2x?x64xf32>
    return %0 : tensor<1x2x?x64xf32>
  }
  // CHECK-LABEL: func.func @gpu_large(
  // CHECK-NOT: tenon.attention
  func.func @gpu_large(%q: tensor<1x2x4x96xf32>, %k: tensor<1x2x4x96xf32>, %v: tensor<1x2x4x96xf32>) -> tensor<1x2x4x96xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x96xf32>, tensor<1x2x4x96xf32>, tensor<1x2x4x96xf32>) -> tensor<1x2x4x96xf32>
    return %0 : tensor<1x2x4x96xf32>
  }
}

// -----

// Where only libraries may run kernels of the GPU, products stay there: the
// processor's generated code would run it whole, and copy all that it reads.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["cublaslt", "codegen"], ["sm_90"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @gpu_libraries(
  // CHECK-NOT: tenon.attention
  func.func @gpu_libraries(%q: tensor<1x2x4x64xf32>, %k: tensor<1x2x4x64xf32>, %v: tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x64xf32>, tensor<1x2x4x64xf32>, tensor<1x2x4x64xf32>) -> tensor<1x2x4x64xf32>
    return %0 : tensor<1x2x4x64xf32>
  }
}

// -----

// A target without generated code.
#target = #tenon.target<"x86_64-linux-gnu", "", "", 512, ["onednn"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @library(
  // CHECK-NOT: tenon.attention
  func.func @library(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
    return %0 : tensor<1x2x4x8xf32>
  }
}

// -----

// Of narrow factors, sums and scores are f32, and so is the mask.
// CHECK-LABEL: func.func @wide(
// CHECK-NEXT: %[[SCORES:.*]] = tenon.matmul %{{.*}}, %{{.*}} {transpose_b, wide} : {{.*}} -> tensor<1x2x4x6xf32>
// CHECK-NEXT: %[[MASKED:.*]] = tenon.add %[[SCORES]]
// CHECK-NEXT: %[[SHARES:.*]] = tenon.softmax %[[MASKED]]
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[SHARES]] {to = bf16}
// CHECK-NEXT: tenon.matmul %[[HALF]], %{{.*}} {wide} : {{.*}} -> tensor<1x2x4x8xf32>
func.func @wide(%q: tensor<1x2x4x8xbf16>, %k: tensor<1x2x6x8xbf16>, %v: tensor<1x2x6x8xbf16>, %m: tensor<1x1x1x6xf32>) -> tensor<1x2x4x8xf32> {
  %0 = tenon.attention %q, %k, %v, %m {scale = 1.0 : f64, wide} : (tensor<1x2x4x8xbf16>, tensor<1x2x6x8xbf16>, tensor<1x2x6x8xbf16>, tensor<1x1x1x6xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
