// RUN: tenon-opt %s --tenon-lower-kernels -verify-diagnostics

// Weights that are named and not there can't be transformed.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["winograd"]>} {
func.func @conv(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense_resource<lost> : tensor<3x3x64x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w) {provider = "winograd"} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
    // expected-error @below {{can't be generated: the contents of its weights are not there}}
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %1 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}
}
