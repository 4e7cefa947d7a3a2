// Kernels that cuBLASLt can run: one product, its factors in memory, with what the library adds. They get code as well,
// and its words (runtime/cuda/LibraryAbi.h) stand at the function of that.
// RUN: tenon-opt %s --tenon-assign-providers | FileCheck %s --check-prefix=ASSIGN
// RUN: tenon-opt %s --tenon-assign-providers --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, ["cublaslt", "cuda", "codegen"], ["sm_90"]>} {

// alpha, bias, residual, ReLU. The words: kind, lhs, rhs, two transposes, bias, residual, activation, tf32, alpha.
// ASSIGN-LABEL: @dense
// ASSIGN: tenon.kernel {{.*}}provider = "cublaslt"
// CHECK-LABEL: func.func @dense
// CHECK: tenon_rt.launch @[[DENSE:[a-z0-9_]*]](
func.func @dense(%x: tensor<?x8xf32>, %w: tensor<16x8xf32>, %b: tensor<1x16xf32>, %r: tensor<?x16xf32>, %n: index) -> tensor<?x16xf32> {
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b, %s = %r) dims(%n) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<1x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32> {
    %half = tenon.constant dense<0.5> : tensor<f32>
    %0 = tenon.matmul %a, %v {transpose_b} : (tensor<?x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32>
    %1 = tenon.mul %0, %half : (tensor<?x16xf32>, tensor<f32>) -> tensor<?x16xf32>
    %2 = tenon.add %1, %c : (tensor<?x16xf32>, tensor<1x16xf32>) -> tensor<?x16xf32>
    %3 = tenon.add %2, %s : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
    %4 = tenon.relu %3 : (tensor<?x16xf32>) -> tensor<?x16xf32>
    tenon.yield %4 : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// A bias of f32 beside a result of f16 is a constant that is rounded, also for the generated code.
// ASSIGN-LABEL: @narrow
// ASSIGN: tenon.kernel {{.*}}provider = "cublaslt"
// CHECK-LABEL: func.func @narrow
// CHECK: tenon.constant dense<{{.*}}> : tensor<1x4xf16>
// CHECK: tenon_rt.launch
func.func @narrow(%x: tensor<3x8xf16>, %w: tensor<8x4xf16>) -> tensor<3x4xf16> {
  %b = tenon.constant dense<[[0.1, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b) : (tensor<3x8xf16>, tensor<8x4xf16>, tensor<1x4xf32>) -> tensor<3x4xf16> {
    %0 = tenon.matmul %a, %v {wide} : (tensor<3x8xf16>, tensor<8x4xf16>) -> tensor<3x4xf32>
    %1 = tenon.add %0, %c : (tensor<3x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
    %2 = tenon.cast %1 {to = f16} : (tensor<3x4xf32>) -> tensor<3x4xf16>
    tenon.yield %2 : tensor<3x4xf16>
  }
  return %y : tensor<3x4xf16>
}

// One that is too large for f16.
// ASSIGN-LABEL: @overflow
// ASSIGN: tenon.kernel {{.*}}provider = "cuda"
func.func @overflow(%x: tensor<3x8xf16>, %w: tensor<8x1xf16>) -> tensor<3x1xf16> {
  %b = tenon.constant dense<1.0e6> : tensor<1x1xf32>
  %y = tenon.kernel (%a = %x, %v = %w, %c = %b) : (tensor<3x8xf16>, tensor<8x1xf16>, tensor<1x1xf32>) -> tensor<3x1xf16> {
    %0 = tenon.matmul %a, %v {wide} : (tensor<3x8xf16>, tensor<8x1xf16>) -> tensor<3x1xf32>
    %1 = tenon.add %0, %c : (tensor<3x1xf32>, tensor<1x1xf32>) -> tensor<3x1xf32>
    %2 = tenon.cast %1 {to = f16} : (tensor<3x1xf32>) -> tensor<3x1xf16>
    tenon.yield %2 : tensor<3x1xf16>
  }
  return %y : tensor<3x1xf16>
}

// The library has the GELU of a hyperbolic tangent only.
// ASSIGN-LABEL: @gelus
// ASSIGN: tenon.kernel {{.*}}provider = "cuda"
// ASSIGN: tenon.kernel {{.*}}provider = "cublaslt"
func.func @gelus(%x: tensor<3x8xf32>, %w: tensor<8x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %y = tenon.kernel (%a = %x, %v = %w) : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32> {
    %0 = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %1 = tenon.gelu %0 : (tensor<3x4xf32>) -> tensor<3x4xf32>
    tenon.yield %1 : tensor<3x4xf32>
  }
  %z = tenon.kernel (%a = %x, %v = %w) : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32> {
    %0 = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %1 = tenon.gelu %0 {kind = #tenon.gelu_kind<tanh>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
    tenon.yield %1 : tensor<3x4xf32>
  }
  return %y, %z : tensor<3x4xf32>, tensor<3x4xf32>
}

// A bias of rows, a factor that is computed, a scale behind the bias, integers.
// ASSIGN-LABEL: @others
// ASSIGN-COUNT-4: tenon.kernel {{.*}}provider = "cuda"
func.func @others(%x: tensor<3x8xf32>, %w: tensor<8x4xf32>, %b: tensor<3x1xf32>, %d: tensor<1x4xf32>, %i: tensor<3x8xi32>, %j: tensor<8x4xi32>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xi32>) {
  %0 = tenon.kernel (%a = %x, %v = %w, %c = %b) : (tensor<3x8xf32>, tensor<8x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32> {
    %p = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %q = tenon.add %p, %c : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
    tenon.yield %q : tensor<3x4xf32>
  }
  %1 = tenon.kernel (%a = %x, %v = %w) : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32> {
    %p = tenon.relu %a : (tensor<3x8xf32>) -> tensor<3x8xf32>
    %q = tenon.matmul %p, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    tenon.yield %q : tensor<3x4xf32>
  }
  %2 = tenon.kernel (%a = %x, %v = %w, %c = %d) : (tensor<3x8xf32>, tensor<8x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32> {
    %half = tenon.constant dense<0.5> : tensor<f32>
    %p = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %q = tenon.add %p, %c : (tensor<3x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
    %r = tenon.mul %q, %half : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
    tenon.yield %r : tensor<3x4xf32>
  }
  %3 = tenon.kernel (%a = %i, %v = %j) : (tensor<3x8xi32>, tensor<8x4xi32>) -> tensor<3x4xi32> {
    %p = tenon.matmul %a, %v : (tensor<3x8xi32>, tensor<8x4xi32>) -> tensor<3x4xi32>
    tenon.yield %p : tensor<3x4xi32>
  }
  return %0, %1, %2, %3 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xi32>
}

// Numbers whose product is infinite, or nothing, as a float: it would make NaN of a 0.
// ASSIGN-LABEL: @scales
// ASSIGN-COUNT-2: tenon.kernel {{.*}}provider = "cuda"
func.func @scales(%x: tensor<3x8xf32>, %w: tensor<8x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %0 = tenon.kernel (%a = %x, %v = %w) : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32> {
    %large = tenon.constant dense<1.0e30> : tensor<f32>
    %p = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %q = tenon.mul %p, %large : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
    %r = tenon.mul %q, %large : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
    tenon.yield %r : tensor<3x4xf32>
  }
  %1 = tenon.kernel (%a = %x, %v = %w) : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32> {
    %small = tenon.constant dense<1.0e-30> : tensor<f32>
    %p = tenon.matmul %a, %v : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    %q = tenon.mul %p, %small : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
    %r = tenon.mul %q, %small : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
    tenon.yield %r : tensor<3x4xf32>
  }
  return %0, %1 : tensor<3x4xf32>, tensor<3x4xf32>
}
}

// CHECK: func.func private @[[DENSE]](
// CHECK-SAME: tenon.library = array<i64: 1, 0, 1, 0, 1, 2, 3, 1, 0, 4602678819172646912>, tenon.provider = "cublaslt"
