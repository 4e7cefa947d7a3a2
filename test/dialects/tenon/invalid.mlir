// RUN: tenon-opt %s -split-input-file -verify-diagnostics

func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @+1 {{'tenon.add' op dimension 1 is 3 in one operand and 4 in another}}
  %0 = tenon.add %a, %b : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_rank(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.mul' op operands of an elementwise operation have rank 2 or 0, but one has rank 1}}
  %0 = tenon.mul %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @element_types(%a: tensor<2xf32>, %b: tensor<2xf16>) {
  // expected-error @+1 {{operands have one element type}}
  %0 = tenon.equal %a, %b : (tensor<2xf32>, tensor<2xf16>) -> tensor<2xi1>
  return
}

// -----

func.func @cast_to(%a: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.cast' op result #0 must be ranked tensor of floating-point or signless integer or unsigned integer values, but got 'tensor<2xsi8>'}}
  %0 = "tenon.cast"(%a) {to = si8} : (tensor<2xf32>) -> tensor<2xsi8>
  return
}

// -----

func.func @conv_rank(%x: tensor<1x3xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error @+1 {{'tenon.conv' op expects an input of rank 3 to 5, but it has rank 2}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8xf32>
  return
}

// -----

func.func @conv_attributes(%x: tensor<1x3x8x8xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error @+1 {{'tenon.conv' op expects 4 elements in 'pads', but there are 2}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @conv_huge(%x: tensor<1x3x8x8xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error @+1 {{'tenon.conv' op expects elements from 0 to 2147483647 in 'pads', but one is 9223372036854775807}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 9223372036854775807, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x4x8x8xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error @+1 {{expects dimension 1 of the input (channels of the weights times groups) to be 3, but it is 4}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @conv_groups(%x: tensor<1x6x8x8xf32>, %w: tensor<8x2x3x3xf32>) {
  // expected-error @+1 {{expects output channels in 3 equal groups, but there are 8}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 3 : i64} : (tensor<1x6x8x8xf32>, tensor<8x2x3x3xf32>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @conv_fit(%x: tensor<1x3x8x2xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error @+1 {{a window of 3 elements does not fit into the padded input of 2}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x2xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x6x0xf32>
  return
}

// -----

func.func @conv_types(%x: tensor<1x3x8x8xf32>, %w: tensor<8x3x3x3xf16>) {
  // expected-error @+1 {{'tenon.conv' op expects weights to have element type 'f32', but it has 'f16'}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<8x3x3x3xf16>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @conv_transpose_padding(%x: tensor<1x4x5x5xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{expects an 'output_padding' below the stride or the dilation, but it is 2 for a stride of 2}}
  %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, output_padding = array<i64: 2, 1>} : (tensor<1x4x5x5xf32>, tensor<4x3x3x3xf32>) -> tensor<1x3x10x10xf32>
  return
}

// -----

func.func @conv_transpose_negative(%x: tensor<1x4x1x1xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{dimension 2 of the result would be -1}}
  %0 = tenon.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 2, 2, 2, 2>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x4x1x1xf32>, tensor<4x3x3x3xf32>) -> tensor<1x3x0x0xf32>
  return
}

// -----

func.func @pool_padding(%x: tensor<1x4x6x6xf32>) {
  // expected-error @+1 {{expects padding smaller than the window of 2 elements, but it is 2}}
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>) -> tensor<1x4x7x5xf32>
  return
}

// -----

func.func @matmul(%a: tensor<4x5xf32>, %b: tensor<6x7xf32>) {
  // expected-error @+1 {{expects one size for the dimension that is summed over, but it is 5 in lhs and 6 in rhs}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf32>, tensor<6x7xf32>) -> tensor<4x7xf32>
  return
}

// -----

func.func @matmul_rank(%a: tensor<4x5xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expects operands of rank 2 or more, but they have ranks 2 and 1}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @matmul_batch(%a: tensor<2x4x5xf32>, %b: tensor<3x5x7xf32>) {
  // expected-error @+1 {{expects leading dimensions that broadcast, but they are 2 in lhs and 3 in rhs}}
  %0 = tenon.matmul %a, %b : (tensor<2x4x5xf32>, tensor<3x5x7xf32>) -> tensor<2x4x7xf32>
  return
}

// -----

func.func @softmax_axis(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'tenon.softmax' op expects an axis from 0 to below 2, but it is -1}}
  %0 = tenon.softmax %x {axis = -1 : i64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @reduce_axes(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{expects distinct axes, but 1 is there twice}}
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1, 1>} : (tensor<4x5xf32>) -> tensor<4x1xf32>
  return
}

// -----

func.func @reduce_order(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{expects axes in rising order}}
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<sum>, axes = array<i64: 1, 0>} : (tensor<4x5xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @reduce_kind(%x: tensor<4x5xi32>) {
  // expected-error @+1 {{expects a floating-point input for kind log_sum, but it has element type 'i32'}}
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<log_sum>, axes = array<i64: 1>} : (tensor<4x5xi32>) -> tensor<4x1xi32>
  return
}

