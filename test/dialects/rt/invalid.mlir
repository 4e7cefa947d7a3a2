// RUN: tenon-opt %s -split-input-file -verify-diagnostics

func.func @no_kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects a kernel function, but there is no symbol @relu}}
  %0 = tenon_rt.launch @relu(%x) outs(%x) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @relu(memref<4xf32>, memref<4xf32>) -> i64
func.func @arguments(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects @relu to have 4 arguments (inputs, outputs, scalars, begin and end), but it has 2}}
  %0 = tenon_rt.launch @relu(%x) outs(%x) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @relu(memref<4xf32>, memref<4xf16>, index, index) -> i64
func.func @type(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects argument 1 of @relu to take 'tensor<4xf32>', but it has type 'memref<4xf16>'}}
  %0 = tenon_rt.launch @relu(%x) outs(%x) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @constants(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects indices of inputs, from 0 to below 1, in 'constants', but one is 1}}
  %0 = tenon_rt.library "onednn"(%x) outs(%x) {constants = array<i64: 1>, descriptor = array<i64>} : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

memref.global @relu : memref<4xf32>
func.func @no_function(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects @relu to be a function}}
  %0 = tenon_rt.launch @relu(%x) outs(%x) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @row(%x: memref<?x4xf32>, %i: index) {
  // expected-error @+1 {{expects a result of the source's type, 'memref<?x4xf32>', without dimension 0, but it has 'memref<5xf32>'}}
  %0 = tenon_rt.row %x[%i] : memref<?x4xf32> -> memref<5xf32>
  return
}

// -----

// expected-error @+1 {{expects a multiple of 64 as its place, found -64}}
tenon_rt.weight @negative at -64 = dense<1.0> : tensor<4xf32>

// -----

// expected-error @+1 {{expects a multiple of 64 as its place, found 32}}
tenon_rt.weight @unaligned at 0 on_device at 32 = dense<1.0> : tensor<4xf32>

// -----

// expected-error @+1 {{has more bytes than 64 bits tell}}
tenon_rt.weight @large at 0 = dense<1.0> : tensor<4294967296x4294967296xf32>

// -----

// expected-error @+1 {{expects integers or floats, found 'index'}}
tenon_rt.weight @places at 0 = dense<1> : tensor<4xindex>
