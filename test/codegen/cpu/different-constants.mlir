// RUN: tenon-opt %s --tenon-lower-kernels --mlir-elide-elementsattrs-if-larger=1 | FileCheck %s
// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

// Kernels that differ in a constant only, and one that is equal to the first, however little of them is printed.

// CHECK-LABEL: func.func @main(
// CHECK: tenon_rt.launch @[[FIRST:[a-z0-9_]+]](
// CHECK: tenon_rt.launch @[[SECOND:[a-z0-9_]+]](
// CHECK: tenon_rt.launch @[[FIRST]](
// CHECK-DAG: func.func private @[[FIRST]](
// CHECK-DAG: func.func private @[[SECOND]](
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a = tenon.kernel (%i = %x) {provider = "codegen"} : (tensor<2xf32>) -> tensor<2xf32> {
    %c = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %r = tenon.add %i, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    tenon.yield %r : tensor<2xf32>
  }
  %b = tenon.kernel (%i = %a) {provider = "codegen"} : (tensor<2xf32>) -> tensor<2xf32> {
    %c = tenon.constant dense<[3.0, 4.0]> : tensor<2xf32>
    %r = tenon.add %i, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    tenon.yield %r : tensor<2xf32>
  }
  %d = tenon.kernel (%i = %b) {provider = "codegen"} : (tensor<2xf32>) -> tensor<2xf32> {
    %c = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %r = tenon.add %i, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    tenon.yield %r : tensor<2xf32>
  }
  return %a, %b, %d : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}
