// RUN: tenon-opt %s --tenon-lower-runtime-calls | FileCheck %s

// What a model asks of the runtime becomes loads from the frame of the run, and
// calls through the table that the frame holds.

// CHECK-DAG: llvm.mlir.global internal constant @[[ADD:text[0-9]+]]("Add_1\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[WHAT:text[0-9]+]]("dimension 0 of the operands\00")
// CHECK-DAG: llvm.mlir.global external constant @library_kernels() {{.*}} : !llvm.array<1 x ptr>
// CHECK-DAG: llvm.mlir.global external constant @kernels() {{.*}} : !llvm.array<1 x ptr>

// A kernel gets an entry of the ABI's signature, and its formula for the units
// goes; one that is not launched keeps to itself.
// CHECK-LABEL: func.func private @k0_relu.entry(
// CHECK-SAME: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) -> i64
// CHECK: call @k0_relu(
// CHECK-NOT: @k0_relu.units
// CHECK-NOT: @k1_unused.entry

// CHECK-LABEL: func.func private @main(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x4xf32>, %{{[^:]*}}: memref<?x4xf32>, %[[FRAME:[^:]*]]: !llvm.ptr)
// CHECK: %[[N:.*]] = memref.dim %[[X]]

// A weight: its offset from member 6 of the frame.
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[FRAME]][6]
// CHECK: %[[WEIGHTS:.*]] = llvm.load %[[AT]]
// CHECK: %[[C64:.*]] = llvm.mlir.constant(64 : i64)
// CHECK: llvm.getelementptr %[[WEIGHTS]][%[[C64]]]

// A buffer: its address from the table that is member 5.
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[FRAME]][5]
// CHECK: %[[BUFFERS:.*]] = llvm.load %[[AT]]
// CHECK: llvm.getelementptr %[[BUFFERS]][0]

// A launch: function 0 of the table, with the kernel, its arguments and units.
// CHECK: %[[KERNELS:.*]] = llvm.mlir.addressof @kernels
// CHECK: %[[KERNEL:.*]] = llvm.getelementptr %[[KERNELS]][0]
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[FRAME]][0]
// CHECK: %[[TABLE:.*]] = llvm.load %[[AT]]
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[FRAME]][1]
// CHECK: %[[SESSION:.*]] = llvm.load %[[AT]]
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[TABLE]][0]
// CHECK: %[[LAUNCH:.*]] = llvm.load %[[AT]]
// CHECK: llvm.call %[[LAUNCH]](%[[SESSION]], %[[KERNEL]],

// A guard calls function 3 where the sizes differ, and nothing where not.
// CHECK: %[[DIFFERS:.*]] = arith.cmpi ne, %[[N]], %{{.*}} : index
// CHECK: scf.if %[[DIFFERS]] {
// CHECK: %[[NODE:.*]] = llvm.mlir.addressof @[[ADD]]
// CHECK: %[[TEXT:.*]] = llvm.mlir.addressof @[[WHAT]]
// CHECK: llvm.getelementptr %{{.*}}[3]
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[NODE]], %[[TEXT]],
// CHECK: }

// Memory that grows: function 4, with slot, space, keep, element size and rank.
// CHECK: %[[SLOT:.*]] = arith.constant 0 : i32
// CHECK: %[[SPACE:.*]] = arith.constant 0 : i32
// CHECK: %[[KEEP:.*]] = arith.constant 1 : i32
// CHECK: %[[RANK:.*]] = arith.constant 2 : i32
// CHECK: llvm.getelementptr %{{.*}}[4]
// CHECK: %[[BLOCK:.*]] = llvm.call %{{.*}}(%{{.*}}, %[[SLOT]], %[[SPACE]], %[[KEEP]], %{{.*}}, %{{.*}}, %[[RANK]], %{{.*}}) : !llvm.ptr, {{.*}} -> !llvm.ptr
// CHECK: llvm.insertvalue %[[BLOCK]]

// A library: function 1.
// CHECK: llvm.mlir.addressof @library_kernels
// CHECK: llvm.getelementptr %{{.*}}[1]
// CHECK: llvm.call

