// RUN: tenon-opt %s --tenon-verify-simplified --split-input-file --verify-diagnostics

// What a simplified function may hold.
func.func @good(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %m = arith.muli %n, %c4 : index
  %i = arith.index_cast %m : index to i64
  %s = tensor.from_elements %i : tensor<1xi64>
  %y = tenon.reshape %x, %s : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

func.func @shape(%x: tensor<?x4xf32>) -> tensor<2xi64> {
  // expected-error @+1 {{'tenon.shape' op is left after simplification}}
  %s = tenon.shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
  return %s : tensor<2xi64>
}

// -----

func.func @inferred(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %s = tenon.constant dense<-1> : tensor<1xi64>
  // expected-error @+1 {{'tenon.reshape' op has -1 as element 0 of 'shape' after simplification}}
  %y = tenon.reshape %x, %s : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

func.func @dim(%x: tensor<?x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = tenon.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-error @+1 {{'tensor.dim' op of the result of 'tenon.relu' is left after simplification}}
  %n = tensor.dim %y, %c0 : tensor<?x4xf32>
  return %n : index
}

// -----

func.func @constant() -> tensor<2xf32> {
  // expected-error @+1 {{'arith.constant' op of a tensor is left after simplification: expected 'tenon.constant'}}
  %c = arith.constant dense<1.0> : tensor<2xf32>
  return %c : tensor<2xf32>
}
