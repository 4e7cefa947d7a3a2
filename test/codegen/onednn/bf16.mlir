// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn},tenon-lower-kernels)' --split-input-file | FileCheck %s
// RUN: sed s/+avx512bw/+avx2/ %s | not tenon-opt --pass-pipeline='builtin.module(tenon-assign-providers{provider=onednn})' --split-input-file 2>&1 | FileCheck %s --check-prefix=OLD

// Factors, a residual that is read narrow, and a result that is rounded at the
// end: 16 is bf16, 1 is f32.
// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xbf16>, %[[W:.*]]: tensor<8x6xbf16>, %[[R:.*]]: tensor<4x6xbf16>, %[[B:.*]]: tensor<1x6xf32>
// CHECK: tenon_rt.library "onednn"(%[[X]], %[[W]], %[[B]], %[[R]]) outs(%{{.*}}) {{.*}}descriptor = array<i64: 2, 3, 5, -1, 0, 3,
// CHECK-SAME: 16, 2, 0, 1, 16, 2, 0, 1, 1, 2, 0, 1, 16, 2, 0, 1, 16, 2, 0, 1,
// CHECK-SAME: -> tensor<4x6xbf16>
// OLD: 'onednn' can't because oneDNN has bf16 only with the processor's feature avx512bw
module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64", "+avx512bw", 512, ["onednn", "codegen"]>} {
  func.func @matmul(%x: tensor<4x8xbf16>, %w: tensor<8x6xbf16>, %r: tensor<4x6xbf16>, %b: tensor<1x6xf32>) -> tensor<4x6xbf16> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w, %a2 = %b, %a3 = %r) : (tensor<4x8xbf16>, tensor<8x6xbf16>, tensor<1x6xf32>, tensor<4x6xbf16>) -> tensor<4x6xbf16> {
      %1 = tenon.matmul %a0, %a1 {wide} : (tensor<4x8xbf16>, tensor<8x6xbf16>) -> tensor<4x6xf32>
      %2 = tenon.add %1, %a2 : (tensor<4x6xf32>, tensor<1x6xf32>) -> tensor<4x6xf32>
      %3 = tenon.cast %a3 {to = f32} : (tensor<4x6xbf16>) -> tensor<4x6xf32>
      %4 = tenon.add %2, %3 : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
      %5 = tenon.relu %4 : (tensor<4x6xf32>) -> tensor<4x6xf32>
      %6 = tenon.cast %5 {to = bf16} : (tensor<4x6xf32>) -> tensor<4x6xbf16>
      tenon.yield %6 : tensor<4x6xbf16>
    }
    return %0 : tensor<4x6xbf16>
  }
}
