//===- LaneIndex.h - Indices of the elements in a vector ------------------===//
//
// Generated kernels compute a vector of elements at a time. Which elements
// these are is said by one index per dimension, and each of them is the same in
// all lanes, grows from lane to lane, or is anything. Keeping the three apart
// is what turns an access into a broadcast, one vector load, or a gather.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_LANEINDEX_H
#define TENON_CODEGEN_CPU_LANEINDEX_H

#include "dialects/tenon/TenonShapes.h"
#include "mlir/IR/Builders.h"

namespace tenon::cpu {

/// `base + lane * step` in each lane, or, where `lanes` is set, the elements of
/// that `vector<Wxindex>`.
struct LaneIndex {
  Dim base = 0;
  Dim step = 0;
  mlir::Value lanes;

  LaneIndex() = default;
  LaneIndex(Dim base, Dim step = 0) : base(base), step(step) {}
  LaneIndex(int64_t base) : base(base) {}
  LaneIndex(mlir::Value base) : base(base) {}
  static LaneIndex general(mlir::Value lanes) {
    LaneIndex index;
    index.lanes = lanes;
    return index;
  }

  /// Whether all lanes have the same index, which is `base`.
  bool isUniform() const {
    return !lanes && step.isConstant() && step.getConstant() == 0;
  }
  /// Whether lanes have consecutive indices from `base` on.
  bool isContiguous() const {
    return !lanes && step.isConstant() && step.getConstant() == 1;
  }
  bool isRamp() const { return !lanes; }
};

/// Arithmetic on indices, with the operations at the insertion point of a
/// builder. Constants fold. Divisors are positive dimensions and dividends are
/// not negative unless said.
class IndexBuilder {
public:
  IndexBuilder(mlir::OpBuilder &builder, mlir::Location loc, int64_t width)
      : builder(builder), loc(loc), width(width), dims(builder, loc) {}

  /// Arithmetic on what is the same in all lanes.
  DimBuilder &uniform() { return dims; }
  mlir::Value value(Dim dim);
  Dim div(Dim a, Dim b);
  Dim rem(Dim a, Dim b);
  Dim product(llvm::ArrayRef<Dim> factors);
  /// `a < b` and the like as an `i1`.
  mlir::Value less(Dim a, Dim b);
  mlir::Value lessEqual(Dim a, Dim b);

  LaneIndex add(const LaneIndex &a, const LaneIndex &b);
  LaneIndex sub(const LaneIndex &a, const LaneIndex &b);
  LaneIndex mul(const LaneIndex &a, Dim b);
  LaneIndex div(const LaneIndex &a, Dim b);
  LaneIndex rem(const LaneIndex &a, Dim b);
  LaneIndex min(const LaneIndex &a, Dim b);
  LaneIndex max(const LaneIndex &a, Dim b);
  /// The index as a `vector<Wxindex>`; for one lane, as an `index`.
  mlir::Value vector(const LaneIndex &index);
  /// `a < b` in each lane, as `vector<Wxi1>` (`i1` for one lane).
  mlir::Value less(const LaneIndex &a, const LaneIndex &b);

  /// The position in row-major order, and back.
  LaneIndex linearize(llvm::ArrayRef<LaneIndex> index,
                      llvm::ArrayRef<Dim> shape);
  llvm::SmallVector<LaneIndex> delinearize(const LaneIndex &position,
                                           llvm::ArrayRef<Dim> shape);
  llvm::SmallVector<Dim> delinearize(Dim position, llvm::ArrayRef<Dim> shape);

  int64_t getWidth() const { return width; }

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
  int64_t width;
  DimBuilder dims;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_LANEINDEX_H
