// RUN: tenon-opt %s --tenon-recognize-layer-norm | FileCheck %s

// CHECK-LABEL: func.func @scale_and_bias(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x2xf32>
// CHECK-DAG: %[[SCALE:.*]] = tenon.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[BIAS:.*]] = tenon.constant dense<[3.000000e+00, 4.000000e+00]> : tensor<2xf32>
// CHECK: %[[Y:.*]] = tenon.layer_norm %[[X]], %[[SCALE]], %[[BIAS]] {axis = 2 : i64, epsilon = 9.99{{.*}}E-6 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @scale_and_bias(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %epsilon = tenon.constant dense<9.99999974E-6> : tensor<f32>
  %scale = tenon.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %bias = tenon.constant dense<[[[3.0, 4.0]]]> : tensor<1x1x2xf32>
  %mean = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2>} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  %d = tenon.sub %x, %mean : (tensor<?x?x2xf32>, tensor<?x?x1xf32>) -> tensor<?x?x2xf32>
  %square = tenon.mul %d, %d : (tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %variance = tenon.reduce %square {kind = #tenon.reduce_kind<mean>, axes = array<i64: 2>} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  %sum = tenon.add %variance, %epsilon : (tensor<?x?x1xf32>, tensor<f32>) -> tensor<?x?x1xf32>
  %root = tenon.sqrt %sum : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %0 = tenon.div %d, %root : (tensor<?x?x2xf32>, tensor<?x?x1xf32>) -> tensor<?x?x2xf32>
  %1 = tenon.mul %0, %scale : (tensor<?x?x2xf32>, tensor<1x1x2xf32>) -> tensor<?x?x2xf32>
  %2 = tenon.add %1, %bias : (tensor<?x?x2xf32>, tensor<1x1x2xf32>) -> tensor<?x?x2xf32>
  return %2 : tensor<?x?x2xf32>
}

// A power for the square, no parameters, two dimensions.
// CHECK-LABEL: func.func @plain(
// CHECK: %[[ONE:.*]] = tenon.constant dense<1.000000e+00> : tensor<3x2xf32>
// CHECK: tenon.layer_norm %{{.*}}, %[[ONE]] {axis = 1 : i64
func.func @plain(%x: tensor<?x3x2xf32>) -> tensor<?x3x2xf32> {
  %epsilon = tenon.constant dense<1.0E-5> : tensor<f32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %mean = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1, 2>} : (tensor<?x3x2xf32>) -> tensor<?x1x1xf32>
  %d = tenon.sub %x, %mean : (tensor<?x3x2xf32>, tensor<?x1x1xf32>) -> tensor<?x3x2xf32>
  %square = tenon.pow %d, %two : (tensor<?x3x2xf32>, tensor<f32>) -> tensor<?x3x2xf32>
  %variance = tenon.reduce %square {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1, 2>} : (tensor<?x3x2xf32>) -> tensor<?x1x1xf32>
  %sum = tenon.add %variance, %epsilon : (tensor<?x1x1xf32>, tensor<f32>) -> tensor<?x1x1xf32>
  %root = tenon.rsqrt %sum : (tensor<?x1x1xf32>) -> tensor<?x1x1xf32>
  %0 = tenon.mul %root, %d : (tensor<?x1x1xf32>, tensor<?x3x2xf32>) -> tensor<?x3x2xf32>
  return %0 : tensor<?x3x2xf32>
}

// Not over the last dimension.
// CHECK-LABEL: func.func @other_axis(
// CHECK-NOT: tenon.layer_norm
func.func @other_axis(%x: tensor<2x3x2xf32>) -> tensor<2x3x2xf32> {
  %epsilon = tenon.constant dense<1.0E-5> : tensor<f32>
  %mean = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<2x3x2xf32>) -> tensor<2x1x2xf32>
  %d = tenon.sub %x, %mean : (tensor<2x3x2xf32>, tensor<2x1x2xf32>) -> tensor<2x3x2xf32>
  %square = tenon.mul %d, %d : (tensor<2x3x2xf32>, tensor<2x3x2xf32>) -> tensor<2x3x2xf32>
  %variance = tenon.reduce %square {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<2x3x2xf32>) -> tensor<2x1x2xf32>
  %sum = tenon.add %variance, %epsilon : (tensor<2x1x2xf32>, tensor<f32>) -> tensor<2x1x2xf32>
  %root = tenon.sqrt %sum : (tensor<2x1x2xf32>) -> tensor<2x1x2xf32>
  %0 = tenon.div %d, %root : (tensor<2x3x2xf32>, tensor<2x1x2xf32>) -> tensor<2x3x2xf32>
  return %0 : tensor<2x3x2xf32>
}

// The variance has another use.
// CHECK-LABEL: func.func @other_use(
// CHECK-NOT: tenon.layer_norm
func.func @other_use(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x1xf32>) {
  %epsilon = tenon.constant dense<1.0E-5> : tensor<f32>
  %mean = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  %d = tenon.sub %x, %mean : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<3x2xf32>
  %square = tenon.mul %d, %d : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %variance = tenon.reduce %square {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  %sum = tenon.add %variance, %epsilon : (tensor<3x1xf32>, tensor<f32>) -> tensor<3x1xf32>
  %root = tenon.sqrt %sum : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %0 = tenon.div %d, %root : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<3x2xf32>
  return %0, %variance : tensor<3x2xf32>, tensor<3x1xf32>
}
