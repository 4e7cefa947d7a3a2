//===- OpsRecurrent.cpp - Recurrent networks ------------------------------===//

#include "lib/import/onnx/OpTable.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The activations, if given, are the default ones for each direction.
static bool hasDefaultActivations(NodeContext &node, int64_t numDirections) {
  std::optional<SmallVector<std::string>> activations =
      node.getStrings("activations");
  if (!activations)
    return true;
  if (int64_t(activations->size()) != 3 * numDirections) {
    node.invalid("attribute 'activations' has " + Twine(activations->size()) +
                 " elements, expected " + Twine(3 * numDirections));
    return false;
  }
  for (auto [i, name] : llvm::enumerate(*activations))
    if (!StringRef(name).equals_insensitive(i % 3 == 0 ? "Sigmoid" : "Tanh"))
      return false;
  return true;
}

/// Zeros of shape [directions, batch of `input`, hidden].
static Value createInitial(NodeContext &node, Value input, int64_t directions,
                           int64_t hidden) {
  Value shape =
      node.joinShape({node.createInts(directions), node.getDim(input, 1),
                      node.createInts(hidden)});
  Value zero = node.createScalar(getElementTypeOrSelf(input), 0);
  return node.expand(zero, shape);
}

static LogicalResult convertLstm(NodeContext &node) {
  std::string directionName = node.getString("direction", "forward");
  std::optional<Direction> direction = symbolizeDirection(directionName);
  if (!node.failed() && !direction)
    return node.invalid("attribute 'direction' is " + quote(directionName) +
                        ", expected forward, reverse or bidirectional");
  bool batchFirst =
      node.getVersion() >= 14 ? node.getBool("layout", false) : false;
  bool couplesGates = node.getInt("input_forget", 0) != 0;
  std::optional<int64_t> hidden;
  if (node.hasAttribute("hidden_size"))
    hidden = node.getInt("hidden_size", 0);
  Value input = node.getInput(0), weights = node.getInput(1),
        recurrence = node.getInput(2);
  if (node.failed())
    return failure();
  int64_t numDirections = *direction == Direction::Bidirectional ? 2 : 1;
  if (!hasDefaultActivations(node, numDirections))
    return node.unsupported(
        "activations other than Sigmoid, Tanh, Tanh are not supported");
  for (StringRef name : {"activation_alpha", "activation_beta", "clip"})
    if (node.hasAttribute(name))
      return node.unsupported("attribute '" + name + "' is not supported");
  if (couplesGates)
    return node.unsupported("input_forget = 1 is not supported");
  if (node.hasInput(7))
    return node.unsupported("peephole weights (input P) are not supported");

  for (auto [name, operand] : {std::pair("X", input), std::pair("W", weights),
                               std::pair("R", recurrence)})
    if (getType(operand).getRank() != 3)
      return node.invalid("expected an input " + Twine(name) +
                          " of rank 3, found rank " +
                          Twine(getType(operand).getRank()));
  int64_t size = getType(recurrence).getDimSize(2);
  if (ShapedType::isDynamic(size))
    return node.unsupported("the hidden size must be static");
  if (hidden && *hidden != size)
    return node.invalid("attribute 'hidden_size' is " + Twine(*hidden) +
                        ", but the recurrence weights have " + Twine(size));
  if (size < 1 || size > INT32_MAX)
    return node.invalid("the recurrence weights have a hidden size of " +
                        Twine(size) + ", expected at least 1");

  if (batchFirst)
    input = node.transpose(input, {1, 0, 2});
  if (node.hasInput(4)) {
    // Lengths that are all the length of the sequence change nothing.
    std::optional<SmallVector<int64_t>> lengths =
        node.getKnownValues().getConstants(node.getInput(4));
    bool areFull =
        input && lengths && llvm::all_of(*lengths, [&](int64_t length) {
          return length == getType(input).getDimSize(0);
        });
    if (!areFull)
      return node.unsupported("sequences of different lengths (input "
                              "sequence_lens) are not supported");
  }
  Value bias = node.getOptionalInput(3);
  if (!bias && !node.failed()) {
    auto type = RankedTensorType::get({numDirections, 8 * size},
                                      getElementTypeOrSelf(input));
    bias = node.createConstant(DenseElementsAttr::get(
        type, node.getBuilder().getZeroAttr(type.getElementType())));
  }
  Value state = node.getOptionalInput(5), cell = node.getOptionalInput(6);
  for (Value *initial : {&state, &cell}) {
    if (node.failed())
      return failure();
    if (!*initial)
      *initial = createInitial(node, input, numDirections, size);
    else if (batchFirst)
      *initial = node.transpose(*initial, {1, 0, 2});
  }
  if (node.failed())
    return failure();

  OperationState lstm(node.getLoc(), LstmOp::getOperationName());
  Type none = node.getBuilder().getNoneType();
  LstmOp::build(node.getBuilder(), lstm, none, none, none, input, weights,
                recurrence, bias, state, cell, *direction);
  Operation *op = node.insert(lstm);
  if (!op)
    return failure();
  for (unsigned i = 0; i != 3; ++i) {
    if (!node.hasOutput(i))
      continue;
    Value result = op->getResult(i);
    if (batchFirst)
      result = i == 0 ? node.transpose(result, {2, 0, 1, 3})
                      : node.transpose(result, {1, 0, 2});
    if (failed(node.setOutput(i, result)))
      return failure();
  }
  return success();
}

ArrayRef<OpEntry> getRecurrentOps() {
  static constexpr int64_t lstm[] = {7, 14, 22};
  static const OpEntry entries[] = {
      {"LSTM", lstm, convertLstm, 3, 8},
  };
  return entries;
}

} // namespace tenon::onnx_import
