// RUN: tenon-opt %s --tenon-verify-kernels --split-input-file --verify-diagnostics

func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is not in a kernel after the fuse phase}}
  %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @inside(%x: tensor<4xf32>, %i: index) -> tensor<4xf32> {
  %0 = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{can't be part of a kernel}}
    %1 = tensor.empty() : tensor<4xf32>
    tenon.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @fine(%x: tensor<?xf32>) -> tensor<?x1xf32> {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1 : i64
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %n64 = arith.index_cast %n : index to i64
  %0 = tenon.kernel (%a = %x) dims(%n) : (tensor<?xf32>) -> tensor<?xf32> {
    %1 = tenon.relu %a : (tensor<?xf32>) -> tensor<?xf32>
    tenon.yield %1 : tensor<?xf32>
  }
  %s = tensor.from_elements %n64, %one : tensor<2xi64>
  %2 = tenon.reshape %0, %s : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x1xf32>
  return %2 : tensor<?x1xf32>
}
