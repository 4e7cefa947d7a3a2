// Products of few rows: a block's threads share the sums of a few columns, and read the right operand straight from the
// device's memory.
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cuda", "codegen"], ["sm_90"]>} {

// Columns are contiguous: two threads beside each other have four columns each, and 64 take turns at the steps, four of
// them at a time. The rows are those of both batches.
// CHECK-LABEL: func.func private @k0_matmul(
// CHECK-SAME: nvvm.minctasm = 5 : i32
// CHECK-SAME: tenon.unit_threads = 128
// CHECK: memref.alloca() {alignment = 16 : i64} : memref<256xi8, #gpu.address_space<workgroup>>
// CHECK-NOT: nvvm.cp.async
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32, f32, f32, f32, f32)
// CHECK-COUNT-4: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// The left operand's, of each row.
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-32: math.fma
// CHECK-NOT: math.fma
// CHECK: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK: arith.maximumf
// CHECK: memref.store
// CHECK-LABEL: func.func private @k0_matmul.units(
// CHECK: arith.constant 7 : index
// CHECK-NEXT: return
func.func @columns(%x: tensor<2x1x96xf32>, %w: tensor<1x96x52xf32>) -> tensor<2x1x52xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<2x1x96xf32>, tensor<1x96x52xf32>) -> tensor<2x1x52xf32> {
    %0 = tenon.matmul %a, %b : (tensor<2x1x96xf32>, tensor<1x96x52xf32>) -> tensor<2x1x52xf32>
    %1 = tenon.relu %0 : (tensor<2x1x52xf32>) -> tensor<2x1x52xf32>
    tenon.yield %1 : tensor<2x1x52xf32>
  }
  return %y : tensor<2x1x52xf32>
}

// Steps are contiguous: each thread has eight of four columns.
// CHECK-LABEL: func.func private @k1_matmul(
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32)
// CHECK-COUNT-5: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xf16>
// CHECK-COUNT-32: math.fma
// CHECK: scf.yield
// CHECK-COUNT-20: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
func.func @steps(%x: tensor<1x512xf16>, %w: tensor<10x512xf16>) -> tensor<1x10xf16> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<1x512xf16>, tensor<10x512xf16>) -> tensor<1x10xf16> {
    %0 = tenon.matmul %a, %b {transpose_b} : (tensor<1x512xf16>, tensor<10x512xf16>) -> tensor<1x10xf16>
    tenon.yield %0 : tensor<1x10xf16>
  }
  return %y : tensor<1x10xf16>
}

// Lines that are no whole chunks are loaded one by one.
// CHECK-LABEL: func.func private @k2_matmul(
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32, f32, f32, f32, f32)
// CHECK-COUNT-5: memref.load
// CHECK-COUNT-4: math.fma
// CHECK: memref.load
// CHECK-COUNT-4: math.fma
// CHECK: gpu.shuffle xor
func.func @lines(%x: tensor<2x99xf32>, %w: tensor<99x50xf32>) -> tensor<2x50xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<2x99xf32>, tensor<99x50xf32>) -> tensor<2x50xf32> {
    %0 = tenon.matmul %a, %b : (tensor<2x99xf32>, tensor<99x50xf32>) -> tensor<2x50xf32>
    tenon.yield %0 : tensor<2x50xf32>
  }
  return %y : tensor<2x50xf32>
}

// Whether there are few is not known: either way.
// CHECK-LABEL: func.func private @k3_matmul(
// CHECK-SAME: nvvm.minctasm = 3 : i32
// CHECK: %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c9
// CHECK: scf.if %[[FEW]] {
// CHECK: gpu.shuffle xor
// CHECK: } else {
// CHECK: nvvm.cp.async.shared
func.func @unknown(%x: tensor<?x96xf32>, %w: tensor<96x64xf32>, %n: index) -> tensor<?x64xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) dims(%n) {provider = "cuda"} : (tensor<?x96xf32>, tensor<96x64xf32>) -> tensor<?x64xf32> {
    %0 = tenon.matmul %a, %b : (tensor<?x96xf32>, tensor<96x64xf32>) -> tensor<?x64xf32>
    tenon.yield %0 : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// More rows, and short sums, are for tiles.
// CHECK-LABEL: func.func private @k4_matmul(
// CHECK-NOT: gpu.shuffle
// CHECK: nvvm.cp.async.shared
func.func @more(%x: tensor<9x96xf32>, %w: tensor<96x64xf32>) -> tensor<9x64xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<9x96xf32>, tensor<96x64xf32>) -> tensor<9x64xf32> {
    %0 = tenon.matmul %a, %b : (tensor<9x96xf32>, tensor<96x64xf32>) -> tensor<9x64xf32>
    tenon.yield %0 : tensor<9x64xf32>
  }
  return %y : tensor<9x64xf32>
}

