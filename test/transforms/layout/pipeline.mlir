// RUN: tenon-opt %s --tenon-layout | FileCheck %s
// RUN: tenon-opt %s --tenon-layout --remarks-filter=layout -o /dev/null 2>&1 | FileCheck %s --check-prefix=COUNT

// A bottleneck with a shortcut, squeeze and excitation and a classifier: one
// transpose of the input is left.
// CHECK-LABEL: func.func @main(
// CHECK-COUNT-1: tenon.transpose
// CHECK-NOT: tenon.transpose
// COUNT: transposes-left {{.*}} inner=0, inputs=1, outputs=0
func.func @main(%x: tensor<?x3x16x16xf32> {tenon.name = "x", tenon.dims = ["n", "", "", ""]}) -> (tensor<?x4xf32> {tenon.name = "y", tenon.dims = ["n", ""]}) {
  %w0 = tenon.constant dense<0.5> : tensor<8x3x3x3xf32>
  %w1 = tenon.constant dense<0.25> : tensor<8x1x3x3xf32>
  %w2 = tenon.constant dense<0.125> : tensor<8x8x1x1xf32>
  %w3 = tenon.constant dense<0.0625> : tensor<8x4xf32>
  %b = tenon.constant dense<1.0> : tensor<8xf32>
  %0 = tenon.conv %x, %w0, %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<?x3x16x16xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<?x8x16x16xf32>
  %1 = tenon.hard_swish %0 : (tensor<?x8x16x16xf32>) -> tensor<?x8x16x16xf32>
  %2 = tenon.conv %1, %w1, %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 8 : i64} : (tensor<?x8x16x16xf32>, tensor<8x1x3x3xf32>, tensor<8xf32>) -> tensor<?x8x16x16xf32>
  %3 = tenon.reduce %2 {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2, 3>} : (tensor<?x8x16x16xf32>) -> tensor<?x8x1x1xf32>
  %4 = tenon.conv %3, %w2, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x8x1x1xf32>, tensor<8x8x1x1xf32>, tensor<8xf32>) -> tensor<?x8x1x1xf32>
  %5 = tenon.hard_sigmoid %4 : (tensor<?x8x1x1xf32>) -> tensor<?x8x1x1xf32>
  %6 = tenon.mul %2, %5 : (tensor<?x8x16x16xf32>, tensor<?x8x1x1xf32>) -> tensor<?x8x16x16xf32>
  %7 = tenon.add %6, %1 : (tensor<?x8x16x16xf32>, tensor<?x8x16x16xf32>) -> tensor<?x8x16x16xf32>
  %8 = tenon.reduce %7 {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2, 3>} : (tensor<?x8x16x16xf32>) -> tensor<?x8x1x1xf32>
  %s = tenon.constant dense<[-1, 8]> : tensor<2xi64>
  %9 = tenon.reshape %8, %s : (tensor<?x8x1x1xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %10 = tenon.matmul %9, %w3 : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %10 : tensor<?x4xf32>
}
