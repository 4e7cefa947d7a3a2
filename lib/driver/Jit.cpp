//===- Jit.cpp - Compiled code in this process ----------------------------===//

#include "lib/driver/Jit.h"

#include "codegen/common/ModelAttributes.h"
#include "lib/driver/TemporaryFile.h"
#include "lib/driver/WeightsFile.h"
#include "runtime/core/ModelAbi.h"
#include "tenon/tenon.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace llvm::orc;

namespace tenon {
namespace {

/// What a model in process stands on. The weights are mapped from a file
/// without a name, so that the system may write them out when memory is short.
struct InProcessCode {
  std::unique_ptr<llvm::MemoryBuffer> weights;
  std::unique_ptr<LLJIT> jit;
};

Status mapWeights(ModuleOp module,
                  std::unique_ptr<llvm::MemoryBuffer> &weights) {
  if (getWeightsSize(module) == 0)
    return Status::ok();
  TemporaryFile file;
  if (Status status = TemporaryFile::create("tenon", "weights", file);
      !status.isOk())
    return status;
  if (Status status =
          file.write([&](raw_ostream &os) { return writeWeights(module, os); });
      !status.isOk())
    return status;
  // A small file is read, not mapped, to wherever there is room.
  auto buffer = llvm::MemoryBuffer::getFile(
      file.getPath(), /*IsText=*/false, /*RequiresNullTerminator=*/false,
      /*IsVolatile=*/false, llvm::Align(TENON_BUFFER_ALIGNMENT));
  if (!buffer)
    return Status::error(TENON_ERROR_SYSTEM, "can't map the weights: " +
                                                 buffer.getError().message());
  weights = std::move(*buffer);
  return Status::ok();
}

llvm::Expected<const TenonModelDesc *> load(InProcessCode &inProcess,
                                            const ObjectCode &code) {
  auto jit = LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  inProcess.jit = std::move(*jit);
  JITDylib &dylib = inProcess.jit->getMainJITDylib();
  // Kernels may call functions of libc and libm.
  auto process = DynamicLibrarySearchGenerator::GetForCurrentProcess(
      inProcess.jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  dylib.addGenerator(std::move(*process));
  if (inProcess.weights)
    if (llvm::Error error = dylib.define(absoluteSymbols(
            {{inProcess.jit->mangleAndIntern(codegen::kWeightsSymbol),
              {ExecutorAddr::fromPtr(inProcess.weights->getBufferStart()),
               llvm::JITSymbolFlags::Exported}}})))
      return std::move(error);
  if (llvm::Error error =
          inProcess.jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
              StringRef(code.data(), code.size()), "tenon_model")))
    return std::move(error);
  auto address = inProcess.jit->lookup(TENON_MODEL_SYMBOL);
  if (!address)
    return address.takeError();
  return address->toPtr<const TenonModelDesc *>();
}

} // namespace

Status loadInProcess(ModuleOp module, const ObjectCode &code,
                     TenonModel *&model) {
  auto inProcess = std::make_unique<InProcessCode>();
  if (Status status = mapWeights(module, inProcess->weights); !status.isOk())
    return status;
  auto description = load(*inProcess, code);
  if (!description)
    return Status::error(TENON_ERROR_INTERNAL,
                         "loading the code failed: " +
                             llvm::toString(description.takeError()));
  // The runtime calls this also when it refuses the model.
  auto release = [](void *context) {
    delete static_cast<InProcessCode *>(context);
  };
  if (TenonError *error = tenon_model_from_description(
          *description, release, inProcess.release(), &model)) {
    Status status =
        Status::error(tenon_error_code(error), tenon_error_message(error));
    tenon_error_free(error);
    return status;
  }
  return Status::ok();
}

} // namespace tenon
