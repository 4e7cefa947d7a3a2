// RUN: tenon-opt %s --tenon-recognize-attention | FileCheck %s

// Scores divided by 8, a mask, and a key that is transposed with its heads.
// CHECK-LABEL: func.func @masked(
// CHECK-SAME: %[[Q:.*]]: tensor<?x12x?x64xf32>, %[[K:.*]]: tensor<?x?x12x64xf32>, %[[V:.*]]: tensor<?x12x?x64xf32>, %[[MASK:.*]]: tensor<?x1x1x?xf32>
// CHECK-NEXT: %[[KEY:.*]] = tenon.transpose %[[K]] {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
// CHECK-NEXT: %[[Y:.*]] = tenon.attention %[[Q]], %[[KEY]], %[[V]], %[[MASK]] {scale = 1.250000e-01 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @masked(%q: tensor<?x12x?x64xf32>, %k: tensor<?x?x12x64xf32>, %v: tensor<?x12x?x64xf32>, %mask: tensor<?x1x1x?xf32>) -> tensor<?x12x?x64xf32> {
  %eight = tenon.constant dense<8.0> : tensor<f32>
  %kt = tenon.transpose %k {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x64x?xf32>
  %0 = tenon.matmul %q, %kt : (tensor<?x12x?x64xf32>, tensor<?x12x64x?xf32>) -> tensor<?x12x?x?xf32>
  %1 = tenon.div %0, %eight : (tensor<?x12x?x?xf32>, tensor<f32>) -> tensor<?x12x?x?xf32>
  %2 = tenon.add %1, %mask : (tensor<?x12x?x?xf32>, tensor<?x1x1x?xf32>) -> tensor<?x12x?x?xf32>
  %3 = tenon.softmax %2 {axis = 3 : i64} : (tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %4 = tenon.matmul %3, %v : (tensor<?x12x?x?xf32>, tensor<?x12x?x64xf32>) -> tensor<?x12x?x64xf32>
  return %4 : tensor<?x12x?x64xf32>
}

// The scale on the query, the key by its flag.
// CHECK-LABEL: func.func @scaled_query(
// CHECK-SAME: %[[Q:.*]]: tensor<1x8x4x15xf32>, %[[K:.*]]: tensor<1x8x6x15xf32>, %[[V:.*]]: tensor<1x8x6x15xf32>
// CHECK: tenon.attention %[[Q]], %[[K]], %[[V]] {scale = 2.500000e-01 : f64}
func.func @scaled_query(%q: tensor<1x8x4x15xf32>, %k: tensor<1x8x6x15xf32>, %v: tensor<1x8x6x15xf32>) -> tensor<1x8x4x15xf32> {
  %c = tenon.constant dense<0.25> : tensor<f32>
  %0 = tenon.mul %q, %c : (tensor<1x8x4x15xf32>, tensor<f32>) -> tensor<1x8x4x15xf32>
  %1 = tenon.matmul %0, %k {transpose_b} : (tensor<1x8x4x15xf32>, tensor<1x8x6x15xf32>) -> tensor<1x8x4x6xf32>
  %2 = tenon.softmax %1 {axis = 3 : i64} : (tensor<1x8x4x6xf32>) -> tensor<1x8x4x6xf32>
  %3 = tenon.matmul %2, %v : (tensor<1x8x4x6xf32>, tensor<1x8x6x15xf32>) -> tensor<1x8x4x15xf32>
  return %3 : tensor<1x8x4x15xf32>
}

// Both have a factor before their heads are parted; the key's is also read by
// someone else and stays.
// CHECK-LABEL: func.func @scaled_before_heads(
// CHECK-SAME: %[[Q:.*]]: tensor<1x4x128xf32>, %[[K:.*]]: tensor<1x6x128xf32>
// CHECK: %[[QS:.*]] = tenon.reshape %[[Q]],
// CHECK: %[[QH:.*]] = tenon.transpose %[[QS]]
// CHECK: %[[SCALED:.*]] = tenon.mul %[[K]],
// CHECK: %[[KS:.*]] = tenon.reshape %[[SCALED]],
// CHECK: %[[KH:.*]] = tenon.transpose %[[KS]] {permutation = array<i64: 0, 2, 1, 3>}
// CHECK: tenon.attention %[[QH]], %[[KH]], %{{.*}} {scale = 2.500000e-01 : f64}
func.func @scaled_before_heads(%q: tensor<1x4x128xf32>, %k: tensor<1x6x128xf32>, %v: tensor<1x8x6x16xf32>) -> (tensor<1x8x4x16xf32>, tensor<1x6x128xf32>) {
  %c = tenon.constant dense<0.25> : tensor<f32>
  %heads = tenon.constant dense<[1, -1, 8, 16]> : tensor<4xi64>
  %0 = tenon.mul %q, %c : (tensor<1x4x128xf32>, tensor<f32>) -> tensor<1x4x128xf32>
  %1 = tenon.reshape %0, %heads : (tensor<1x4x128xf32>, tensor<4xi64>) -> tensor<1x4x8x16xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x8x16xf32>) -> tensor<1x8x4x16xf32>
  %3 = tenon.mul %k, %c : (tensor<1x6x128xf32>, tensor<f32>) -> tensor<1x6x128xf32>
  %4 = tenon.reshape %3, %heads : (tensor<1x6x128xf32>, tensor<4xi64>) -> tensor<1x6x8x16xf32>
  %5 = tenon.transpose %4 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x8x16xf32>) -> tensor<1x8x16x6xf32>
  %6 = tenon.matmul %2, %5 : (tensor<1x8x4x16xf32>, tensor<1x8x16x6xf32>) -> tensor<1x8x4x6xf32>
  %7 = tenon.softmax %6 {axis = 3 : i64} : (tensor<1x8x4x6xf32>) -> tensor<1x8x4x6xf32>
  %8 = tenon.matmul %7, %v : (tensor<1x8x4x6xf32>, tensor<1x8x6x16xf32>) -> tensor<1x8x4x16xf32>
  return %8, %3 : tensor<1x8x4x16xf32>, tensor<1x6x128xf32>
}

