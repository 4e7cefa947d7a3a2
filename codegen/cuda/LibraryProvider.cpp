//===- LibraryProvider.cpp - Kernels that libraries of NVIDIA can run -----===//

#include "codegen/cuda/LibraryProvider.h"

#include "codegen/cuda/CudaProvider.h"
#include "codegen/cuda/LibraryMatch.h"
#include "transforms/compress/HalfConstants.h"

using namespace mlir;

namespace tenon::cuda {

/// Gives a kernel its bias in the result's type.
static void narrowBias(KernelOp kernel, unsigned arg, RewriterBase &rewriter) {
  auto constant = kernel.getInputs()[arg].getDefiningOp<ConstantOp>();
  auto type = cast<FloatType>(
      getElementTypeOrSelf(kernel.getOutputs().front().getType()));
  ElementsAttr narrow = convertConstant(constant.getValue(), type);
  Value replaced = ConstantOp::create(rewriter, constant.getLoc(), narrow);
  kernel.getInputsMutable()[arg].set(replaced);
  Block &body = kernel.getBody().front();
  BlockArgument bias = body.getArgument(arg);
  Type wide = bias.getType();
  bias.setType(replaced.getType());
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(&body);
  auto widened = CastOp::create(rewriter, kernel.getLoc(), wide, bias,
                                rewriter.getF32Type());
  rewriter.replaceAllUsesExcept(bias, widened.getOutput(), widened);
}

/// What cuDNN has.
static std::optional<LibraryMatch> matchGraph(KernelOp kernel,
                                              std::string &reason) {
  return kernel.getBody().getOps<AttentionOp>().empty()
             ? matchConv(kernel, reason)
             : matchAttention(kernel, reason);
}

namespace {

/// What a library is, and what it does.
struct LibraryDescription {
  StringLiteral name;
  std::optional<LibraryMatch> (*match)(KernelOp kernel, std::string &reason);
  /// Whether the runtime narrows what is wider than the result.
  bool narrowsBias;
};

class LibraryProvider : public GpuProvider {
public:
  explicit LibraryProvider(const LibraryDescription &library)
      : library(library) {}

  StringRef getName() const override { return library.name; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    std::optional<LibraryMatch> match = library.match(kernel, reason);
    if (!match)
      return false;
    if (match->wideBias >= 0) {
      auto bias =
          kernel.getInputs()[match->wideBias].getDefiningOp<ConstantOp>();
      auto type = cast<FloatType>(
          getElementTypeOrSelf(kernel.getOutputs().front().getType()));
      if (!fitsHalf(bias.getValue(), type)) {
        reason = "its bias is too large for the result's type";
        return false;
      }
    }
    return canGenerate(kernel, target, reason);
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override {
    std::string reason;
    std::optional<LibraryMatch> match = library.match(kernel, reason);
    if (!match)
      return kernel.emitOpError("can't run with ")
             << library.name << " because " << reason;
    if (match->wideBias >= 0 && !library.narrowsBias)
      narrowBias(kernel, match->wideBias, rewriter);
    return generate(kernel, match->words, rewriter);
  }

private:
  LibraryDescription library;
};

} // namespace

std::unique_ptr<Provider> createCublasLtProvider() {
  return std::make_unique<LibraryProvider>(
      LibraryDescription{"cublaslt", matchMatmul, /*narrowsBias=*/false});
}

std::unique_ptr<Provider> createCudnnProvider() {
  return std::make_unique<LibraryProvider>(
      LibraryDescription{"cudnn", matchGraph, /*narrowsBias=*/true});
}

} // namespace tenon::cuda
