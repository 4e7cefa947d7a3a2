// RUN: tenon-opt %s --tenon-plan-buffers --split-input-file | FileCheck %s

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func private @column(%x: memref<?x1xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64

// Each buffer is read last where the next one is written: they overlap there.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: {{[0-9]+}}, [[SECOND:[0-9]+]], 0, 0, [[SECOND]], [[THIRD:[0-9]+]], 0, 0, [[THIRD]], {{[0-9]+}}, 0, 0>
func.func @main(%x: memref<?xf32>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  // CHECK: %[[D:.*]] = memref.dim
  %d = memref.dim %x, %c0 : memref<?xf32>
  // CHECK: %[[A:.*]] = tenon_rt.buffer 0[%[[D]]] : memref<?xf32>
  // CHECK: tenon_rt.buffer 1[%[[D]]] : memref<?xf32>
  // CHECK: %[[C:.*]] = tenon_rt.buffer 2[%[[D]]] : memref<?xf32>
  // CHECK-NOT: memref.alloc
  %a = memref.alloc(%d) : memref<?xf32>
  %b = memref.alloc(%d) : memref<?xf32>
  %c = memref.alloc(%d) : memref<?xf32>
  %unused = memref.alloc(%d) : memref<?xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<?xf32>) outs(memref<?xf32>)
  // CHECK: tenon_rt.view %[[A]]
  %va = tenon_rt.view %a[%d] : memref<?xf32> -> memref<?x1xf32>
  tenon_rt.launch @column(%va) outs(%b) : (memref<?x1xf32>) outs(memref<?xf32>)
  tenon_rt.launch @k(%b) outs(%c) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.launch @k(%c) outs(%out) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%d]
  // A copy onto itself goes, another one stays.
  // CHECK-NOT: memref.copy
  // CHECK: memref.copy %[[C]]
  %vout = tenon_rt.view %out[%d] : memref<?xf32> -> memref<?xf32>
  memref.copy %vout, %out : memref<?xf32> to memref<?xf32>
  memref.copy %c, %out : memref<?xf32> to memref<?xf32>
  return
}

// -----

// Sizes that are data: the second and the third are not in use at once, so that
// they share a slot.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64>
// CHECK-SAME: tenon_rt.num_slots = 2
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<1xindex>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  // CHECK: %[[N:.*]] = memref.load
  %n = memref.load %x[%c0] : memref<1xindex>
  // CHECK: tenon_rt.allocate 0[%[[N]]] : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  // CHECK: tenon_rt.allocate 1[%[[N]]] : memref<?xf32>
  %b = memref.alloc(%n) : memref<?xf32>
  tenon_rt.launch @k(%a) outs(%b) : (memref<?xf32>) outs(memref<?xf32>)
  // CHECK: tenon_rt.allocate 0[%[[N]]] : memref<?xf32>
  %c = memref.alloc(%n) : memref<?xf32>
  tenon_rt.launch @k(%b) outs(%c) : (memref<?xf32>) outs(memref<?xf32>)
  %y = tenon_rt.output 0[%n] : memref<?xf32>
  tenon_rt.launch @k(%c) outs(%y) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%n]
  return
}

// -----

// What a loop reads of around it is in use as long as the loop runs: the
// buffers in it have other places.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: [[FIRST:[0-9]+]], [[LAST:[0-9]+]], 0, 0, {{[0-9]+}}, [[LAST_INSIDE:[0-9]+]], 0, 0>
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<4xf32>, %out: memref<4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  // CHECK: tenon_rt.buffer 0
  %a = memref.alloc() : memref<4xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<4xf32>) outs(memref<4xf32>)
  scf.for %i = %c0 to %c9 step %c1 {
    // CHECK: tenon_rt.buffer 1
    %b = memref.alloc() : memref<4xf32>
    tenon_rt.launch @k(%a) outs(%b) : (memref<4xf32>) outs(memref<4xf32>)
    tenon_rt.launch @k(%b) outs(%out) : (memref<4xf32>) outs(memref<4xf32>)
  }
  return
}

// -----

// Memory that a choice may give is in use as long as what was chosen: it does
// not overlap with what is written in between.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: {{[0-9]+}}, [[LAST:[0-9]+]], 0, 0, {{[0-9]+}}, [[LAST]], 0, 0>
func.func private @k(%x: memref<8xf32>, %y: memref<8xf32>, %begin: index, %end: index) -> i64
func.func private @join(%x: memref<8xf32>, %y: memref<8xf32>, %z: memref<8xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<8xf32>, %c: memref<i1>, %out: memref<8xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 2 : i64} {
  %a = memref.alloc() : memref<8xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<8xf32>) outs(memref<8xf32>)
  %condition = memref.load %c[] : memref<i1>
  %chosen = arith.select %condition, %a, %x : memref<8xf32>
  %b = memref.alloc() : memref<8xf32>
  tenon_rt.launch @k(%x) outs(%b) : (memref<8xf32>) outs(memref<8xf32>)
  tenon_rt.launch @join(%chosen, %b) outs(%out) : (memref<8xf32>, memref<8xf32>) outs(memref<8xf32>)
  return
}

// -----

