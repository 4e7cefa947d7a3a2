//===- OpsArithmetic.cpp - Functions of two and more operands -------------===//

#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The second of two operands. Before version 7 it broadcasts only where the
/// attribute `broadcast` says so, and then its dimensions are those of the
/// first from `axis` on, or the last ones.
static Value getSecond(NodeContext &node) {
  Value first = node.getInput(0), second = node.getInput(1);
  if (node.getVersion() >= 7)
    return second;
  bool broadcasts = node.getBool("broadcast", false);
  bool hasAxis = node.hasAttribute("axis");
  int64_t axis = node.getInt("axis", 0);
  if (node.failed())
    return {};
  int64_t rank = getType(first).getRank(), count = getType(second).getRank();
  if (!broadcasts) {
    if (rank != count)
      node.invalid("expected operands of one rank without attribute "
                   "'broadcast', found ranks " +
                   Twine(rank) + " and " + Twine(count));
    return second;
  }
  axis = hasAxis ? node.normalizeAxis(axis, rank, /*allowsRank=*/true)
                 : rank - count;
  if (!node.failed() && (axis < 0 || axis + count > rank))
    node.invalid("an operand of rank " + Twine(count) +
                 " can't broadcast to rank " + Twine(rank) + " at axis " +
                 Twine(axis));
  if (node.failed() || count == 0)
    return second;
  return node.unsqueeze(
      second, llvm::to_vector(llvm::seq<int64_t>(count, rank - axis)));
}

template <typename OpT> static LogicalResult convertBinary(NodeContext &node) {
  Value second = getSecond(node);
  return node.setOutput(node.binary<OpT>(node.getInput(0), second));
}

/// The operations work on integers' bits too, which have other operators.
template <typename OpT> static LogicalResult convertLogic(NodeContext &node) {
  for (unsigned i : {0, 1}) {
    Value input = node.getInput(i);
    if (input && !getElementTypeOrSelf(input).isInteger(1))
      return node.invalid("expected bool, found " +
                          getTypeName(getElementTypeOrSelf(input)));
  }
  return convertBinary<OpT>(node);
}

/// The result has the type of the base; the exponent may have another.
static LogicalResult convertPow(NodeContext &node) {
  Value base = node.getInput(0), exponent = getSecond(node);
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(base),
       exponentType = getElementTypeOrSelf(exponent);
  // An integer to the power of a fraction is computed in floats, which hold the
  // base.
  if (type.isInteger() && isa<FloatType>(exponentType)) {
    OpBuilder &builder = node.getBuilder();
    Type wide = type.getIntOrFloatBitWidth() > 16 || exponentType.isF64()
                    ? Type(builder.getF64Type())
                    : Type(builder.getF32Type());
    Value power =
        node.binary<PowOp>(node.cast(base, wide), node.cast(exponent, wide));
    return node.setOutput(node.cast(power, type));
  }
  return node.setOutput(node.binary<PowOp>(base, node.cast(exponent, type)));
}

static LogicalResult convertMod(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  if (node.getBool("fmod", false))
    return node.setOutput(node.binary<FmodOp>(a, b));
  if (a && isa<FloatType>(getElementTypeOrSelf(a)))
    return node.invalid("expected attribute 'fmod' = 1 for " +
                        getTypeName(getElementTypeOrSelf(a)));
  return node.setOutput(node.binary<ModOp>(a, b));
}

/// Any number of operands, from left to right.
template <typename OpT>
static LogicalResult convertVariadic(NodeContext &node) {
  Value result = node.getInput(0);
  for (unsigned i = 1; i < node.getNumInputs(); ++i)
    result = node.binary<OpT>(result, node.getInput(i));
  return node.setOutput(result);
}

static LogicalResult convertMean(NodeContext &node) {
  Value sum = node.getInput(0);
  for (unsigned i = 1; i < node.getNumInputs(); ++i)
    sum = node.binary<AddOp>(sum, node.getInput(i));
  if (!sum || node.getNumInputs() == 1)
    return node.setOutput(sum);
  return node.setOutput(node.create<DivOp>(
      sum, node.createScalar(getElementTypeOrSelf(sum), node.getNumInputs())));
}

/// Numbers of few bits are compared as floats, which hold them all.
static LogicalResult convertEqual(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  for (Value *value : {&a, &b})
    if (*value && isNarrow(getElementTypeOrSelf(*value)))
      *value = node.cast(*value, node.getBuilder().getF32Type());
  return node.setOutput(node.binary<EqualOp>(a, b));
}

ArrayRef<OpEntry> getArithmeticOps() {
  static constexpr int64_t add[] = {1, 6, 7, 13, 14},
                           pow[] = {1, 7, 12, 13, 15}, mod[] = {10, 13},
                           logical[] = {1, 7}, max[] = {1, 6, 8, 12, 13},
                           sum[] = {1, 6, 8, 13}, equal[] = {1, 7, 11, 13, 19},
                           less[] = {1, 7, 9, 13}, lessEqual[] = {12, 16};
  static const OpEntry entries[] = {
      {"Add", add, convertBinary<AddOp>, 2, 2},
      {"Sub", add, convertBinary<SubOp>, 2, 2},
      {"Mul", add, convertBinary<MulOp>, 2, 2},
      {"Div", add, convertBinary<DivOp>, 2, 2},
      {"Pow", pow, convertPow, 2, 2},
      {"Mod", mod, convertMod, 2, 2},
      {"And", logical, convertLogic<AndOp>, 2, 2},
      {"Or", logical, convertLogic<OrOp>, 2, 2},
      {"Xor", logical, convertLogic<XorOp>, 2, 2},
      {"Equal", equal, convertEqual, 2, 2},
      {"Less", less, convertBinary<LessOp>, 2, 2},
      {"LessOrEqual", lessEqual, convertBinary<LessEqualOp>, 2, 2},
      {"Greater", less, convertBinary<GreaterOp>, 2, 2},
      {"GreaterOrEqual", lessEqual, convertBinary<GreaterEqualOp>, 2, 2},
      {"Max", max, convertVariadic<MaxOp>, 1, kVariadic},
      {"Min", max, convertVariadic<MinOp>, 1, kVariadic},
      {"Sum", sum, convertVariadic<AddOp>, 1, kVariadic},
      {"Mean", sum, convertMean, 1, kVariadic},
  };
  return entries;
}

} // namespace tenon::onnx_import
