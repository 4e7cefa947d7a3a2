//===- ArenaFormula.h - The memory in use, in words -----------------------===//

#ifndef TENON_CODEGEN_COMMON_ARENAFORMULA_H
#define TENON_CODEGEN_COMMON_ARENAFORMULA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <unordered_map>

namespace tenon::codegen {

/// A number and sizes, by their positions among those of an ArenaFormula,
/// sorted.
struct SizeProduct {
  int64_t constant = 0;
  std::vector<unsigned> factors;
};

/// Says how many bytes of buffers are in use at once, in terms of the dynamic
/// dimensions of the inputs. Sizes that are equal for all dimensions that are
/// tried count as one: that tells more than algebra does of what a graph
/// computes of its shapes. Tried are some hundred random choices from 1 to
/// 20000, and for each dimension some where it alone is large or small.
class ArenaFormula {
public:
  /// `main` has the names of dimensions on its arguments; the first ones of
  /// @plan are the same.
  ArenaFormula(mlir::func::FuncOp main, int64_t numInputs);

  /// The bytes of a buffer, as tenon-make-plan computes them in @plan.
  SizeProduct getBytes(mlir::Value value);

  /// The sums of the sizes of buffers that are in use at once, each as a text:
  /// but for those that another one is never less than.
  std::vector<std::string> getSums(llvm::ArrayRef<TenonBufferDesc> buffers,
                                   llvm::ArrayRef<SizeProduct> products);

  /// What the sizes in these sums are that are no dimensions of inputs:
  /// "d1 = (W + 1)/2". Quotients are rounded down.
  std::vector<std::string> getDefinitions() const { return definitions; }

private:
  /// The factor of each product of sizes.
  using Sum = std::map<std::vector<unsigned>, int64_t>;
  /// One for each choice of dimensions that is tried; empty if not known.
  using Samples = std::vector<int64_t>;

  struct Size {
    std::string name;
    std::string definition; // "" of a dynamic dimension of an input
    Samples samples;
  };

  void addSymbol(const std::string &name);
  static Samples makeSamples(size_t symbol, size_t numAlone);
  std::string getSymbol(mlir::BlockArgument input, int64_t index);
  /// The position of the dimension that `value` is, if it is one.
  std::optional<unsigned> findSymbol(mlir::Value value);
  const Samples &getSamples(mlir::Value value);
  Samples computeSamples(mlir::Value value);
  /// A known size with these samples.
  std::optional<unsigned> findEqual(const Samples &samples) const;
  std::optional<int64_t> findConstant(mlir::Value value);

  void multiply(SizeProduct &product, mlir::Value factor);
  unsigned addSize(const Samples &samples, std::string definition);
  /// A text, and how tightly it binds: see Operator.
  std::pair<std::string, int> getText(mlir::Value value);
  std::string getOperand(mlir::Value value, int binding);
  std::vector<Sum> keepLargest(std::vector<Sum> sums) const;
  void nameSizes(llvm::ArrayRef<Sum> sums);
  std::string format(const Sum &sum) const;

  mlir::func::FuncOp main;
  std::vector<Size> sizes;
  size_t numSamples = 0;
  llvm::StringMap<unsigned> symbols; // by name
  /// By value; references to what is in it stay valid.
  std::unordered_map<const void *, Samples> known;
  std::vector<std::string> definitions;
};

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_ARENAFORMULA_H
