//===- RowPlan.h - The passes of a row kernel -----------------------------===//

#ifndef TENON_CODEGEN_CPU_ROWPLAN_H
#define TENON_CODEGEN_CPU_ROWPLAN_H

#include "dialects/tenon/TenonOps.h"

namespace tenon::cpu {

/// Which reductions of a kernel are computed in which pass over a row, and what
/// is kept from pass to pass. All reductions have one input shape, the full
/// shape, and reduce the same dimensions of it.
class RowPlan {
public:
  /// What a kernel of this kind reduces, before normalisations are decomposed:
  /// a tensor of the full shape, and the dimensions of it.
  struct Rows {
    mlir::Value tensor;
    llvm::SmallVector<int64_t> axes;
  };
  /// Nothing if it is another kind.
  static std::optional<Rows> find(KernelOp kernel);
  static bool matches(KernelOp kernel) { return find(kernel).has_value(); }

  /// `kernel` has only `tenon.reduce` left.
  explicit RowPlan(KernelOp kernel);

  /// A tensor of the full shape.
  mlir::Value getFullTensor() const { return fullTensor; }
  bool isFull(mlir::Value tensor) const;
  bool isReduced(int64_t dim) const { return llvm::is_contained(axes, dim); }

  unsigned getNumPasses() const { return passes.size(); }
  llvm::ArrayRef<ReduceOp> getPass(unsigned i) const { return passes[i]; }

  /// A value that pass `pass` writes to the kernel's output `output`, and that
  /// later passes read there.
  struct Kept {
    mlir::Value value;
    unsigned pass;
    unsigned output;
  };
  llvm::ArrayRef<Kept> getKept() const { return kept; }
  /// Whether an output is complete before the last pass.
  bool isWritten(unsigned output) const;
  /// The first pass that writes to an output of the full shape, and the last
  /// one that reads elements of `input`; the one that writes the results is
  /// number getNumPasses().
  unsigned getFirstWrite(unsigned output) const;
  unsigned getLastRead(mlir::BlockArgument input) const;

private:
  void collectNeeds(mlir::Value value, unsigned pass);
  void chooseKept();

  KernelOp kernel;
  mlir::Value fullTensor;
  llvm::SmallVector<int64_t> axes;
  llvm::SmallVector<llvm::SmallVector<ReduceOp>> passes;
  llvm::SmallVector<Kept> kept;
  /// The passes, in order, that compute a value at their own position.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> needs;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ROWPLAN_H
