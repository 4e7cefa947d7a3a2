// RUN: tenon-opt %s --split-input-file --tenon-cpu-expand-half | FileCheck %s

// Without the instruction rounding is arithmetic, and what LLVM calls is there.
#target = #tenon.target<"x86_64-linux-gnu", "", "+avx2", 256, ["codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @round(
  // CHECK-NOT: arith.truncf
  // CHECK: return
  // CHECK: llvm.func weak_odr hidden @__truncsfbf2(%{{.*}}: f32) -> bf16
  func.func @round(%x: vector<8xf32>) -> vector<8xbf16> {
    %0 = arith.truncf %x : vector<8xf32> to vector<8xbf16>
    return %0 : vector<8xbf16>
  }
}

// -----

// With it nothing changes.
#target = #tenon.target<"x86_64-linux-gnu", "", "+avx512f,+avx512bf16", 512, ["codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @has_it(
  // CHECK-NEXT: arith.truncf
  // CHECK-NOT: __truncsfbf2
  func.func @has_it(%x: vector<8xf32>) -> vector<8xbf16> {
    %0 = arith.truncf %x : vector<8xf32> to vector<8xbf16>
    return %0 : vector<8xbf16>
  }
}

// -----

// f16 has instructions here.
#target = #tenon.target<"x86_64-linux-gnu", "", "+avx2,+f16c", 256, ["codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @others(
  // CHECK-NEXT: arith.truncf
  // CHECK-NOT: llvm.func
  func.func @others(%x: vector<8xf32>) -> vector<8xf16> {
    %0 = arith.truncf %x : vector<8xf32> to vector<8xf16>
    return %0 : vector<8xf16>
  }
}

// -----

// Here LLVM calls functions.
#target = #tenon.target<"x86_64-linux-gnu", "", "+sse4.1", 128, ["codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @calls(
  // CHECK-NEXT: arith.truncf
  // CHECK-NOT: __truncsfbf2
  // CHECK: llvm.func weak_odr hidden @__extendhfsf2(%{{.*}}: f16) -> f32
  // CHECK: llvm.func weak_odr hidden @__truncsfhf2(%{{.*}}: f32) -> f16
  func.func @calls(%x: vector<8xf32>) -> vector<8xf16> {
    %0 = arith.truncf %x : vector<8xf32> to vector<8xf16>
    return %0 : vector<8xf16>
  }
}

// -----

// Another processor has instructions.
#target = #tenon.target<"aarch64-linux-gnu", "", "+neon", 128, ["codegen"]>
module attributes {tenon.target = #target} {
  // CHECK-LABEL: func.func @elsewhere(
  // CHECK-NOT: llvm.func
  func.func @elsewhere(%x: vector<8xf32>) -> vector<8xf16> {
    %0 = arith.truncf %x : vector<8xf32> to vector<8xf16>
    return %0 : vector<8xf16>
  }
}
