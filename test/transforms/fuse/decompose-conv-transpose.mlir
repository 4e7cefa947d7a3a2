// RUN: tenon-opt %s --tenon-decompose-conv-transpose --canonicalize --split-input-file | FileCheck %s

// The processor multiplies bf16 faster than f32. The rounding behind it stays with the product, the bias stands once for
// each pixel of a window.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "+avx512bw,+avx512bf16", 512, ["onednn", "codegen"]>} {
  // CHECK-LABEL: func.func @bf16(
  // CHECK-SAME: %[[X:.*]]: tensor<?x8x?x64xbf16>
  // CHECK-DAG: %[[W:.*]] = tenon.constant dense<5.000000e-01> : tensor<1x1x64x96xbf16>
  // CHECK-DAG: %[[B:.*]] = tenon.constant {{.*}} : tensor<96xf32>
  // CHECK-DAG: %[[THREE:.*]] = arith.constant 3 : i64
  // CHECK: %[[CONV:.*]] = tenon.conv %[[X]], %[[W]], %[[B]] {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, wide} {{.*}} -> tensor<?x8x?x96xf32>
  // CHECK: %[[RELU:.*]] = tenon.relu %[[CONV]]
  // CHECK: %[[CAST:.*]] = tenon.cast %[[RELU]] {to = bf16}
  // CHECK: %[[WIDTH:.*]] = arith.muli %{{.*}}, %[[THREE]]
  // CHECK: %[[SPLIT:.*]] = tenon.reshape %[[CAST]], {{.*}} -> tensor<?x8x?x2x3x16xbf16>
  // CHECK: %[[PLACED:.*]] = tenon.transpose %[[SPLIT]] {permutation = array<i64: 0, 1, 3, 2, 4, 5>} {{.*}} -> tensor<?x8x2x?x3x16xbf16>
  // CHECK: %[[SHAPE:.*]] = tensor.from_elements %{{.*}}, %{{.*}}, %[[WIDTH]], %{{.*}}
  // CHECK: %[[Y:.*]] = tenon.reshape %[[PLACED]], %[[SHAPE]] {{.*}} -> tensor<?x16x?x16xbf16>
  // CHECK: return %[[Y]]
  func.func @bf16(%x: tensor<?x8x?x64xbf16>) -> tensor<?x16x?x16xbf16> {
    %w = tenon.constant dense<0.5> : tensor<2x3x16x64xbf16>
    %b = tenon.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]> : tensor<16xf32>
    %0 = tenon.conv_transpose %x, %w, %b {strides = array<i64: 2, 3>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, layout = #tenon.layout<nhwc>, wide} : (tensor<?x8x?x64xbf16>, tensor<2x3x16x64xbf16>, tensor<16xf32>) -> tensor<?x16x?x16xf32>
    %1 = tenon.relu %0 : (tensor<?x16x?x16xf32>) -> tensor<?x16x?x16xf32>
    %2 = tenon.cast %1 {to = bf16} : (tensor<?x16x?x16xf32>) -> tensor<?x16x?x16xbf16>
    return %2 : tensor<?x16x?x16xbf16>
  }

  // In f32 the generated kernel is as fast.
  // CHECK-LABEL: func.func @f32(
  // CHECK: tenon.conv_transpose
  func.func @f32(%x: tensor<1x8x8x64xf32>) -> tensor<1x16x16x16xf32> {
    %w = tenon.constant dense<0.5> : tensor<2x2x16x64xf32>
    %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x64xf32>, tensor<2x2x16x64xf32>) -> tensor<1x16x16x16xf32>
    return %0 : tensor<1x16x16x16xf32>
  }
}

// -----

// A processor without such instructions.
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "+avx512bw", 512, ["onednn", "codegen"]>} {
  // CHECK-LABEL: func.func @without_instructions(
  // CHECK: tenon.conv_transpose
  func.func @without_instructions(%x: tensor<1x8x8x64xbf16>) -> tensor<1x16x16x16xf32> {
    %w = tenon.constant dense<0.5> : tensor<2x2x16x64xbf16>
    %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, layout = #tenon.layout<nhwc>, wide} : (tensor<1x8x8x64xbf16>, tensor<2x2x16x64xbf16>) -> tensor<1x16x16x16xf32>
    return %0 : tensor<1x16x16x16xf32>
  }
}

