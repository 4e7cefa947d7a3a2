//===- Jit.cpp - Compiled code in this process ----------------------------===//

#include "lib/driver/Jit.h"

#include "codegen/common/ModelAttributes.h"
#include "lib/driver/TemporaryFile.h"
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
  /// What a shared library is made of, beside the weights.
  ModelCode code;
  std::unique_ptr<llvm::MemoryBuffer> weights;
  std::unique_ptr<LLJIT> jit;
};

Status mapWeights(WeightsSource source,
                  std::unique_ptr<llvm::MemoryBuffer> &weights) {
  if (source.size == 0)
    return Status::ok();
  TemporaryFile file;
  if (Status status = TemporaryFile::create("tenon", "weights", file);
      !status.isOk())
    return status;
  if (Status status =
          file.write([&](raw_ostream &os) { return source.write(os); });
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

/// How the runtime lets go of a model; it also tells our models from others.
void release(void *context) { delete static_cast<InProcessCode *>(context); }

llvm::Expected<const TenonModelDesc *> load(InProcessCode &inProcess) {
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
  for (const ObjectCode &object : inProcess.code.objects)
    if (llvm::Error error =
            inProcess.jit->addObjectFile(llvm::MemoryBuffer::getMemBuffer(
                StringRef(object.data(), object.size()), "tenon_model",
                /*RequiresNullTerminator=*/false)))
      return std::move(error);
  auto address = inProcess.jit->lookup(TENON_MODEL_SYMBOL);
  if (!address)
    return address.takeError();
  return address->toPtr<const TenonModelDesc *>();
}

} // namespace

Status loadInProcess(WeightsSource weights, ModelCode code,
                     const std::string &device, TenonModel *&model) {
  auto inProcess = std::make_unique<InProcessCode>();
  inProcess->code = std::move(code);
  if (Status status = mapWeights(std::move(weights), inProcess->weights);
      !status.isOk())
    return status;
  auto description = load(*inProcess);
  if (!description)
    return Status::error(TENON_ERROR_INTERNAL,
                         "loading the code failed: " +
                             llvm::toString(description.takeError()));
  TenonModelOptions options{};
  options.struct_size = sizeof options;
  options.device = device.c_str();
  // The runtime calls `release` also when it refuses the model.
  if (TenonError *error = tenon_model_from_description_with(
          *description, &options, release, inProcess.release(), &model)) {
    Status status =
        Status::error(tenon_error_code(error), tenon_error_message(error));
    tenon_error_free(error);
    return status;
  }
  return Status::ok();
}

Status saveInProcess(const TenonModel *model, StringRef path) {
  auto *inProcess =
      static_cast<InProcessCode *>(tenon_model_context(model, release));
  if (!inProcess)
    return Status::error(TENON_ERROR_USAGE,
                         "the model was not compiled in this process");
  if (Status status = checkCodePath(path, /*takesObject=*/false);
      !status.isOk())
    return status;
  WeightsSource weights;
  if (inProcess->weights)
    weights = {inProcess->weights->getBufferSize(), [&](raw_ostream &os) {
                 os << inProcess->weights->getBuffer();
                 return llvm::Error::success();
               }};
  return writeSharedLibrary(inProcess->code, std::move(weights), path);
}

} // namespace tenon