// Factors before and behind the transpose of a key are one scale.
// CHECK-LABEL: func.func @scaled_key(
// CHECK-SAME: %[[Q:[a-z0-9]*]]: tensor<1x8x4x16xf32>, %[[K:[a-z0-9]*]]: tensor<1x8x6x16xf32>
// CHECK-NEXT: %[[Y:.*]] = tenon.attention %[[Q]], %[[K]], %{{.*}} {scale = 1.250000e-01 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @scaled_key(%q: tensor<1x8x4x16xf32>, %k: tensor<1x8x6x16xf32>, %v: tensor<1x8x6x16xf32>) -> tensor<1x8x4x16xf32> {
  %half = tenon.constant dense<0.5> : tensor<f32>
  %four = tenon.constant dense<4.0> : tensor<f32>
  %0 = tenon.mul %half, %k : (tensor<f32>, tensor<1x8x6x16xf32>) -> tensor<1x8x6x16xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x8x6x16xf32>) -> tensor<1x8x16x6xf32>
  %2 = tenon.div %1, %four : (tensor<1x8x16x6xf32>, tensor<f32>) -> tensor<1x8x16x6xf32>
  %3 = tenon.matmul %q, %2 : (tensor<1x8x4x16xf32>, tensor<1x8x16x6xf32>) -> tensor<1x8x4x6xf32>
  %4 = tenon.softmax %3 {axis = 3 : i64} : (tensor<1x8x4x6xf32>) -> tensor<1x8x4x6xf32>
  %5 = tenon.matmul %4, %v : (tensor<1x8x4x6xf32>, tensor<1x8x6x16xf32>) -> tensor<1x8x4x16xf32>
  return %5 : tensor<1x8x4x16xf32>
}

