//===- ImageProvider.cpp - Kernels that read images -----------------------===//

#include "codegen/image/ImageProvider.h"

#include "codegen/common/KernelWork.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "runtime/image/ImageAbi.h"

using namespace mlir;
using namespace tenon;

namespace {

/// What a kernel does: the encoded image, an argument of it, and the
/// descriptor.
struct ImageKernel {
  BlockArgument encoded;
  SmallVector<int64_t, TENON_IMAGE_WORDS> descriptor;
};

class ImageProvider : public Provider {
public:
  StringRef getName() const override { return "image"; }
  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    return match(kernel, reason).has_value();
  }
  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override {
    return getRooflineTime(getKernelWork(kernel, sizes), target,
                           /*efficiency=*/0.01);
  }
  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override;

private:
  static std::optional<ImageKernel> match(KernelOp kernel, std::string &reason);
};

} // namespace

static int64_t getFormatWord(PixelFormat format) {
  switch (format) {
  case PixelFormat::RGB:
    return TENON_IMAGE_RGB;
  case PixelFormat::BGR:
    return TENON_IMAGE_BGR;
  case PixelFormat::Gray:
    return TENON_IMAGE_GRAY;
  }
  llvm_unreachable("all formats are above");
}

std::optional<ImageKernel> ImageProvider::match(KernelOp kernel,
                                                std::string &reason) {
  std::optional<ImageKernel> result;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    // Of the size only its arithmetic is there.
    if (!isa_and_present<TenonDialect>(op.getDialect()))
      continue;
    Value encoded;
    SmallVector<int64_t, TENON_IMAGE_WORDS> descriptor;
    if (auto size = dyn_cast<ImageSizeOp>(op)) {
      encoded = size.getEncoded();
      descriptor = {TENON_IMAGE_VERSION, TENON_IMAGE_SIZE, 0};
    } else if (auto decode = dyn_cast<DecodeImageOp>(op)) {
      encoded = decode.getEncoded();
      descriptor = {TENON_IMAGE_VERSION, TENON_IMAGE_DECODE,
                    getFormatWord(decode.getFormat())};
    }
    auto argument = dyn_cast_if_present<BlockArgument>(encoded);
    if (!argument || result) {
      reason = "it does not only read an image";
      return std::nullopt;
    }
    result = ImageKernel{argument, descriptor};
  }
  if (!result)
    reason = "it reads no image";
  return result;
}

LogicalResult ImageProvider::lower(KernelOp kernel, TargetAttr target,
                                   RewriterBase &rewriter) const {
  std::string reason;
  std::optional<ImageKernel> found = match(kernel, reason);
  if (!found)
    return kernel.emitOpError("can't run with 'image' because ") << reason;
  auto type = cast<RankedTensorType>(kernel.getOutputs().front().getType());
  Value empty =
      tensor::EmptyOp::create(rewriter, kernel.getLoc(),
                              kernel.getResultSizes(0), type.getElementType());
  Value encoded = kernel.getInputs()[found->encoded.getArgNumber()];
  rewriter.replaceOpWithNewOp<rt::LibraryOp>(kernel, TypeRange(type), getName(),
                                             encoded, empty, /*flops=*/Value(),
                                             found->descriptor,
                                             /*constants=*/ArrayRef<int64_t>());
  return success();
}

std::unique_ptr<Provider> tenon::createImageProvider() {
  return std::make_unique<ImageProvider>();
}
