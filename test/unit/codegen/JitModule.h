//===- JitModule.h - Kernels compiled in process --------------------------===//

#ifndef TENON_TEST_UNIT_CODEGEN_JITMODULE_H
#define TENON_TEST_UNIT_CODEGEN_JITMODULE_H

#include "mlir/IR/BuiltinOps.h"
#include <memory>

namespace llvm::orc {
class LLJIT;
}

namespace tenon::test {

/// Everything that kernels and their lowering are made of.
void registerKernelDialects(mlir::MLIRContext &context);

/// Lowers and compiles a module of generated kernels for this machine; null
/// after a gtest failure. Each of `functions`, which have C wrappers, can be
/// called by its packed name with an array of its arguments as words.
/// `assembly`, if given, gets the machine code as text.
std::unique_ptr<llvm::orc::LLJIT>
compileInProcess(mlir::ModuleOp module,
                 llvm::ArrayRef<llvm::StringRef> functions,
                 std::string *assembly);
std::string getPackedName(llvm::StringRef function);

} // namespace tenon::test

#endif // TENON_TEST_UNIT_CODEGEN_JITMODULE_H
