// RUN: tenon-opt %s --tenon-lower-kernels --mlir-print-local-scope | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen", "winograd"]>} {

// What the tail of a pointwise convolution or of a product reads may become its
// result: of rows that two tiles have in common, the second stores none.

// CHECK-LABEL: func.func private @k0_conv(
// CHECK-SAME: tenon.overwritable = array<i64: 0, 2>
// CHECK: %[[MOVED:.*]] = arith.minsi %[[BEGIN:[^,]*]]
// CHECK: %[[FIRST:.*]] = arith.subi %[[BEGIN]], %[[MOVED]]
// CHECK: %[[IS_NEW:.*]] = arith.cmpi sle, %[[FIRST]], %{{.*}} : index
// CHECK-NEXT: scf.if %[[IS_NEW]]
// CHECK-LABEL: func.func private @k1_matmul(
// CHECK-SAME: tenon.overwritable = array<i64: 0, 2>
func.func @once(%x: tensor<1x?x?x16xf32>, %n: index) -> (tensor<1x?x?x64xf32>, tensor<?x64xf32>) {
  %w = tenon.constant dense<0.5> : tensor<1x1x16x64xf32>
  %m = tenon.constant dense<0.5> : tensor<16x64xf32>
  %r = tensor.empty(%n, %n) : tensor<1x?x?x64xf32>
  %s = tensor.empty(%n) : tensor<?x64xf32>
  %l = tensor.empty(%n) : tensor<?x16xf32>
  %0 = tenon.kernel (%a = %x, %b = %w, %c = %r) dims(%n, %n) {provider = "codegen"} : (tensor<1x?x?x16xf32>, tensor<1x1x16x64xf32>, tensor<1x?x?x64xf32>) -> tensor<1x?x?x64xf32> {
    %2 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x?x?x16xf32>, tensor<1x1x16x64xf32>) -> tensor<1x?x?x64xf32>
    %3 = tenon.add %2, %c : (tensor<1x?x?x64xf32>, tensor<1x?x?x64xf32>) -> tensor<1x?x?x64xf32>
    tenon.yield %3 : tensor<1x?x?x64xf32>
  }
  %1 = tenon.kernel (%a = %l, %b = %m, %c = %s) dims(%n) {provider = "codegen"} : (tensor<?x16xf32>, tensor<16x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %2 = tenon.matmul %a, %b : (tensor<?x16xf32>, tensor<16x64xf32>) -> tensor<?x64xf32>
    %3 = tenon.add %2, %c : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    tenon.yield %3 : tensor<?x64xf32>
  }
  return %0, %1 : tensor<1x?x?x64xf32>, tensor<?x64xf32>
}

// Rows that fill their tiles are all stored.

// CHECK-LABEL: func.func private @k2_conv(
// CHECK-SAME: tenon.overwritable = array<i64: 0, 2>
// CHECK-NOT: scf.if
// CHECK-LABEL: func.func private @k3_matmul(
// CHECK-SAME: tenon.overwritable = array<i64: 0, 2>
// CHECK-NOT: scf.if
// CHECK-LABEL: func.func private @k3_matmul.units(
func.func @whole(%x: tensor<1x7x8x16xf32>, %l: tensor<56x16xf32>) -> (tensor<1x7x8x64xf32>, tensor<56x64xf32>) {
  %w = tenon.constant dense<0.5> : tensor<1x1x16x64xf32>
  %m = tenon.constant dense<0.5> : tensor<16x64xf32>
  %r = tensor.empty() : tensor<1x7x8x64xf32>
  %s = tensor.empty() : tensor<56x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w, %c = %r) {provider = "codegen"} : (tensor<1x7x8x16xf32>, tensor<1x1x16x64xf32>, tensor<1x7x8x64xf32>) -> tensor<1x7x8x64xf32> {
    %2 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x7x8x16xf32>, tensor<1x1x16x64xf32>) -> tensor<1x7x8x64xf32>
    %3 = tenon.add %2, %c : (tensor<1x7x8x64xf32>, tensor<1x7x8x64xf32>) -> tensor<1x7x8x64xf32>
    tenon.yield %3 : tensor<1x7x8x64xf32>
  }
  %1 = tenon.kernel (%a = %l, %b = %m, %c = %s) {provider = "codegen"} : (tensor<56x16xf32>, tensor<16x64xf32>, tensor<56x64xf32>) -> tensor<56x64xf32> {
    %2 = tenon.matmul %a, %b : (tensor<56x16xf32>, tensor<16x64xf32>) -> tensor<56x64xf32>
    %3 = tenon.add %2, %c : (tensor<56x64xf32>, tensor<56x64xf32>) -> tensor<56x64xf32>
    tenon.yield %3 : tensor<56x64xf32>
  }
  return %0, %1 : tensor<1x7x8x64xf32>, tensor<56x64xf32>
}

