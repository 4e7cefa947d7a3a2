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
  let summary = "gives each kernel the provider that runs it best";
  let description = [{
    Asks the providers that the target lists (`#tenon.target`, in order of
    preference; without a target, all) whether they can run a kernel and what
    that costs, and takes the cheapest, unless the module's `tenon.tuning` has a
    choice by measurement. A kernel that has a provider already keeps it. A kernel that no provider can run is an error that says why.

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
    Statistic<"numAssigned", "num-assigned", "Kernels that got a provider">
  ];
}

def LowerKernels : Pass<"tenon-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "has every kernel lowered by its provider";
  let description = [{
    Replaces each kernel by `tensor.empty` for its results and a
    `tenon_rt.launch` or `tenon_rt.library` that fills them.
  }];
  let dependentDialects = ["::tenon::TenonDialect", "::tenon::rt::RtDialect",
      "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
      "::mlir::vector::VectorDialect"];
}

#endif // TENON_CODEGEN_ASSIGN_PASSES
