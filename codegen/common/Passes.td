//===- Passes.td - From lowered kernels to the llvm dialect ---------------===//
//
// In the order in which they run; see Pipeline.cpp. A new pass goes where its
// input first exists.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_PASSES
#define TENON_CODEGEN_COMMON_PASSES

include "mlir/Pass/PassBase.td"

def ExposeKernels : Pass<"tenon-expose-kernels", "::mlir::ModuleOp"> {
  let summary = "Make results of the model of all results of kernels";
  let description = [{
    To see what each kernel computes when the model runs: `tenon-run --bisect`
    compares that between two compilations. Kernels, conditionals and loops of
    `@main` itself get numbers; what stands within a conditional or a loop is
    part of it. The new results stand behind those of the model and are named
    `kernel`, the number, the number of the result, the nodes that gave it and
    all nodes of the kernel, with `|` in between and `;` between nodes, such as
    `kernel|3|0|sum|sum;activation`. In the names of nodes `_` stands for these
    two characters and for what can't be printed. It runs at the begin of lower, when kernels are what they are: nothing about
    them changes, only their memory is kept.

    ```mlir
    %0 = tenon.kernel (%a = %x) : ...
    return %1 : tensor<4xf32>
    // becomes
    %0 = tenon.kernel (%a = %x) : ...
    return %1, %0 : tensor<4xf32>, tensor<4xf32>
    ```
  }];
  let statistics = [
    Statistic<"numExposed", "exposed", "results that the model gives in addition">
  ];
}

def InsertTransfers : Pass<"tenon-insert-transfers", "::mlir::ModuleOp"> {
  let summary = "Copy between the memories of the processor and the device";
  let description = [{
    What a launch `on_device` reads has to be in the device's memory, and what
    anything else reads, in the processor's. Each value is copied at most once,
    behind where it is made, or, where only one region of a conditional reads
    the copy, there; a view of it becomes a view of the copy. Constants that the
    device reads get a place in its memory in `tenon-lower-graph`, where their
    copies become nothing.
    A result of a conditional stays on the device if both regions make it there,
    and what a loop carries or joins, if each iteration makes it there; the
    loop's attribute `tenon_rt.result_spaces` says of which results that is so.

    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %y = tenon_rt.launch @relu(%x) outs(%e) on_device : ...
      return %y : tensor<4xf32>
    }
    // becomes
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %e0 = tensor.empty() : tensor<4xf32>
      %x0 = tenon_rt.transfer %x to_device outs(%e0) : ...
      %e = tensor.empty() : tensor<4xf32>
      %y = tenon_rt.launch @relu(%x0) outs(%e) on_device : ...
      %e1 = tensor.empty() : tensor<4xf32>
      %y0 = tenon_rt.transfer %y outs(%e1) : ...
      return %y0 : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect",
                           "::tenon::rt::RtDialect"];
  let statistics = [
    Statistic<"numToDevice", "to-device", "values copied to the device">,
    Statistic<"numToHost", "to-host", "values copied from the device">
  ];
}

