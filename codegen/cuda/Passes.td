//===- Passes.td - From kernels' functions to code of a GPU ---------------===//
//
// In the order in which they run; see Pipeline.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CUDA_PASSES
#define TENON_CODEGEN_CUDA_PASSES

include "mlir/Pass/PassBase.td"

def OutlineKernels : Pass<"tenon-cuda-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Make a module of the GPU of the kernels that run there";
  let description = [{
    The functions that are launched on the device, and the constants that they
    read, move into a `gpu.module` for the architectures of the target. Each
    gets an entry of the name and the arguments that `TenonKernel` has: threads
    take units in turns, neighbouring threads neighbouring units, until there
    are none. Where `tenon.unit_threads` says so, the threads of a warp or of a
    block take a unit together; then an `alloca` in the address space
    `workgroup` is memory that the block shares.

    ```mlir
    func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>, %begin: index, %end: index) -> i64 attributes {tenon.on_device}
    // becomes
    gpu.module @device [#nvvm.target<chip = "sm_90">] {
      gpu.func @k(%x: !llvm.ptr, %y: !llvm.ptr, %dx: i64, %dy: i64, %units: i64, %status: !llvm.ptr) kernel {
        // for (u = global index of the thread; u < units; u += threads)
        //   if (s = <body of @k for the units from u to u + 1>) and status is 0: status = s
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
      "::mlir::scf::SCFDialect"];
  let statistics = [
    Statistic<"numOutlined", "outlined", "functions that run on the GPU">
  ];
}

def ExpandExp : Pass<"tenon-cuda-expand-exp", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Compute exponentials by a GPU's instruction";
  let description = [{
    Exponentials of f32 and of narrower floats become a power of two, for which
    GPUs have an instruction, before they would become the processor's
    polynomial. The error of normal results is less than 1e-6 of them. Those
    with `afn` among their `fastmath` flags are two instructions, with an error
    of up to 3e-7 of the result and 8e-8 more for each unit of `%x`, and no
    subnormal results. Those of f64 are libdevice's.

    ```mlir
    %y = math.exp %x fastmath<afn> : f32
    // becomes
    %0 = arith.mulf %x, %log2e : f32
    %y = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%0) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
      "::mlir::vector::VectorDialect"];
}

def UseInstructions : Pass<"tenon-cuda-use-instructions", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Compute with instructions where a GPU has them";
  let description = [{
    Square roots, absolute values, rounding and fused multiply-add are
    instructions of every GPU, but upstream's conversion to NVVM calls libdevice
    for them, too, and knows no absolute values of integers. Here they become
    intrinsics of LLVM.

    ```mlir
    %y = llvm.call @__nv_sqrtf(%x) : (f32) -> f32
    // becomes
    %y = llvm.intr.sqrt(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def VerifyKernels : Pass<"tenon-cuda-verify-kernels", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Check that kernels of a GPU call nothing that is not there";
  let description = [{
    Functions of f64 are libdevice's, a part of the CUDA Toolkit. Where it is not
    found, a kernel that calls one is an error, and so is a call of any other
    function without a body: nobody else would tell before the driver loads the
    code.

    ```mlir
    llvm.func @__nv_exp(f64) -> f64
    llvm.call @__nv_exp(%x) : (f64) -> f64 // an error without libdevice
    ```
  }];
  let options = [
    Option<"libdevice", "libdevice", "bool", /*default=*/"true",
           "whether libdevice may be used">
  ];
}

def SerializeKernels : Pass<"tenon-cuda-serialize-kernels", "::mlir::ModuleOp"> {
  let summary = "Make code of the module of the kernels of a GPU";
  let description = [{
    PTX for the oldest of the module's architectures, which drivers translate for
    any later one, and, where the CUDA Toolkit is found, machine code for each of
    them: a driver loads that at once.

    ```mlir
    gpu.module @device [#nvvm.target<chip = "sm_90">] { ... }
    // becomes
    gpu.binary @device [#gpu.object<#nvvm.target<chip = "sm_90">, assembly = "...">, #gpu.object<#nvvm.target<chip = "sm_90">, bin = "...">]
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect",
                           "::mlir::NVVM::NVVMDialect"];
  let options = [
    Option<"assemble", "assemble", "bool", /*default=*/"true",
           "make machine code where that is possible">
  ];
}

#endif // TENON_CODEGEN_CUDA_PASSES
