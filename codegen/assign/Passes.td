//===- Passes.td - Kernels get a provider, and providers lower them -------===//
//
// What a provider does is its own folder's business; passes here know none of
// them by name.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_ASSIGN_PASSES
#define TENON_CODEGEN_ASSIGN_PASSES

include "mlir/Pass/PassBase.td"

def AssignProviders : Pass<"tenon-assign-providers"> {
  let summary = "Give each kernel the provider that runs it best";
  let description = [{
    Asks the providers that the target lists (`#tenon.target`, in order of
    preference; without a target, all) whether they can run a kernel and what
    that costs, and takes the cheapest, unless the module's `tenon.tuning` has a
    choice by measurement. A kernel that has a provider already keeps it, if the
    target lists it; else that is an error. A kernel that no provider can run
    is an error that says why.

    What can run on a device does, but for small islands: kernels between parts
    of the processor that take at most a quarter there of what starting them on
    the device and copying what they read and make takes.

    ```mlir
    %y = tenon.kernel (%a = %x) : ... { ... }
    // becomes
    %y = tenon.kernel (%a = %x) {provider = "codegen"} : ... { ... }
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let options = [
    ListOption<"providers", "provider", "std::string",
               "only these providers, whatever the target lists">
  ];
  let statistics = [
    Statistic<"numAssigned", "num-assigned", "Kernels that got a provider">,
    Statistic<"numMoved", "num-moved",
              "Kernels that stay on the processor, as what is around them">
  ];
}

def LowerKernels : Pass<"tenon-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Have every kernel lowered by its provider";
  let description = [{
    Replaces each kernel by `tensor.empty` for its results and a
    `tenon_rt.launch` or `tenon_rt.library` that fills them.
  }];
  let options = [
    Option<"onlyPacking", "only-packing", "bool", "false",
           "only kernels of providers that may pack constants">
  ];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
      "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
      "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
      "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
      "::mlir::vector::VectorDialect"];
}

def PackConstants : Pass<"tenon-pack-constants", "::mlir::ModuleOp"> {
  let summary = "Bring constants into the order in which their library reads them";
  let description = [{
    If the target is this very machine and the library of a provider is at hand,
    it says in which order it wants a constant of a `tenon_rt.library`; the
    constant and the call's descriptor then say so, and at run time the library
    reads the model's file in place. Otherwise it packs a copy when a model is
    loaded. A kernel that is not lowered yet and only gathers rows of the
    constant (an embedding that is also the last product) picks them from the
    packed one, by movements in its region. A constant that is also used in
    another way, or in another order, stays as it is, and so does one whose
    order depends on what is not known: it never stands in a model twice.
    Dimensions that only a run can tell are those of a typical picture, where
    they follow from one; for others the library takes usual ones. At a run that
    wants another order, a copy is made.

    ```mlir
    %w = tenon.constant dense_resource<w> : tensor<768x3072xf32>
    %y = tenon_rt.library "onednn"(%x, %w) outs(%e) {constants = array<i64: 1>, descriptor = array<i64: ...>} : ...
    // becomes
    %w = tenon.constant dense_resource<packed> : tensor<2359296xf32>
    %y = tenon_rt.library "onednn"(%x, %w) outs(%e) {constants = array<i64: 1>, descriptor = array<i64: ...>} : ...
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect"];
  let statistics = [
    Statistic<"numPacked", "packed", "constants packed">,
    Statistic<"numBytes", "packed-bytes", "bytes of them">
  ];
}

#endif // TENON_CODEGEN_ASSIGN_PASSES
