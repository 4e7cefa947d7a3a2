// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["winograd"]>} {

// Inputs of 196 tiles of 4 x 4 outputs are transformed, multiplied by weights
// that were transformed to 36 places, and the products transformed to 16
// outputs, which the tail takes.

// CHECK: tenon_rt.launch @k0_conv(
// CHECK-SAME: tensor<147456xf32>
// CHECK-LABEL: func.func private @k0_conv(
// CHECK-SAME: tenon.provider = "winograd"
// The window of a tile at the border.
// CHECK: scf.if
// CHECK: scf.for
// CHECK-COUNT-36: vector.load
// CHECK: vector.fma
// CHECK-COUNT-36: vector.store
// The products of all tiles for one place.
// CHECK: scf.for
// CHECK: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-36: vector.load
// CHECK-COUNT-16: vector.store
// CHECK: arith.maximumf
// CHECK: func.func private @k0_conv.units
func.func @conv(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) {provider = "winograd"} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    %2 = tenon.relu %1 : (tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %2 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}
}
