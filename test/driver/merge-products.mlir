// Heads of one product are what they are of three: a bias of columns, none, and
// one number. What the second and third multiply is no longer the same tensor
// in the twin.

// RUN: rm -rf %t && mkdir %t
// RUN: sed 's/matmul %x, %wk/matmul %xk, %wk/; s/matmul %x, %wv/matmul %xv, %wv/' %s > %t/three.mlir
// RUN: tenon-compile --quiet %s --compile-to=fuse -o - | FileCheck %s --check-prefix=ONE
// RUN: tenon-compile --quiet %t/three.mlir --compile-to=fuse -o - | FileCheck %s --check-prefix=THREE
// RUN: tenon-compile --quiet %t/three.mlir -o %t/three.so
// RUN: tenon-compile --quiet %s -o %t/one.so
// RUN: tenon-compile --quiet %s --provider=codegen -o %t/generated.so
// RUN: tenon-run %t/one.so --random --dim n=2 --dim s=5 --compare-with %t/three.so --tolerance 1e-6
// RUN: tenon-run %t/generated.so --random --dim n=1 --dim s=70 --compare-with %t/three.so --tolerance 1e-6

// ONE: tenon.matmul
// ONE-NOT: tenon.matmul
// THREE-COUNT-3: tenon.matmul

func.func @main(%x: tensor<?x?x2xf32> {tenon.name = "x", tenon.dims = ["n", "s", ""]}) -> (tensor<?x4x?x1xf32> {tenon.name = "q", tenon.dims = ["n", "", "s", ""]}, tensor<?x2x?x1xf32> {tenon.name = "k", tenon.dims = ["n", "", "s", ""]}, tensor<?x2x?x1xf32> {tenon.name = "v", tenon.dims = ["n", "", "s", ""]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1 : i64
  %two = arith.constant 2 : i64
  %four = arith.constant 4 : i64
  %dim0 = tensor.dim %x, %c0 : tensor<?x?x2xf32>
  %dim1 = tensor.dim %x, %c1 : tensor<?x?x2xf32>
  %n = arith.index_cast %dim0 : index to i64
  %s = arith.index_cast %dim1 : index to i64
  %heads4 = tensor.from_elements %n, %s, %four, %one : tensor<4xi64>
  %heads2 = tensor.from_elements %n, %s, %two, %one : tensor<4xi64>
  %xk = tenon.clip %x {max = 1000.0 : f64, min = -1000.0 : f64} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %xv = tenon.clip %x {max = 2000.0 : f64, min = -2000.0 : f64} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %wq = tenon.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, -6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %wk = tenon.constant dense<[[9.0, 10.0], [-11.0, 12.0]]> : tensor<2x2xf32>
  %wv = tenon.constant dense<[[0.5, 0.25], [0.125, -0.5]]> : tensor<2x2xf32>
  %bq = tenon.constant dense<[[[1.0, 2.0, 3.0, 4.0]]]> : tensor<1x1x4xf32>
  %bv = tenon.constant dense<0.75> : tensor<f32>
  %0 = tenon.matmul %x, %wq : (tensor<?x?x2xf32>, tensor<2x4xf32>) -> tensor<?x?x4xf32>
  %1 = tenon.add %bq, %0 : (tensor<1x1x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %2 = tenon.reshape %1, %heads4 : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x4x1xf32>
  %q = tenon.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x1xf32>) -> tensor<?x4x?x1xf32>
  %3 = tenon.matmul %x, %wk : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  %4 = tenon.reshape %3, %heads2 : (tensor<?x?x2xf32>, tensor<4xi64>) -> tensor<?x?x2x1xf32>
  %k = tenon.transpose %4 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x1xf32>) -> tensor<?x2x?x1xf32>
  %5 = tenon.matmul %x, %wv : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  %6 = tenon.add %5, %bv : (tensor<?x?x2xf32>, tensor<f32>) -> tensor<?x?x2xf32>
  %7 = tenon.reshape %6, %heads2 : (tensor<?x?x2xf32>, tensor<4xi64>) -> tensor<?x?x2x1xf32>
  %v = tenon.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x1xf32>) -> tensor<?x2x?x1xf32>
  return %q, %k, %v : tensor<?x4x?x1xf32>, tensor<?x2x?x1xf32>, tensor<?x2x?x1xf32>
}
