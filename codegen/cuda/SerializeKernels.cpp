//===- SerializeKernels.cpp - tenon-cuda-serialize-kernels ----------------===//

#include "codegen/cuda/Passes.h"

#include "codegen/cuda/Toolkit.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace tenon::cuda {

#define GEN_PASS_DEF_SERIALIZEKERNELS
#include "codegen/cuda/Passes.h.inc"

namespace {

class SerializeKernelsPass
    : public impl::SerializeKernelsBase<SerializeKernelsPass> {
public:
  using SerializeKernelsBase::SerializeKernelsBase;

  void runOnOperation() override {
    for (auto device :
         llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(serialize(device)))
        return signalPassFailure();
  }

private:
  LogicalResult serialize(gpu::GPUModuleOp device) {
    if (std::string problem = checkToolkit(); !problem.empty())
      return device.emitError(problem);
    SmallVector<Attribute> objects;
    bool isOldest = true;
    for (Attribute target : device.getTargetsAttr()) {
      // The oldest architecture's text is for all that come later.
      if (isOldest &&
          failed(addObject(device, target, gpu::CompilationTarget::Assembly,
                           objects)))
        return failure();
      isOldest = false;
      if (assemble && hasAssembler() &&
          failed(addObject(device, target, gpu::CompilationTarget::Binary,
                           objects)))
        return failure();
    }
    OpBuilder builder(device);
    gpu::BinaryOp::create(builder, device.getLoc(), device.getName(),
                          /*offloadingHandler=*/nullptr,
                          builder.getArrayAttr(objects));
    device.erase();
    return success();
  }

  LogicalResult addObject(gpu::GPUModuleOp device, Attribute target,
                          gpu::CompilationTarget format,
                          SmallVectorImpl<Attribute> &objects) {
    auto serializer = cast<gpu::TargetAttrInterface>(target);
    gpu::TargetOptions options(findToolkit(), /*librariesToLink=*/{},
                               /*cmdOptions=*/"", /*elfSection=*/"", format);
    std::optional<SmallVector<char, 0>> code =
        serializer.serializeToObject(device, options);
    Attribute object =
        code ? serializer.createObject(device, *code, options) : nullptr;
    if (!object)
      return device.emitError("code for ")
             << cast<NVVM::NVVMTargetAttr>(target).getChip()
             << " can't be generated";
    objects.push_back(object);
    return success();
  }
};

} // namespace
} // namespace tenon::cuda
