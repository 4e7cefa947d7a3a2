// RUN: tenon-opt %s --tenon-plan-buffers --tenon-make-plan --split-input-file -verify-diagnostics | FileCheck %s

// Sizes and nothing else. Bytes are counted with a check for each factor.

// CHECK-LABEL: func.func @plan(
// CHECK-SAME: %[[X:.*]]: memref<?xf32>, %[[BYTES:.*]]: memref<?xi64>, %[[DIMS:.*]]: memref<?xi64>, %{{.*}}: memref<?xi64>)
// CHECK-NOT: tenon_rt
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[SIZE:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: %[[NEGATIVE:.*]] = arith.cmpi slt, %[[SIZE]]
// CHECK: %[[LOW:.*]], %[[HIGH:.*]] = arith.mulsi_extended %{{.*}}, %[[SIZE]] : i64
// CHECK: arith.cmpi slt, %[[LOW]]
// CHECK: arith.cmpi ne, %[[HIGH]]
// CHECK: %[[WRONG:.*]] = arith.ori
// CHECK: %[[COUNT:.*]] = arith.select %[[WRONG]], %{{.*}}, %[[LOW]] : i64
// CHECK: memref.store %[[COUNT]], %[[BYTES]]
// CHECK: memref.store %{{.*}}, %[[DIMS]]
// CHECK-NOT: memref.store
// CHECK: return

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<?xf32>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%d) : memref<?xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.launch @k(%a) outs(%out) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%d]
  return
}

// -----

// What library kernels are called with: an input, a constant size, and memory of
// a result; -1 where a conditional decides whether the call is made.

// CHECK-LABEL: func.func @plan(
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %{{.*}}: memref<i1>, %{{.*}}, %{{.*}}, %[[CALLS:.*]]: memref<?xi64>)
// CHECK: %[[N:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK: memref.store %[[N]], %[[CALLS]][%c0
// CHECK-COUNT-3: memref.store %{{.*}}, %[[CALLS]]
// CHECK-COUNT-4: arith.constant -1 : index
// CHECK: memref.store %{{.*}}, %[[CALLS]]
// CHECK-LABEL: func.func @main(

func.func @main(%x: memref<?x4xf32>, %c: memref<i1>, %out: memref<?x4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %d = memref.dim %x, %c0 : memref<?x4xf32>
  tenon_rt.library "onednn"(%x) outs(%out) {constants = array<i64>, descriptor = array<i64: 1>} : (memref<?x4xf32>) outs(memref<?x4xf32>)
  %condition = memref.load %c[] : memref<i1>
  scf.if %condition {
    tenon_rt.library "onednn"(%x) outs(%out) {constants = array<i64>, descriptor = array<i64: 1>} : (memref<?x4xf32>) outs(memref<?x4xf32>)
  }
  tenon_rt.result_shape 0[%d, %c4]
  return
}

// -----

// Sizes that only a run can tell are no business of the plan; a result says so.

// CHECK-LABEL: func.func @plan(
// CHECK: %[[COMPUTED:.*]] = arith.constant -9223372036854775808 : index
// CHECK: %[[NUMBER:.*]] = arith.index_cast %[[COMPUTED]]
// CHECK: memref.store %[[NUMBER]]
// CHECK-LABEL: func.func @main(
// CHECK: tenon_rt.allocate 0[%{{.*}}] : memref<?xf32>
// CHECK: tenon_rt.output 0[
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<1xindex>, %out: memref<?xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  %a = memref.alloc(%n) : memref<?xf32>
  %y = tenon_rt.output 0[%n] : memref<?xf32>
  tenon_rt.launch @k(%a) outs(%y) : (memref<?xf32>) outs(memref<?xf32>)
  tenon_rt.result_shape 0[%n]
  return
}

// -----

// More bytes than there are.

func.func private @k(%x: memref<4xf32>, %y: memref<2305843009213693952xf32>, %begin: index, %end: index) -> i64
func.func @main(%x: memref<4xf32>, %frame: !llvm.ptr)
    attributes {tenon_rt.num_inputs = 1 : i64} {
  // expected-error @+1 {{an intermediate result is too large}}
  %a = memref.alloc() : memref<2305843009213693952xf32>
  tenon_rt.launch @k(%x) outs(%a) : (memref<4xf32>) outs(memref<2305843009213693952xf32>)
  return
}
