// RUN: tenon-opt %s --tenon-fuse-prologues --split-input-file | FileCheck %s

module attributes {tenon.target = #tenon.target<"", "", "", 512, ["onednn", "codegen"]>} {
  // Scalars, and what both read, are there once.
  // CHECK-LABEL: func.func @scaled(
  // CHECK-SAME: %[[X:.*]]: tensor<?x8x8x32xf32>, %[[S:.*]]: tensor<?x1x1x32xf32>, %[[W:.*]]: tensor<1x1x32x16xf32>, %[[B:.*]]: tensor<16xf32>, %[[N:.*]]: index
  // CHECK-NEXT: %[[Y:.*]] = tenon.kernel (%[[A0:.*]] = %[[X]], %[[A1:.*]] = %[[S]], %[[A2:.*]] = %[[W]], %[[A3:.*]] = %[[B]]) scalars(%{{.*}} = %[[N]]) dims(%[[N]])
  // CHECK-NEXT: %[[SCALED:.*]] = tenon.mul %[[A0]], %[[A1]]
  // CHECK-NEXT: %[[CONV:.*]] = tenon.conv %[[SCALED]], %[[A2]], %[[A3]]
  // CHECK-NEXT: %[[SILU:.*]] = tenon.silu %[[CONV]]
  // CHECK-NEXT: tenon.yield %[[SILU]]
  // CHECK: return %[[Y]]
  func.func @scaled(%x: tensor<?x8x8x32xf32>, %s: tensor<?x1x1x32xf32>, %w: tensor<1x1x32x16xf32>, %b: tensor<16xf32>, %n: index) -> tensor<?x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) scalars(%c = %n) dims(%n) : (tensor<?x8x8x32xf32>, tensor<?x1x1x32xf32>) -> tensor<?x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<?x8x8x32xf32>, tensor<?x1x1x32xf32>) -> tensor<?x8x8x32xf32>
      tenon.yield %2 : tensor<?x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w, %a2 = %b) scalars(%c = %n) dims(%n) : (tensor<?x8x8x32xf32>, tensor<1x1x32x16xf32>, tensor<16xf32>) -> tensor<?x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1, %a2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<?x8x8x32xf32>, tensor<1x1x32x16xf32>, tensor<16xf32>) -> tensor<?x8x8x16xf32>
      %3 = tenon.silu %2 : (tensor<?x8x8x16xf32>) -> tensor<?x8x8x16xf32>
      tenon.yield %3 : tensor<?x8x8x16xf32>
    }
    return %1 : tensor<?x8x8x16xf32>
  }

  // A normalisation before a convolution.
  // CHECK-LABEL: func.func @normalised(
  // CHECK-COUNT-1: tenon.kernel
  // CHECK-NEXT: tenon.mul
  // CHECK-NEXT: tenon.relu
  // CHECK-NEXT: tenon.conv
  // CHECK-NOT: tenon.kernel
  func.func @normalised(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      %3 = tenon.relu %2 : (tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %3 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }

  // A few of its pixels would not fit into the stack.
  // CHECK-LABEL: func.func @many_inputs(
  // CHECK-COUNT-2: tenon.kernel
  func.func @many_inputs(%x: tensor<1x8x8x1040xf32>, %s: tensor<1x1x1x1040xf32>, %w: tensor<1x1x1040x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x1040xf32>, tensor<1x1x1x1040xf32>) -> tensor<1x8x8x1040xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x1040xf32>, tensor<1x1x1x1040xf32>) -> tensor<1x8x8x1040xf32>
      tenon.yield %2 : tensor<1x8x8x1040xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x1040xf32>, tensor<1x1x1040x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x1040xf32>, tensor<1x1x1040x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }

  // The product takes most of the time.
  // CHECK-LABEL: func.func @many_channels(
  // CHECK-COUNT-2: tenon.kernel
  func.func @many_channels(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x80xf32>) -> tensor<1x8x8x80xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x80xf32>) -> tensor<1x8x8x80xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x80xf32>) -> tensor<1x8x8x80xf32>
      tenon.yield %2 : tensor<1x8x8x80xf32>
    }
    return %1 : tensor<1x8x8x80xf32>
  }

  // The convolution leaves out pixels.
  // CHECK-LABEL: func.func @strided(
  // CHECK-COUNT-2: tenon.kernel
  func.func @strided(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x4x4x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x4x4x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x4x4x16xf32>
      tenon.yield %2 : tensor<1x4x4x16xf32>
    }
    return %1 : tensor<1x4x4x16xf32>
  }

  // What others read has to be in memory.
  // CHECK-LABEL: func.func @other_reader(
  // CHECK-COUNT-2: tenon.kernel
  func.func @other_reader(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> (tensor<1x8x8x32xf32>, tensor<1x8x8x16xf32>) {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %0, %1 : tensor<1x8x8x32xf32>, tensor<1x8x8x16xf32>
  }

  // The tail reads it once more.
  // CHECK-LABEL: func.func @skip(
  // CHECK-COUNT-2: tenon.kernel
  func.func @skip(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x32xf32>) -> tensor<1x8x8x32xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x32xf32>) -> tensor<1x8x8x32xf32>
      %3 = tenon.add %2, %a0 : (tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %3 : tensor<1x8x8x32xf32>
    }
    return %1 : tensor<1x8x8x32xf32>
  }

  // Functions are better computed once.
  // CHECK-LABEL: func.func @costly(
  // CHECK-COUNT-2: tenon.kernel
  func.func @costly(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.pow %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }

  // No arithmetic of single elements.
  // CHECK-LABEL: func.func @pool(
  // CHECK-COUNT-2: tenon.kernel
  func.func @pool(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x) : (tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.average_pool %a0 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }
}

// -----

// A library alone has no such kernel.
module attributes {tenon.target = #tenon.target<"", "", "", 512, ["onednn"]>} {
  // CHECK-LABEL: func.func @library(
  // CHECK-COUNT-2: tenon.kernel
  func.func @library(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }
}

// -----

// In shorter vectors libraries are faster.
module attributes {tenon.target = #tenon.target<"", "", "", 256, ["onednn", "codegen"]>} {
  // CHECK-LABEL: func.func @avx2(
  // CHECK-COUNT-2: tenon.kernel
  func.func @avx2(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }
}

// -----

// GPUs have other ways.
module attributes {tenon.target = #tenon.target<"", "", "", 512, ["cuda", "codegen"], ["sm_90"]>} {
  // CHECK-LABEL: func.func @gpu(
  // CHECK-COUNT-2: tenon.kernel
  func.func @gpu(%x: tensor<1x8x8x32xf32>, %s: tensor<1x1x1x32xf32>, %w: tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %s) : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32> {
      %2 = tenon.mul %a0, %a1 : (tensor<1x8x8x32xf32>, tensor<1x1x1x32xf32>) -> tensor<1x8x8x32xf32>
      tenon.yield %2 : tensor<1x8x8x32xf32>
    }
    %1 = tenon.kernel (%a0 = %0, %a1 = %w) : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32> {
      %2 = tenon.conv %a0, %a1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32>) -> tensor<1x8x8x16xf32>
      tenon.yield %2 : tensor<1x8x8x16xf32>
    }
    return %1 : tensor<1x8x8x16xf32>
  }
}
