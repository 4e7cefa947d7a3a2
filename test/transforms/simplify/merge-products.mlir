// RUN: tenon-opt %s --tenon-merge-products --split-input-file | FileCheck %s

// Queries, keys and values of two heads: the bias of the queries is on the
// left, keys have none, that of the values is one number. A size is asked of a
// product that goes.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[X:.*]]: tensor<1x?x2xf32>
// CHECK: %[[W:.*]] = tenon.constant dense<{{\[}}[1.000000e+00, 2.000000e+00, 5.000000e+00, 6.000000e+00, 9.000000e+00, 1.000000e+01], [3.000000e+00, 4.000000e+00, 7.000000e+00, 8.000000e+00, 1.100000e+01, 1.200000e+01]]> : tensor<2x6xf32>
// CHECK: %[[PRODUCT:.*]] = tenon.matmul %[[X]], %[[W]] : (tensor<1x?x2xf32>, tensor<2x6xf32>) -> tensor<1x?x6xf32>
// CHECK: %[[B:.*]] = tenon.constant dense<{{\[\[}}[1.000000e+00, 2.000000e+00, 0.000000e+00, 0.000000e+00, 5.000000e-01, 5.000000e-01]]]> : tensor<1x1x6xf32>
// CHECK: %[[WHOLE:.*]] = tenon.add %[[PRODUCT]], %[[B]]
// CHECK: %[[C0:.*]] = tenon.constant dense<0> : tensor<1xi64>
// CHECK: %[[C2:.*]] = tenon.constant dense<2> : tensor<1xi64>
// CHECK: %[[Q:.*]] = tenon.slice %[[WHOLE]], %[[C0]], %[[C2]] {axes = array<i64: 2>, steps = array<i64: 1>} : {{.*}} -> tensor<1x?x2xf32>
// CHECK: %[[K:.*]] = tenon.slice %[[WHOLE]]
// CHECK: %[[V:.*]] = tenon.slice %[[WHOLE]]
// CHECK-NOT: tenon.matmul
// CHECK: tensor.dim %[[Q]]
// CHECK: %[[QH:.*]] = tenon.reshape %[[Q]]
// CHECK: tenon.transpose %[[QH]]
// CHECK: tenon.reshape %[[K]]
// CHECK: tenon.reshape %[[V]]
func.func @attention(%x: tensor<1x?x2xf32>) -> (index, tensor<1x2x?x1xf32>) {
  %c1 = arith.constant 1 : index
  %heads = tenon.constant dense<[1, -1, 2, 1]> : tensor<4xi64>
  %wq = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %bq = tenon.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %0 = tenon.matmul %x, %wq : (tensor<1x?x2xf32>, tensor<2x2xf32>) -> tensor<1x?x2xf32>
  %size = tensor.dim %0, %c1 : tensor<1x?x2xf32>
  %1 = tenon.add %bq, %0 : (tensor<1x1x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  %2 = tenon.reshape %1, %heads : (tensor<1x?x2xf32>, tensor<4xi64>) -> tensor<1x?x2x1xf32>
  %q = tenon.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x1xf32>) -> tensor<1x2x?x1xf32>
  %wk = tenon.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %3 = tenon.matmul %x, %wk : (tensor<1x?x2xf32>, tensor<2x2xf32>) -> tensor<1x?x2xf32>
  %4 = tenon.reshape %3, %heads : (tensor<1x?x2xf32>, tensor<4xi64>) -> tensor<1x?x2x1xf32>
  %k = tenon.transpose %4 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x1xf32>) -> tensor<1x2x?x1xf32>
  %wv = tenon.constant dense<[[9.0, 10.0], [11.0, 12.0]]> : tensor<2x2xf32>
  %bv = tenon.constant dense<0.5> : tensor<f32>
  %5 = tenon.matmul %x, %wv : (tensor<1x?x2xf32>, tensor<2x2xf32>) -> tensor<1x?x2xf32>
  %6 = tenon.add %5, %bv : (tensor<1x?x2xf32>, tensor<f32>) -> tensor<1x?x2xf32>
  %7 = tenon.reshape %6, %heads : (tensor<1x?x2xf32>, tensor<4xi64>) -> tensor<1x?x2x1xf32>
  %v = tenon.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x1xf32>) -> tensor<1x2x?x1xf32>
  %y = tenon.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<1x2x?x1xf32>, tensor<1x2x?x1xf32>, tensor<1x2x?x1xf32>) -> tensor<1x2x?x1xf32>
  return %size, %y : index, tensor<1x2x?x1xf32>
}

