// Of operations whose accesses or sizes depend on data; see shapes.mlir.
// RUN: tenon-opt %s -split-input-file -verify-diagnostics

func.func @gather_elements(%a: tensor<3x9xf32>, %b: tensor<2x?xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x?xf32>',}}
  %0 = tenon.gather_elements %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<2x?xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd(%a: tensor<4x5x?x7xf32>, %b: tensor<4x3x1xi32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<4x3x?x7xf32>',}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 1 : i64} : (tensor<4x5x?x7xf32>, tensor<4x3x1xi32>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_of_all(%a: tensor<4x5xui8>, %b: tensor<?x2xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?xui8>',}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 0 : i64} : (tensor<4x5xui8>, tensor<?x2xi64>) -> tensor<ui8>
  return
}

// -----

func.func @arg_reduce(%a: tensor<3x?x2xf16>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x1x2xi64>',}}
  %0 = tenon.arg_reduce %a {axis = 1 : i64, kind = #tenon.reduce_kind<min>} : (tensor<3x?x2xf16>) -> tensor<i64>
  return
}

// -----

func.func @top_k(%a: tensor<?x9xi8>, %b: tensor<1xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x?xi8>',}}
  %0:2 = tenon.top_k %a, %b {axis = 1 : i64} : (tensor<?x9xi8>, tensor<1xi64>) -> (tensor<i8>, tensor<i64>)
  return
}

// -----

func.func @top_k_known(%a: tensor<?x9xf64>) {
  %b = tenon.constant dense<4> : tensor<1xi64>
  // expected-error @+1 {{expects result 1 to have type 'tensor<?x4xi64>',}}
  %0:2 = tenon.top_k %a, %b {axis = 1 : i64} : (tensor<?x9xf64>, tensor<1xi64>) -> (tensor<?x4xf64>, tensor<?x9xi64>)
  return
}

// -----

func.func @scatter_elements(%a: tensor<3x?xi32>, %b: tensor<2x4xi64>, %c: tensor<2x4xi32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x?xi32>',}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x?xi32>, tensor<2x4xi64>, tensor<2x4xi32>) -> tensor<i32>
  return
}

// -----

func.func @scatter_nd(%a: tensor<5x?xf32>, %b: tensor<2x4x1xi64>, %c: tensor<2x4x?xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<5x?xf32>',}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x?xf32>, tensor<2x4x1xi64>, tensor<2x4x?xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample(%a: tensor<?x8x4x4xf32>, %b: tensor<?x6x?x2xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x8x6x?xf32>',}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<?x8x4x4xf32>, tensor<?x6x?x2xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample_list(%a: tensor<2x8x4xf32>, %b: tensor<2x1xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x8xf32>',}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<nearest>, padding = #tenon.sample_padding<border>} : (tensor<2x8x4xf32>, tensor<2x1xf32>) -> tensor<f32>
  return
}

// -----

func.func @roi_align(%a: tensor<1x?x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x?x5x6xf32>',}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 6>, kind = #tenon.reduce_kind<max>, spatial_scale = 1.0 : f64} : (tensor<1x?x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @random(%a: tensor<2xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x?xf64>',}}
  %0 = tenon.random %a {element_type = f64, seed = 42 : i64} : (tensor<2xi64>) -> tensor<f64>
  return
}

// -----

func.func @random_known() {
  %a = tenon.constant dense<[3, 4]> : tensor<2xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x4xf32>',}}
  %0 = tenon.random %a {element_type = f32, seed = 42 : i64} : (tensor<2xi64>) -> tensor<f32>
  return
}

// -----

func.func @recurrent(%a: tensor<2x?x3x12xf32>, %b: tensor<2x12x4xf32>, %c: tensor<2x12xf32>, %d: tensor<2x3x4xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x2x3x4xf32>',}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["sigmoid", "tanh", "relu", "tanh"], alpha = array<f64: 0.0, 0.0, 0.0, 0.0>, beta = array<f64: 0.0, 0.0, 0.0, 0.0>, cell = #tenon.cell_kind<gru>, direction = #tenon.direction<bidirectional>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<2x?x3x12xf32>, tensor<2x12x4xf32>, tensor<2x12xf32>, tensor<2x3x4xf32>) -> (tensor<f32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
  return
}

// -----

func.func @nonzero(%a: tensor<2x3x4xf32>, %b: tensor<1xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x?xi64>',}}
  %0 = tenon.nonzero %a, %b : (tensor<2x3x4xf32>, tensor<1xi64>) -> tensor<i64>
  return
}

// -----

func.func @unique(%a: tensor<6x2xf32>) {
  // expected-error @+1 {{expects result 1 to have type 'tensor<6xi64>',}}
  %0:4 = tenon.unique %a {sorted = true} : (tensor<6x2xf32>) -> (tensor<6xi64>, tensor<5xi64>, tensor<6xi64>, tensor<1xi64>)
  return
}

// -----

func.func @shift_right(%a: tensor<2x1xui16>, %b: tensor<1x3xui16>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x3xui16>',}}
  %0 = tenon.shift_right %a, %b : (tensor<2x1xui16>, tensor<1x3xui16>) -> tensor<ui16>
  return
}
