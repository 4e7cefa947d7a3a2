// RUN: tenon-opt %s --split-input-file --tenon-lower-runtime-calls | FileCheck %s

// A model can be replayed if the processor only passes work to the device. The
// copies of its inputs and outputs are stable (the 1 behind the space).

// CHECK-LABEL: func.func private @main(
// CHECK: %[[DEVICE:.*]] = arith.constant 1 : i32
// CHECK: %[[STABLE:.*]] = arith.constant 1 : i32
// CHECK: llvm.getelementptr %{{.*}}[8]
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[DEVICE]], %[[STABLE]], %{{.*}})
// CHECK: %[[HOST:.*]] = arith.constant 0 : i32
// CHECK: %[[STABLE:.*]] = arith.constant 1 : i32
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[HOST]], %[[STABLE]], %{{.*}})
// CHECK-LABEL: func.func @run(
// CHECK-SAME: tenon_rt.replayable

module {
func.func private @k0(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "cuda"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<?xf32>, %y: memref<?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = memref.dim %y, %c0 : memref<?xf32>
  return %n : index
}
func.func @main(%x: memref<?xf32>, %y: memref<?xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 1, 0>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 0 : i64} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = tenon_rt.buffer 0[%n] on_device : memref<?xf32>
  %b = tenon_rt.buffer 1[%n] on_device : memref<?xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<?xf32> outs(memref<?xf32>)
  tenon_rt.launch @k0(%a) outs(%b) on_device : (memref<?xf32>) outs(memref<?xf32>)
  %v = tenon_rt.view %y[%n] : memref<?xf32> -> memref<?xf32>
  tenon_rt.transfer %b outs(%v) : memref<?xf32> outs(memref<?xf32>)
  return
}
func.func @plan(%x: memref<?xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

// Here a kernel of the processor reads the output, and what it makes goes back
// to the device: neither copy is stable.

// CHECK-LABEL: func.func private @main(
// CHECK: %[[HOST:.*]] = arith.constant 0 : i32
// CHECK: %[[WAITS:.*]] = arith.constant 0 : i32
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[HOST]], %[[WAITS]], %{{.*}})
// CHECK: %[[DEVICE:.*]] = arith.constant 1 : i32
// CHECK: %[[WAITS:.*]] = arith.constant 0 : i32
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[DEVICE]], %[[WAITS]], %{{.*}})
// CHECK-LABEL: func.func @run(
// CHECK-NOT: tenon_rt.replayable

module {
func.func private @k0(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "codegen"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<4xf32>, %y: memref<4xf32>) -> index {
  %c4 = arith.constant 4 : index
  return %c4 : index
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 0, 0>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 0 : i64} {
  %a = tenon_rt.buffer 0[] on_device : memref<4xf32>
  %b = tenon_rt.buffer 1[] : memref<4xf32>
  tenon_rt.transfer %a outs(%y) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k0(%y) outs(%b) : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %b to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  return
}
func.func @plan(%x: memref<4xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

// A number in the processor's memory may decide what is done.

// CHECK-LABEL: func.func @run(
// CHECK-NOT: tenon_rt.replayable

module {
func.func private @k0(%x: memref<4xf32>, %y: memref<4xf32>, %s: index, %begin: index, %end: index) -> i64 attributes {tenon.provider = "cuda"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<4xf32>, %y: memref<4xf32>, %s: index) -> index {
  return %s : index
}
func.func @main(%x: memref<4xf32>, %k: memref<index>, %y: memref<4xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 1, 0>, tenon_rt.num_inputs = 2 : i64, tenon_rt.num_slots = 0 : i64} {
  %s = memref.load %k[] : memref<index>
  %a = tenon_rt.buffer 0[] on_device : memref<4xf32>
  %b = tenon_rt.buffer 1[] on_device : memref<4xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k0(%a) outs(%b) scalars(%s) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %b outs(%y) : memref<4xf32> outs(memref<4xf32>)
  return
}
func.func @plan(%x: memref<4xf32>, %k: memref<index>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

// A copy within the device's memory is work for it.

// CHECK-LABEL: func.func @run(
// CHECK-SAME: tenon_rt.replayable

module {
func.func private @k0(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "cuda"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<4xf32>, %y: memref<4xf32>) -> index {
  %c4 = arith.constant 4 : index
  return %c4 : index
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 1, 0, 3, 5, 1, 0>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 0 : i64} {
  %a = tenon_rt.buffer 0[] on_device : memref<4xf32>
  %b = tenon_rt.buffer 1[] on_device : memref<4xf32>
  %c = tenon_rt.buffer 2[] on_device : memref<4xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k0(%a) outs(%b) on_device : (memref<4xf32>) outs(memref<4xf32>)
  memref.copy %b, %c : memref<4xf32> to memref<4xf32>
  tenon_rt.transfer %c outs(%y) : memref<4xf32> outs(memref<4xf32>)
  return
}
func.func @plan(%x: memref<4xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

// An output that is an input as it stands is copied by the processor.

// CHECK-LABEL: func.func @run(
// CHECK-NOT: tenon_rt.replayable

module {
func.func private @k0(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "cuda"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<4xf32>, %y: memref<4xf32>) -> index {
  %c4 = arith.constant 4 : index
  return %c4 : index
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %same: memref<4xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 1, 0>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 0 : i64} {
  %a = tenon_rt.buffer 0[] on_device : memref<4xf32>
  %b = tenon_rt.buffer 1[] on_device : memref<4xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  tenon_rt.launch @k0(%a) outs(%b) on_device : (memref<4xf32>) outs(memref<4xf32>)
  tenon_rt.transfer %b outs(%y) : memref<4xf32> outs(memref<4xf32>)
  memref.copy %x, %same : memref<4xf32> to memref<4xf32>
  return
}
func.func @plan(%x: memref<4xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

// A loop is run by the processor, whatever is in it.

// CHECK-LABEL: func.func @run(
// CHECK-NOT: tenon_rt.replayable

module {
func.func private @k0(%x: memref<4xf32>, %y: memref<4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "cuda"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0.units(%x: memref<4xf32>, %y: memref<4xf32>) -> index {
  %c4 = arith.constant 4 : index
  return %c4 : index
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 1, 3, 1, 0, 2, 4, 1, 0>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 0 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %a = tenon_rt.buffer 0[] on_device : memref<4xf32>
  %b = tenon_rt.buffer 1[] on_device : memref<4xf32>
  tenon_rt.transfer %x to_device outs(%a) : memref<4xf32> outs(memref<4xf32>)
  scf.for %i = %c0 to %c4 step %c1 {
    tenon_rt.launch @k0(%a) outs(%b) on_device : (memref<4xf32>) outs(memref<4xf32>)
  }
  tenon_rt.transfer %b outs(%y) : memref<4xf32> outs(memref<4xf32>)
  return
}
func.func @plan(%x: memref<4xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}
