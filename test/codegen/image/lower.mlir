// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=image},tenon-lower-kernels)' | FileCheck %s
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=codegen})' 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers)' -o /dev/null

// OTHER-DAG: of tenon.image_size has no provider that runs it: 'codegen' can't because
// OTHER-DAG: of tenon.decode_image has no provider that runs it: 'codegen' can't because

// Version 1, kind 1, and of the second kind 2 and the format.
// CHECK-LABEL: func.func @decode(
// CHECK-SAME: %[[DATA:.*]]: tensor<?xui8>
// CHECK-DAG: %[[ROOM:.*]] = tensor.empty() : tensor<2xi64>
// CHECK: %[[SIZE:.*]] = tenon_rt.library "image"(%[[DATA]]) outs(%[[ROOM]])
// CHECK-SAME: constants = array<i64>, descriptor = array<i64: 1, 1, 0>
// CHECK-DAG: %[[HEIGHT:.*]] = arith.index_cast
// CHECK-DAG: %[[WIDTH:.*]] = arith.index_cast
// CHECK: %[[PIXELS:.*]] = tensor.empty(%[[HEIGHT]], %[[WIDTH]]) : tensor<?x?x3xui8>
// CHECK: tenon_rt.library "image"(%[[DATA]]) outs(%[[PIXELS]])
// CHECK-SAME: descriptor = array<i64: 1, 2, 1>
func.func @decode(%data: tensor<?xui8>) -> tensor<?x?x3xui8> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %size = tenon.kernel (%a = %data) : (tensor<?xui8>) -> tensor<2xi64> {
    %s = tenon.image_size %a : (tensor<?xui8>) -> tensor<2xi64>
    tenon.yield %s : tensor<2xi64>
  }
  %h64 = tensor.extract %size[%c0] : tensor<2xi64>
  %h = arith.index_cast %h64 : i64 to index
  %w64 = tensor.extract %size[%c1] : tensor<2xi64>
  %w = arith.index_cast %w64 : i64 to index
  %pixels = tenon.kernel (%a = %data, %b = %size) dims(%h, %w) : (tensor<?xui8>, tensor<2xi64>) -> tensor<?x?x3xui8> {
    %p = tenon.decode_image %a, %b {format = #tenon.pixel_format<bgr>} : (tensor<?xui8>, tensor<2xi64>) -> tensor<?x?x3xui8>
    tenon.yield %p : tensor<?x?x3xui8>
  }
  return %pixels : tensor<?x?x3xui8>
}
