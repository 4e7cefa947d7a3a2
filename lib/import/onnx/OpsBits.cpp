//===- OpsBits.cpp - Operators on the bits of integers --------------------===//

#include "dialects/tenon/TenonArrayOps.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The operations on bits serve bools too, which have operators of their own.
static LogicalResult checkIntegers(NodeContext &node, Value value) {
  if (node.failed() || !value)
    return failure();
  Type type = getElementTypeOrSelf(value);
  if (type.isInteger() && !type.isInteger(1))
    return success();
  return node.invalid("expected integers, found " + getTypeName(type));
}

template <typename OpT> static LogicalResult convertBitwise(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  if (failed(checkIntegers(node, a)) || failed(checkIntegers(node, b)))
    return failure();
  return node.setOutput(node.binary<OpT>(a, b));
}

static LogicalResult convertBitwiseNot(NodeContext &node) {
  Value input = node.getInput(0);
  if (failed(checkIntegers(node, input)))
    return failure();
  return node.setOutput(node.create<NotOp>(input));
}

static LogicalResult convertBitShift(NodeContext &node) {
  std::string direction = node.getString("direction", "");
  if (!node.failed() && direction != "LEFT" && direction != "RIGHT")
    return node.invalid("attribute 'direction' is " + quote(direction) +
                        ", expected LEFT or RIGHT");
  Value a = node.getInput(0), b = node.getInput(1);
  if (failed(checkIntegers(node, a)) || failed(checkIntegers(node, b)))
    return failure();
  return node.setOutput(direction == "LEFT" ? node.binary<ShiftLeftOp>(a, b)
                                            : node.binary<ShiftRightOp>(a, b));
}

ArrayRef<OpEntry> getBitOps() {
  static constexpr int64_t v11[] = {11}, v18[] = {18};
  static const OpEntry entries[] = {
      {"BitShift", v11, convertBitShift, 2, 2},
      {"BitwiseAnd", v18, convertBitwise<AndOp>, 2, 2},
      {"BitwiseOr", v18, convertBitwise<OrOp>, 2, 2},
      {"BitwiseXor", v18, convertBitwise<XorOp>, 2, 2},
      {"BitwiseNot", v18, convertBitwiseNot},
  };
  return entries;
}

} // namespace tenon::onnx_import
