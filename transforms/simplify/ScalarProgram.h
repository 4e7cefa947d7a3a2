//===- ScalarProgram.h - Running an elementwise body on arrays ------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_SCALARPROGRAM_H
#define TENON_TRANSFORMS_SIMPLIFY_SCALARPROGRAM_H

#include "dialects/tenon/TenonOps.h"
#include <memory>
#include <vector>

namespace tenon {

/// The scalar body of an elementwise operation, as its `buildBody` makes it,
/// run on many elements at once. Floats are computed as doubles and rounded to
/// their type after each step; integers are kept sign-extended.
class ScalarProgram {
public:
  /// One value of the program, for each element of a batch.
  struct Lanes {
    mlir::Type type;
    std::vector<double> floats;
    std::vector<int64_t> integers;
  };

  /// Null if the body has an operation that the interpreter doesn't know.
  static std::unique_ptr<ScalarProgram> compile(ElementwiseOpInterface op);
  ~ScalarProgram();

  /// The lanes of operand `index`, to be filled before `run`.
  Lanes &getInput(unsigned index) { return lanes[index]; }
  /// Runs the first `count` lanes. Fails where the result is not defined (a
  /// division by zero).
  mlir::LogicalResult run(int64_t count);
  const Lanes &getResult() const { return lanes[result]; }

  static constexpr int64_t kBatch = 1024;

private:
  struct Step {
    mlir::Operation *op;
    llvm::SmallVector<unsigned, 3> operands;
    unsigned result;
  };

  ScalarProgram() = default;
  bool build(ElementwiseOpInterface op);
  mlir::LogicalResult runStep(const Step &step, int64_t count);

  std::unique_ptr<mlir::Block> block;
  std::vector<Lanes> lanes;
  std::vector<Step> steps;
  unsigned result = 0;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_SCALARPROGRAM_H
