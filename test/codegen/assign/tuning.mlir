// RUN: tenon-opt %s --tenon-assign-providers --split-input-file --verify-diagnostics | FileCheck %s

// What was measured decides, by the names of the nodes and the number among the
// kernels of these; then what is preferred, where that can run the kernel.
// CHECK-NOT: tenon.tuning
// CHECK-LABEL: func.func @main(
// CHECK: tenon.kernel (%{{.*}} = %arg0, %{{.*}} = %arg1) {provider = "onednn"}
// CHECK: tenon.kernel (%{{.*}} = %arg0, %{{.*}} = %arg1) {provider = "codegen"}
// CHECK: tenon.kernel (%{{.*}} = %arg0, %{{.*}} = %arg1) {provider = "onednn"}
// CHECK: tenon.kernel (%{{.*}} = %0) {provider = "codegen"}
module attributes {
    tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>,
    tenon.tuning = {kernels = {"product#1" = "codegen"}, prefer = "onednn"}} {
  func.func @main(%x: tensor<40x120xf32>, %w: tensor<120x240xf32>) -> (tensor<40x240xf32>, tensor<40x240xf32>, tensor<40x240xf32>, tensor<40x240xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32> {
      %4 = tenon.matmul %a0, %a1 : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32>
      tenon.yield %4 : tensor<40x240xf32>
    } loc("product")
    %1 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32> {
      %4 = tenon.matmul %a0, %a1 : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32>
      tenon.yield %4 : tensor<40x240xf32>
    } loc("product")
    %2 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32> {
      %4 = tenon.matmul %a0, %a1 : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32>
      tenon.yield %4 : tensor<40x240xf32>
    } loc("other")
    %3 = tenon.kernel (%a0 = %0) : (tensor<40x240xf32>) -> tensor<40x240xf32> {
      %4 = tenon.exp %a0 : (tensor<40x240xf32>) -> tensor<40x240xf32>
      tenon.yield %4 : tensor<40x240xf32>
    } loc("function")
    return %0, %1, %2, %3 : tensor<40x240xf32>, tensor<40x240xf32>, tensor<40x240xf32>, tensor<40x240xf32>
  }
}

// -----

// expected-error @below {{the tuning is of another model: none of its 1 kernels is in this one}}
module attributes {
    tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>,
    tenon.tuning = {kernels = {"nowhere#0" = "codegen"}}} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = tenon.kernel (%a0 = %x) : (tensor<4xf32>) -> tensor<4xf32> {
      %1 = tenon.relu %a0 : (tensor<4xf32>) -> tensor<4xf32>
      tenon.yield %1 : tensor<4xf32>
    } loc("function")
    return %0 : tensor<4xf32>
  }
}