// Winograd's tiles of pixels have nothing in common.

// CHECK-LABEL: func.func private @k4_conv(
// CHECK-SAME: tenon.overwritable = array<i64: 0, 2>
// CHECK-SAME: tenon.provider = "winograd"
func.func @winograd(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x64x64xf32>
  %r = tensor.empty() : tensor<1x56x56x64xf32>
  %0 = tenon.kernel (%a = %x, %b = %w, %c = %r) {provider = "winograd"} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
    %1 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
    %2 = tenon.add %1, %c : (tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
    tenon.yield %2 : tensor<1x56x56x64xf32>
  }
  return %0 : tensor<1x56x56x64xf32>
}

// Not where columns of panels overlap, where a window leaves its input, nor what
// the convolution reads, too.

// CHECK-NOT: tenon.overwritable
func.func @often(%x: tensor<1x8x8x16xf32>, %r: tensor<1x8x8x72xf32>, %s: tensor<1x8x8x64xf32>) -> (tensor<1x8x8x72xf32>, tensor<1x8x8x64xf32>, tensor<1x8x8x16xf32>) {
  %w = tenon.constant dense<0.5> : tensor<1x1x16x72xf32>
  %m = tenon.constant dense<0.5> : tensor<3x3x16x64xf32>
  %v = tenon.constant dense<0.5> : tensor<1x1x16x16xf32>
  %0 = tenon.kernel (%a = %x, %b = %w, %c = %r) {provider = "codegen"} : (tensor<1x8x8x16xf32>, tensor<1x1x16x72xf32>, tensor<1x8x8x72xf32>) -> tensor<1x8x8x72xf32> {
    %3 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x72xf32>) -> tensor<1x8x8x72xf32>
    %4 = tenon.add %3, %c : (tensor<1x8x8x72xf32>, tensor<1x8x8x72xf32>) -> tensor<1x8x8x72xf32>
    tenon.yield %4 : tensor<1x8x8x72xf32>
  }
  %1 = tenon.kernel (%a = %x, %b = %m, %c = %s) {provider = "codegen"} : (tensor<1x8x8x16xf32>, tensor<3x3x16x64xf32>, tensor<1x8x8x64xf32>) -> tensor<1x8x8x64xf32> {
    %3 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<3x3x16x64xf32>) -> tensor<1x8x8x64xf32>
    %4 = tenon.add %3, %c : (tensor<1x8x8x64xf32>, tensor<1x8x8x64xf32>) -> tensor<1x8x8x64xf32>
    tenon.yield %4 : tensor<1x8x8x64xf32>
  }
  %2 = tenon.kernel (%a = %x, %b = %v) {provider = "codegen"} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32> {
    %3 = tenon.conv %a, %b {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
    %4 = tenon.add %3, %a : (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
    tenon.yield %4 : tensor<1x8x8x16xf32>
  }
  return %0, %1, %2 : tensor<1x8x8x72xf32>, tensor<1x8x8x64xf32>, tensor<1x8x8x16xf32>
}
}
