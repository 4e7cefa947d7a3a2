// RUN: tenon-opt %s --tenon-convert-precision --split-input-file | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-convert-precision{precision=fp16})' --split-input-file | FileCheck %s --check-prefix=FP16

// Factors are narrow, sums and the model's border are not. Of the constants,
// only those that are multiplied with are converted.
// CHECK-LABEL: func.func @perceptron(
// CHECK-SAME: %[[X:.*]]: tensor<4x2xf32>) -> tensor<4x1xf32>
// CHECK-DAG: %[[W:.*]] = tenon.constant dense<{{.*}}> : tensor<2x3xbf16>
// CHECK-DAG: %[[V:.*]] = tenon.constant dense<{{.*}}> : tensor<3x1xbf16>
// CHECK-DAG: %[[B:.*]] = tenon.constant dense<{{.*}}> : tensor<1x3xf32>
// CHECK-DAG: %[[A:.*]] = tenon.cast %[[X]] {to = bf16}
// CHECK: %[[SUM:.*]] = tenon.matmul %[[A]], %[[W]] {wide} : {{.*}} -> tensor<4x3xf32>
// CHECK-NEXT: %[[BIASED:.*]] = tenon.add %[[SUM]], %[[B]]
// CHECK-NEXT: %[[RELU:.*]] = tenon.relu %[[BIASED]] : {{.*}} -> tensor<4x3xf32>
// CHECK-NEXT: %[[H:.*]] = tenon.cast %[[RELU]] {to = bf16}
// CHECK-NEXT: %[[Y:.*]] = tenon.matmul %[[H]], %[[V]] {wide} : {{.*}} -> tensor<4x1xf32>
// CHECK-NEXT: return %[[Y]]
// FP16-LABEL: func.func @perceptron(
// FP16-DAG: tenon.constant dense<{{.*}}1.000980e+00{{.*}}> : tensor<2x3xf16>
// FP16: tenon.matmul {{.*}} {wide} : (tensor<4x2xf16>, tensor<2x3xf16>) -> tensor<4x3xf32>
func.func @perceptron(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = tenon.constant dense<[[1.0, 1.001, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %b = tenon.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %v = tenon.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32>
  %0 = tenon.matmul %x, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %1 = tenon.add %0, %b : (tensor<4x3xf32>, tensor<1x3xf32>) -> tensor<4x3xf32>
  %2 = tenon.relu %1 : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %3 = tenon.matmul %2, %v : (tensor<4x3xf32>, tensor<3x1xf32>) -> tensor<4x1xf32>
  return %3 : tensor<4x1xf32>
}

// -----

// A residual block: what two read is narrow, once; the sum continues the later
// convolution, so that only the other one's result is.
// CHECK-LABEL: func.func @residual(
// CHECK: %[[FIRST:.*]] = tenon.conv {{.*}} wide}
// CHECK-NEXT: %[[HERE:.*]] = tenon.relu %[[FIRST]]
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[HERE]] {to = bf16}
// CHECK-NEXT: %[[SIDE:.*]] = tenon.conv %[[HALF]], {{.*}} wide}
// CHECK-NEXT: %[[SIDEHALF:.*]] = tenon.cast %[[SIDE]] {to = bf16}
// CHECK-NEXT: %[[AGAIN:.*]] = tenon.cast %[[SIDEHALF]] {to = f32}
// CHECK-NEXT: %[[LAST:.*]] = tenon.conv %[[HALF]], {{.*}} wide}
// CHECK-NEXT: %[[ADD:.*]] = tenon.add %[[LAST]], %[[AGAIN]]
// CHECK-NEXT: %[[RELU:.*]] = tenon.relu %[[ADD]]
// CHECK-NEXT: %[[OUT:.*]] = tenon.cast %[[RELU]] {to = bf16}
// CHECK-NEXT: tenon.conv %[[OUT]], {{.*}} wide}
func.func @residual(%x: tensor<1x2x?x?xf32>, %w: tensor<2x2x1x1xf32>) -> tensor<1x2x?x?xf32> {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x?x?xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x?x?xf32>
  %1 = tenon.relu %0 : (tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %2 = tenon.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x?x?xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x?x?xf32>
  %3 = tenon.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x?x?xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x?x?xf32>
  %4 = tenon.add %3, %2 : (tensor<1x2x?x?xf32>, tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %5 = tenon.relu %4 : (tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %6 = tenon.conv %5, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x?x?xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x?x?xf32>
  return %6 : tensor<1x2x?x?xf32>
}

// -----

// Movement and pooling are done on what is narrow, over constants too.
// CHECK-LABEL: func.func @movement(
// CHECK: %[[SUM:.*]] = tenon.matmul
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[SUM]] {to = bf16}
// CHECK: %[[SHAPE:.*]] = tenon.reshape %[[HALF]], {{.*}} -> tensor<1x4x2x2xbf16>
// CHECK: %[[POOL:.*]] = tenon.max_pool %[[SHAPE]] {{.*}} -> tensor<1x4x2x2xbf16>
// CHECK: %[[ALL:.*]] = tenon.concat %[[POOL]], %{{.*}} {axis = 1 : i64} : (tensor<1x4x2x2xbf16>, tensor<1x1x2x2xbf16>) -> tensor<1x5x2x2xbf16>
// CHECK-NOT: to = f32
// CHECK: tenon.matmul %[[ALL]], %[[ALL]] {wide}
func.func @movement(%x: tensor<4x2xf32>, %w: tensor<2x4xf32>) -> tensor<1x5x2x2xf32> {
  %s = tenon.constant dense<[1, 4, 2, 2]> : tensor<4xi64>
  %c = tenon.constant dense<1.0> : tensor<1x1x2x2xf32>
  %0 = tenon.matmul %x, %w : (tensor<4x2xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.reshape %0, %s : (tensor<4x4xf32>, tensor<4xi64>) -> tensor<1x4x2x2xf32>
  %2 = tenon.max_pool %1 {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %3 = tenon.concat %2, %c {axis = 1 : i64} : (tensor<1x4x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x5x2x2xf32>
  %4 = tenon.matmul %3, %3 : (tensor<1x5x2x2xf32>, tensor<1x5x2x2xf32>) -> tensor<1x5x2x2xf32>
  return %4 : tensor<1x5x2x2xf32>
}

// -----

// Attention keeps its mask and what it gives in f32; layer norm reads what is
// narrow, and computes in f32.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: , %[[M:[a-z0-9]*]]: tensor<1x1x1x4xf32>
// CHECK: %[[Q:.*]] = tenon.matmul
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[Q]] {to = bf16}
// CHECK-NEXT: %[[SUM:.*]] = tenon.attention %[[HALF]], %[[HALF]], %[[HALF]], %[[M]] {{.*}}wide} : {{.*}} -> tensor<1x2x4x8xf32>
// CHECK-NEXT: %[[STORED:.*]] = tenon.cast %[[SUM]] {to = bf16}
// CHECK-NEXT: %[[READ:.*]] = tenon.cast %[[STORED]] {to = f32}
// CHECK-NEXT: %[[NORM:.*]] = tenon.layer_norm %[[READ]]
// CHECK-NEXT: %[[OUT:.*]] = tenon.cast %[[NORM]] {to = bf16}
// CHECK-NEXT: tenon.matmul %[[OUT]], %[[STORED]] {transpose_b, wide}
func.func @attention(%x: tensor<1x2x4x8xf32>, %w: tensor<8x8xf32>, %m: tensor<1x1x1x4xf32>, %s: tensor<8xf32>) -> tensor<1x2x4x4xf32> {
  %q = tenon.matmul %x, %w : (tensor<1x2x4x8xf32>, tensor<8x8xf32>) -> tensor<1x2x4x8xf32>
  %0 = tenon.attention %q, %q, %q, %m {scale = 0.125 : f64} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x1x1x4xf32>) -> tensor<1x2x4x8xf32>
  %1 = tenon.layer_norm %0, %s {axis = 3 : i64, epsilon = 1.0e-5 : f64} : (tensor<1x2x4x8xf32>, tensor<8xf32>) -> tensor<1x2x4x8xf32>
  %2 = tenon.matmul %1, %0 {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// -----

// Keys that the model is given are f32, and a cast would read all of them.
// CHECK-LABEL: func.func @cache(
// CHECK: tenon.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.000000e+00 : f64} : (tensor<1x2x1x8xf32>
func.func @cache(%x: tensor<1x2x1x8xf32>, %w: tensor<8x8xf32>, %k: tensor<1x2x4x8xf32>) -> tensor<1x2x1x8xf32> {
  %q = tenon.matmul %x, %w : (tensor<1x2x1x8xf32>, tensor<8x8xf32>) -> tensor<1x2x1x8xf32>
  %0 = tenon.attention %q, %k, %k {scale = 1.0 : f64} : (tensor<1x2x1x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x1x8xf32>
  return %0 : tensor<1x2x1x8xf32>
}

// -----

// A large table of embeddings is narrow, a small one is not.
// CHECK-LABEL: func.func @embedding(
// CHECK-NOT: tensor<8192x8xf32>
// CHECK-DAG: %[[LARGE:.*]] = tenon.constant dense<{{.*}}> : tensor<8192x8xbf16>
// CHECK-DAG: %[[SMALL:.*]] = tenon.constant dense<{{.*}}> : tensor<4x8xf32>
// CHECK: %[[ROWS:.*]] = tenon.gather %[[LARGE]], %{{.*}} -> tensor<3x8xbf16>
// CHECK-NEXT: %[[READ:.*]] = tenon.cast %[[ROWS]] {to = f32}
// CHECK-NEXT: %[[OTHERS:.*]] = tenon.gather %[[SMALL]], %{{.*}} -> tensor<3x8xf32>
// CHECK-NEXT: tenon.add %[[READ]], %[[OTHERS]]
func.func @embedding(%i: tensor<3xi64>) -> tensor<3x4xf32> {
  %t = tenon.constant dense<1.0> : tensor<8192x8xf32>
  %p = tenon.constant dense<2.0> : tensor<4x8xf32>
  %w = tenon.constant dense<3.0> : tensor<8x4xf32>
  %0 = tenon.gather %t, %i {axis = 0 : i64} : (tensor<8192x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %1 = tenon.gather %p, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %2 = tenon.add %0, %1 : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %3 = tenon.matmul %2, %w : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// A table of numbers that become indices, and one whose rows the model gives,
// are as exact as they were.
// CHECK-LABEL: func.func @table(
// CHECK-NOT: bf16
func.func @table(%i: tensor<3xi64>) -> (tensor<3x8xi64>, tensor<3x8xf32>) {
  %t = tenon.constant dense<1.0> : tensor<8192x8xf32>
  %u = tenon.constant dense<2.0> : tensor<8192x8xf32>
  %0 = tenon.gather %t, %i {axis = 0 : i64} : (tensor<8192x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %1 = tenon.mul %0, %0 : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %2 = tenon.cast %1 {to = i64} : (tensor<3x8xf32>) -> tensor<3x8xi64>
  %3 = tenon.gather %u, %i {axis = 0 : i64} : (tensor<8192x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  return %2, %3 : tensor<3x8xi64>, tensor<3x8xf32>
}

// -----

// What a softmax and an exponential read is as exact as it was; what they give
// is not.
// CHECK-LABEL: func.func @softmax(
// CHECK: %[[SUM:.*]] = tenon.matmul
// CHECK-NEXT: %[[SOFTMAX:.*]] = tenon.softmax %[[SUM]] {{.*}} tensor<4x4xf32>
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[SOFTMAX]] {to = bf16}
// CHECK-NEXT: %[[NEXT:.*]] = tenon.matmul %[[HALF]]
// CHECK-NEXT: %[[EXP:.*]] = tenon.exp %[[NEXT]]
// CHECK-NEXT: tenon.cast %[[EXP]] {to = bf16}
func.func @softmax(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.softmax %0 {axis = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = tenon.matmul %1, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = tenon.exp %2 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = tenon.matmul %3, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}

// -----

// Nothing behind the last product is rounded, and nothing before the first.
// CHECK-LABEL: func.func @ends(
// CHECK: %[[ABS:.*]] = tenon.abs %{{.*}} : (tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[ABS]] {to = bf16}
// CHECK-NEXT: %[[SUM:.*]] = tenon.matmul %[[HALF]], %[[HALF]] {wide}
// CHECK-NEXT: %[[MEAN:.*]] = tenon.reduce %[[SUM]]
// CHECK-NEXT: %[[LESS:.*]] = tenon.sub %[[SUM]], %[[MEAN]]
// CHECK-NEXT: return %[[LESS]]
func.func @ends(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = tenon.abs %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.matmul %0, %0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = tenon.reduce %1 {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1>} : (tensor<4x4xf32>) -> tensor<4x1xf32>
  %3 = tenon.sub %1, %2 : (tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// -----

// Integers, f64, and products that sum nothing stay, and so do recurrent
// layers.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: bf16
// FP16-LABEL: func.func @others(
// FP16-NOT: xf16
func.func @others(%i: tensor<4x4xi32>, %d: tensor<4x4xf64>, %c: tensor<4x1xf32>, %r: tensor<1x4xf32>, %x: tensor<5x1x4xf32>, %w: tensor<1x8x4xf32>, %h: tensor<1x8x2xf32>, %b: tensor<1x16xf32>, %z: tensor<1x1x2xf32>) -> (tensor<4x4xi32>, tensor<4x4xf64>, tensor<4x4xf32>, tensor<5x1x1x2xf32>) {
  %0 = tenon.matmul %i, %i : (tensor<4x4xi32>, tensor<4x4xi32>) -> tensor<4x4xi32>
  %1 = tenon.matmul %d, %d : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64>
  %2 = tenon.matmul %c, %r : (tensor<4x1xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  %3, %4, %5 = tenon.lstm %x, %w, %h, %b, %z, %z : (tensor<5x1x4xf32>, tensor<1x8x4xf32>, tensor<1x8x2xf32>, tensor<1x16xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
  return %0, %1, %2, %3 : tensor<4x4xi32>, tensor<4x4xf64>, tensor<4x4xf32>, tensor<5x1x1x2xf32>
}

// -----

// A weight that f16 has no number for keeps its product in f32; bf16 has one.
// CHECK-LABEL: func.func @large(
// CHECK: tenon.matmul {{.*}} {wide}
// FP16-LABEL: func.func @large(
// FP16-NOT: xf16
func.func @large(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = tenon.constant dense<[[1.0], [65536.0]]> : tensor<2x1xf32>
  %0 = tenon.matmul %x, %w : (tensor<4x2xf32>, tensor<2x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

// What a branch yields is f32; within it, everything is as outside.
// CHECK-LABEL: func.func @branch(
// FP16-LABEL: func.func @branch(
// CHECK: %[[OUTSIDE:.*]] = tenon.cast %{{.*}} {to = bf16}
// CHECK: tenon.if
// CHECK: %[[SUM:.*]] = tenon.matmul %[[OUTSIDE]], %[[OUTSIDE]] {wide}
// CHECK-NEXT: %[[RELU:.*]] = tenon.relu %[[SUM]]
// CHECK-NEXT: %[[HALF:.*]] = tenon.cast %[[RELU]] {to = bf16}
// CHECK-NEXT: %[[Y:.*]] = tenon.matmul %[[HALF]], %[[OUTSIDE]] {wide}
// CHECK-NEXT: tenon.yield %[[Y]] : tensor<4x4xf32>
func.func @branch(%x: tensor<4x4xf32>, %c: tensor<i1>) -> tensor<4x4xf32> {
  %0 = tenon.if %c : tensor<i1> -> tensor<4x4xf32> {
    %1 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %2 = tenon.relu %1 : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %3 = tenon.matmul %2, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    tenon.yield %3 : tensor<4x4xf32>
  } else {
    tenon.yield %x : tensor<4x4xf32>
  }
  return %0 : tensor<4x4xf32>
}

// -----

// A constant beyond the range of f16 does not become infinite, whether it is a
// factor or joined with what was computed.
// FP16-LABEL: func.func @moved_large(
// FP16: tenon.concat {{.*}} -> tensor<4x24xf32>
// FP16: tenon.matmul {{.*}} : (tensor<4x24xf32>, tensor<24x2xf32>)
func.func @moved_large(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
  %w = tenon.constant dense<0.5> : tensor<8x16xf32>
  %c = tenon.constant dense<1.0e5> : tensor<4x8xf32>
  %s = tenon.constant dense<2.0e5> : tensor<2x24xf32>
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = tenon.concat %0, %c {axis = 1 : i64} : (tensor<4x16xf32>, tensor<4x8xf32>) -> tensor<4x24xf32>
  %t = tenon.transpose %s {permutation = array<i64: 1, 0>} : (tensor<2x24xf32>) -> tensor<24x2xf32>
  %2 = tenon.matmul %1, %t : (tensor<4x24xf32>, tensor<24x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}