// -----

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 128, ["cuda", "codegen"], ["sm_90"]>} {
  // What the tail reads may come behind the transposed convolution.
  // CHECK-LABEL: func.func @later(
  // CHECK-NOT: tenon.conv_transpose
  // CHECK: %[[SCALAR:.*]] = tenon.neg
  // CHECK: %[[CONV:.*]] = tenon.conv %
  // CHECK: %[[RELU:.*]] = tenon.relu %[[CONV]]
  // CHECK: tenon.mul %[[RELU]], %[[SCALAR]]
  // CHECK-NOT: tenon.conv_transpose
  func.func @later(%x: tensor<1x8x64xf32>, %s: tensor<f32>) -> tensor<1x16x32xf32> {
    %w = tenon.constant dense<0.5> : tensor<2x32x64xf32>
    %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<2x32x64xf32>) -> tensor<1x16x32xf32>
    %1 = tenon.relu %0 : (tensor<1x16x32xf32>) -> tensor<1x16x32xf32>
    %2 = tenon.neg %s : (tensor<f32>) -> tensor<f32>
    %3 = tenon.mul %1, %2 : (tensor<1x16x32xf32>, tensor<f32>) -> tensor<1x16x32xf32>
    return %3 : tensor<1x16x32xf32>
  }

  // A GPU. In one dimension the pixels stand where they belong. What reads more than scalars stays behind.
  // CHECK-LABEL: func.func @gpu(
  // CHECK-SAME: %[[X:.*]]: tensor<1x8x64xf32>, %[[R:.*]]: tensor<1x16x32xf32>, %[[SCALE:.*]]: tensor<f32>
  // CHECK: %[[CONV:.*]] = tenon.conv %[[X]], {{.*}} -> tensor<1x8x64xf32>
  // CHECK: %[[SCALED:.*]] = tenon.mul %[[CONV]], %[[SCALE]]
  // CHECK-NEXT: %[[Y:.*]] = tenon.reshape %[[SCALED]], {{.*}} -> tensor<1x16x32xf32>
  // CHECK: tenon.add %[[Y]], %[[R]]
  func.func @gpu(%x: tensor<1x8x64xf32>, %r: tensor<1x16x32xf32>, %scale: tensor<f32>) -> tensor<1x16x32xf32> {
    %w = tenon.constant dense<0.5> : tensor<2x32x64xf32>
    %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<2x32x64xf32>) -> tensor<1x16x32xf32>
    %1 = tenon.mul %0, %scale : (tensor<1x16x32xf32>, tensor<f32>) -> tensor<1x16x32xf32>
    %2 = tenon.add %1, %r : (tensor<1x16x32xf32>, tensor<1x16x32xf32>) -> tensor<1x16x32xf32>
    return %2 : tensor<1x16x32xf32>
  }

  // Windows of four at every second place, without the outermost two: an even result is of the taps 3 and 1, of the inputs
  // before it and at it, an odd one of 2 and 0, at it and behind.
  // CHECK-LABEL: func.func @overlapping(
  // CHECK-SAME: %[[X:.*]]: tensor<1x?x32xf32>
  // CHECK: %[[W:.*]] = tenon.constant dense_resource<{{.*}}> : tensor<3x32x32xf32>
  // CHECK: %[[CONV:.*]] = tenon.conv %[[X]], %[[W]] {dilations = array<i64: 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1>, strides = array<i64: 1>} {{.*}} -> tensor<1x?x32xf32>
  // CHECK: tenon.reshape %[[CONV]], {{.*}} -> tensor<1x?x16xf32>
  func.func @overlapping(%x: tensor<1x?x32xf32>) -> tensor<1x?x16xf32> {
    %w = tenon.constant dense<0.5> : tensor<4x16x32xf32>
    %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2>, pads = array<i64: 1, 1>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x?x32xf32>, tensor<4x16x32xf32>) -> tensor<1x?x16xf32>
    return %0 : tensor<1x?x16xf32>
  }

  // A result that ends within a stride, inputs that are cut off, parts of the channels, few channels, weights that are not
  // known, and phases that read nothing.
  // CHECK-LABEL: func.func @others(
  // CHECK-COUNT-6: tenon.conv_transpose
  // CHECK-NOT: tenon.conv{{ }}
  func.func @others(%x: tensor<1x8x64xf32>, %few: tensor<1x8x16xf32>, %any: tensor<2x32x64xf32>) -> (tensor<1x17x32xf32>, tensor<1x4x32xf32>, tensor<1x16x64xf32>, tensor<1x16x32xf32>, tensor<1x16x32xf32>, tensor<1x40x32xf32>) {
    %w1 = tenon.constant dense<0.5> : tensor<1x32x64xf32>
    %w2 = tenon.constant dense<0.5> : tensor<2x32x64xf32>
    %w3 = tenon.constant dense<0.5> : tensor<3x32x64xf32>
    %wf = tenon.constant dense<0.5> : tensor<2x32x16xf32>
    %0 = tenon.conv_transpose %x, %w3 {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<3x32x64xf32>) -> tensor<1x17x32xf32>
    %1 = tenon.conv_transpose %x, %w2 {strides = array<i64: 2>, pads = array<i64: 0, 12>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<2x32x64xf32>) -> tensor<1x4x32xf32>
    %2 = tenon.conv_transpose %x, %w2 {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<2x32x64xf32>) -> tensor<1x16x64xf32>
    %3 = tenon.conv_transpose %few, %wf {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x16xf32>, tensor<2x32x16xf32>) -> tensor<1x16x32xf32>
    %4 = tenon.conv_transpose %x, %any {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<2x32x64xf32>) -> tensor<1x16x32xf32>
    %5 = tenon.conv_transpose %x, %w1 {strides = array<i64: 5>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 4>, layout = #tenon.layout<nhwc>} : (tensor<1x8x64xf32>, tensor<1x32x64xf32>) -> tensor<1x40x32xf32>
    return %0, %1, %2, %3, %4, %5 : tensor<1x17x32xf32>, tensor<1x4x32xf32>, tensor<1x16x64xf32>, tensor<1x16x32xf32>, tensor<1x16x32xf32>, tensor<1x40x32xf32>
  }
}
