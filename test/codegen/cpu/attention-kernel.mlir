// Attention is a kernel with views of what it reads, and its results may be turned. What else the kernel makes has to be
// computed from them: keys that it turned would be written at the places of its results, of which there may be more.
// RUN: tenon-opt %s --tenon-lower-kernels --split-input-file --verify-diagnostics | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {

// CHECK-LABEL: func.func @both(
// CHECK: tenon_rt.launch @k0_attention(
func.func @both(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %n: index) -> (tensor<1x2x?x8xf32>, tensor<1x?x2x8xf32>) {
  %0:2 = tenon.kernel (%a = %q, %b = %k) dims(%n, %n) {provider = "codegen"} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> (tensor<1x2x?x8xf32>, tensor<1x?x2x8xf32>) {
    %1 = tenon.attention %a, %b, %b {scale = 1.0 : f64} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
    %2 = tenon.relu %1 : (tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
    %3 = tenon.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x?x8xf32>) -> tensor<1x?x2x8xf32>
    tenon.yield %1, %3 : tensor<1x2x?x8xf32>, tensor<1x?x2x8xf32>
  }
  return %0#0, %0#1 : tensor<1x2x?x8xf32>, tensor<1x?x2x8xf32>
}
}

// -----

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {
func.func @turned_keys(%q: tensor<1x2x?x8xf32>, %k: tensor<1x?x2x8xf32>, %m: index, %n: index) -> (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) {
  // expected-error @below {{no generated code for this kernel}}
  %0:2 = tenon.kernel (%a = %q, %b = %k) dims(%m, %n) {provider = "codegen"} : (tensor<1x2x?x8xf32>, tensor<1x?x2x8xf32>) -> (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) {
    %1 = tenon.transpose %b {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x8xf32>) -> tensor<1x2x?x8xf32>
    %2 = tenon.attention %a, %1, %1 {scale = 1.0 : f64} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
    tenon.yield %2, %1 : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>
  }
  return %0#0, %0#1 : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>
}
}

// -----

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {
func.func @argument(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %m: index, %n: index) -> (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) {
  // expected-error @below {{no generated code for this kernel}}
  %0:2 = tenon.kernel (%a = %q, %b = %k) dims(%m, %n) {provider = "codegen"} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) {
    %1 = tenon.attention %a, %b, %b {scale = 1.0 : f64} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
    tenon.yield %1, %b : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>
  }
  return %0#0, %0#1 : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>
}
}

// -----

// What is computed of turned results has another shape than they have, but for its numbers.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {
func.func @behind(%q: tensor<1x2x2x8xf32>) -> (tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>) {
  // expected-error @below {{no generated code for this kernel}}
  %0:2 = tenon.kernel (%a = %q) {provider = "codegen"} : (tensor<1x2x2x8xf32>) -> (tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>) {
    %1 = tenon.attention %a, %a, %a {scale = 1.0 : f64} : (tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    %3 = tenon.relu %2 : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    tenon.yield %2, %3 : tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>
  }
  return %0#0, %0#1 : tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>
}
}
