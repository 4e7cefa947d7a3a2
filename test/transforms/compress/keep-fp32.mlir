// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-convert-precision{keep-fp32=/head/*,exact})' | FileCheck %s
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-convert-precision{keep-fp32=/head/*,/tail/*})' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-convert-precision{keep-fp32=[})' 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-convert-precision{precision=fp8})' 2>&1 | FileCheck %s --check-prefix=TYPE

// A node that is kept reads and gives f32, also where it is one of several that
// became one operation.
// CHECK-LABEL: func.func @main(
// CHECK: %[[A:.*]] = tenon.matmul {{.*}} {wide}
// CHECK-NEXT: %[[B:.*]] = tenon.matmul %[[A]], %{{.*}} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[B]] {to = bf16}
// CHECK-NEXT: %[[C:.*]] = tenon.matmul %[[HALF]], {{.*}} {wide}
// CHECK-NEXT: %[[D:.*]] = tenon.relu %[[C]]
// CHECK-NEXT: tenon.matmul %[[D]], %{{.*}} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
// NONE: error: keep-fp32 pattern '/tail/*' matches no node
// WRONG: error: keep-fp32 pattern '[' is wrong
// TYPE: error: precision 'fp8': expected bf16, fp16, or tf32
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("first")
  %1 = tenon.matmul %0, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc(fused["some", "exact"])
  %2 = tenon.matmul %1, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("exactly")
  %3 = tenon.relu %2 : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("relu")
  %4 = tenon.matmul %3, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("/head/MatMul")
  return %4 : tensor<4x4xf32>
}
