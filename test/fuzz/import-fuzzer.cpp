//===- import-fuzzer.cpp - The importer on hostile bytes ------------------===//

#include "lib/import/onnx/OnnxImport.h"

#include <cstdlib>

/// Whatever the bytes are, the importer ends with a module or with one error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  tenon::ImportStatus status;
  mlir::OwningOpRef<mlir::ModuleOp> module = tenon::importOnnx(
      llvm::MemoryBufferRef(bytes, "fuzz"), {}, context, status);
  bool hasError = status.kind != tenon::ImportErrorKind::None;
  if (hasError == bool(module) || hasError == status.message.empty())
    abort();
  return 0;
}
