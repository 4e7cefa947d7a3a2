// Kernels that cuDNN can run: one convolution of constant weights with channels last, and what its graphs have behind it.
// They get code as well, and its words (runtime/cuda/LibraryAbi.h) stand at the function of that.
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s --check-prefix=ASSIGN
// RUN: tenon-opt %s --tenon-assign-providers --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cublaslt", "cudnn", "cuda", "codegen"], ["sm_90"]>} {

// Bias, residual, ReLU. The words: kind, input, weights, bias, residual, activation, tf32, groups; of three axes strides,
// dilations, pads before and behind; a limit.
// ASSIGN-LABEL: @residual
// ASSIGN: tenon.kernel {{.*}}provider = "cudnn"
// CHECK-LABEL: func.func @residual
// CHECK: tenon_rt.launch @[[RESIDUAL:[a-z0-9_]*]](
func.func @residual(%x: tensor<?x9x9x4xf32>, %r: tensor<?x5x4x6xf32>, %n: index) -> tensor<?x5x4x6xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x4x6xf32>
  %b = tenon.constant dense<1.0> : tensor<6xf32>
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b, %s = %r) dims(%n) : (tensor<?x9x9x4xf32>, tensor<3x3x4x6xf32>, tensor<6xf32>, tensor<?x5x4x6xf32>) -> tensor<?x5x4x6xf32> {
    %0 = tenon.conv %a, %v, %c {strides = array<i64: 2, 2>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<?x9x9x4xf32>, tensor<3x3x4x6xf32>, tensor<6xf32>) -> tensor<?x5x4x6xf32>
    %1 = tenon.add %s, %0 : (tensor<?x5x4x6xf32>, tensor<?x5x4x6xf32>) -> tensor<?x5x4x6xf32>
    %2 = tenon.relu %1 : (tensor<?x5x4x6xf32>) -> tensor<?x5x4x6xf32>
    tenon.yield %2 : tensor<?x5x4x6xf32>
  }
  return %y : tensor<?x5x4x6xf32>
}

// Of f16, with a limit, which is 6, and groups of two channels. The bias stays f32: the runtime rounds it for the library.
// ASSIGN-LABEL: @narrow
// ASSIGN: tenon.kernel {{.*}}provider = "cudnn"
// CHECK-LABEL: func.func @narrow
// CHECK-NOT: tensor<6xf16>
// CHECK: tenon_rt.launch @[[NARROW:[a-z0-9_]*]](
func.func @narrow(%x: tensor<1x9x4xf16>) -> tensor<1x7x6xf16> {
  %w = tenon.constant dense<0.5> : tensor<3x2x6xf16>
  %b = tenon.constant dense<1.0> : tensor<6xf32>
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b) : (tensor<1x9x4xf16>, tensor<3x2x6xf16>, tensor<6xf32>) -> tensor<1x7x6xf16> {
    %0 = tenon.conv %a, %v, %c {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 2 : i64, layout = #tenon.layout<nhwc>, wide} : (tensor<1x9x4xf16>, tensor<3x2x6xf16>, tensor<6xf32>) -> tensor<1x7x6xf32>
    %1 = tenon.clip %0 {max = 6.0 : f64, min = 0.0 : f64} : (tensor<1x7x6xf32>) -> tensor<1x7x6xf32>
    %2 = tenon.cast %1 {to = f16} : (tensor<1x7x6xf32>) -> tensor<1x7x6xf16>
    tenon.yield %2 : tensor<1x7x6xf16>
  }
  return %y : tensor<1x7x6xf16>
}

// A bias that is too large for f16, groups of one channel, weights that are not constant, a sum behind the activation, and
// channels first.
// ASSIGN-LABEL: @others
// ASSIGN-COUNT-5: tenon.kernel {{.*}}provider = "cuda"
func.func @others(%x: tensor<1x9x4xf16>, %f: tensor<1x9x4xf32>, %g: tensor<1x4x9xf32>, %u: tensor<3x4x6xf32>) -> (tensor<1x7x6xf16>, tensor<1x7x4xf32>, tensor<1x7x6xf32>, tensor<1x7x6xf32>, tensor<1x6x7xf32>) {
  %w = tenon.constant dense<0.5> : tensor<3x4x6xf16>
  %b = tenon.constant dense<1.0e6> : tensor<6xf32>
  %d = tenon.constant dense<0.5> : tensor<3x1x4xf32>
  %e = tenon.constant dense<0.5> : tensor<3x4x6xf32>
  %h = tenon.constant dense<0.5> : tensor<6x4x3xf32>
  %0 = tenon.kernel (%a = %x, %v = %w, %c = %b) : (tensor<1x9x4xf16>, tensor<3x4x6xf16>, tensor<6xf32>) -> tensor<1x7x6xf16> {
    %p = tenon.conv %a, %v, %c {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, layout = #tenon.layout<nhwc>, wide} : (tensor<1x9x4xf16>, tensor<3x4x6xf16>, tensor<6xf32>) -> tensor<1x7x6xf32>
    %q = tenon.cast %p {to = f16} : (tensor<1x7x6xf32>) -> tensor<1x7x6xf16>
    tenon.yield %q : tensor<1x7x6xf16>
  }
  %1 = tenon.kernel (%a = %f, %v = %d) : (tensor<1x9x4xf32>, tensor<3x1x4xf32>) -> tensor<1x7x4xf32> {
    %p = tenon.conv %a, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 4 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x9x4xf32>, tensor<3x1x4xf32>) -> tensor<1x7x4xf32>
    tenon.yield %p : tensor<1x7x4xf32>
  }
  %2 = tenon.kernel (%a = %f, %v = %u) : (tensor<1x9x4xf32>, tensor<3x4x6xf32>) -> tensor<1x7x6xf32> {
    %p = tenon.conv %a, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, layout = #tenon.layout<nhwc>} : (tensor<1x9x4xf32>, tensor<3x4x6xf32>) -> tensor<1x7x6xf32>
    tenon.yield %p : tensor<1x7x6xf32>
  }
  %3 = tenon.kernel (%a = %f, %v = %e, %c = %2) : (tensor<1x9x4xf32>, tensor<3x4x6xf32>, tensor<1x7x6xf32>) -> tensor<1x7x6xf32> {
    %p = tenon.conv %a, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, layout = #tenon.layout<nhwc>} : (tensor<1x9x4xf32>, tensor<3x4x6xf32>) -> tensor<1x7x6xf32>
    %q = tenon.sigmoid %p : (tensor<1x7x6xf32>) -> tensor<1x7x6xf32>
    %r = tenon.add %q, %c : (tensor<1x7x6xf32>, tensor<1x7x6xf32>) -> tensor<1x7x6xf32>
    tenon.yield %r : tensor<1x7x6xf32>
  }
  %4 = tenon.kernel (%a = %g, %v = %h) : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32> {
    %p = tenon.conv %a, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
    tenon.yield %p : tensor<1x6x7xf32>
  }
  return %0, %1, %2, %3, %4 : tensor<1x7x6xf16>, tensor<1x7x4xf32>, tensor<1x7x6xf32>, tensor<1x7x6xf32>, tensor<1x6x7xf32>
}
}

// CHECK: func.func private @[[RESIDUAL]](
// CHECK-SAME: tenon.library = array<i64: 2, 0, 1, 2, 3, 1, 0, 1, 2, 2, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0>, tenon.provider = "cudnn"
// CHECK: func.func private @[[NARROW]](
// CHECK-SAME: tenon.library = array<i64: 2, 0, 1, 2, -1, 7, 0, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4618441417868443648>, tenon.provider = "cudnn"
