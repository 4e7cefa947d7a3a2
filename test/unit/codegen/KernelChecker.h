//===- KernelChecker.h - Generated kernels against the reference ----------===//
//
// Takes a function of tenon operations as one kernel, generates and compiles
// it in process, runs it on given shapes and compares every element with
// Reference.h. Units run in several ranges in no special order; inputs end
// where readable memory ends, and outputs stand between guards. A kernel that
// may overwrite an input does so in a further run.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_CODEGEN_KERNELCHECKER_H
#define TENON_TEST_UNIT_CODEGEN_KERNELCHECKER_H

#include "Reference.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <gtest/gtest.h>

namespace llvm::orc {
class LLJIT;
}

namespace tenon::test {

/// What to run a kernel on.
struct RunOptions {
  /// Of the tensor inputs, in order.
  std::vector<llvm::SmallVector<int64_t>> shapes;
  std::vector<int64_t> scalars;
  /// Elements of inputs, by number, that are not random.
  std::map<unsigned, std::vector<double>> elements;
  /// Random floats and integers lie between these.
  double low = -4, high = 4;
  /// Largest error, relative to the expected value or, if that is smaller, to
  /// `scale`.
  double tolerance = 2e-6, scale = 1;
  /// The kernel has to report an index out of range; results don't count.
  bool fails = false;
};

class CompiledKernel {
public:
  /// `function` is the text of a `func.func` whose arguments are tensors and,
  /// after these, scalars of type index. The tensors with numbers in
  /// `constants`, which have static shapes, are constants outside of the
  /// kernel, with random elements in [-1, 1). `emitter` names one that is not
  /// asked by itself. Failures are gtest failures.
  explicit CompiledKernel(llvm::StringRef function, unsigned vectorBits = 512,
                          bool keepAssembly = false,
                          llvm::ArrayRef<unsigned> constants = {},
                          llvm::StringRef emitter = {});
  ~CompiledKernel();

  /// Runs and compares.
  void check(const RunOptions &options);
  /// For kernels with static shapes only.
  void check();
  /// Gigabytes a second that the inputs and outputs of `options` are worth.
  double measure(const RunOptions &options);

  /// The kind of emitter that took the kernel.
  llvm::StringRef getEmitter() const { return emitter; }
  /// Pairs of an output and an input that it may overwrite.
  llvm::ArrayRef<int64_t> getOverwritable() const { return overwritable; }
  /// The functions before they were lowered.
  const std::string &getCode() const { return code; }
  const std::string &getAssembly() const { return assembly; }

private:
  struct Call;
  std::vector<llvm::SmallVector<int64_t>> getStaticShapes();
  bool build(llvm::StringRef function, unsigned vectorBits, bool keepAssembly,
             llvm::ArrayRef<unsigned> numbers, llvm::StringRef wanted);
  bool compile(mlir::ModuleOp module, llvm::StringRef name, bool keepAssembly);
  bool compileInPlace(mlir::ModuleOp module, llvm::StringRef name);
  void prepare(Call &call, const RunOptions &options, Evaluator *evaluator);

  mlir::MLIRContext context;
  /// The function as it was given, which the reference runs.
  mlir::OwningOpRef<mlir::ModuleOp> source;
  mlir::Block *body = nullptr;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  using Function = int64_t (*)(const int64_t *words);
  void runAndCompare(Call &call, Function function, const RunOptions &options);
  Function run = nullptr, countUnits = nullptr;
  llvm::SmallVector<int64_t> overwritable;
  /// For each pair of these: does not take for granted that the two don't
  /// overlap.
  std::vector<std::unique_ptr<llvm::orc::LLJIT>> jitsInPlace;
  std::vector<Function> runsInPlace;
  /// A constant as it is and as the kernel wants it in memory.
  struct Constant {
    Tensor tensor;
    std::vector<char> bytes;
    llvm::SmallVector<int64_t> shape;
  };
  std::map<unsigned, Constant> constants;
  std::string code, assembly;
  llvm::StringRef emitter;
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_CODEGEN_KERNELCHECKER_H
