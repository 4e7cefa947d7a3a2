// RUN: tenon-opt %s --tenon-infer-shapes | FileCheck %s

// A chain follows its argument, and the function its last value.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: -> tensor<2x8xf32>
// CHECK: %[[RELU:.*]] = tenon.relu %{{.*}} -> tensor<2x4xf32>
// CHECK: tenon.concat %[[RELU]], %[[RELU]] {{.*}} -> tensor<2x8xf32>
func.func @chain(%x: tensor<2x4xf32>) -> tensor<?x?xf32> {
  %0 = tenon.relu %x : (tensor<2x4xf32>) -> tensor<?x?xf32>
  %1 = tenon.concat %0, %0 {axis = 1 : i64} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// Only what both branches agree on is known after an if.
// CHECK-LABEL: func.func @branches(
// CHECK-SAME: -> tensor<2x?xf32>
// CHECK: tenon.if %{{.*}} : tensor<i1> -> tensor<2x?xf32>
func.func @branches(%c: tensor<i1>, %x: tensor<2x4xf32>, %y: tensor<2x5xf32>) -> tensor<?x?xf32> {
  %0 = tenon.if %c : tensor<i1> -> tensor<?x?xf32> {
    %1 = tenon.relu %x : (tensor<2x4xf32>) -> tensor<?x?xf32>
    tenon.yield %1 : tensor<?x?xf32>
  } else {
    %2 = tenon.relu %y : (tensor<2x5xf32>) -> tensor<?x?xf32>
    tenon.yield %2 : tensor<?x?xf32>
  }
  return %0 : tensor<?x?xf32>
}

// What is not known stays, and what is known better than inferred does too.
// CHECK-LABEL: func.func @unknown(
// CHECK: tenon.relu %{{.*}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK: tenon.slice %{{.*}} -> tensor<3x4xf32>
func.func @unknown(%x: tensor<?x4xf32>, %s: tensor<1xi64>, %e: tensor<1xi64>) -> (tensor<?x4xf32>, tensor<3x4xf32>) {
  %0 = tenon.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = tenon.slice %x, %s, %e {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<3x4xf32>
}

// A result's dimension that has become static loses its name.
// CHECK-LABEL: func.func @named(
// CHECK-SAME: -> (tensor<?x8xf32> {tenon.dims = ["batch", ""], tenon.name = "y"})
func.func @named(%x: tensor<?x8xf32> {tenon.dims = ["batch", ""], tenon.name = "x"}) -> (tensor<?x?xf32> {tenon.dims = ["batch", "width"], tenon.name = "y"}) {
  %0 = tenon.relu %x : (tensor<?x8xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
