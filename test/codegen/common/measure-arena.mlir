// RUN: tenon-opt %s --tenon-plan-buffers --tenon-make-plan --tenon-measure-arena --split-input-file | FileCheck %s

// Three buffers of 400 bytes in a chain: two are in use at once, of 448 bytes
// each.

// CHECK: module attributes {tenon_rt.arena = {bytes = 896 : i64, slots = 0 : i64}}
func.func private @k(%x: memref<100xf32>, %y: memref<100xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<100xf32>, %out: memref<100xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c100 = arith.constant 100 : index
  %a = memref.alloc() : memref<100xf32>
  %b = memref.alloc() : memref<100xf32>
  %c = memref.alloc() : memref<100xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.launch @k(%a) outs(%b) : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.launch @k(%b) outs(%c) : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.launch @k(%c) outs(%out) : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.result_shape 0[%c100]
  return
}

// -----

// With dynamic dimensions: the names of the model, and one for what is computed
// from them. What the second and the third buffer take is never more.

// CHECK: module attributes {tenon_rt.arena = {
// CHECK-SAME: definitions = ["d1 = (W + 1)/2"]
// CHECK-SAME: slots = 0 : i64
// CHECK-SAME: sums = ["16*(a + b)*W + 32*(a + b)*d1"]
func.func private @k(%x: memref<?x?x4xf32>, %y: memref<?x?x4xf32>, %begin: index, %end: index) -> i64
func.func private @h(%x: memref<?x?x4xf32>, %y: memref<?x?x8xf32>, %begin: index, %end: index) -> i64
func.func private @g(%x: memref<?x?x8xf32>, %y: memref<?x?x4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<?x?x4xf32> {tenon.dims = ["a + b", "W", ""]}, %out: memref<?x?x4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %n = memref.dim %x, %c0 : memref<?x?x4xf32>
  %w = memref.dim %x, %c1 : memref<?x?x4xf32>
  %more = arith.addi %w, %c1 : index
  %half = arith.divui %more, %c2 : index
  %a = memref.alloc(%n, %w) : memref<?x?x4xf32>
  %b = memref.alloc(%n, %half) : memref<?x?x8xf32>
  %c = memref.alloc(%n, %half) : memref<?x?x4xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<?x?x4xf32>) outs(memref<?x?x4xf32>)
  tenon_rt.launch @h(%a) outs(%b) : (memref<?x?x4xf32>) outs(memref<?x?x8xf32>)
  tenon_rt.launch @g(%b) outs(%c) : (memref<?x?x8xf32>) outs(memref<?x?x4xf32>)
  tenon_rt.launch @k(%c) outs(%out) : (memref<?x?x4xf32>) outs(memref<?x?x4xf32>)
  tenon_rt.result_shape 0[%n, %half, %c4]
  return
}

// -----

// One dimension has to be very much larger than the other before the second sum
// is the largest one. The third sum is never larger than the first.

// CHECK: module attributes {tenon_rt.arena = {
// CHECK-SAME: sums = ["2000000*m", "4*n"]
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func private @h(%x: memref<?xf32>, %y: memref<?x500000xf32>, %begin: index, %end: index) -> i64
func.func private @g(%x: memref<?xf32>, %y: memref<?x499999xf32>, %begin: index, %end: index) -> i64
func.func private @f(%x: memref<?x500000xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func private @e(%x: memref<?x499999xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<?xf32> {tenon.dims = ["n"]}, %y: memref<?xf32> {tenon.dims = ["m"]},
                %out0: memref<?xf32>, %out1: memref<?xf32>, %out2: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 2 : i64} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %m = memref.dim %y, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  %b = memref.alloc(%m) : memref<?x500000xf32>
  %c = memref.alloc(%m) : memref<?x499999xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.launch @k(%a) outs(%out0) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.launch @h(%y) outs(%b) : (memref<?xf32>) outs(memref<?x500000xf32>)
  tenon_rt.launch @f(%b) outs(%out1) : (memref<?x500000xf32>) outs(memref<?xf32>)
  tenon_rt.launch @g(%y) outs(%c) : (memref<?xf32>) outs(memref<?x499999xf32>)
  tenon_rt.launch @e(%c) outs(%out2) : (memref<?x499999xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%n]
  tenon_rt.result_shape 1[%m]
  tenon_rt.result_shape 2[%m]
  return
}

// -----

// What has a size that depends on data is not in the arena.

// CHECK: module attributes {tenon_rt.arena = {bytes = 0 : i64, slots = 1 : i64}}
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<1xindex>, %y: memref<?xf32>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 2 : i64} {
  %c0 = arith.constant 0 : index
  %d = memref.dim %y, %c0 : memref<?xf32>
  %n = memref.load %x[%c0] : memref<1xindex>
  %a = memref.alloc(%n) : memref<?xf32>
  tenon_rt.launch @k(%y) outs(%a) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.launch @k(%a) outs(%out) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%d]
  return
}

// -----

// The device has an arena of its own.

// CHECK: module attributes {tenon_rt.arena = {bytes = 448 : i64, slots = 0 : i64}, tenon_rt.device_arena = {bytes = 896 : i64}}
func.func private @k(%x: memref<100xf32>, %y: memref<100xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<100xf32>, %out: memref<100xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c100 = arith.constant 100 : index
  %a = memref.alloc() : memref<100xf32>
  %b = memref.alloc() : memref<100xf32>
  %c = memref.alloc() : memref<100xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<100xf32> outs(memref<100xf32>)
  tenon_rt.launch @k(%a) outs(%b) on_device : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.transfer %b outs(%c) : memref<100xf32> outs(memref<100xf32>)
  tenon_rt.launch @k(%c) outs(%out) : (memref<100xf32>) outs(memref<100xf32>)
  tenon_rt.result_shape 0[%c100]
  return
}

// -----

// Too large to count: the runtime refuses that, and nothing is told.

// CHECK: {{^}}module {
func.func private @k(%x: memref<4611686018427387904xi8>, %y: memref<4611686018427387904xi8>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<4611686018427387904xi8>, %out: memref<4611686018427387904xi8>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c = arith.constant 4611686018427387904 : index
  %a = memref.alloc() : memref<4611686018427387904xi8>
  %b = memref.alloc() : memref<4611686018427387904xi8>
  tenon_rt.launch @k(%x) outs(%a) : (memref<4611686018427387904xi8>) outs(memref<4611686018427387904xi8>)
  tenon_rt.launch @k(%a) outs(%b) : (memref<4611686018427387904xi8>) outs(memref<4611686018427387904xi8>)
  tenon_rt.launch @k(%b) outs(%out) : (memref<4611686018427387904xi8>) outs(memref<4611686018427387904xi8>)
  tenon_rt.result_shape 0[%c]
  return
}