// -----

func.func @batch_norm(%x: tensor<1x8x4xf32>, %c: tensor<8xf32>, %d: tensor<7xf32>) {
  // expected-error @+1 {{expects dimension 0 of mean to be 8, but it is 7}}
  %0 = tenon.batch_norm %x, %c, %c, %d, %c {epsilon = 1.0e-5 : f64} : (tensor<1x8x4xf32>, tensor<8xf32>, tensor<8xf32>, tensor<7xf32>, tensor<8xf32>) -> tensor<1x8x4xf32>
  return
}

// -----

func.func @layer_norm(%x: tensor<1x8x4xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expects dimension 0 of scale to be 4, but it is 1}}
  %0 = tenon.layer_norm %x, %s {axis = 2 : i64, epsilon = 1.0e-5 : f64} : (tensor<1x8x4xf32>, tensor<1xf32>) -> tensor<1x8x4xf32>
  return
}

// -----

func.func @attention(%q: tensor<2x3x5x8xf32>, %k: tensor<2x3x5x7xf32>) {
  // expected-error @+1 {{expects dimension 3 of key to be 8, but it is 7}}
  %0 = tenon.attention %q, %k, %k {scale = 1.0 : f64} : (tensor<2x3x5x8xf32>, tensor<2x3x5x7xf32>, tensor<2x3x5x7xf32>) -> tensor<2x3x5x7xf32>
  return
}

// -----

