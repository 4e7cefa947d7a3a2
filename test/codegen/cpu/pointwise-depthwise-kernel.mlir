// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-fuse,tenon-assign,tenon-lower-kernels)' | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-fuse,tenon-assign,tenon-lower)' | FileCheck %s --check-prefix=LOW

module attributes {tenon.name = "pair", tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {

// From two convolutions to one kernel: SiLU of 14 pixels waits in memory and goes
// to the ring, which has 3 rows of 130 columns, and ReLU goes straight from the
// registers to the result.

// CHECK: tenon_rt.launch @[[KERNEL:k0_[a-z]*]](
// CHECK-SAME: (tensor<1x28x28x16xf32>, tensor<512xf32>, tensor<3x3x1x32xf32>)
// CHECK-NOT: tenon_rt.launch
// CHECK: func.func private @[[KERNEL]](
// CHECK-SAME: tenon.provider = "codegen"
// CHECK: %[[TILE:.*]] = memref.alloca() {{.*}} : memref<224xf32>
// CHECK: %[[RING:.*]] = memref.alloca() {{.*}} : memref<6240xf32>
// CHECK-NOT: memref.alloca
// CHECK: vector.fma
// CHECK-COUNT-14: vector.store %{{.*}}, %[[TILE]]
// CHECK: %[[SUM:.*]] = vector.load %[[TILE]]
// CHECK: math.exp
// CHECK: vector.store %{{.*}}, %[[RING]]
// CHECK-COUNT-9: vector.load %[[RING]]
// CHECK-COUNT-7: arith.maximumf
// CHECK: return
// LOW-COUNT-1: llvm.func internal @k0_conv(
// LOW-NOT: llvm.func internal @k1
func.func @main(%x: tensor<1x28x28x16xf32> {tenon.name = "x", tenon.dims = ["", "", "", ""]}) -> (tensor<1x28x28x32xf32> {tenon.name = "y", tenon.dims = ["", "", "", ""]}) {
  %w = tenon.constant dense<0.5> : tensor<1x1x16x32xf32>
  %v = tenon.constant dense<0.25> : tensor<3x3x1x32xf32>
  %0 = tenon.conv %x, %w {dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x28x28x16xf32>, tensor<1x1x16x32xf32>) -> tensor<1x28x28x32xf32>
  %1 = tenon.silu %0 : (tensor<1x28x28x32xf32>) -> tensor<1x28x28x32xf32>
  %2 = tenon.conv %1, %v {dilations = array<i64: 1, 1>, groups = 32 : i64, layout = #tenon.layout<nhwc>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x28x28x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x28x28x32xf32>
  %3 = tenon.relu %2 : (tensor<1x28x28x32xf32>) -> tensor<1x28x28x32xf32>
  return %3 : tensor<1x28x28x32xf32>
}
}
