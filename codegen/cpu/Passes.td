//===- Passes.td - From the code of kernels to the llvm dialect -----------===//
//
// In the order in which they run; see Pipeline.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_PASSES
#define TENON_CODEGEN_CPU_PASSES

include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"tenon-cpu-expand-math", "::mlir::ModuleOp"> {
  let summary = "Compute transcendental functions with arithmetic";
  let description = [{
    The functions of the `math` dialect on f32, scalars and vectors, become
    polynomials and bit tricks that vectorise and agree with libm to a few units
    in the last place (`asin` to 7; `powf` to one and a half for each unit of
    `%y * log(%x)`, so to 130 at the ends). Exponentials whose result is
    subnormal are 0, and the logarithm of a subnormal number, by which powers
    are computed, too, is that of the least normal one: to do better takes 18 %
    longer for powers. Narrower floats are computed in f32. What is left to the
    instruction set (square root, rounding, fused multiply-add, absolute value)
    stays, and so do functions of f64, which become calls of libm.

    ```mlir
    %y = math.exp %x : vector<16xf32>
    // becomes a dozen of arith and math.fma operations
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect",
      "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandHalf : Pass<"tenon-cpu-expand-half", "::mlir::ModuleOp"> {
  let summary = "Leave no conversion of half precision to a compiler's library";
  let description = [{
    Where the target has not the feature `avx512bf16`, conversions from and to
    bf16 become integer arithmetic. LLVM would call a function for them, and it
    still does where it takes vectors of bf16 to pieces. That is one of a
    compiler's library, which not every system has, so the module gets it, too.
    It also gets those that LLVM calls for f16 on x86 without `f16c`.

    ```mlir
    %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
    // becomes a rounding addition and a shift
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

#endif // TENON_CODEGEN_CPU_PASSES
