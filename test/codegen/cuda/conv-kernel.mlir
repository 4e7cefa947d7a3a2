// Convolutions of channels last are products of matrices in tiles; those of channels first, or of groups, are not.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "codegen"], ["sm_90"]>} {

// CHECK-LABEL: func.func private @k0_conv(
// CHECK-SAME: tenon.unit_threads = 128
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.mma.sync
// CHECK: arith.maximumf
func.func @last(%x: tensor<1x9x9x16xf16>, %w: tensor<3x3x16x8xf16>, %b: tensor<8xf16>) -> tensor<1x9x9x8xf16> {
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b) {provider = "cuda"} : (tensor<1x9x9x16xf16>, tensor<3x3x16x8xf16>, tensor<8xf16>) -> tensor<1x9x9x8xf16> {
    %0 = tenon.conv %a, %v, %c {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x9x9x16xf16>, tensor<3x3x16x8xf16>, tensor<8xf16>) -> tensor<1x9x9x8xf16>
    %1 = tenon.relu %0 : (tensor<1x9x9x8xf16>) -> tensor<1x9x9x8xf16>
    tenon.yield %1 : tensor<1x9x9x8xf16>
  }
  return %y : tensor<1x9x9x8xf16>
}

// CHECK-LABEL: func.func private @k1_conv(
// CHECK-NOT: tenon.unit_threads
// CHECK-LABEL: func.func private @k1_conv.units(
func.func @first(%x: tensor<1x16x9xf32>, %w: tensor<8x16x3xf32>) -> tensor<1x8x7xf32> {
  %y = tenon.kernel (%a = %x, %v = %w) {provider = "cuda"} : (tensor<1x16x9xf32>, tensor<8x16x3xf32>) -> tensor<1x8x7xf32> {
    %0 = tenon.conv %a, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x16x9xf32>, tensor<8x16x3xf32>) -> tensor<1x8x7xf32>
    tenon.yield %0 : tensor<1x8x7xf32>
  }
  return %y : tensor<1x8x7xf32>
}

// CHECK-LABEL: func.func private @k2_conv(
// CHECK-NOT: tenon.unit_threads
// CHECK-LABEL: func.func private @k2_conv.units(
func.func @groups(%x: tensor<1x9x9x16xf16>, %w: tensor<3x3x8x8xf16>) -> tensor<1x9x9x8xf16> {
  %y = tenon.kernel (%a = %x, %v = %w) {provider = "cuda"} : (tensor<1x9x9x16xf16>, tensor<3x3x8x8xf16>) -> tensor<1x9x9x8xf16> {
    %0 = tenon.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x9x9x16xf16>, tensor<3x3x8x8xf16>) -> tensor<1x9x9x8xf16>
    tenon.yield %0 : tensor<1x9x9x8xf16>
  }
  return %y : tensor<1x9x9x8xf16>
}
}
