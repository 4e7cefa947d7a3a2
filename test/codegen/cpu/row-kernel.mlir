// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {

// A softmax exponentiates once: the pass that sums leaves the exponentials in
// the result's row, and the last pass scales them there.

func.func @softmax(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "codegen"} : (tensor<8x64xf32>) -> tensor<8x64xf32> {
    %1 = tenon.softmax %a {axis = 1 : i64} : (tensor<8x64xf32>) -> tensor<8x64xf32>
    tenon.yield %1 : tensor<8x64xf32>
  }
  return %0 : tensor<8x64xf32>
}

// Where the last dimension is not reduced, lanes lie along it and nothing has
// to be reduced across them.

func.func @pool(%x: tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "codegen"} : (tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32> {
    %1 = tenon.reduce %a {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1, 2>} : (tensor<1x7x7x64xf32>) -> tensor<1x1x1x64xf32>
    tenon.yield %1 : tensor<1x1x1x64xf32>
  }
  return %0 : tensor<1x1x1x64xf32>
}

// Both functions of a kernel have four vectors of sixteen in a unit, whatever
// sizes the code of the one asks for.

func.func @sizes(%x: tensor<?x512xf32>, %i: tensor<?xi64>, %y: tensor<?x256xf32>) -> tensor<1x256xf32> {
  %0 = tenon.kernel (%a = %x, %b = %i, %c = %y) {provider = "codegen"} : (tensor<?x512xf32>, tensor<?xi64>, tensor<?x256xf32>) -> tensor<1x256xf32> {
    %s = tenon.constant dense<256> : tensor<1xi64>
    %e = tenon.constant dense<512> : tensor<1xi64>
    %1 = tenon.gather %a, %b {axis = 0 : i64} : (tensor<?x512xf32>, tensor<?xi64>) -> tensor<?x512xf32>
    %2 = tenon.slice %1, %s, %e {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x512xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x256xf32>
    %3 = tenon.add %c, %2 : (tensor<?x256xf32>, tensor<?x256xf32>) -> tensor<?x256xf32>
    %4 = tenon.reduce %3 {kind = #tenon.reduce_kind<sum>, axes = array<i64: 0>} : (tensor<?x256xf32>) -> tensor<1x256xf32>
    tenon.yield %4 : tensor<1x256xf32>
  }
  return %0 : tensor<1x256xf32>
}

// CHECK: func.func private @k0_softmax(
// CHECK-SAME: memref<8x64xf32>
// CHECK-SAME: %[[OUT:.*]]: memref<8x64xf32>
// CHECK: %[[ROWS:.*]] = memref.reinterpret_cast %[[OUT]]
// CHECK-COUNT-4: arith.cmpf ogt
// CHECK: vector.shuffle
// CHECK-COUNT-4: math.exp
// CHECK: vector.store %{{.*}}, %[[ROWS]]
// CHECK: vector.shuffle
// CHECK-NOT: math.exp
// CHECK: %[[E:.*]] = vector.load %[[ROWS]]
// CHECK: %[[Y:.*]] = arith.mulf %[[E]]
// CHECK: vector.store %[[Y]], %[[ROWS]]
// CHECK: func.func private @k0_softmax.units

// CHECK: func.func private @k1_reduce(
// CHECK-NOT: vector.shuffle
// CHECK-COUNT-4: arith.addf %{{.*}} : vector<16xf32>
// CHECK-NOT: vector.shuffle
// CHECK: vector.store
// CHECK: func.func private @k1_reduce.units

// CHECK: func.func private @k2_gather(
// CHECK-COUNT-4: arith.addf %{{.*}} : vector<16xf32>
// CHECK: func.func private @k2_gather.units
// CHECK: %[[UNITS:.*]] = arith.constant 4
// CHECK: return %[[UNITS]]
}