func.func @lstm(%x: tensor<?x3x16xf32>, %w: tensor<1x32x16xf32>, %r: tensor<1x32x8xf32>, %b: tensor<1x32xf32>, %h: tensor<1x3x8xf32>) {
  // expected-error @+1 {{expects dimension 1 of bias to be 64, but it is 32}}
  %0:3 = tenon.lstm %x, %w, %r, %b, %h, %h : (tensor<?x3x16xf32>, tensor<1x32x16xf32>, tensor<1x32x8xf32>, tensor<1x32xf32>, tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> (tensor<?x1x3x8xf32>, tensor<1x3x8xf32>, tensor<1x3x8xf32>)
  return
}

// -----

func.func @reshape_count(%x: tensor<2x3xf32>) {
  %s = tenon.constant dense<[4, 2]> : tensor<2xi64>
  // expected-error @+1 {{expects a shape of 6 elements, but it has 8}}
  %0 = tenon.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<4x2xf32>
  return
}

// -----

func.func @reshape_divide(%x: tensor<2x3xf32>) {
  %s = tenon.constant dense<[4, -1]> : tensor<2xi64>
  // expected-error @+1 {{can't divide 6 elements into rows of 4}}
  %0 = tenon.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<4x?xf32>
  return
}

// -----

func.func @reshape_two(%x: tensor<2x3xf32>) {
  %s = tenon.constant dense<-1> : tensor<2xi64>
  // expected-error @+1 {{expects at most one -1 in 'shape', but elements 0 and 1 are}}
  %0 = tenon.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_negative(%x: tensor<2x3xf32>) {
  %s = tenon.constant dense<[-2, 3]> : tensor<2xi64>
  // expected-error @+1 {{expects dimensions or -1 in 'shape', but element 0 is -2}}
  %0 = tenon.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_zero(%x: tensor<0x3xf32>) {
  %s = tenon.constant dense<[0, -1]> : tensor<2xi64>
  // expected-error @+1 {{can't infer a dimension beside one that is 0}}
  %0 = tenon.reshape %x, %s : (tensor<0x3xf32>, tensor<2xi64>) -> tensor<0x?xf32>
  return
}

// -----

func.func @reshape_rank(%x: tensor<2x3xf32>, %s: tensor<?xi64>) {
  // expected-error @+1 {{expects 'shape' with a known number of elements: the rank of the result follows from it}}
  %0 = tenon.reshape %x, %s : (tensor<2x3xf32>, tensor<?xi64>) -> tensor<6xf32>
  return
}

// -----

func.func @reshape_overflow(%x: tensor<?xf32>) {
  %s = tenon.constant dense<4294967296> : tensor<2xi64>
  // expected-error @+1 {{the result would have more than 2^46 elements}}
  %0 = tenon.reshape %x, %s : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @squeeze(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expects dimension 0 of the input to be 1, but it is 2}}
  %0 = tenon.squeeze %x {axes = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @transpose(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expects 2 elements in 'permutation', but there are 1}}
  %0 = tenon.transpose %x {permutation = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @expand(%x: tensor<2x3xf32>) {
  %s = tenon.constant dense<[4, 3]> : tensor<2xi64>
  // expected-error @+1 {{can't expand dimension 0 of size 2 to 4}}
  %0 = tenon.expand %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @+1 {{expects dimension 1 of every input to be 3, but it is 4}}
  %0 = tenon.concat %a, %b {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error @+1 {{expects at least one input}}
  %0 = tenon.concat {axis = 0 : i64} : () -> tensor<4x3xf32>
  return
}

// -----

func.func @slice_step(%x: tensor<2x3xf32>, %i: tensor<1xi64>) {
  // expected-error @+1 {{expects steps that are not 0}}
  %0 = tenon.slice %x, %i, %i {axes = array<i64: 0>, steps = array<i64: 0>} : (tensor<2x3xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3xf32>
  return
}

// -----

func.func @slice_count(%x: tensor<2x3xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects 1 elements in 'starts', but there are 2}}
  %0 = tenon.slice %x, %i, %i {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<2x3xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x3xf32>
  return
}

// -----

func.func @pad_reflect(%x: tensor<3xf32>) {
  %p = tenon.constant dense<[3, 0]> : tensor<2xi64>
  // expected-error @+1 {{can't pad dimension 0 of size 3 by 3 in mode reflect}}
  %0 = tenon.pad %x, %p {mode = #tenon.pad_mode<reflect>} : (tensor<3xf32>, tensor<2xi64>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_negative(%x: tensor<3xf32>) {
  %p = tenon.constant dense<[-3, -1]> : tensor<2xi64>
  // expected-error @+1 {{dimension 0 of the result would be -1}}
  %0 = tenon.pad %x, %p : (tensor<3xf32>, tensor<2xi64>) -> tensor<0xf32>
  return
}

// -----

func.func @tile(%x: tensor<3xf32>) {
  %r = tenon.constant dense<-1> : tensor<1xi64>
  // expected-error @+1 {{expects repeats that are not negative, but element 0 is -1}}
  %0 = tenon.tile %x, %r : (tensor<3xf32>, tensor<1xi64>) -> tensor<0xf32>
  return
}

// -----

func.func @gather(%x: tensor<3xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expects an axis from 0 to below 1, but it is 1}}
  %0 = tenon.gather %x, %i {axis = 1 : i64} : (tensor<3xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @resize_scales(%x: tensor<1x2x3xf32>, %s: tensor<1xi64>) {
  // expected-error @+1 {{expects scales above 0}}
  %0 = tenon.resize %x, %s {axes = array<i64: 2>, scales = array<f64: -1.0>, mode = #tenon.resize_mode<nearest>} : (tensor<1x2x3xf32>, tensor<1xi64>) -> tensor<1x2x?xf32>
  return
}

// -----

func.func @resize_integers(%x: tensor<1x2x3xi32>, %s: tensor<1xi64>) {
  // expected-error @+1 {{expects a floating-point input for mode linear, but it has element type 'i32'}}
  %0 = tenon.resize %x, %s {axes = array<i64: 2>, mode = #tenon.resize_mode<linear>} : (tensor<1x2x3xi32>, tensor<1xi64>) -> tensor<1x2x?xi32>
  return
}

// -----

func.func @range_step(%a: tensor<i64>) {
  %s = tenon.constant dense<0> : tensor<i64>
  // expected-error @+1 {{expects a step that is not 0}}
  %0 = tenon.range %a, %a, %s : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @if_count(%c: tensor<i1>, %a: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.if' op expects its else region to yield 1 values, but it yields 0}}
  %0 = tenon.if %c : tensor<i1> -> tensor<2xf32> {
    tenon.yield %a : tensor<2xf32>
  } else {
  }
  return
}

// -----

func.func @if_type(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.if' op expects its else region to yield 'tensor<2xf32>' as value 0, but it yields 'tensor<3xf32>'}}
  %0 = tenon.if %c : tensor<i1> -> tensor<2xf32> {
    tenon.yield %a : tensor<2xf32>
  } else {
    tenon.yield %b : tensor<3xf32>
  }
  return
}

// -----

func.func @kernel_dims(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'tenon.kernel' op expects a size in 'dims' for each of the 1 dynamic dimensions of its results, but there are 0}}
  %0 = tenon.kernel (%a = %x) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    tenon.yield %a : tensor<?x4xf32>
  }
  return
}

// -----

func.func @kernel_yield(%x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.kernel' op expects its region to yield 'tensor<?xf32>' as value 0, but it yields 'tensor<4xf32>'}}
  %0 = tenon.kernel (%a = %x) : (tensor<4xf32>) -> tensor<?xf32> {
    tenon.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @kernel_inputs(%x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.kernel' op expects an argument of its region for each of its 1 inputs and scalars, but it has 0}}
  %0 = "tenon.kernel"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0>}> ({
    %c = tenon.constant dense<0.0> : tensor<4xf32>
    tenon.yield %c : tensor<4xf32>
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @kernel_arguments(%x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.kernel' op expects argument 0 of its region to have type 'tensor<4xf32>', but it has 'tensor<5xf32>'}}
  %0 = "tenon.kernel"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0>}> ({
  ^bb0(%a: tensor<5xf32>):
    "tenon.yield"(%a) : (tensor<5xf32>) -> ()
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_arguments(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects 2 arguments of its region, an iteration and the carried values, but there are 1}}
  %0 = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>):
    %c = tenon.constant dense<true> : tensor<i1>
    tenon.yield %c, %x : tensor<i1>, tensor<4xf32>
  }
  return
}

// -----

func.func @loop_iteration(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects the first argument of its region to be 'tensor<i64>', but it is 'tensor<i32>'}}
  %0 = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i32>, %y: tensor<4xf32>):
    %c = tenon.constant dense<true> : tensor<i1>
    tenon.yield %c, %y : tensor<i1>, tensor<4xf32>
  }
  return
}

// -----

func.func @loop_results(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects its region to yield a condition and 1 values, at least 1, but it yields 1}}
  %0 = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
    %c = tenon.constant dense<true> : tensor<i1>
    tenon.yield %c : tensor<i1>
  }
  return
}

// -----

func.func @loop_condition(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects its region to yield 'tensor<i1>' first, but it yields 'tensor<4xf32>'}}
  %0 = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
    tenon.yield %y, %y : tensor<4xf32>, tensor<4xf32>
  }
  return
}