def LowerGraph : Pass<"tenon-lower-graph", "::mlir::ModuleOp"> {
  let summary = "Turn what stands between kernels into upstream operations";
  let description = [{
    The kernels of `@main` are calls into the runtime by now. This pass turns
    the rest of `@main` into what one-shot bufferisation knows: constants become
    weights with an offset, reshapes views, `tenon.if` `scf.if`. Results become
    memref arguments, and a call whose output is a result writes it in place.
    Weights that are there already, those of another module of the same model,
    keep their places. Those that are read on the device get one there.

    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %y = tenon_rt.launch @relu(%x) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    // becomes
    func.func @main(%x: tensor<4xf32>, %out: memref<4xf32>, %frame: !llvm.ptr) {
      %e = bufferization.to_tensor %out restrict writable : memref<4xf32> to tensor<4xf32>
      %y = tenon_rt.launch @relu(%x) outs(%e) : (tensor<4xf32>) outs(tensor<4xf32>) -> tensor<4xf32>
      tenon_rt.result_shape 0 [%c4]
      bufferization.materialize_in_destination %y in restrict writable %out : ...
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
      "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
      "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
      "::tenon::rt::RtDialect"];
  let statistics = [
    Statistic<"numResultsInPlace", "results-in-place",
              "results that a kernel writes into the caller's buffer">,
    Statistic<"numWeightBytes", "weight-bytes", "bytes of constants">
  ];
}

def WriteInPlace : Pass<"tenon-write-in-place", "::mlir::ModuleOp"> {
  let summary = "Write results of kernels onto what they read last";
  let description = [{
    A generated kernel of the processor tells which of its inputs each output
    may overwrite (`tenon.overwritable` on its function): those that it reads
    only where it has not written yet. If nothing reads such an input later, and
    the kernel itself reads its memory through no other input, the output gets
    the same memory. Inputs and results of the model and weights are never
    overwritten, nor is what goes through a conditional or around a loop. The
    kernel's function no longer claims that the two don't overlap.

    ```mlir
    %x = memref.alloc() : memref<4xf32>
    %y = memref.alloc() : memref<4xf32>
    tenon_rt.launch @first() outs(%x) : () outs(memref<4xf32>)
    tenon_rt.launch @relu(%x) outs(%y) : (memref<4xf32>) outs(memref<4xf32>)
    tenon_rt.launch @last(%y) outs(%out) : (memref<4xf32>) outs(memref<4xf32>)
    // becomes
    %x = memref.alloc() : memref<4xf32>
    %y = tenon_rt.view %x[] : memref<4xf32> -> memref<4xf32>
    tenon_rt.launch @first() outs(%x) : () outs(memref<4xf32>)
    tenon_rt.launch @relu(%x) outs(%y) : (memref<4xf32>) outs(memref<4xf32>)
    tenon_rt.launch @last(%y) outs(%out) : (memref<4xf32>) outs(memref<4xf32>)
    ```
  }];
  let dependentDialects = ["::tenon::rt::RtDialect"];
  let statistics = [
    Statistic<"numInPlace", "in-place",
              "results that are written onto what was read">
  ];
}

def PlanBuffers : Pass<"tenon-plan-buffers", "::mlir::ModuleOp"> {
  let summary = "Number the buffers of main and tell when each is in use";
  let description = [{
    Every `memref.alloc` of `@main` whose size follows from the inputs'
    dimensions becomes a `tenon_rt.buffer`, and the attribute `tenon_rt.buffers`
    on `@main` gets its first and last step. The runtime gives buffers whose
    steps don't overlap the same memory. What only kernels of the device use
    beside the copy of an input to it, or of it to an output, is marked: it may
    be the caller's memory instead. The others, whose size depends on data,
    become a `tenon_rt.allocate`; those that are not in use at the same time
    share a slot. A copy of a buffer onto itself, which a result written in place
    leaves, goes away.
  }];
  let dependentDialects = ["::tenon::rt::RtDialect"];
  let statistics = [
    Statistic<"numBuffers", "buffers", "buffers planned">,
    Statistic<"numAllocated", "allocated",
              "buffers whose size depends on data">
  ];
}

def MakePlan : Pass<"tenon-make-plan", "::mlir::ModuleOp"> {
  let summary = "Make the function that computes sizes from bound shapes";
  let description = [{
    `@plan` is what is left of `@main` when only sizes matter: it stores the
    bytes of each buffer (-1 where they are negative or too many to count) and
    the dimensions of each result and of what library kernels are called with,
    given the inputs' dimensions. A dimension that depends on data is -1.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def MeasureArena : Pass<"tenon-measure-arena", "::mlir::ModuleOp"> {
  let summary = "Tell the size of the arena of buffers, or its formula";
  let description = [{
    Reads from `@plan` how many bytes each buffer takes, and leaves in the
    module's attribute `tenon_rt.arena` what `tenon-compile --memory` prints.
    Without dynamic dimensions that is the size of the arena, placed as the
    runtime does it (`runtime/core/BufferPlan.h`). With them it is a formula:
    what buffers that are in use at once take together, as sums of which the
    largest counts. Sums that another one is never less than, and sizes that are
    always equal, are found by trying some hundred dimensions. Nothing else
    reads the attribute. Where buffers are in the device's memory,
    `tenon_rt.device_arena` says the same of them.

    ```mlir
    module attributes {tenon_rt.arena = {bytes = 2408448 : i64, slots = 0 : i64}}
    module attributes {tenon_rt.arena = {
        sums = ["128*N*d1"], definitions = ["d1 = (W + 1)/2"], slots = 0 : i64}}
    ```
  }];
}

def LowerRuntimeCalls : Pass<"tenon-lower-runtime-calls", "::mlir::ModuleOp"> {
  let summary = "Reach the runtime through its table";
  let description = [{
    The operations of `tenon_rt` become loads from the frame of the run and
    calls through the table that it holds (`runtime/core/ModelAbi.h`), and
    functions with the signatures of that header are put around `@main`, `@plan`
    and every kernel. What the runtime has to know of the model is left as
    attributes on `@run`, from which `tenon-describe-model` makes tables: also
    whether the processor only passes work to the device, the same in each run
    with the same dimensions, so that a run can be a graph of the device.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
      "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect"];
}

def DescribeModel : Pass<"tenon-describe-model", "::mlir::ModuleOp"> {
  let summary = "Make the tables that describe the model to the runtime";
  let description = [{
    Runs when all functions are in the llvm dialect. Defines the one exported
    symbol of a model, a constant `TenonModelDesc`, and all that it points to.
    What is left beside the llvm dialect are the `tenon_rt.weight`s, whose bytes
    the emitter writes. Errors and profiles call the model what `tenon.name` of
    the module says. With `tenon_rt.has_device_model` on it, the description
    names another one, which the linker finds in the code of another module.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TENON_CODEGEN_COMMON_PASSES
