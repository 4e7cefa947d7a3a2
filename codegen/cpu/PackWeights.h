//===- PackWeights.h - Constants in the order in which they are read ------===//

#ifndef TENON_CODEGEN_CPU_PACKWEIGHTS_H
#define TENON_CODEGEN_CPU_PACKWEIGHTS_H

#include "dialects/tenon/TenonOps.h"

namespace tenon::cpu {

/// Columns of a matrix in panels of `width`. The last panel is moved back over
/// the one before it instead of being narrower, so `width <= columns`.
struct Panels {
  int64_t columns;
  int64_t width;

  int64_t getCount() const { return (columns + width - 1) / width; }
  int64_t getBegin(int64_t panel) const {
    return std::min(panel * width, columns - width);
  }
};

/// Fills a packed constant from front to back.
class ConstantPacker {
public:
  /// Appends `count` elements of the source from `begin` on, each `stride` from
  /// the one before.
  void append(int64_t begin, int64_t count, int64_t stride = 1);

private:
  friend bool packInput(KernelOp kernel, unsigned input, int64_t size,
                        llvm::function_ref<void(ConstantPacker &)> pack);
  char *target = nullptr;
  const char *source = nullptr;
  int64_t bytes = 0;
  bool isSplat = false;
};

/// Replaces a constant input of `kernel` by one of `size` elements (and one
/// dimension) that `pack` fills. The region's argument keeps its type, so the
/// kernel must be emitted next. Returns whether the input is such a constant,
/// and has no other use.
bool packInput(KernelOp kernel, unsigned input, int64_t size,
               llvm::function_ref<void(ConstantPacker &)> pack);

/// The same for a constant of f32 that is not only reordered: `pack` gets the
/// elements and fills others.
bool packFloats(KernelOp kernel, unsigned input, int64_t size,
                llvm::function_ref<void(llvm::ArrayRef<float>,
                                        llvm::MutableArrayRef<float>)>
                    pack);

/// Whether `packInput` has replaced what the region's `argument` stands for.
bool isPacked(KernelOp kernel, mlir::Value argument);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_PACKWEIGHTS_H
