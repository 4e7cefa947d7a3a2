// Verification says what inference found where a type can't be right: every
// function below gives its operation a result of a wrong rank.
// RUN: tenon-opt %s -split-input-file -verify-diagnostics

func.func @broadcast(%a: tensor<?x3x1xf32>, %b: tensor<4x1x?xf32>, %c: tensor<f32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<4x3x?xf32>',}}
  %0 = tenon.add %a, %b : (tensor<?x3x1xf32>, tensor<4x1x?xf32>) -> tensor<f32>
  return
}

// -----

func.func @scalar(%a: tensor<2x3xf32>, %b: tensor<f32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x3xi1>',}}
  %0 = tenon.less %b, %a : (tensor<f32>, tensor<2x3xf32>) -> tensor<i1>
  return
}

// -----

func.func @cast(%a: tensor<2x?xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x?xui8>',}}
  %0 = tenon.cast %a {to = ui8} : (tensor<2x?xf32>) -> tensor<ui8>
  return
}

// -----

func.func @conv(%x: tensor<?x3x224x?xf32>, %w: tensor<64x3x7x7xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x64x112x?xf32>',}}
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>} : (tensor<?x3x224x?xf32>, tensor<64x3x7x7xf32>) -> tensor<f32>
  return
}

// -----

func.func @conv_nhwc_dilated(%x: tensor<1x32x32x8xf32>, %w: tensor<3x3x1x8xf32>, %b: tensor<8xf32>) {
  // 32 + 1 - 2*2 - 1 = 28, and / 3 + 1 = 10
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x10x29x8xf32>',}}
  %0 = tenon.conv %x, %w, %b {strides = array<i64: 3, 1>, pads = array<i64: 0, 1, 1, 0>, dilations = array<i64: 2, 2>, groups = 8 : i64, layout = #tenon.layout<nhwc>} : (tensor<1x32x32x8xf32>, tensor<3x3x1x8xf32>, tensor<8xf32>) -> tensor<f32>
  return
}

// -----

func.func @conv_1d(%x: tensor<1x2x10xf32>, %w: tensor<4x1x3xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x4x8xf32>',}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 2 : i64} : (tensor<1x2x10xf32>, tensor<4x1x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @conv_transpose(%x: tensor<1x4x5x5xf32>, %w: tensor<4x3x3x3xf32>) {
  // 2*4 + 1 + 1*2 + 1 - 2 = 10
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x6x10x10xf32>',}}
  %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, output_padding = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x4x5x5xf32>, tensor<4x3x3x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @max_pool(%x: tensor<1x4x6x7xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x4x2x3xf32>',}}
  %0 = tenon.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x7xf32>) -> tensor<f32>
  return
}

// -----

func.func @max_pool_ceil(%x: tensor<1x4x6x7xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x4x3x3xf32>',}}
  %0 = tenon.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode} : (tensor<1x4x6x7xf32>) -> tensor<f32>
  return
}

// -----

