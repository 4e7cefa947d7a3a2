//===- Tuning.h - Choices of providers by measurement -----------*- C++ -*-===//

#ifndef TENON_CODEGEN_ASSIGN_TUNING_H
#define TENON_CODEGEN_ASSIGN_TUNING_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/ADT/StringMap.h"
#include <optional>
#include <string>

namespace tenon {

/// The attribute of a module with choices of providers by measurement, until
/// kernels have their providers: a dictionary of `kernels`, names of providers
/// by getTuningKey, and `prefer`, the provider of the others that it can run.
inline constexpr llvm::StringLiteral kTuningAttr = "tenon.tuning";

/// A kernel as measurements know it: the names of its nodes, and its number
/// among the kernels of these nodes, in their order.
inline std::string getTuningKey(llvm::StringRef nodes, int64_t number) {
  return (nodes + "#" + llvm::Twine(number)).str();
}

/// The choices of a module for its kernels, asked in their order.
class Tuning {
public:
  explicit Tuning(mlir::Operation *module);

  /// The provider for the next kernel, if there is a choice. It may be one that
  /// can't run it, where none was measured.
  std::optional<llvm::StringRef> getNext(KernelOp kernel);

  /// How many choices there are, and for how many of them there was a kernel.
  size_t getNumChoices() const { return kernels ? kernels.size() : 0; }
  size_t getNumUsed() const { return numUsed; }

private:
  mlir::DictionaryAttr kernels;
  mlir::StringAttr preferred;
  llvm::StringMap<int64_t> numbers;
  size_t numUsed = 0;
};

} // namespace tenon

#endif // TENON_CODEGEN_ASSIGN_TUNING_H
