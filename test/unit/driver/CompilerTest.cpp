//===- CompilerTest.cpp - How a compilation ends --------------------------===//

#include "lib/driver/Compiler.h"
#include "lib/driver/PassSelection.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace tenon;

namespace {

/// Fails as a pass does whose rewrites find no end: without a reason.
struct SilentPass : PassWrapper<SilentPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SilentPass)
  StringRef getArgument() const override { return "tenon-turn-in-circles"; }
  void runOnOperation() override { signalPassFailure(); }
};

/// The same, but with a reason.
struct TellingPass : PassWrapper<TellingPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TellingPass)
  void runOnOperation() override {
    auto name = StringAttr::get(&getContext(), "node");
    emitError(NameLoc::get(name)) << "too large";
    signalPassFailure();
  }
};

/// Compiles a model with `PassT` at the begin of its phase.
template <typename PassT> Status compileWith() {
  SmallString<64> path;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("tenon-test", "mlir", path));
  std::error_code error;
  llvm::raw_fd_ostream(path, error)
      << "func.func @main(%x: tensor<2xf32> {tenon.dims = [\"\"], tenon.name = "
         "\"x\"}) -> (tensor<2xf32> {tenon.dims = [\"\"], tenon.name = \"y\"}) "
         "{ return %x : tensor<2xf32> }";
  CompileOptions options;
  options.configurePasses = [](PassManager &passes) {
    passes.addPass(std::make_unique<PassT>());
    return success();
  };
  Compiler compiler(std::move(options));
  Status status = compiler.readModel(path, Phase::Import);
  EXPECT_TRUE(status.isOk()) << status.getMessage();
  status = compiler.runTo(Phase::Simplify);
  llvm::sys::fs::remove(path);
  return status;
}

TEST(Compiler, NamesAPassWithoutAReason) {
  Status status = compileWith<SilentPass>();
  EXPECT_EQ(status.getCode(), TENON_ERROR_INTERNAL);
  EXPECT_EQ(status.getMessage(),
            "the simplify phase failed: the rewrites of pass "
            "'tenon-turn-in-circles' come to no end, which is a defect of "
            "Tenon");
}

TEST(Compiler, KeepsTheReasonOfAPass) {
  Status status = compileWith<TellingPass>();
  EXPECT_EQ(status.getCode(), TENON_ERROR_UNSUPPORTED);
  EXPECT_EQ(status.getMessage(),
            "the simplify phase failed: node 'node': too large");
  ASSERT_EQ(status.getFindings().size(), 1u);
  EXPECT_EQ(status.getFindings()[0].message, "too large");
  EXPECT_EQ(status.getFindings()[0].nodes, std::vector<std::string>{"node"});
}

/// A name that no pass has would let a pass be left out that can't be.
TEST(PassSelection, KnowsThePassesThatItRequires) {
  SmallVector<StringRef> names = getRequiredPasses();
  EXPECT_GT(names.size(), 20u);
  for (StringRef name : names) {
    if (name == "tenon-expose-kernels") // Not in any of the phases.
      continue;
    EXPECT_TRUE(isPassOfPhases(name)) << name.str();
  }
}

} // namespace