// ceil((5 + 1 - 2) / 3) + 1 = 3, but the third window would start at 6, in the
// padding at the end.
func.func @pool_ceil_last_window(%x: tensor<1x5x2xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x2x2xf32>',}}
  %0 = tenon.average_pool %x {kernel = array<i64: 2>, strides = array<i64: 3>, pads = array<i64: 0, 1>, dilations = array<i64: 1>, ceil_mode, layout = #tenon.layout<nhwc>} : (tensor<1x5x2xf32>) -> tensor<f32>
  return
}

// -----

func.func @matmul(%a: tensor<?x1x4x16xf32>, %b: tensor<5x32x16xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x5x4x32xf32>',}}
  %0 = tenon.matmul %a, %b {transpose_b} : (tensor<?x1x4x16xf32>, tensor<5x32x16xf32>) -> tensor<f32>
  return
}

// -----

func.func @matmul_transpose_a(%a: tensor<?x16x4xf32>, %b: tensor<7x16x3xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<7x4x3xf32>',}}
  %0 = tenon.matmul %a, %b {transpose_a} : (tensor<?x16x4xf32>, tensor<7x16x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce(%x: tensor<2x?x4xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x1x1xf32>',}}
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<max>, axes = array<i64: 1, 2>} : (tensor<2x?x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @attention(%q: tensor<2x3x?x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x9xf32>, %m: tensor<?x5xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x3x?x9xf32>',}}
  %0 = tenon.attention %q, %k, %v, %m {scale = 1.0 : f64} : (tensor<2x3x?x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x9xf32>, tensor<?x5xf32>) -> tensor<f32>
  return
}

// -----

func.func @lstm(%x: tensor<?x3x16xf32>, %w: tensor<2x32x16xf32>, %r: tensor<2x32x8xf32>, %b: tensor<2x64xf32>, %h: tensor<2x3x8xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x2x3x8xf32>'}}
  %0:3 = tenon.lstm %x, %w, %r, %b, %h, %h {direction = #tenon.direction<bidirectional>} : (tensor<?x3x16xf32>, tensor<2x32x16xf32>, tensor<2x32x8xf32>, tensor<2x64xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @reshape_infer(%x: tensor<2x3x4xf32>) {
  %s = tenon.constant dense<[4, -1]> : tensor<2xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<4x6xf32>',}}
  %0 = tenon.reshape %x, %s : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<f32>
  return
}

// -----

// A copied dimension cancels, also where it is not known.
func.func @reshape_copied(%x: tensor<?x12x64xf32>) {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x12x64xf32>
  %i = arith.index_cast %d : index to i64
  %n = arith.constant -1 : i64
  %s = tensor.from_elements %i, %n : tensor<2xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x768xf32>',}}
  %0 = tenon.reshape %x, %s : (tensor<?x12x64xf32>, tensor<2xi64>) -> tensor<f32>
  return
}

// -----

func.func @reshape_rest(%x: tensor<2x3x4xf32>, %i: i64) {
  %n = arith.constant 4 : i64
  %s = tensor.from_elements %i, %n : tensor<2xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<6x4xf32>',}}
  %0 = tenon.reshape %x, %s : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<f32>
  return
}

// -----

func.func @reshape_unknown(%x: tensor<?xf32>, %s: tensor<3xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x?x?xf32>',}}
  %0 = tenon.reshape %x, %s : (tensor<?xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @squeeze(%x: tensor<1x?x?xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?xf32>',}}
  %0 = tenon.squeeze %x {axes = array<i64: 0, 2>} : (tensor<1x?x?xf32>) -> tensor<f32>
  return
}

// -----

func.func @unsqueeze(%x: tensor<2x?xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x2x?x1xf32>',}}
  %0 = tenon.unsqueeze %x {axes = array<i64: 0, 3>} : (tensor<2x?xf32>) -> tensor<f32>
  return
}

// -----

func.func @transpose(%x: tensor<2x?x4xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<4x2x?xf32>',}}
  %0 = tenon.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x?x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @expand(%x: tensor<1x4x?xf32>, %i: i64) {
  %n = arith.constant 3 : i64
  %s = tensor.from_elements %n, %i, %n : tensor<3xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x4x3xf32>',}}
  %0 = tenon.expand %x, %s : (tensor<1x4x?xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @concat(%a: tensor<2x?xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<5x5xf32>',}}
  %0 = tenon.concat %a, %b {axis = 0 : i64} : (tensor<2x?xf32>, tensor<3x5xf32>) -> tensor<f32>
  return
}

// -----

func.func @slice(%x: tensor<10x10x10x10x?xf32>) {
  %s = tenon.constant dense<[2, -3, 100, 0, -1]> : tensor<5xi64>
  %e = tenon.constant dense<[9223372036854775807, -1, -100, 4, 9223372036854775807]> : tensor<5xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<3x2x10x2x?xf32>',}}
  %0 = tenon.slice %x, %s, %e {axes = array<i64: 0, 1, 2, 3, 4>, steps = array<i64: 3, 1, -1, 2, 1>} : (tensor<10x10x10x10x?xf32>, tensor<5xi64>, tensor<5xi64>) -> tensor<f32>
  return
}

// -----

func.func @slice_empty(%x: tensor<0x5x5xf32>) {
  %s = tenon.constant dense<[9, 4, -7]> : tensor<3xi64>
  %e = tenon.constant dense<[-9, 2, -100]> : tensor<3xi64>
  // The last starts at -7 + 5 < 0, which is clamped to 0: one element.
  // expected-error @+1 {{expects result 0 to have type 'tensor<0x0x1xf32>',}}
  %0 = tenon.slice %x, %s, %e {axes = array<i64: 0, 1, 2>, steps = array<i64: -1, 1, -1>} : (tensor<0x5x5xf32>, tensor<3xi64>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @pad(%x: tensor<2x?x4xf32>) {
  %p = tenon.constant dense<[1, 0, -1, 2, 0, -2]> : tensor<6xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<5x?x1xf32>',}}
  %0 = tenon.pad %x, %p : (tensor<2x?x4xf32>, tensor<6xi64>) -> tensor<f32>
  return
}

// -----

func.func @tile(%x: tensor<2x?x4xf32>) {
  %r = tenon.constant dense<[3, 1, 0]> : tensor<3xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<6x?x0xf32>',}}
  %0 = tenon.tile %x, %r : (tensor<2x?x4xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @gather(%x: tensor<2x3x4xf32>, %i: tensor<5x?xi64>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x5x?x4xf32>',}}
  %0 = tenon.gather %x, %i {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<5x?xi64>) -> tensor<f32>
  return
}

// -----

func.func @resize(%x: tensor<1x?x4x4xf32>, %s: tensor<1xi64>) {
  %c = tenon.constant dense<[8, 9]> : tensor<2xi64>
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x?x8x9xf32>',}}
  %0 = tenon.resize %x, %c {axes = array<i64: 2, 3>, mode = #tenon.resize_mode<linear>} : (tensor<1x?x4x4xf32>, tensor<2xi64>) -> tensor<f32>
  return
}

// -----

func.func @shape(%x: tensor<1x?x4xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<3xi64>',}}
  %0 = tenon.shape %x : (tensor<1x?x4xf32>) -> tensor<1xi64>
  return
}

// -----

func.func @range() {
  %a = tenon.constant dense<10> : tensor<i64>
  %b = tenon.constant dense<1> : tensor<i64>
  %s = tenon.constant dense<-4> : tensor<i64>
  // 10, 6, 2
  // expected-error @+1 {{expects result 0 to have type 'tensor<3xi64>',}}
  %0 = tenon.range %a, %b, %s : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<1xi64>
  return
}

// -----

func.func @range_float() {
  %a = tenon.constant dense<0.0> : tensor<f32>
  %b = tenon.constant dense<1.0> : tensor<f32>
  %s = tenon.constant dense<0.25> : tensor<f32>
  // expected-error @+1 {{expects result 0 to have type 'tensor<4xf32>',}}
  %0 = tenon.range %a, %b, %s : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<1xf32>
  return
}

// -----

func.func @cumulate(%x: tensor<2x?xi32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x?xi32>',}}
  %0 = tenon.cumulate %x {kind = #tenon.reduce_kind<prod>, axis = 1 : i64, reverse} : (tensor<2x?xi32>) -> tensor<i32>
  return
}

// -----

func.func @det(%x: tensor<?x4x3x3xf32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<?x4xf32>',}}
  %0 = tenon.det %x : (tensor<?x4x3x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @max_pool_indices(%x: tensor<1x4x?x7xi8>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x4x?x3xi64>',}}
  %0 = tenon.max_pool_indices %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x?x7xi8>) -> tensor<i64>
  return
}

// -----

func.func @bits(%a: tensor<2x1xui8>, %b: tensor<1x3xui8>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<2x3xui8>',}}
  %0 = tenon.shift_left %a, %b : (tensor<2x1xui8>, tensor<1x3xui8>) -> tensor<ui8>
  return
}

// -----

func.func @conv_integers(%x: tensor<1x3x8xi32>, %w: tensor<4x3x3xi32>) {
  // expected-error @+1 {{expects result 0 to have type 'tensor<1x4x6xi32>',}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x3x8xi32>, tensor<4x3x3xi32>) -> tensor<i32>
  return
}
