//===- OnnxImport.cpp - From an ONNX model to the tenon dialect -----------===//

#include "lib/import/onnx/OnnxImport.h"

#include "lib/import/onnx/GraphImporter.h"
#include "lib/import/onnx/ModelFiles.h"
#include "lib/import/onnx/WireScan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Path.h"

#include <exception>

using namespace llvm;
using namespace mlir;
using namespace tenon::onnx_import;

namespace tenon {

/// Parses a message. Protobuf throws where it finds itself broken, and so does
/// the allocator: what they say ends here.
static bool parse(const std::string &skeleton, onnx::ModelProto &model,
                  std::string &what) {
  try {
    if (model.ParseFromString(skeleton))
      return true;
    what = "its messages can't be parsed";
  } catch (const std::exception &exception) {
    what = exception.what();
  }
  return false;
}

static OwningOpRef<ModuleOp> importBytes(std::shared_ptr<ModelBytes> bytes,
                                         std::optional<std::string> folder,
                                         const OnnxImportOptions &options,
                                         MLIRContext &context,
                                         ImportErrors &errors) {
  context.loadDialect<TenonDialect, func::FuncDialect>();
  if (bytes->get().empty()) {
    errors.invalid("the file is empty");
    return {};
  }
  onnx::ModelProto model;
  {
    Expected<std::string> skeleton = extractSkeleton(bytes->get());
    std::string what;
    if (!skeleton) {
      errors.invalid("the file is not an ONNX model: " +
                     toString(skeleton.takeError()));
      return {};
    }
    if (!parse(*skeleton, model, what)) {
      errors.invalid("the file is not an ONNX model: " + what);
      return {};
    }
  }
  ExternalFiles files(std::move(folder));
  TensorReader tensors(&context, std::move(bytes), files, errors);
  if (failed(checkModel(model, tensors, errors)))
    return {};
  return GraphImporter(model, options, context, tensors, errors).run();
}

OwningOpRef<ModuleOp> importOnnx(StringRef path,
                                 const OnnxImportOptions &options,
                                 MLIRContext &context, ImportStatus &status) {
  status = ImportStatus();
  ImportErrors errors(status);
  onnx_import::FileError error;
  OwningOpRef<ModuleOp> module;
  if (std::shared_ptr<ModelBytes> bytes = mapFile(path, error))
    module = importBytes(std::move(bytes), sys::path::parent_path(path).str(),
                         options, context, errors);
  else
    errors.fail(ImportErrorKind::File, "the file " + error.message);
  errors.finish(bool(module));
  return module;
}

OwningOpRef<ModuleOp> importOnnx(MemoryBufferRef model,
                                 const OnnxImportOptions &options,
                                 MLIRContext &context, ImportStatus &status) {
  status = ImportStatus();
  ImportErrors errors(status);
  OwningOpRef<ModuleOp> module =
      importBytes(std::make_shared<ModelBytes>(model.getBuffer()),
                  /*folder=*/std::nullopt, options, context, errors);
  errors.finish(bool(module));
  return module;
}

} // namespace tenon
