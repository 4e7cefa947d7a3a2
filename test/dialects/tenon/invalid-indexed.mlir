// Operations whose accesses or sizes depend on data; see invalid.mlir.
// RUN: tenon-opt %s -split-input-file -verify-diagnostics

func.func @gather_elements_axis(%a: tensor<3x9xf32>, %b: tensor<3x4xi64>) {
  // expected-error @+1 {{'tenon.gather_elements' op expects an axis from 0 to below 2, but it is 2}}
  %0 = tenon.gather_elements %a, %b {axis = 2 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_elements_rank(%a: tensor<3x9xf32>, %b: tensor<4xi64>) {
  // expected-error @+1 {{'tenon.gather_elements' op expects indices of rank 2, but it has rank 1}}
  %0 = tenon.gather_elements %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<4xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_elements_size(%a: tensor<3x9xf32>, %b: tensor<4x4xi64>) {
  // expected-error @+1 {{'tenon.gather_elements' op expects dimension 0 of indices to be at most 3, but it is 4}}
  %0 = tenon.gather_elements %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<4x4xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_scalar(%a: tensor<5x6xf32>, %b: tensor<i64>) {
  // expected-error @+1 {{'tenon.gather_nd' op expects batch_dims in [0, 0), but it is 0}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 0 : i64} : (tensor<5x6xf32>, tensor<i64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_batch(%a: tensor<5x6xf32>, %b: tensor<5x6x1xi64>) {
  // expected-error @+1 {{'tenon.gather_nd' op expects batch_dims in [0, 2), but it is 2}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 2 : i64} : (tensor<5x6xf32>, tensor<5x6x1xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_batch_sizes(%a: tensor<5x6xf32>, %b: tensor<4x1xi64>) {
  // expected-error @+1 {{'tenon.gather_nd' op expects dimension 0 of indices to be 5, but it is 4}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 1 : i64} : (tensor<5x6xf32>, tensor<4x1xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_dynamic_row(%a: tensor<5x6xf32>, %b: tensor<4x?xi64>) {
  // expected-error @+1 {{'tenon.gather_nd' op expects a static last dimension of indices}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 0 : i64} : (tensor<5x6xf32>, tensor<4x?xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather_nd_row(%a: tensor<5x6xf32>, %b: tensor<5x2xi64>) {
  // expected-error @+1 {{'tenon.gather_nd' op expects 1 to 1 indices in a row, but there are 2}}
  %0 = tenon.gather_nd %a, %b {batch_dims = 1 : i64} : (tensor<5x6xf32>, tensor<5x2xi64>) -> tensor<f32>
  return
}

// -----

func.func @arg_reduce_axis(%a: tensor<3x9xf32>) {
  // expected-error @+1 {{'tenon.arg_reduce' op expects an axis from 0 to below 2, but it is -1}}
  %0 = tenon.arg_reduce %a {axis = -1 : i64, kind = #tenon.reduce_kind<max>} : (tensor<3x9xf32>) -> tensor<3x1xi64>
  return
}

// -----

func.func @arg_reduce_empty(%a: tensor<3x0xf32>) {
  // expected-error @+1 {{'tenon.arg_reduce' op expects elements along the axis, but there are none}}
  %0 = tenon.arg_reduce %a {axis = 1 : i64, kind = #tenon.reduce_kind<max>} : (tensor<3x0xf32>) -> tensor<3x1xi64>
  return
}

// -----

func.func @arg_reduce_kind(%a: tensor<3x9xf32>) {
  // expected-error @+1 {{'tenon.arg_reduce' op expects kind max or min}}
  %0 = tenon.arg_reduce %a {axis = 1 : i64, kind = #tenon.reduce_kind<sum>} : (tensor<3x9xf32>) -> tensor<3x1xi64>
  return
}

// -----

func.func @top_k_axis(%a: tensor<3x9xf32>, %b: tensor<1xi64>) {
  // expected-error @+1 {{'tenon.top_k' op expects an axis from 0 to below 2, but it is 2}}
  %0:2 = tenon.top_k %a, %b {axis = 2 : i64} : (tensor<3x9xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return
}

// -----

func.func @top_k_count(%a: tensor<3x9xf32>, %b: tensor<2xi64>) {
  // expected-error @+1 {{'tenon.top_k' op expects 1 elements in 'k', but there are 2}}
  %0:2 = tenon.top_k %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<2xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return
}

// -----

func.func @top_k_negative(%a: tensor<3x9xf32>) {
  %b = tenon.constant dense<-1> : tensor<1xi64>
  // expected-error @+1 {{'tenon.top_k' op expects a k that is not negative, but it is -1}}
  %0:2 = tenon.top_k %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return
}

// -----

func.func @top_k_large(%a: tensor<3x9xf32>) {
  %b = tenon.constant dense<10> : tensor<1xi64>
  // expected-error @+1 {{'tenon.top_k' op expects k to be at most 9, the size of the dimension, but it is 10}}
  %0:2 = tenon.top_k %a, %b {axis = 1 : i64} : (tensor<3x9xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return
}

// -----

func.func @scatter_elements_axis(%a: tensor<3x9xf32>, %b: tensor<3x4xi64>, %c: tensor<3x4xf32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects an axis from 0 to below 2, but it is 5}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 5 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>, tensor<3x4xf32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_elements_indices(%a: tensor<3x9xf32>, %b: tensor<4xi64>, %c: tensor<3x4xf32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects indices of rank 2, but it has rank 1}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x9xf32>, tensor<4xi64>, tensor<3x4xf32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_elements_updates(%a: tensor<3x9xf32>, %b: tensor<3x4xi64>, %c: tensor<f32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects updates of rank 2, but it has rank 0}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>, tensor<f32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_elements_size(%a: tensor<3x9xf32>, %b: tensor<4x4xi64>, %c: tensor<4x4xf32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects dimension 0 of indices to be at most 3, but it is 4}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x9xf32>, tensor<4x4xi64>, tensor<4x4xf32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_elements_update_size(%a: tensor<3x9xf32>, %b: tensor<3x4xi64>, %c: tensor<3x5xf32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects dimension 1 of updates to be 4, but it is 5}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>, tensor<3x5xf32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_elements_type(%a: tensor<3x9xf32>, %b: tensor<3x4xi64>, %c: tensor<3x4xf16>) {
  // expected-error @+1 {{'tenon.scatter_elements' op expects updates to have element type 'f32', but it has 'f16'}}
  %0 = tenon.scatter_elements %a, %b, %c {axis = 1 : i64} : (tensor<3x9xf32>, tensor<3x4xi64>, tensor<3x4xf16>) -> tensor<3x9xf32>
  return
}

// -----

func.func @scatter_nd_scalar(%a: tensor<5x6xf32>, %b: tensor<i64>, %c: tensor<6xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects indices of rank 1 or more, but they are scalar}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<i64>, tensor<6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_nd_row(%a: tensor<5x6xf32>, %b: tensor<4x3xi64>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects 1 to 2 indices in a row, but there are 3}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<4x3xi64>, tensor<4xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_nd_rank(%a: tensor<5x6xf32>, %b: tensor<4x1xi64>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects updates of rank 2, but it has rank 1}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<4x1xi64>, tensor<4xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_nd_outer(%a: tensor<5x6xf32>, %b: tensor<4x1xi64>, %c: tensor<3x6xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects dimension 0 of updates to be 4, but it is 3}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<4x1xi64>, tensor<3x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_nd_inner(%a: tensor<5x6xf32>, %b: tensor<4x1xi64>, %c: tensor<4x5xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects dimension 1 of updates to be 6, but it is 5}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<4x1xi64>, tensor<4x5xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_nd_type(%a: tensor<5x6xf32>, %b: tensor<4x1xi64>, %c: tensor<4x6xi32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op expects updates to have element type 'f32', but it has 'i32'}}
  %0 = tenon.scatter_nd %a, %b, %c : (tensor<5x6xf32>, tensor<4x1xi64>, tensor<4x6xi32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @sample_rank(%a: tensor<1x8xf32>, %b: tensor<1x6x6x2xf32>) {
  // expected-error @+1 {{'tenon.sample' op expects an input of rank 3 to 5, but it has rank 2}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8xf32>, tensor<1x6x6x2xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample_position_rank(%a: tensor<1x8x4x4xf32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.sample' op expects positions of rank 2 or more, but they have rank 1}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8x4x4xf32>, tensor<2xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample_coordinates(%a: tensor<1x8x4x4xf32>, %b: tensor<1x6x6x3xf32>) {
  // expected-error @+1 {{'tenon.sample' op expects a last dimension of 2 in positions}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8x4x4xf32>, tensor<1x6x6x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample_batch(%a: tensor<1x8x4x4xf32>, %b: tensor<2x6x6x2xf32>) {
  // expected-error @+1 {{'tenon.sample' op expects dimension 0 of positions to be 1, but it is 2}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8x4x4xf32>, tensor<2x6x6x2xf32>) -> tensor<f32>
  return
}

// -----

func.func @sample_integers(%a: tensor<1x8x4x4xi32>, %b: tensor<1x6x6x2xf32>) {
  // expected-error @+1 {{'tenon.sample' op expects floats to interpolate, but the input has element type 'i32'}}
  %0 = tenon.sample %a, %b {mode = #tenon.resize_mode<linear>, padding = #tenon.sample_padding<zeros>} : (tensor<1x8x4x4xi32>, tensor<1x6x6x2xf32>) -> tensor<1x8x6x6xi32>
  return
}

// -----

func.func @roi_align_rank(%a: tensor<8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects input of rank 4, but it has rank 3}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @roi_align_corners(%a: tensor<1x8x10x10xf32>, %b: tensor<3x5xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects dimension 1 of rois to be 4, but it is 5}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x5xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @roi_align_images(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<2xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects dimension 0 of batch_indices to be 3, but it is 2}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<2xi64>) -> tensor<f32>
  return
}

// -----

func.func @roi_align_output(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects 2 elements in 'output_size', but there are 1}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @roi_align_ratio(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects elements from 0 to 2147483647 in 'sampling_ratio', but one is -1}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64, sampling_ratio = -1 : i64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @roi_align_kind(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects kind mean or max}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<sum>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>
  return
}

// -----

func.func @roi_align_scale(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects a finite spatial_scale}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 0x7FF0000000000000 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>
  return
}

// -----

func.func @roi_align_type(%a: tensor<1x8x10x10xf32>, %b: tensor<3x4xf64>, %c: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.roi_align' op expects rois to have element type 'f32', but it has 'f64'}}
  %0 = tenon.roi_align %a, %b, %c {output_size = array<i64: 5, 5>, kind = #tenon.reduce_kind<mean>, spatial_scale = 1.0 : f64} : (tensor<1x8x10x10xf32>, tensor<3x4xf64>, tensor<3xi64>) -> tensor<3x8x5x5xf32>
  return
}

// -----

func.func @random_shape(%a: tensor<2x1xi64>) {
  // expected-error @+1 {{'tenon.random' op operand #0 must be 1D tensor of 64-bit signless integer values, but got 'tensor<2x1xi64>'}}
  %0 = tenon.random %a {element_type = f32, seed = 42 : i64} : (tensor<2x1xi64>) -> tensor<f32>
  return
}

// -----

func.func @random_unknown_rank(%a: tensor<?xi64>) {
  // expected-error @+1 {{'tenon.random' op expects 'shape' with a known number of elements: the rank of the result follows from it}}
  %0 = tenon.random %a {element_type = f32, seed = 42 : i64} : (tensor<?xi64>) -> tensor<f32>
  return
}

// -----

func.func @random_large() {
  %a = tenon.constant dense<[16777217, 16777216]> : tensor<2xi64>
  // expected-error @+1 {{'tenon.random' op the result would have more than 2^46 elements}}
  %0 = tenon.random %a {element_type = f32, seed = 42 : i64} : (tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @random_type(%a: tensor<2xi64>) {
  // expected-error @+1 {{'tenon.random' op expects element type f32 or f64, but it is 'f16'}}
  %0 = tenon.random %a {element_type = f16, seed = 42 : i64} : (tensor<2xi64>) -> tensor<?x?xf16>
  return
}

// -----

func.func @recurrent_rank(%a: tensor<5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects gates of rank 4, but it has rank 3}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_hidden(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x?xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects a static hidden size (dimension 2 of recurrence)}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x?xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_width(%a: tensor<1x5x2x12xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 3 of gates to be 4, but it is 12}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x12xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_directions(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 0 of gates to be 2, but it is 1}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh", "tanh"], alpha = array<f64: 0.0, 0.0>, beta = array<f64: 0.0, 0.0>, cell = #tenon.cell_kind<rnn>, direction = #tenon.direction<bidirectional>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_recurrence(%a: tensor<1x5x2x4xf32>, %b: tensor<1x8x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 1 of recurrence to be 4, but it is 8}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x8x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_bias(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x5xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 1 of bias to be 4, but it is 5}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x5xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_batch(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x3x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 1 of initial_state to be 2, but it is 3}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x3x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_type(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf64>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects bias to have element type 'f32', but it has 'f64'}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf64>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_lengths(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>, %e: tensor<3xi64>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 0 of lengths to be 2, but it is 3}}
  %0:3 = tenon.recurrent %a, %b, %c, %d, %e {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>, tensor<3xi64>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_cell(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>, %e: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects initial_cell and peepholes with cell lstm, and with it alone}}
  %0:3 = tenon.recurrent %a, %b, %c, %d, %e {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_no_cell(%a: tensor<1x5x2x16xf32>, %b: tensor<1x16x4xf32>, %c: tensor<1x16xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects initial_cell and peepholes with cell lstm, and with it alone}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["sigmoid", "tanh", "tanh"], alpha = array<f64: 0.0, 0.0, 0.0>, beta = array<f64: 0.0, 0.0, 0.0>, cell = #tenon.cell_kind<lstm>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x16xf32>, tensor<1x16x4xf32>, tensor<1x16xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_cell_size(%a: tensor<1x5x2x16xf32>, %b: tensor<1x16x4xf32>, %c: tensor<1x16xf32>, %d: tensor<1x2x4xf32>, %e: tensor<1x2x5xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 2 of initial_cell to be 4, but it is 5}}
  %0:3 = tenon.recurrent %a, %b, %c, %d, %e {activations = ["sigmoid", "tanh", "tanh"], alpha = array<f64: 0.0, 0.0, 0.0>, beta = array<f64: 0.0, 0.0, 0.0>, cell = #tenon.cell_kind<lstm>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0>} : (tensor<1x5x2x16xf32>, tensor<1x16x4xf32>, tensor<1x16xf32>, tensor<1x2x4xf32>, tensor<1x2x5xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_peepholes(%a: tensor<1x5x2x16xf32>, %b: tensor<1x16x4xf32>, %c: tensor<1x16xf32>, %d: tensor<1x2x4xf32>, %e: tensor<1x2x4xf32>, %f: tensor<1x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects dimension 1 of peepholes to be 12, but it is 4}}
  %0:3 = tenon.recurrent %a, %b, %c, %d, %e, %f {activations = ["sigmoid", "tanh", "tanh"], alpha = array<f64: 0.0, 0.0, 0.0>, beta = array<f64: 0.0, 0.0, 0.0>, cell = #tenon.cell_kind<lstm>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0>} : (tensor<1x5x2x16xf32>, tensor<1x16x4xf32>, tensor<1x16xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_activations(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects 1 activations, each with alpha and beta}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0, 0.0>, beta = array<f64: 0.0, 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_activation(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects an activation that exists, but it is "gelu"}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["gelu"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @recurrent_clip(%a: tensor<1x5x2x4xf32>, %b: tensor<1x4x4xf32>, %c: tensor<1x4xf32>, %d: tensor<1x2x4xf32>) {
  // expected-error @+1 {{'tenon.recurrent' op expects a clip of 0 or more}}
  %0:3 = tenon.recurrent %a, %b, %c, %d {activations = ["tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, cell = #tenon.cell_kind<rnn>, clip = -1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x5x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @nonzero_count(%a: tensor<2x3xf32>, %b: tensor<2xi64>) {
  // expected-error @+1 {{'tenon.nonzero' op expects 1 elements in 'count', but there are 2}}
  %0 = tenon.nonzero %a, %b : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x?xi64>
  return
}

// -----

func.func @shift_right_type(%a: tensor<2xui8>, %b: tensor<2xui16>) {
  // expected-error @+1 {{'tenon.shift_right' op requires the same element type for all operands and results}}
  %0 = tenon.shift_right %a, %b : (tensor<2xui8>, tensor<2xui16>) -> tensor<2xui8>
  return
}

// -----

func.func @reduce_type(%a: tensor<2x3xi1>) {
  // expected-error @+1 {{'tenon.reduce' op expects numbers, but its input has element type i1}}
  %0 = tenon.reduce %a {kind = #tenon.reduce_kind<max>, axes = array<i64: 1>} : (tensor<2x3xi1>) -> tensor<2x1xi1>
  return
}

// -----

func.func @encode_rounding(%a: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.encode' op expects the rounding up, down or nearest, found "away"}}
  %0 = tenon.encode %a {format = f8E8M0FNU, saturate, rounding = "away"} : (tensor<2xf32>) -> tensor<2xui8>
  return
}