// Status and copy: functions 7 and 6.
// CHECK: llvm.getelementptr %{{.*}}[7]
// CHECK: %[[STATUS:.*]] = llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr) -> i32
// CHECK: %[[FAILED:.*]] = arith.cmpi ne, %[[STATUS]]
// CHECK: scf.if %[[FAILED]] {
// CHECK-NOT: memref.copy
// CHECK: llvm.getelementptr %{{.*}}[6]
// CHECK: llvm.call
// CHECK: }

// An output whose size depends on data: function 5.
// CHECK: llvm.getelementptr %{{.*}}[5]
// CHECK: llvm.call {{.*}} -> !llvm.ptr
// CHECK-NOT: tenon_rt.{{[a-z_]+}} %

// What the tables will say of the model.
// CHECK-LABEL: func.func @run(
// CHECK-SAME: tenon_rt.buffers = array<i64: 6, 8, 0, 0, 0, 6, 1, 1, 6, 9, 1, -2>
// CHECK-SAME: tenon_rt.kernels = [{args = array<i64: 1, 1, 1, 2, -1, 4, 1, 2, -1, 4>, entry = "k0_relu.entry", name = "Relu_0", num_args = 2 : i64, num_dims = 2 : i64, provider = "winograd"}]
// CHECK-SAME: tenon_rt.library_kernels = [{args = array<i64: 2, 1, 1, 1, 4, 1, 1, 4, 1, 1, 4>, constants = array<i64: -1, 64, -1>, descriptor = array<i64: 7>, dims = 3 : i64, name = "MatMul_3", provider = "onednn"}]
// CHECK-SAME: tenon_rt.symbols = ["n"]
// CHECK-LABEL: func.func @plan.entry(

module {
tenon_rt.weight @w0 at 64 = dense<1.0> : tensor<4xf32>
func.func private @k0_relu(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %begin: index, %end: index) -> i64 attributes {tenon.provider = "winograd"} {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func private @k0_relu.units(%x: memref<?x4xf32>, %y: memref<?x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = memref.dim %y, %c0 : memref<?x4xf32>
  return %n : index
}
func.func private @k1_unused(%x: memref<4xf32>, %begin: index, %end: index) -> i64 {
  %ok = arith.constant 0 : i64
  return %ok : i64
}
func.func @main(%x: memref<?x4xf32> {tenon.name = "x", tenon.dims = ["n", ""]}, %y: memref<?x4xf32> {tenon.name = "y", tenon.dims = ["m", ""]}, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64: 6, 8, 0, 0, 0, 6, 1, 1, 6, 9, 1, -2>, tenon_rt.num_inputs = 1 : i64, tenon_rt.num_slots = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?x4xf32>
  %w = tenon_rt.get_weight @w0 : memref<4xf32>
  %b = tenon_rt.buffer 0[%n] : memref<?x4xf32> loc("Relu_0")
  tenon_rt.launch @k0_relu(%x) outs(%b) : (memref<?x4xf32>) outs(memref<?x4xf32>) loc("Relu_0")
  tenon_rt.require_equal %n, %c1, "dimension 0 of the operands" loc("Add_1")
  %a = tenon_rt.allocate 0[%n] keep : memref<?x4xf32> loc("Loop_2")
  %r = tenon_rt.row %a[%c1] : memref<?x4xf32> -> memref<4xf32>
  tenon_rt.library "onednn"(%r, %w) outs(%r) {constants = array<i64: 1>, descriptor = array<i64: 7>} : (memref<4xf32>, memref<4xf32>) outs(memref<4xf32>) loc("MatMul_3")
  %failed = tenon_rt.failed
  scf.if %failed {
    memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  }
  %o = tenon_rt.output 0[%n] : memref<?x4xf32> loc("NonZero_4")
  %v = tenon_rt.view %o[%n] : memref<?x4xf32> -> memref<?x4xf32>
  memref.copy %b, %v : memref<?x4xf32> to memref<?x4xf32>
  return
}
func.func @plan(%x: memref<?x4xf32>, %buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}