// -----

// Transposed weights have the columns first; fewer keys than queries. There is
// no bias to add.
// CHECK-LABEL: func.func @transposed(
// CHECK-SAME: %[[X:.*]]: tensor<3x2xf32>
// CHECK: %[[W:.*]] = tenon.constant dense<{{\[}}[1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00], [5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00], [9.000000e+00, 1.000000e+01], [1.100000e+01, 1.200000e+01]]> : tensor<6x2xf32>
// CHECK: %[[WHOLE:.*]] = tenon.matmul %[[X]], %[[W]] {transpose_b} : {{.*}} -> tensor<3x6xf32>
// CHECK: tenon.slice %[[WHOLE]], {{.*}} -> tensor<3x4xf32>
// CHECK: tenon.slice %[[WHOLE]], {{.*}} -> tensor<3x2xf32>
// CHECK-NOT: tenon.add
func.func @transposed(%x: tensor<3x2xf32>) -> (tensor<2x3x2xf32>, tensor<1x3x2xf32>) {
  %two = tenon.constant dense<[3, 2, 2]> : tensor<3xi64>
  %one = tenon.constant dense<[3, 1, 2]> : tensor<3xi64>
  %w = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %v = tenon.constant dense<[[9.0, 10.0], [11.0, 12.0]]> : tensor<2x2xf32>
  %0 = tenon.matmul %x, %w {transpose_b} : (tensor<3x2xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  %1 = tenon.reshape %0, %two : (tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x2x2xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x2xf32>) -> tensor<2x3x2xf32>
  %3 = tenon.matmul %x, %v {transpose_b} : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %4 = tenon.reshape %3, %one : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x1x2xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x1x2xf32>) -> tensor<1x3x2xf32>
  return %2, %5 : tensor<2x3x2xf32>, tensor<1x3x2xf32>
}

// -----

// One of three is multiplied with another tensor.
// CHECK-LABEL: func.func @factors(
// CHECK-SAME: %[[X:.*]]: tensor<3x1xf32>, %[[Z:.*]]: tensor<3x1xf32>
// CHECK: tenon.matmul %[[X]], %{{.*}} -> tensor<3x4xf32>
// CHECK: tenon.matmul %[[Z]], %{{.*}} -> tensor<3x2xf32>
// CHECK-NOT: tenon.matmul
func.func @factors(%x: tensor<3x1xf32>, %z: tensor<3x1xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>) {
  %heads = tenon.constant dense<[3, 2, 1]> : tensor<3xi64>
  %u = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %v = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %w = tenon.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %u : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = tenon.reshape %0, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %3 = tenon.matmul %z, %v : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %4 = tenon.reshape %3, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %6 = tenon.matmul %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %7 = tenon.reshape %6, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %8 = tenon.transpose %7 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  return %2, %5, %8 : tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>
}

// -----

// Weights that are the same in memory as those of another product: they stay.
// CHECK-LABEL: func.func @tied(
// CHECK-NOT: tenon.slice
func.func @tied(%x: tensor<3x1xf32>, %z: tensor<3x1xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<3x2xf32>) {
  %heads = tenon.constant dense<[3, 2, 1]> : tensor<3xi64>
  %v = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %again = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %v : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = tenon.reshape %0, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %3 = tenon.matmul %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %4 = tenon.reshape %3, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %6 = tenon.matmul %z, %again : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  return %2, %5, %6 : tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<3x2xf32>
}

// -----