// -----

func.func @loop_carried(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects yielded value 0 to have the type of the argument of its region, 'tensor<4xf32>', but it has 'tensor<4xi32>'}}
  %0 = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
    %c = tenon.constant dense<true> : tensor<i1>
    %z = tenon.cast %y {to = i32} : (tensor<4xf32>) -> tensor<4xi32>
    tenon.yield %c, %z : tensor<i1>, tensor<4xi32>
  }
  return
}

// -----

func.func @loop_joined(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.loop' op expects result 0 to join values of type 'tensor<4xf32>', but it has type 'tensor<?x5xf32>'}}
  %0 = tenon.loop trip(%n : tensor<i64>) () : () -> tensor<?x5xf32> {
  ^bb0(%i: tensor<i64>):
    %c = tenon.constant dense<true> : tensor<i1>
    tenon.yield %c, %x : tensor<i1>, tensor<4xf32>
  }
  return
}

// -----

func.func @boxes(%b: tensor<1x6x4xf32>, %s: tensor<1x2x7xf32>, %m: tensor<1xi64>, %t: tensor<f32>) {
  // expected-error @+1 {{expects dimension 2 of scores to be 6, but it is 7}}
  %0:3 = tenon.non_max_suppression %b, %s, %m, %t {center = false} : (tensor<1x6x4xf32>, tensor<1x2x7xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<?x3xi64>, tensor<1xi64>, tensor<2x6xi64>)
  return
}