// What kernels of the device and copies to it access is in its memory, and a
// slot has one kind of memory only.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: 0, {{[0-9]+}}, 1, 1, {{[0-9]+}}, {{[0-9]+}}, 1, 0, {{[0-9]+}}, {{[0-9]+}}, 0, 0>
// CHECK-SAME: tenon_rt.num_slots = 2
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<?xf32>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?xf32>
  // CHECK: tenon_rt.buffer 0[{{.*}}] on_device
  %a = memref.alloc(%d) : memref<?xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<?xf32> outs(memref<?xf32>)
  // CHECK: tenon_rt.buffer 1[{{.*}}] on_device
  %b = memref.alloc(%d) : memref<?xf32>
  tenon_rt.launch @k(%a) outs(%b) on_device : (memref<?xf32>) outs(memref<?xf32>)
  // CHECK: tenon_rt.buffer 2[{{.*}}] :
  %c = memref.alloc(%d) : memref<?xf32>
  tenon_rt.transfer %b outs(%c) : memref<?xf32> outs(memref<?xf32>)
  tenon_rt.launch @k(%c) outs(%out) : (memref<?xf32>) outs(memref<?xf32>)
  %n = memref.load %c[%c0] : memref<?xf32>
  %i = arith.fptosi %n : f32 to i64
  %s = arith.index_cast %i : i64 to index
  // CHECK: tenon_rt.allocate 0[{{.*}}] on_device
  %e = memref.alloc(%s) : memref<?xf32>
  tenon_rt.launch @k(%b) outs(%e) on_device : (memref<?xf32>) outs(memref<?xf32>)
  // CHECK: tenon_rt.allocate 1[{{.*}}] :
  %f = memref.alloc(%s) : memref<?xf32>
  tenon_rt.launch @k(%c) outs(%f) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%d]
  return
}

// -----

// What is only copied is where it is copied to or from, a branch's result where
// its branches are.

// CHECK-LABEL: func.func @main(
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%c: i1, %out: memref<4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  // CHECK: tenon_rt.buffer 0[] on_device
  // CHECK: tenon_rt.buffer 1[] on_device
  // CHECK: tenon_rt.buffer 2[] on_device
  // CHECK: tenon_rt.buffer 3[] on_device
  // CHECK: tenon_rt.buffer 4[] : memref
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %d = memref.alloc() : memref<4xf32>
  %f = memref.alloc() : memref<4xf32>
  %g = memref.alloc() : memref<4xf32>
  tenon_rt.launch @k(%d) outs(%a) on_device : (memref<4xf32>) outs(memref<4xf32>)
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  %r = scf.if %c -> memref<4xf32> {
    scf.yield %b : memref<4xf32>
  } else {
    scf.yield %a : memref<4xf32>
  }
  memref.copy %r, %f : memref<4xf32> to memref<4xf32>
  memref.copy %g, %out : memref<4xf32> to memref<4xf32>
  return
}

// -----

// A copy of an input (1) or of an output (-1, -2) that only kernels of the
// device use beside: it may be the caller's memory. That of an input is in use
// from the beginning.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: 0, {{[0-9]+}}, 1, 1, {{[0-9]+}}, {{[0-9]+}}, 1, -1, {{[0-9]+}}, {{[0-9]+}}, 1, -2>
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %c = memref.alloc() : memref<4xf32>
  %vx = tenon_rt.view %x[] : memref<4xf32> -> memref<2x2xf32>
  %va = tenon_rt.view %a[] : memref<4xf32> -> memref<2x2xf32>
  tenon_rt.transfer %vx to_device outs(%va) : memref<2x2xf32> outs(memref<2x2xf32>)
  tenon_rt.launch @k(%a) outs(%b) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %b outs(%y) : memref<4xf32> outs(memref<4xf32>)
  // Who reads what an output has does no harm to it.
  tenon_rt.launch @k(%b) outs(%c) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %c outs(%z) : memref<4xf32> outs(memref<4xf32>)
  return
}

// -----

// These may not: the first is written to, the second goes to two outputs, the
// third changes after it was copied. The input of the fourth is read on the
// processor too, that of the fifth is copied in a branch only.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: tenon_rt.buffers = array<i64: {{[0-9]+}}, {{[0-9]+}}, 1, 0, {{[0-9]+}}, {{[0-9]+}}, 1, 0, {{[0-9]+}}, {{[0-9]+}}, 1, 0, {{[0-9]+}}, {{[0-9]+}}, 1, 0, {{[0-9]+}}, {{[0-9]+}}, 1, 0>
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<4xf32>, %read: memref<4xf32>, %branch: memref<4xf32>, %condition: i1, %y: memref<4xf32>, %z: memref<4xf32>, %u: memref<4xf32>, %v: memref<4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 4 : i64} {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %c = memref.alloc() : memref<4xf32>
  %d = memref.alloc() : memref<4xf32>
  %e = memref.alloc() : memref<4xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k(%a) outs(%b) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @k(%b) outs(%a) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %b outs(%y) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.transfer %b outs(%z) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k(%a) outs(%c) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %c outs(%u) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k(%a) outs(%c) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %read to_device outs(%d) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k(%read) outs(%v) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @k(%d) outs(%c) on_device : (memref<4xf32>) outs(memref<4xf32>)
  scf.if %condition {
    tenon_rt.transfer %branch to_device outs(%e) : memref<4xf32> outs(memref<4xf32>)
    tenon_rt.launch @k(%e) outs(%c) on_device : (memref<4xf32>) outs(memref<4xf32>)
  }
  return
}
