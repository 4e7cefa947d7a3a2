// RUN: tenon-opt --tenon-lower-runtime-calls --split-input-file --verify-diagnostics %s

// What stands in the device's memory is nothing that the host can read.
module {
tenon_rt.weight @w0 at 64 on_device at 0 = dense<1> : tensor<i64>
func.func @main(%y: memref<?xf32> {tenon.name = "y", tenon.dims = [""]}, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64>, tenon_rt.num_inputs = 0 : i64, tenon_rt.num_slots = 0 : i64} {
  %w = tenon_rt.get_weight @w0 on_device : memref<i64>
  // expected-error@+1 {{reads a number in the device's memory, expected a 'tenon_rt.transfer'}}
  %n = memref.load %w[] : memref<i64>
  %size = arith.index_cast %n : i64 to index
  %o = tenon_rt.output 0[%size] : memref<?xf32>
  return
}
func.func @plan(%buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

module {
tenon_rt.weight @w0 at 64 on_device at 0 = dense<1.0> : tensor<4xf32>
func.func @main(%y: memref<4xf32> {tenon.name = "y", tenon.dims = [""]}, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64>, tenon_rt.num_inputs = 0 : i64, tenon_rt.num_slots = 0 : i64} {
  %w = tenon_rt.get_weight @w0 on_device : memref<4xf32>
  // expected-error@+1 {{is a copy between two memories, expected a 'tenon_rt.transfer'}}
  memref.copy %w, %y : memref<4xf32> to memref<4xf32>
  return
}
func.func @plan(%buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}

// -----

module {
tenon_rt.weight @w0 at 64 = dense<1.0> : tensor<4xf32>
func.func @main(%y: memref<4xf32> {tenon.name = "y", tenon.dims = [""]}, %frame: !llvm.ptr) attributes {tenon_rt.buffers = array<i64>, tenon_rt.num_inputs = 0 : i64, tenon_rt.num_slots = 0 : i64} {
  // expected-error@+1 {{is of a weight that has no place in the device's memory}}
  %w = tenon_rt.get_weight @w0 on_device : memref<4xf32>
  tenon_rt.transfer %w outs(%y) : memref<4xf32> outs(memref<4xf32>)
  return
}
func.func @plan(%buffers: memref<?xi64>, %outputs: memref<?xi64>, %libraries: memref<?xi64>) {
  return
}
}