// CHECK-LABEL: func.func private @k5_matmul(
// CHECK-NOT: gpu.shuffle
// CHECK: nvvm.cp.async.shared
func.func @short(%x: tensor<1x32xf32>, %w: tensor<32x64xf32>) -> tensor<1x64xf32> {
  %y = tenon.kernel (%a = %x, %b = %w) {provider = "cuda"} : (tensor<1x32xf32>, tensor<32x64xf32>) -> tensor<1x64xf32> {
    %0 = tenon.matmul %a, %b : (tensor<1x32xf32>, tensor<32x64xf32>) -> tensor<1x64xf32>
    tenon.yield %0 : tensor<1x64xf32>
  }
  return %y : tensor<1x64xf32>
}
// A convolution of one tap and one pixel is such a product, and so is one of pictures of which the number is not known.
// CHECK-LABEL: func.func private @k6_conv(
// CHECK-NOT: nvvm.cp.async
// CHECK: scf.for {{.*}} -> (f32, f32, f32, f32)
// CHECK-COUNT-5: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: gpu.shuffle xor
// CHECK: arith.maximumf
func.func @pixel(%x: tensor<1x1x1x96xf32>, %w: tensor<1x1x96x24xf32>, %b: tensor<24xf32>) -> tensor<1x1x1x24xf32> {
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b) {provider = "cuda"} : (tensor<1x1x1x96xf32>, tensor<1x1x96x24xf32>, tensor<24xf32>) -> tensor<1x1x1x24xf32> {
    %0 = tenon.conv %a, %v, %c {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x1x1x96xf32>, tensor<1x1x96x24xf32>, tensor<24xf32>) -> tensor<1x1x1x24xf32>
    %1 = tenon.relu %0 : (tensor<1x1x1x24xf32>) -> tensor<1x1x1x24xf32>
    tenon.yield %1 : tensor<1x1x1x24xf32>
  }
  return %y : tensor<1x1x1x24xf32>
}

// CHECK-LABEL: func.func private @k7_conv(
// CHECK: %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c9
// CHECK: scf.if %[[FEW]] {
// CHECK: gpu.shuffle xor
// CHECK: } else {
// CHECK: nvvm.cp.async.shared
func.func @pictures(%x: tensor<?x1x1x96xf32>, %w: tensor<1x1x96x24xf32>, %n: index) -> tensor<?x1x1x24xf32> {
  %y = tenon.kernel (%a = %x, %v = %w) dims(%n) {provider = "cuda"} : (tensor<?x1x1x96xf32>, tensor<1x1x96x24xf32>) -> tensor<?x1x1x24xf32> {
    %0 = tenon.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<?x1x1x96xf32>, tensor<1x1x96x24xf32>) -> tensor<?x1x1x24xf32>
    tenon.yield %0 : tensor<?x1x1x24xf32>
  }
  return %y : tensor<?x1x1x24xf32>
}

// Several taps, and pictures of unknown size, are for tiles.
// CHECK-LABEL: func.func private @k8_conv(
// CHECK-NOT: gpu.shuffle
// CHECK: nvvm.cp.async.shared
func.func @taps(%x: tensor<1x3x3x96xf32>, %w: tensor<3x3x96x24xf32>) -> tensor<1x1x1x24xf32> {
  %y = tenon.kernel (%a = %x, %v = %w) {provider = "cuda"} : (tensor<1x3x3x96xf32>, tensor<3x3x96x24xf32>) -> tensor<1x1x1x24xf32> {
    %0 = tenon.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x3x3x96xf32>, tensor<3x3x96x24xf32>) -> tensor<1x1x1x24xf32>
    tenon.yield %0 : tensor<1x1x1x24xf32>
  }
  return %y : tensor<1x1x1x24xf32>
}

// CHECK-LABEL: func.func private @k9_conv(
// CHECK-NOT: gpu.shuffle
// CHECK: nvvm.cp.async.shared
func.func @large(%x: tensor<1x?x?x96xf32>, %w: tensor<1x1x96x24xf32>, %h: index, %w0: index) -> tensor<1x?x?x24xf32> {
  %y = tenon.kernel (%a = %x, %v = %w) dims(%h, %w0) {provider = "cuda"} : (tensor<1x?x?x96xf32>, tensor<1x1x96x24xf32>) -> tensor<1x?x?x24xf32> {
    %0 = tenon.conv %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x?x?x96xf32>, tensor<1x1x96x24xf32>) -> tensor<1x?x?x24xf32>
    tenon.yield %0 : tensor<1x?x?x24xf32>
  }
  return %y : tensor<1x?x?x24xf32>
}
}
