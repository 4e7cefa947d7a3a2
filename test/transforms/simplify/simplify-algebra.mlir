// RUN: tenon-opt %s --tenon-simplify-algebra | FileCheck %s

// CHECK-LABEL: func.func @neutral(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @neutral(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = tenon.constant dense<1.0> : tensor<1x1xf32>
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.mul %one, %x : (tensor<1x1xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = tenon.add %0, %zero : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %2 = tenon.div %1, %one : (tensor<?x4xf32>, tensor<1x1xf32>) -> tensor<?x4xf32>
  %3 = tenon.pow %2, %one : (tensor<?x4xf32>, tensor<1x1xf32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// A constant that makes the result larger is no neutral one.
// CHECK-LABEL: func.func @widens(
// CHECK: tenon.mul
func.func @widens(%x: tensor<1x4xf32>) -> tensor<3x4xf32> {
  %one = tenon.constant dense<1.0> : tensor<3x1xf32>
  %0 = tenon.mul %x, %one : (tensor<1x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @exact(
// CHECK-DAG: %[[QUARTER:.*]] = tenon.constant dense<2.500000e-01> : tensor<f32>
// CHECK-DAG: %[[SIX:.*]] = tenon.constant dense<6.000000e+00> : tensor<f32>
// CHECK-DAG: %[[MINUS:.*]] = tenon.constant dense<-6.000000e+00> : tensor<f32>
// CHECK: %[[A:.*]] = tenon.mul %{{.*}}, %[[QUARTER]]
// CHECK: %[[B:.*]] = tenon.add %[[A]], %[[MINUS]]
// CHECK: tenon.div %[[B]], %[[SIX]]
func.func @exact(%x: tensor<4xf32>) -> tensor<4xf32> {
  %four = tenon.constant dense<4.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<1xf32>
  %0 = tenon.div %x, %four : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.sub %0, %six : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %2 = tenon.div %1, %six : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: func.func @powers(
// CHECK: tenon.mul %[[X:.*]], %[[X]]
// CHECK: tenon.sqrt
// CHECK: tenon.reciprocal
// CHECK: tenon.pow
func.func @powers(%x: tensor<4xf32>) -> tensor<4xf32> {
  %two = tenon.constant dense<2.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %minus = tenon.constant dense<-1.0> : tensor<f32>
  %other = tenon.constant dense<1.5> : tensor<f32>
  %0 = tenon.pow %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.pow %0, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = tenon.pow %1, %minus : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = tenon.pow %2, %other : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// CHECK-LABEL: func.func @limits(
// CHECK: tenon.clip %{{.*}} {max = 6.000000e+00 : f64, min = 0.000000e+00 : f64}
// CHECK: tenon.relu
// CHECK: tenon.max %{{.*}} : (tensor<4xi64>, tensor<i64>)
func.func @limits(%x: tensor<4xf32>, %i: tensor<4xi64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi64>) {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %six = tenon.constant dense<6.0> : tensor<f32>
  %0 = tenon.max %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.min %0, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = tenon.max %zero, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %big = tenon.constant dense<9007199254740993> : tensor<i64>
  %3 = tenon.max %i, %big : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xi64>
}

// CHECK-LABEL: func.func @casts(
// CHECK: tenon.cast %{{.*}} {to = f32} : (tensor<4xi8>) -> tensor<4xf32>
// CHECK: tenon.cast %{{.*}} {to = i8}
// CHECK: tenon.cast %{{.*}} {to = f32}
func.func @casts(%x: tensor<4xi8>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tenon.cast %x {to = i32} : (tensor<4xi8>) -> tensor<4xi32>
  %1 = tenon.cast %0 {to = f32} : (tensor<4xi32>) -> tensor<4xf32>
  %2 = tenon.cast %y {to = i8} : (tensor<4xf32>) -> tensor<4xi8>
  %3 = tenon.cast %2 {to = f32} : (tensor<4xi8>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @where(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<f32>
// CHECK: %[[KEPT:.*]] = tenon.where
// CHECK: return %[[X]], %[[KEPT]]
func.func @where(%x: tensor<4xf32>, %y: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %true = tenon.constant dense<true> : tensor<4xi1>
  %false = tenon.constant dense<false> : tensor<4xi1>
  %0 = tenon.where %true, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = tenon.where %false, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
