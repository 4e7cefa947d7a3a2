//===- OperatorList.cpp - What is imported, for people and programs -------===//

#include "lib/import/onnx/OperatorList.h"

#include "lib/import/onnx/ModelCheck.h"
#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace tenon::onnx_import;

static StringRef getDomain(const OpEntry &op) {
  return op.domain.empty() ? StringRef("ai.onnx") : StringRef(op.domain);
}

static void listAsJson(raw_ostream &os) {
  json::OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("oldest_operator_set", kOldestOpset);
    json.attribute("newest_operator_set", kNewestOpset);
    json.attributeArray("element_types", [&] {
      mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
      for (int32_t type = tenon::onnx::TensorProto::FLOAT;
           type <= tenon::onnx::TensorProto::INT2; ++type)
        if (mlir::Type known = getElementType(&context, type);
            known && !tenon::isNarrow(known))
          json.value(getTypeName(type));
    });
    json.attributeArray("narrow_types", [&] {
      mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
      for (int32_t type = tenon::onnx::TensorProto::FLOAT;
           type <= tenon::onnx::TensorProto::INT2; ++type)
        if (mlir::Type known = getElementType(&context, type);
            known && tenon::isNarrow(known))
          json.value(getTypeName(type));
    });
    json.attributeArray("operators", [&] {
      for (const OpEntry *op : getAllOps())
        json.object([&] {
          json.attribute("domain", getDomain(*op));
          json.attribute("name", op->name);
          json.attributeArray("versions", [&] {
            for (int64_t version : op->versions)
              json.value(version);
          });
          json.attribute("min_inputs", op->minInputs);
          json.attribute("max_inputs", op->maxInputs == kVariadic
                                           ? json::Value(nullptr)
                                           : json::Value(op->maxInputs));
          json.attribute("takes_narrow_types",
                         takesNarrowTypes(op->domain, op->name));
        });
    });
  });
  os << "\n";
}

void tenon::listOperators(raw_ostream &os, bool isJson) {
  if (isJson)
    return listAsJson(os);
  for (const OpEntry *op : getAllOps()) {
    os << getDomain(*op) << "." << op->name;
    for (int64_t version : op->versions)
      os << " " << version;
    os << "\n";
  }
}