// A bias that others read, too, is small enough to be there twice.
// CHECK-LABEL: func.func @shared_bias(
// CHECK: %[[B:.*]] = tenon.constant dense<{{\[}}[5.000000e+00, 6.000000e+00, 5.000000e+00, 6.000000e+00]]> : tensor<1x4xf32>
// CHECK: %[[WHOLE:.*]] = tenon.add %{{.*}}, %[[B]]
// CHECK: tenon.slice %[[WHOLE]]
// CHECK: tenon.slice %[[WHOLE]]
func.func @shared_bias(%x: tensor<3x1xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<1x2xf32>) {
  %heads = tenon.constant dense<[3, 2, 1]> : tensor<3xi64>
  %v = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %b = tenon.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %v : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = tenon.add %0, %b : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %2 = tenon.reshape %1, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %3 = tenon.transpose %2 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %4 = tenon.matmul %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %5 = tenon.add %b, %4 : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %6 = tenon.reshape %5, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %7 = tenon.transpose %6 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  return %3, %7, %b : tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<1x2xf32>
}

// -----

// Weights that another operation reads, that are one value, or no constant.
// CHECK-LABEL: func.func @weights(
// CHECK-NOT: tenon.slice
func.func @weights(%x: tensor<3x1xf32>, %w: tensor<1x2xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<1x2xf32>) {
  %heads = tenon.constant dense<[3, 2, 1]> : tensor<3xi64>
  %own = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %read = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %ones = tenon.constant dense<1.0> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %own : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = tenon.reshape %0, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %3 = tenon.matmul %x, %read : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %4 = tenon.reshape %3, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %6 = tenon.matmul %x, %ones : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %7 = tenon.reshape %6, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %8 = tenon.transpose %7 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  %9 = tenon.matmul %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %10 = tenon.reshape %9, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %11 = tenon.transpose %10 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
  return %2, %5, %8, %11, %read : tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<1x2xf32>
}

// -----

// Beside heads of one size: an activation, which belongs to its product;
// elements that part; a second reader; other heads; and one in a branch.
// CHECK-LABEL: func.func @readers(
// CHECK-NOT: tenon.slice
func.func @readers(%x: tensor<3x1xf32>, %c: tensor<i1>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x1x3xf32>, tensor<2x3x1xf32>, tensor<3x2xf32>, tensor<1x3x2xf32>, tensor<2x3x1xf32>) {
  %heads = tenon.constant dense<[3, 2, 1]> : tensor<3xi64>
  %one = tenon.constant dense<[3, 1, 2]> : tensor<3xi64>
  %w0 = tenon.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %w0 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = tenon.reshape %0, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %y0 = tenon.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>

  %w1 = tenon.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %2 = tenon.matmul %x, %w1 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %3 = tenon.gelu %2 : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %4 = tenon.reshape %3, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %y1 = tenon.transpose %4 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>

  %w2 = tenon.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %5 = tenon.matmul %x, %w2 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %6 = tenon.reshape %5, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %y2 = tenon.transpose %6 {permutation = array<i64: 1, 2, 0>} : (tensor<3x2x1xf32>) -> tensor<2x1x3xf32>

  %w3 = tenon.constant dense<[[7.0, 8.0]]> : tensor<1x2xf32>
  %7 = tenon.matmul %x, %w3 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %8 = tenon.reshape %7, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %y3 = tenon.transpose %8 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>

  %w4 = tenon.constant dense<[[9.0, 10.0]]> : tensor<1x2xf32>
  %9 = tenon.matmul %x, %w4 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %10 = tenon.reshape %9, %one : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x1x2xf32>
  %y4 = tenon.transpose %10 {permutation = array<i64: 1, 0, 2>} : (tensor<3x1x2xf32>) -> tensor<1x3x2xf32>

  %y5 = tenon.if %c : tensor<i1> -> tensor<2x3x1xf32> {
    %w5 = tenon.constant dense<[[11.0, 12.0]]> : tensor<1x2xf32>
    %11 = tenon.matmul %x, %w5 : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
    %12 = tenon.reshape %11, %heads : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
    %13 = tenon.transpose %12 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x1xf32>) -> tensor<2x3x1xf32>
    tenon.yield %13 : tensor<2x3x1xf32>
  } else {
    tenon.yield %y0 : tensor<2x3x1xf32>
  }
  return %y0, %y1, %y2, %y3, %7, %y4, %y5 : tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x1x3xf32>, tensor<2x3x1xf32>, tensor<3x2xf32>, tensor<1x3x2xf32>, tensor<2x3x1xf32>
}
