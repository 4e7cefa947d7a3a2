// RUN: tenon-opt %s --tenon-assign-providers --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-providers --split-input-file --remarks-filter=assign -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The cheapest of those that the target lists.
// CHECK-LABEL: func.func @both(
// CHECK: tenon.kernel {{.*}} {provider = "onednn"}
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
// REMARK-DAG: 'onednn' can't because tenon.exp is not a primitive
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {
  func.func @both(%x: tensor<64x4096xf32>, %w: tensor<4096x512xf32>) -> tensor<64x512xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<64x4096xf32>, tensor<4096x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.matmul %a0, %a1 : (tensor<64x4096xf32>, tensor<4096x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    %1 = tenon.kernel (%a0 = %0) : (tensor<64x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.exp %a0 : (tensor<64x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    return %1 : tensor<64x512xf32>
  }
}

// -----

// Fitted to measurements: a product with little depth, one row, or a function of
// each result is better generated, and so is softmax.
// CHECK-LABEL: func.func @small(
// CHECK: tenon.kernel (%{{.*}} = %arg0, %{{.*}} = %arg1) {provider = "codegen"}
// CHECK: tenon.kernel (%{{.*}} = %arg2, %{{.*}} = %arg3) {provider = "codegen"}
// CHECK: tenon.kernel (%{{.*}} = %arg4, %{{.*}} = %arg5) {provider = "codegen"}
// CHECK: tenon.kernel (%{{.*}} = %arg6) {provider = "codegen"}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {
  func.func @small(%x: tensor<1x56x56x32xf32>, %w: tensor<3x3x1x32xf32>, %y: tensor<1x1x1x96xf32>, %v: tensor<1x1x96x24xf32>, %z: tensor<40x120xf32>, %u: tensor<120x240xf32>, %s: tensor<12x197x197xf32>) -> (tensor<1x56x56x32xf32>, tensor<1x1x1x24xf32>, tensor<40x240xf32>, tensor<12x197x197xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x56x56x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x56x56x32xf32> {
      %4 = tenon.conv %a0, %a1 {dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x56x56x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x56x56x32xf32>
      %5 = tenon.silu %4 : (tensor<1x56x56x32xf32>) -> tensor<1x56x56x32xf32>
      tenon.yield %5 : tensor<1x56x56x32xf32>
    }
    %1 = tenon.kernel (%a0 = %y, %a1 = %v) : (tensor<1x1x1x96xf32>, tensor<1x1x96x24xf32>) -> tensor<1x1x1x24xf32> {
      %4 = tenon.conv %a0, %a1 {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x1x96xf32>, tensor<1x1x96x24xf32>) -> tensor<1x1x1x24xf32>
      tenon.yield %4 : tensor<1x1x1x24xf32>
    }
    %2 = tenon.kernel (%a0 = %z, %a1 = %u) : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32> {
      %4 = tenon.matmul %a0, %a1 : (tensor<40x120xf32>, tensor<120x240xf32>) -> tensor<40x240xf32>
      %5 = tenon.silu %4 : (tensor<40x240xf32>) -> tensor<40x240xf32>
      tenon.yield %5 : tensor<40x240xf32>
    }
    %3 = tenon.kernel (%a0 = %s) : (tensor<12x197x197xf32>) -> tensor<12x197x197xf32> {
      %4 = tenon.softmax %a0 {axis = 2 : i64} : (tensor<12x197x197xf32>) -> tensor<12x197x197xf32>
      tenon.yield %4 : tensor<12x197x197xf32>
    }
    return %0, %1, %2, %3 : tensor<1x56x56x32xf32>, tensor<1x1x1x24xf32>, tensor<40x240xf32>, tensor<12x197x197xf32>
  }
}

// -----

// CHECK-LABEL: func.func @codegen_only(
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
module attributes {tenon.target = #tenon.target<"aarch64-linux-gnu", "generic", "", 128, ["codegen"]>} {
  func.func @codegen_only(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<64x512xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.matmul %a0, %a1 : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    return %0 : tensor<64x512xf32>
  }
}

// -----

// A kernel that has a provider keeps it.
// CHECK-LABEL: func.func @keeps(
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
func.func @keeps(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<64x512xf32> {
  %0 = tenon.kernel (%a0 = %x, %a1 = %w) {provider = "codegen"} : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32> {
    %2 = tenon.matmul %a0, %a1 : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32>
    tenon.yield %2 : tensor<64x512xf32>
  }
  return %0 : tensor<64x512xf32>
}

// -----

// Of products of bf16 this one is too small for a call of the library,
// CHECK-LABEL: func.func @bf16(
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "+avx512bw,+avx512bf16", 512, ["onednn", "codegen"]>} {
  func.func @bf16(%x: tensor<16x64xbf16>, %w: tensor<64x32xbf16>, %y: tensor<1x4x4x64xbf16>, %v: tensor<1x1x64x32xbf16>) -> (tensor<16x32xf32>, tensor<1x4x4x32xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32> {
      %2 = tenon.matmul %a0, %a1 {wide} : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32>
      tenon.yield %2 : tensor<16x32xf32>
    }
    %1 = tenon.kernel (%a0 = %y, %a1 = %v) : (tensor<1x4x4x64xbf16>, tensor<1x1x64x32xbf16>) -> tensor<1x4x4x32xf32> {
      %2 = tenon.conv %a0, %a1 {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, wide} : (tensor<1x4x4x64xbf16>, tensor<1x1x64x32xbf16>) -> tensor<1x4x4x32xf32>
      tenon.yield %2 : tensor<1x4x4x32xf32>
    }
    return %0, %1 : tensor<16x32xf32>, tensor<1x4x4x32xf32>
  }
}

// -----

// but not where a call takes a sixteenth of the time of f32.
// CHECK-LABEL: func.func @bf16_with_amx(
// CHECK: tenon.kernel {{.*}} {provider = "onednn"}
// CHECK: tenon.kernel {{.*}} {provider = "onednn"}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "+avx512bw,+avx512bf16,+amx-bf16", 512, ["onednn", "codegen"]>} {
  func.func @bf16_with_amx(%x: tensor<16x64xbf16>, %w: tensor<64x32xbf16>, %y: tensor<1x4x4x64xbf16>, %v: tensor<1x1x64x32xbf16>) -> (tensor<16x32xf32>, tensor<1x4x4x32xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32> {
      %2 = tenon.matmul %a0, %a1 {wide} : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32>
      tenon.yield %2 : tensor<16x32xf32>
    }
    %1 = tenon.kernel (%a0 = %y, %a1 = %v) : (tensor<1x4x4x64xbf16>, tensor<1x1x64x32xbf16>) -> tensor<1x4x4x32xf32> {
      %2 = tenon.conv %a0, %a1 {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, wide} : (tensor<1x4x4x64xbf16>, tensor<1x1x64x32xbf16>) -> tensor<1x4x4x32xf32>
      tenon.yield %2 : tensor<1x4x4x32xf32>
    }
    return %0, %1 : tensor<16x32xf32>, tensor<1x4x4x32xf32>
  }
}
