//===- OpsOptional.cpp - Optionals ----------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

static Value createFlag(NodeContext &node, bool value) {
  return node.createScalar(node.getBuilder().getI1Type(), value);
}

static LogicalResult convertOptional(NodeContext &node) {
  OptionalValue optional;
  if (node.hasInput(0)) {
    node.ignoreAttributes({"type"});
    Value value = node.getInput(0);
    optional.holdsTensor = isTensor(value);
    if (getOptional(value))
      return node.invalid("expected a tensor or a sequence, found an optional");
    optional.flag = createFlag(node, true);
    optional.sequence = isTensor(value)
                            ? makeList(node, getElementTypeOrSelf(value), value)
                            : value;
    return node.setOutput(makeOptional(node, optional));
  }
  const onnx::TypeProto *type = node.getTypeAttribute("type");
  if (!type)
    return failure();
  if (type->has_optional_type() || !findTensorType(*type))
    return node.unsupported("its type is not supported");
  DeclaredType declared = readType(node.getContext(), *type);
  if (!declared.elementType)
    return node.unsupported("its element type is not supported");
  optional.holdsTensor = declared.isTensor();
  optional.flag = createFlag(node, false);
  optional.sequence = makeList(node, declared.elementType, {});
  return node.setOutput(makeOptional(node, optional));
}

static LogicalResult convertHasElement(NodeContext &node) {
  Value value = node.getOptionalInput(0);
  if (value)
    if (std::optional<OptionalValue> optional = getOptional(value))
      return node.setOutput(optional->flag);
  return node.setOutput(createFlag(node, value != nullptr));
}

static LogicalResult convertGetElement(NodeContext &node) {
  Value value = node.getInput(0);
  if (!value)
    return failure();
  std::optional<OptionalValue> optional = getOptional(value);
  if (!optional)
    return node.setOutput(value);
  Value result = takeContents(node, *optional);
  return result ? node.setOutput(result) : failure();
}

ArrayRef<OpEntry> getOptionalOps() {
  static constexpr int64_t optional[] = {15}, access[] = {15, 18};
  static const OpEntry entries[] = {
      {"Optional", optional, convertOptional, 0, 1, "", kAnyValues},
      {"OptionalHasElement", access, convertHasElement, 0, 1, "", kAnyValues},
      {"OptionalGetElement", access, convertGetElement, 1, 1, "", kAnyValues},
  };
  return entries;
}

} // namespace tenon::onnx_import
