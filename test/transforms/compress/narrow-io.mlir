// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-narrow-io{half-io=pa*,pre*})' | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-narrow-io{precision=fp16 half-io=present})' | FileCheck %s --check-prefix=FP16
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-compress{precision=bf16 half-io=pa*,pre*},canonicalize)' | FileCheck %s --check-prefix=CACHE
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-narrow-io{half-io=past,ids})' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-narrow-io{half-io=parts})' 2>&1 | FileCheck %s --check-prefix=SEQUENCE
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-narrow-io{precision=tf32 half-io=past})' 2>&1 | FileCheck %s --check-prefix=TYPE

// What has a name that matches is narrow at the border alone; others, and what is not f32, stay.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[PAST:.*]]: tensor<?x8xbf16> {{.*}}, %{{.*}}: tensor<2x8xf32> {{.*}}, %{{.*}}: tensor<3xi64> {{.*}}, %{{.*}}: tensor<?xf32>
// CHECK-SAME: -> (tensor<?x8xbf16> {{.*}}, tensor<2x?xf32>
// CHECK: %[[WIDE:.*]] = tenon.cast %[[PAST]] {to = f32}
// CHECK: tenon.matmul {{.*}} -> tensor<2x8xf32>
// CHECK: %[[ALL:.*]] = tenon.concat %[[WIDE]], {{.*}} -> tensor<?x8xf32>
// CHECK: %[[Y:.*]] = tenon.matmul %{{.*}}, %[[ALL]]
// CHECK: %[[PRESENT:.*]] = tenon.cast %[[ALL]] {to = bf16}
// CHECK: return %[[PRESENT]], %[[Y]]
// FP16-LABEL: func.func @main(
// FP16-SAME: %{{.*}}: tensor<?x8xf32> {{.*}} -> (tensor<?x8xf16>

// Beside converted operations the cache is narrow all along: nothing is cast but what is appended.
// CACHE-LABEL: func.func @main(
// CACHE-SAME: %[[PAST:[^:]*]]: tensor<?x8xbf16>
// CACHE: %[[KEY:.*]] = tenon.matmul {{.*}} {wide}
// CACHE: %[[HALF:.*]] = tenon.cast %[[KEY]] {to = bf16}
// CACHE: %[[ALL:.*]] = tenon.concat %[[PAST]], %[[HALF]] {{.*}} -> tensor<?x8xbf16>
// CACHE-NOT: tenon.cast
// CACHE: %[[Y:.*]] = tenon.matmul %{{.*}}, %[[ALL]] {{.*}}wide
// CACHE-NEXT: return %[[ALL]], %[[Y]]

// NONE: error: half-io pattern 'ids' matches no input or output of f32, only 'past', 'present', 'x', 'y'
// SEQUENCE: error: half-io pattern 'parts' matches no input or output of f32
// TYPE: error: precision 'tf32': expected bf16 or fp16
func.func @main(%past: tensor<?x8xf32> {tenon.name = "past"}, %x: tensor<2x8xf32> {tenon.name = "x"},
                %ids: tensor<3xi64> {tenon.name = "ids"},
                %parts: tensor<?xf32> {tenon.name = "parts", tenon.value = "sequence", tenon.part = "elements"})
    -> (tensor<?x8xf32> {tenon.name = "present"}, tensor<2x?xf32> {tenon.name = "y"}) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %key = tenon.matmul %x, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %all = tenon.concat %past, %key {axis = 0 : i64} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x8xf32>
  %y = tenon.matmul %x, %all {transpose_b} : (tensor<2x8xf32>, tensor<?x8xf32>) -> tensor<2x?xf32>
  return %all, %y : tensor<?x8xf32>, tensor<2x?xf32>
}