// A causal choice, then a mask: both are one summand.
// CHECK-LABEL: func.func @causal(
// CHECK: %[[CAUSAL:.*]] = tenon.where %{{.*}} : (tensor<1x1x4x6xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x4x6xf32>
// CHECK: %[[BOTH:.*]] = tenon.add %[[CAUSAL]], %{{.*}} -> tensor<2x1x4x6xf32>
// CHECK: tenon.attention %{{.*}}, %[[BOTH]] {scale = 1.000000e+00 : f64}
func.func @causal(%q: tensor<2x8x4x16xf32>, %k: tensor<2x8x6x16xf32>, %v: tensor<2x8x6x16xf32>, %visible: tensor<1x1x4x6xi1>, %mask: tensor<2x1x1x6xf32>) -> tensor<2x8x4x16xf32> {
  %lowest = tenon.constant dense<-3.40282347E+38> : tensor<f32>
  %0 = tenon.matmul %q, %k {transpose_b} : (tensor<2x8x4x16xf32>, tensor<2x8x6x16xf32>) -> tensor<2x8x4x6xf32>
  %1 = tenon.where %visible, %0, %lowest : (tensor<1x1x4x6xi1>, tensor<2x8x4x6xf32>, tensor<f32>) -> tensor<2x8x4x6xf32>
  %2 = tenon.add %1, %mask : (tensor<2x8x4x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x8x4x6xf32>
  %3 = tenon.softmax %2 {axis = 3 : i64} : (tensor<2x8x4x6xf32>) -> tensor<2x8x4x6xf32>
  %4 = tenon.matmul %3, %v : (tensor<2x8x4x6xf32>, tensor<2x8x6x16xf32>) -> tensor<2x8x4x16xf32>
  return %4 : tensor<2x8x4x16xf32>
}

// The shares are another result; the softmax is along the queries; the mask is
// scaled with the scores; a replaced score is not far below the others.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: tenon.attention
func.func @others(%q: tensor<1x8x4x16xf32>, %k: tensor<1x8x4x16xf32>, %v: tensor<1x8x4x16xf32>, %mask: tensor<1x1x1x4xf32>, %visible: tensor<1x1x4x4xi1>) -> (tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>) {
  %c = tenon.constant dense<0.25> : tensor<f32>
  %low = tenon.constant dense<-100.0> : tensor<f32>
  %0 = tenon.matmul %q, %k {transpose_b} : (tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x4xf32>
  %1 = tenon.softmax %0 {axis = 3 : i64} : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %2 = tenon.matmul %1, %v : (tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x16xf32>
  %3 = tenon.matmul %v, %k {transpose_b} : (tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x4xf32>
  %4 = tenon.softmax %3 {axis = 2 : i64} : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %5 = tenon.matmul %4, %v : (tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x16xf32>
  %6 = tenon.matmul %v, %q {transpose_b} : (tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x4xf32>
  %7 = tenon.add %6, %mask : (tensor<1x8x4x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x4x4xf32>
  %8 = tenon.mul %7, %c : (tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xf32>
  %9 = tenon.softmax %8 {axis = 3 : i64} : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %10 = tenon.matmul %9, %v : (tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x16xf32>
  %11 = tenon.matmul %k, %q {transpose_b} : (tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x4xf32>
  %12 = tenon.where %visible, %11, %low : (tensor<1x1x4x4xi1>, tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xf32>
  %13 = tenon.softmax %12 {axis = 3 : i64} : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %14 = tenon.matmul %13, %v : (tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>) -> tensor<1x8x4x16xf32>
  return %1, %2, %5, %10, %14 : tensor<1x8x4x4xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>, tensor<1x8x4x16xf32>
}

// Where two choices hide a score, their sum would be an infinity, and a row of
// them not a number.
// CHECK-LABEL: func.func @hidden_twice(
// CHECK-SAME: %[[INNER:[a-z0-9]*]]: tensor<1x1x1x6xi1>, %[[OUTER:[a-z0-9]*]]: tensor<1x1x4x6xi1>
// CHECK: %[[FIRST:.*]] = tenon.where %[[INNER]],
// CHECK: %[[BOTH:.*]] = tenon.where %[[OUTER]], %[[FIRST]],
// CHECK-NOT: tenon.add
// CHECK: tenon.attention %{{.*}}, %[[BOTH]] {scale = 1.000000e+00 : f64}
func.func @hidden_twice(%q: tensor<2x8x4x16xf32>, %k: tensor<2x8x6x16xf32>, %v: tensor<2x8x6x16xf32>, %inner: tensor<1x1x1x6xi1>, %outer: tensor<1x1x4x6xi1>) -> tensor<2x8x4x16xf32> {
  %lowest = tenon.constant dense<-3.40282347E+38> : tensor<f32>
  %0 = tenon.matmul %q, %k {transpose_b} : (tensor<2x8x4x16xf32>, tensor<2x8x6x16xf32>) -> tensor<2x8x4x6xf32>
  %1 = tenon.where %inner, %0, %lowest : (tensor<1x1x1x6xi1>, tensor<2x8x4x6xf32>, tensor<f32>) -> tensor<2x8x4x6xf32>
  %2 = tenon.where %outer, %1, %lowest : (tensor<1x1x4x6xi1>, tensor<2x8x4x6xf32>, tensor<f32>) -> tensor<2x8x4x6xf32>
  %3 = tenon.softmax %2 {axis = 3 : i64} : (tensor<2x8x4x6xf32>) -> tensor<2x8x4x6xf32>
  %4 = tenon.matmul %3, %v : (tensor<2x8x4x6xf32>, tensor<2x8x6x16xf32>) -> tensor<2x8x4x16xf32>
  return %4 : tensor<2x8x4x16xf32>
}
