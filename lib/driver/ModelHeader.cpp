//===- ModelHeader.cpp - The C header beside an object --------------------===//

#include "lib/driver/ModelHeader.h"

#include "codegen/common/ModelAttributes.h"
#include "lib/driver/TemporaryFile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace tenon {
namespace {

/// The C type of an element in the caller's buffer.
StringRef getCType(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (type.isF16() || type.isBF16())
    return "uint16_t";
  // Floats of at most eight bits are bytes.
  bool isUnsigned = !type.isSignlessInteger();
  switch (type.getIntOrFloatBitWidth()) {
  case 16:
    return isUnsigned ? "uint16_t" : "int16_t";
  case 32:
    return isUnsigned ? "uint32_t" : "int32_t";
  case 64:
    return isUnsigned ? "uint64_t" : "int64_t";
  default:
    return isUnsigned || type.isInteger(1) ? "uint8_t" : "int8_t";
  }
}

/// A name is data of the model: it must not end the comment that it stands in.
void writeName(raw_ostream &os, StringRef name) {
  for (char c : name)
    os << (llvm::isAlnum(c) || c == '_' || c == '.' ? c : '_');
}

void writeTensors(raw_ostream &os, LLVM::LLVMFuncOp run, StringRef attribute,
                  StringRef what) {
  auto symbols = run->getAttrOfType<ArrayAttr>(codegen::kSymbolsAttr);
  for (auto [index, tensor] :
       llvm::enumerate(run->getAttrOfType<ArrayAttr>(attribute)
                           .getAsRange<DictionaryAttr>())) {
    os << " *   " << what << " " << index << ": ";
    writeName(os, tensor.getAs<StringAttr>("name").getValue());
    os << ", " << getCType(tensor.getAs<TypeAttr>("type").getValue()) << " [";
    llvm::interleaveComma(
        tensor.getAs<DenseI64ArrayAttr>("dims").asArrayRef(), os,
        [&](int64_t dim) {
          if (dim >= 0)
            os << dim;
          else if (dim == TENON_DIM_COMPUTED)
            os << "?";
          else
            writeName(os, cast<StringAttr>(symbols[-1 - dim]).getValue());
        });
    os << "]\n";
  }
}

void writeHeader(raw_ostream &os, LLVM::LLVMFuncOp run, StringRef symbol,
                 StringRef fileName) {
  std::string guard = "TENON_MODEL_" + symbol.upper() + "_H";
  os << "/* " << fileName
     << " - A model compiled by Tenon\n *\n"
        " * Link it with libtenon and hand it to "
        "tenon_model_from_description.\n *\n";
  writeTensors(os, run, codegen::kInputsAttr, "input");
  writeTensors(os, run, codegen::kOutputsAttr, "output");
  os << " */\n\n#ifndef " << guard << "\n#define " << guard
     << "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
        "struct TenonModelDesc;\nextern const struct TenonModelDesc "
     << symbol << ";\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

} // namespace

std::string getHeaderPath(StringRef object) {
  SmallString<128> path(object);
  llvm::sys::path::replace_extension(path, "h");
  return path.str().str();
}

Status writeModelHeader(ModuleOp module, StringRef symbol, StringRef path) {
  TemporaryFile header;
  if (Status status = TemporaryFile::createNear(path, "tmp", header);
      !status.isOk())
    return status;
  auto run = module.lookupSymbol<LLVM::LLVMFuncOp>(codegen::kRunName);
  if (Status status = header.write([&](raw_ostream &os) {
        writeHeader(os, run, symbol, llvm::sys::path::filename(path));
        return llvm::Error::success();
      });
      !status.isOk())
    return status;
  return header.renameTo(path);
}

} // namespace tenon
