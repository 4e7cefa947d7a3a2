// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @convnet
func.func @convnet(%x: tensor<?x3x?x?xf32>, %w: tensor<8x3x3x3xf32>, %b: tensor<8xf32>) -> tensor<?x8x?x?xf32> {
  // CHECK: tenon.conv %{{.*}}, %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
  %0 = tenon.conv %x, %w, %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<?x3x?x?xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<?x8x?x?xf32>
  // CHECK: tenon.relu %{{.*}} : (tensor<?x8x?x?xf32>) -> tensor<?x8x?x?xf32>
  %1 = tenon.relu %0 : (tensor<?x8x?x?xf32>) -> tensor<?x8x?x?xf32>
  return %1 : tensor<?x8x?x?xf32>
}

// CHECK-LABEL: func.func @kernel
func.func @kernel(%x: tensor<?x4xf32>, %b: tensor<1x4xf32>, %n: index) -> (tensor<?x4xf32>, tensor<4xf32>) {
  // CHECK: %[[K:.*]]:2 = tenon.kernel (%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) scalars(%{{.*}} = %[[N:.*]]) dims(%[[N]]) {provider = "codegen"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %0:2 = tenon.kernel (%a = %x, %c = %b) scalars(%i = %n) dims(%n) {provider = "codegen"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
    // CHECK: tenon.add %[[A]], %[[B]]
    %1 = tenon.add %a, %c : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
    %2 = tenon.squeeze %c {axes = array<i64: 0>} : (tensor<1x4xf32>) -> tensor<4xf32>
    // CHECK: tenon.yield %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<4xf32>
    tenon.yield %1, %2 : tensor<?x4xf32>, tensor<4xf32>
  }
  return %0#0, %0#1 : tensor<?x4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @no_operands
func.func @no_operands() -> tensor<2xf32> {
  // CHECK: tenon.kernel () : () -> tensor<2xf32> {
  %0 = tenon.kernel () : () -> tensor<2xf32> {
    // CHECK: tenon.constant dense<1.000000e+00> : tensor<2xf32>
    %1 = tenon.constant dense<1.0> : tensor<2xf32>
    tenon.yield %1 : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @branches
func.func @branches(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<?xf32> {
  // CHECK: tenon.if %{{.*}} : tensor<i1> -> tensor<?xf32> {
  %0 = tenon.if %c : tensor<i1> -> tensor<?xf32> {
    tenon.yield %a : tensor<2xf32>
  } else {
    tenon.yield %b : tensor<3xf32>
  }
  return %0 : tensor<?xf32>
}

// CHECK: #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {}
