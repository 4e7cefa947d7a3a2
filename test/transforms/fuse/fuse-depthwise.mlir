// RUN: tenon-opt %s --tenon-fuse-depthwise --split-input-file | FileCheck %s

module attributes {tenon.target = #tenon.target<"", "", "", 512, ["onednn", "codegen"]>} {
  // Scalars, and what both read, are there once.
  // CHECK-LABEL: func.func @pair(
  // CHECK-SAME: %[[X:.*]]: tensor<?x8x8x4xf32>, %[[W:.*]]: tensor<1x1x4x32xf32>, %[[V:.*]]: tensor<3x3x1x32xf32>, %[[B:.*]]: tensor<32xf32>, %[[N:.*]]: index
  // CHECK-NEXT: %[[Y:.*]] = tenon.kernel (%[[A0:.*]] = %[[X]], %[[A1:.*]] = %[[W]], %[[A2:.*]] = %[[B]], %[[A3:.*]] = %[[V]]) scalars(%{{.*}} = %[[N]]) dims(%[[N]])
  // CHECK-NEXT: %[[WIDE:.*]] = tenon.conv %[[A0]], %[[A1]], %[[A2]]
  // CHECK-NEXT: %[[RELU:.*]] = tenon.relu %[[WIDE]]
  // CHECK-NEXT: %[[NARROW:.*]] = tenon.conv %[[RELU]], %[[A3]], %[[A2]]
  // CHECK-NEXT: %[[SILU:.*]] = tenon.silu %[[NARROW]]
  // CHECK-NEXT: tenon.yield %[[SILU]]
  // CHECK: return %[[Y]]
  func.func @pair(%x: tensor<?x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>, %b: tensor<32xf32>, %n: index) -> tensor<?x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w, %a2 = %b) scalars(%s = %n) dims(%n) : (tensor<?x8x8x4xf32>, tensor<1x1x4x32xf32>, tensor<32xf32>) -> tensor<?x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1, %a2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<?x8x8x4xf32>, tensor<1x1x4x32xf32>, tensor<32xf32>) -> tensor<?x8x8x32xf32>
      %3 = tenon.relu %2 : (tensor<?x8x8x32xf32>) -> tensor<?x8x8x32xf32>
      tenon.yield %3 : tensor<?x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v, %a2 = %b) scalars(%s = %n) dims(%n) : (tensor<?x8x8x32xf32>, tensor<3x3x1x32xf32>, tensor<32xf32>) -> tensor<?x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1, %a2 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<?x8x8x32xf32>, tensor<3x3x1x32xf32>, tensor<32xf32>) -> tensor<?x8x8x32xf32>
      %3 = tenon.silu %2 : (tensor<?x8x8x32xf32>) -> tensor<?x8x8x32xf32>
      tenon.yield %3 : tensor<?x8x8x32xf32>
    }
    return %1 : tensor<?x8x8x32xf32>
  }

  // Vectors would not be full.
  // CHECK-LABEL: func.func @few
  // CHECK-COUNT-2: tenon.kernel
  func.func @few(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x16xf32>, %v: tensor<3x3x1x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x16xf32>, tensor<3x3x1x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 16 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x16xf32>, tensor<3x3x1x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }

  // What others read has to be in memory.
  // CHECK-LABEL: func.func @other_reader
  // CHECK-COUNT-2: tenon.kernel
  func.func @other_reader(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> (tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %0, %1 : tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>
  }

  // The tail reads it once more.
  // CHECK-LABEL: func.func @skip
  // CHECK-COUNT-2: tenon.kernel
  func.func @skip(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      %3 = tenon.add %2, %a0 : (tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %3 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }

  // With many channels larger tiles are worth more.
  // CHECK-LABEL: func.func @many_channels
  // CHECK-COUNT-2: tenon.kernel
  func.func @many_channels(%x: tensor<1x8x8x80xf32>, %w: tensor<1x1x80x160xf32>, %v: tensor<3x3x1x160xf32>) -> tensor<1x8x8x160xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x80xf32>, tensor<1x1x80x160xf32>) -> tensor<1x8x8x160xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x80xf32>, tensor<1x1x80x160xf32>) -> tensor<1x8x8x160xf32>
      tenon.yield %2 : tensor<1x8x8x160xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x160xf32>, tensor<3x3x1x160xf32>) -> tensor<1x8x8x160xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 160 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x160xf32>, tensor<3x3x1x160xf32>) -> tensor<1x8x8x160xf32>
      tenon.yield %2 : tensor<1x8x8x160xf32>
    }
    return %1 : tensor<1x8x8x160xf32>
  }

  // Without more channels between the two, memory gains little.
  // CHECK-LABEL: func.func @not_wider
  // CHECK-COUNT-2: tenon.kernel
  func.func @not_wider(%x: tensor<1x8x8x64xf32>, %w: tensor<1x1x64x96xf32>, %v: tensor<3x3x1x96xf32>) -> tensor<1x8x8x96xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x64xf32>, tensor<1x1x64x96xf32>) -> tensor<1x8x8x96xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x64xf32>, tensor<1x1x64x96xf32>) -> tensor<1x8x8x96xf32>
      tenon.yield %2 : tensor<1x8x8x96xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x8x8x96xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 96 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x96xf32>, tensor<3x3x1x96xf32>) -> tensor<1x8x8x96xf32>
      tenon.yield %2 : tensor<1x8x8x96xf32>
    }
    return %1 : tensor<1x8x8x96xf32>
  }

  // Windows with holes don't come row by row.
  // CHECK-LABEL: func.func @dilated
  // CHECK-COUNT-2: tenon.kernel
  func.func @dilated(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 2, 2, 2, 2>, dilations = array<i64: 2, 2>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }

  // Larger windows have no row of taps in registers.
  // CHECK-LABEL: func.func @large_window
  // CHECK-COUNT-2: tenon.kernel
  func.func @large_window(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<9x9x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<9x9x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 4, 4, 4, 4>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<9x9x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }

  // The first is no pointwise convolution.
  // CHECK-LABEL: func.func @strided
  // CHECK-COUNT-2: tenon.kernel
  func.func @strided(%x: tensor<1x16x16x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x16x16x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x16x16x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }
}

// -----

// A library alone has no such kernel.
// CHECK-LABEL: func.func @library
// CHECK-COUNT-2: tenon.kernel
module attributes {tenon.target = #tenon.target<"", "", "", 512, ["onednn"]>} {
  func.func @library(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }
}

// -----

// Shorter vectors come with fewer registers.
// CHECK-LABEL: func.func @avx2
// CHECK-COUNT-2: tenon.kernel
module attributes {tenon.target = #tenon.target<"", "", "", 256, ["onednn", "codegen"]>} {
  func.func @avx2(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }
}

// -----

// GPUs have other ways.
// CHECK-LABEL: func.func @gpu
// CHECK-COUNT-2: tenon.kernel
module attributes {tenon.target = #tenon.target<"", "", "", 512, ["cuda", "codegen"], ["sm_90"]>} {
  func.func @gpu(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x32xf32>, %v: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x4xf32>, tensor<1x1x4x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %v) : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }
}
