// RUN: tenon-opt %s --tenon-lower-kernels --verify-diagnostics

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has no provider; tenon-assign-providers gives one}}
  %0 = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %1 = tenon.relu %a : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