// -----

func.func @cumulate_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.cumulate' op}}
  %0 = tenon.cumulate %x {kind = #tenon.reduce_kind<sum>, axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @cumulate_kind(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.cumulate' op expects the kind sum or prod, but it is max}}
  %0 = tenon.cumulate %x {kind = #tenon.reduce_kind<max>, axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @det_square(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.det' op}}
  %0 = tenon.det %x : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @det_rank(%x: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.det' op expects an input of rank 2 or more, but it has rank 1}}
  %0 = tenon.det %x : (tensor<3xf32>) -> tensor<f32>
  return
}

// -----

func.func @bits_of_floats(%x: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.and' op operand #0 must be}}
  %0 = tenon.and %x, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @encode_format(%x: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.encode' op expects a format of at most 8 bits, found 'bf16'}}
  %0 = tenon.encode %x {format = bf16} : (tensor<3xf32>) -> tensor<3xui8>
  return
}

// -----

func.func @encode_rounding(%x: tensor<3xf32>) {
  // expected-error @+1 {{'tenon.encode' op expects the rounding up, down or nearest, found "even"}}
  %0 = tenon.encode %x {format = f8E8M0FNU, rounding = "even"} : (tensor<3xf32>) -> tensor<3xui8>
  return
}

// -----

func.func @decode_format(%x: tensor<3xui8>) {
  // expected-error @+1 {{'tenon.decode' op expects a format of at most 8 bits, found 'i8'}}
  %0 = tenon.decode %x {format = i8} : (tensor<3xui8>) -> tensor<3xf32>
  return
}

// -----

func.func @wide_factors(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error @+1 {{'tenon.matmul' op expects factors of f16 or bf16 where it is 'wide', but they have element type 'f32'}}
  %0 = tenon.matmul %a, %b {wide} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @wide_bias(%x: tensor<1x3x8xbf16>, %w: tensor<8x3x3xbf16>, %b: tensor<8xbf16>) {
  // expected-error @+1 {{'tenon.conv' op expects bias to have element type 'f32', but it has 'bf16'}}
  %0 = tenon.conv %x, %w, %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, wide} : (tensor<1x3x8xbf16>, tensor<8x3x3xbf16>, tensor<8xbf16>) -> tensor<1x8x6xf32>
  return
}
