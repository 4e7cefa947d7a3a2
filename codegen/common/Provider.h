//===- Provider.h - What runs kernels ---------------------------*- C++ -*-===//
//
// A provider says whether it can run a kernel on a target, what that would
// cost, and how to lower it. It looks at one kernel only. Providers have no
// state that outlives a call; which there are is listed in
// codegen/assign/Providers.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_PROVIDER_H
#define TENON_CODEGEN_COMMON_PROVIDER_H

#include "codegen/common/BlockedLayout.h"
#include "codegen/common/TypicalSizes.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

#include <memory>
#include <optional>
#include <string>

namespace tenon {

class Provider {
public:
  virtual ~Provider() = default;

  /// The name that stands in `provider` of a kernel and in the target.
  virtual llvm::StringRef getName() const = 0;

  /// Whether kernels run on the device of the target, beside the processor.
  virtual bool isOnDevice() const { return false; }

  /// Whether kernels become `tenon_rt.library` and may want constants in an
  /// order of the library's own.
  virtual bool packsConstants() const { return false; }

  /// The layout of a constant, argument `arg` of a `tenon_rt.library`, that the
  /// library has packed, from its descriptors before and after; none if it is
  /// no layout in blocks.
  virtual std::optional<BlockedLayout>
  getPackedLayout(llvm::ArrayRef<int64_t> plain, llvm::ArrayRef<int64_t> packed,
                  unsigned arg) const {
    return std::nullopt;
  }

  /// Whether the provider can run the kernel on the target. If not, says in
  /// `reason` why: a clause that fits behind "because".
  virtual bool canRun(KernelOp kernel, TargetAttr target,
                      std::string &reason) const = 0;

  /// An estimate of the time of one run on one thread, in nanoseconds. Dynamic
  /// dimensions count what `sizes` says. Only compared between providers for
  /// the same kernel.
  virtual double getCost(KernelOp kernel, TargetAttr target,
                         TypicalSizes &sizes) const = 0;

  /// Replaces the kernel by what the runtime is asked to do: `tensor.empty` of
  /// the kernel's result sizes and `tenon_rt.launch` or `tenon_rt.library`. The
  /// insertion point of `rewriter` is the kernel. Emits an error where it
  /// fails, which it doesn't where `canRun` says yes.
  virtual llvm::LogicalResult lower(KernelOp kernel, TargetAttr target,
                                    mlir::RewriterBase &rewriter) const = 0;
};

} // namespace tenon

#endif // TENON_CODEGEN_COMMON_PROVIDER_H
