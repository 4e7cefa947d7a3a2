// RUN: tenon-opt %s --tenon-write-in-place --split-input-file | FileCheck %s

// A chain of kernels in one buffer. Which input it is, the function tells; the
// last result of all is the caller's.

// CHECK: func.func private @add(memref<?x4xf32> {llvm.noalias}, memref<?x4xf32>, memref<?x4xf32>, index
func.func private @add(%x: memref<?x4xf32> {llvm.noalias}, %y: memref<?x4xf32> {llvm.noalias}, %z: memref<?x4xf32> {llvm.noalias}, %begin: index, %end: index) -> i64
    attributes {tenon.overwritable = array<i64: 0, 1>}
// CHECK: func.func private @relu(memref<4x?xf32>, memref<4x?xf32>, index
func.func private @relu(%x: memref<4x?xf32> {llvm.noalias}, %y: memref<4x?xf32> {llvm.noalias}, %begin: index, %end: index) -> i64
    attributes {tenon.overwritable = array<i64: 0, 0>}
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x4xf32>, %[[OUT:[^:]*]]: memref<4x?xf32>
func.func @main(%x: memref<?x4xf32>, %out: memref<4x?xf32>, %frame: !llvm.ptr) {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?x4xf32>
  // CHECK: %[[A:.*]] = memref.alloc(
  // CHECK-NEXT: %[[B:.*]] = tenon_rt.view %[[A]][
  // CHECK-NEXT: tenon_rt.launch @add(%[[X]], %[[A]]) outs(%[[B]])
  // CHECK-NEXT: %[[V:.*]] = tenon_rt.view %[[B]][
  // CHECK-NEXT: %[[C:.*]] = tenon_rt.view %[[A]][
  // CHECK-NEXT: tenon_rt.launch @relu(%[[V]]) outs(%[[C]])
  // CHECK-NEXT: tenon_rt.launch @relu(%[[C]]) outs(%[[OUT]])
  %a = memref.alloc(%d) : memref<?x4xf32>
  %b = memref.alloc(%d) : memref<?x4xf32>
  tenon_rt.launch @add(%x, %a) outs(%b) : (memref<?x4xf32>, memref<?x4xf32>) outs(memref<?x4xf32>)
  %v = tenon_rt.view %b[%d] : memref<?x4xf32> -> memref<4x?xf32>
  %c = memref.alloc(%d) : memref<4x?xf32>
  tenon_rt.launch @relu(%v) outs(%c) : (memref<4x?xf32>) outs(memref<4x?xf32>)
  tenon_rt.launch @relu(%c) outs(%out) : (memref<4x?xf32>) outs(memref<4x?xf32>)
  return
}

// -----

// Two results, one operand for either: the first gets it.

// CHECK-LABEL: func.func @main(
func.func private @split(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>, %begin: index, %end: index) -> i64
    attributes {tenon.overwritable = array<i64: 0, 0, 1, 0>}
func.func @main(%frame: !llvm.ptr) {
  // CHECK: %[[A:.*]] = memref.alloc()
  // CHECK: %[[B:.*]] = tenon_rt.view %[[A]]
  // CHECK: %[[C:.*]] = memref.alloc()
  // CHECK: tenon_rt.launch @split(%[[A]]) outs(%[[B]], %[[C]])
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %c = memref.alloc() : memref<4xf32>
  tenon_rt.launch @split(%a) outs(%b, %c) : (memref<4xf32>) outs(memref<4xf32>, memref<4xf32>)
  return
}

// -----

// None of these: an input of the model, a weight, what is read later, or here
// by another name, what a choice may be, what a loop reads again, and memory of
// the device. Nor where the function allows nothing.

tenon_rt.weight @w at 0 = dense<1.0> : tensor<4xf32>
// CHECK: func.func private @relu(memref<4xf32> {llvm.noalias}, memref<4xf32> {llvm.noalias}, index
func.func private @relu(%x: memref<4xf32> {llvm.noalias}, %y: memref<4xf32> {llvm.noalias}, %begin: index, %end: index) -> i64
    attributes {tenon.overwritable = array<i64: 0, 0>}
func.func private @add(%x: memref<4xf32>, %y: memref<2x2xf32>, %z: memref<4xf32>, %begin: index, %end: index) -> i64
    attributes {tenon.overwritable = array<i64: 0, 0>}
func.func private @reverse(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64
// CHECK-LABEL: func.func @main(
func.func @main(%x: memref<4xf32>, %condition: i1, %out: memref<4xf32>, %frame: !llvm.ptr) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  // CHECK-COUNT-9: memref.alloc()
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %c = memref.alloc() : memref<4xf32>
  %d = memref.alloc() : memref<4xf32>
  %e = memref.alloc() : memref<4xf32>
  %f = memref.alloc() : memref<4xf32>
  %g = memref.alloc() : memref<4xf32>
  %h = memref.alloc() : memref<4xf32>
  %i = memref.alloc() : memref<4xf32>
  %w = tenon_rt.get_weight @w : memref<4xf32>
  tenon_rt.launch @relu(%x) outs(%a) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @relu(%w) outs(%b) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @relu(%a) outs(%c) : (memref<4xf32>) outs(memref<4xf32>)
  %va = tenon_rt.view %a[] : memref<4xf32> -> memref<2x2xf32>
  // CHECK: tenon_rt.launch @add
  tenon_rt.launch @add(%a, %va) outs(%d) : (memref<4xf32>, memref<2x2xf32>) outs(memref<4xf32>)
  %chosen = arith.select %condition, %b, %c : memref<4xf32>
  tenon_rt.launch @relu(%b) outs(%e) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @relu(%chosen) outs(%out) : (memref<4xf32>) outs(memref<4xf32>)
  scf.for %n = %c0 to %c9 step %c1 {
    // CHECK: %[[INSIDE:.*]] = memref.alloc()
    // CHECK: tenon_rt.launch @relu(%{{.*}}) outs(%[[INSIDE]])
    %inside = memref.alloc() : memref<4xf32>
    tenon_rt.launch @relu(%d) outs(%inside) : (memref<4xf32>) outs(memref<4xf32>)
    tenon_rt.launch @relu(%inside) outs(%out) : (memref<4xf32>) outs(memref<4xf32>)
  }
  tenon_rt.launch @reverse(%e) outs(%f) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @relu(%g) outs(%h) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.launch @reverse(%f) outs(%i) : (memref<4xf32>) outs(memref<4xf32>)
  // CHECK-NOT: tenon_rt.view
  // CHECK: return
  return
}
