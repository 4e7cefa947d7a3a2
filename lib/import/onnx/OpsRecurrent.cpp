//===- OpsRecurrent.cpp - Recurrent networks ------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

namespace {

/// What nodes of all three kinds have in common.
struct Layer {
  CellKind cell;
  Direction direction = Direction::Forward;
  int64_t numDirections = 1, hidden = 0;
  bool batchFirst = false;
  double clip = 0;
  /// In the names of the dialect, one for each use in each direction.
  SmallVector<std::string> activations;
  SmallVector<double> alpha, beta;
  /// Inputs as the dialect has them: steps first.
  Value input, weights, recurrence, bias, lengths, state;

  int64_t getNumGates() const {
    return cell == CellKind::Rnn ? 1 : cell == CellKind::Gru ? 3 : 4;
  }
};

/// An activation as ONNX and the dialect name it, and its defaults.
struct ActivationInfo {
  StringLiteral onnxName, name;
  double alpha, beta;
};

} // namespace

static constexpr ActivationInfo kActivations[] = {
    {"Relu", "relu", 0, 0},
    {"Tanh", "tanh", 0, 0},
    {"Sigmoid", "sigmoid", 0, 0},
    {"Affine", "affine", 1, 0},
    {"LeakyRelu", "leaky_relu", 0.01f, 0},
    {"ThresholdedRelu", "thresholded_relu", 1, 0},
    {"ScaledTanh", "scaled_tanh", 1, 1},
    {"HardSigmoid", "hard_sigmoid", 0.2f, 0.5},
    {"Elu", "elu", 1, 0},
    {"Softsign", "softsign", 0, 0},
    {"Softplus", "softplus", 0, 0},
};

/// How many of the attributes alpha and beta an activation takes, in order.
static unsigned countParameters(StringRef name) {
  if (name == "affine" || name == "scaled_tanh" || name == "hard_sigmoid")
    return 2;
  return name == "leaky_relu" || name == "thresholded_relu" || name == "elu";
}

static void readActivations(NodeContext &node, Layer &layer) {
  SmallVector<std::string> defaults = {"Tanh"};
  if (layer.cell == CellKind::Gru)
    defaults = {"Sigmoid", "Tanh"};
  else if (layer.cell == CellKind::Lstm)
    defaults = {"Sigmoid", "Tanh", "Tanh"};
  std::optional<SmallVector<std::string>> given =
      node.getStrings("activations");
  std::optional<SmallVector<double>> alpha = node.getFloats("activation_alpha"),
                                     beta = node.getFloats("activation_beta");
  SmallVector<std::string> names;
  for (int64_t i = 0; i != layer.numDirections; ++i)
    llvm::append_range(names, defaults);
  if (given && given->size() != names.size()) {
    node.invalid("attribute 'activations' has " + Twine(given->size()) +
                 " elements, expected " + Twine(names.size()));
    return;
  }
  // Values are taken in order by the activations that have such a parameter.
  size_t nextAlpha = 0, nextBeta = 0;
  for (StringRef name : given ? *given : names) {
    const auto *info = llvm::find_if(kActivations, [&](auto &activation) {
      return name.equals_insensitive(activation.onnxName);
    });
    if (info == std::end(kActivations)) {
      node.invalid("attribute 'activations' has the element " + quote(name) +
                   ", expected an activation that ONNX defines");
      return;
    }
    layer.activations.push_back(info->name.str());
    unsigned count = countParameters(info->name);
    layer.alpha.push_back(count > 0 && alpha && nextAlpha < alpha->size()
                              ? (*alpha)[nextAlpha++]
                              : info->alpha);
    layer.beta.push_back(count > 1 && beta && nextBeta < beta->size()
                             ? (*beta)[nextBeta++]
                             : info->beta);
  }
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

/// A state that a node is given, or zeros, with the batch second.
static Value getState(NodeContext &node, const Layer &layer, unsigned i) {
  Value state = node.getOptionalInput(i);
  if (node.failed())
    return {};
  if (!state)
    return createInitial(node, layer.input, layer.numDirections, layer.hidden);
  if (layer.batchFirst)
    state = node.transpose(state, {1, 0, 2});
  if (node.failed() || getType(state).getRank() != 3)
    return state;
  state = node.requireDim(state, 0, layer.numDirections);
  return node.requireDim(state, 2, layer.hidden);
}

static std::optional<Layer> readLayer(NodeContext &node, CellKind cell) {
  Layer layer;
  layer.cell = cell;
  std::string directionName = node.getString("direction", "forward");
  std::optional<Direction> direction = symbolizeDirection(directionName);
  if (!node.failed() && !direction)
    node.invalid("attribute 'direction' is " + quote(directionName) +
                 ", expected forward, reverse or bidirectional");
  layer.direction = direction.value_or(Direction::Forward);
  layer.numDirections = layer.direction == Direction::Bidirectional ? 2 : 1;
  layer.batchFirst =
      node.getVersion() >= 14 ? node.getBool("layout", false) : false;
  if (node.getVersion() < 7)
    node.ignoreAttributes({"output_sequence"}); // The output itself tells.
  layer.clip = node.getFloat("clip", 0);
  if (!(layer.clip >= 0) || !std::isfinite(layer.clip))
    node.invalid("attribute 'clip' is " + std::to_string(layer.clip) +
                 ", expected a number of at least 0");
  std::optional<int64_t> hidden;
  if (node.hasAttribute("hidden_size"))
    hidden = node.getInt("hidden_size", 0);
  readActivations(node, layer);
  layer.input = node.getInput(0);
  layer.weights = node.getInput(1);
  layer.recurrence = node.getInput(2);
  if (node.failed())
    return std::nullopt;

  for (auto [name, operand] :
       {std::pair("X", layer.input), std::pair("W", layer.weights),
        std::pair("R", layer.recurrence)})
    if (getType(operand).getRank() != 3)
      node.invalid("expected an input " + Twine(name) +
                   " of rank 3, found rank " +
                   Twine(getType(operand).getRank()));
  if (node.failed())
    return std::nullopt;
  if (hidden && *hidden > 0 && *hidden <= (1 << 20)) {
    // The attribute tells what dynamic weights do not.
    for (Value *operand : {&layer.weights, &layer.recurrence}) {
      *operand = node.requireDim(*operand, 0, layer.numDirections);
      *operand = node.requireDim(*operand, 1, layer.getNumGates() * *hidden);
    }
    layer.recurrence = node.requireDim(layer.recurrence, 2, *hidden);
    if (node.failed())
      return std::nullopt;
  }
  int64_t size = getType(layer.recurrence).getDimSize(2);
  if (ShapedType::isDynamic(size))
    node.unsupported("the hidden size must be static");
  else if (hidden && *hidden != size)
    node.invalid("attribute 'hidden_size' is " + Twine(*hidden) +
                 ", but the recurrence weights have " + Twine(size));
  else if (size < 1 || size > (1 << 20))
    node.invalid("the recurrence weights have a hidden size of " + Twine(size) +
                 ", expected 1 to 2^20");
  if (node.failed())
    return std::nullopt;
  layer.hidden = size;

  if (layer.batchFirst)
    layer.input = node.transpose(layer.input, {1, 0, 2});
  layer.bias = node.getOptionalInput(3);
  if (!layer.bias && !node.failed()) {
    auto type = RankedTensorType::get(
        {layer.numDirections, 2 * layer.getNumGates() * size},
        getElementTypeOrSelf(layer.input));
    layer.bias = node.createConstant(DenseElementsAttr::get(
        type, node.getBuilder().getZeroAttr(type.getElementType())));
  }
  if (layer.bias && !node.failed() && getType(layer.bias).getRank() == 2) {
    layer.bias = node.requireDim(layer.bias, 0, layer.numDirections);
    layer.bias = node.requireDim(layer.bias, 1, 2 * layer.getNumGates() * size);
  }
  layer.lengths = node.getOptionalInput(4);
  if (layer.lengths && layer.input) {
    // Lengths that are all the length of the sequence change nothing.
    std::optional<SmallVector<int64_t>> lengths =
        node.getKnownValues().getConstants(layer.lengths);
    if (lengths && llvm::all_of(*lengths, [&](int64_t length) {
          return length == getType(layer.input).getDimSize(0);
        }))
      layer.lengths = Value();
  }
  layer.state = getState(node, layer, 5);
  return node.failed() ? std::nullopt : std::optional(layer);
}

/// Sets the outputs to the results of `op`, as many as there are.
static LogicalResult setOutputs(NodeContext &node, const Layer &layer,
                                Operation *op) {
  if (!op)
    return failure();
  for (unsigned i = 0; i != node.getNumOutputs(); ++i) {
    if (!node.hasOutput(i))
      continue;
    if (i >= op->getNumResults())
      return node.invalid("expected at most " + Twine(op->getNumResults()) +
                          " outputs");
    Value result = op->getResult(i);
    if (layer.batchFirst)
      result = i == 0 ? node.transpose(result, {2, 0, 1, 3})
                      : node.transpose(result, {1, 0, 2});
    if (!result ||
        failed(node.setOutput(
            i, node.cast(result, getElementTypeOrSelf(layer.input)))))
      return failure();
  }
  return success();
}

/// Any layer: the input's part of the gates is a matrix product over all steps
/// at once. The steps are computed in f32 at least.
static LogicalResult createRecurrent(NodeContext &node, const Layer &layer,
                                     Value cell, Value peepholes,
                                     bool linearBeforeReset, bool inputForget) {
  if (node.failed())
    return failure();
  int64_t numRows = layer.getNumGates() * layer.hidden;
  if (getType(layer.bias).getRank() != 2)
    return node.invalid("expected an input B of rank 2, found rank " +
                        Twine(getType(layer.bias).getRank()));
  Value inputSize = node.getDim(layer.input, 2);
  Value rows = node.reshape(
      layer.input,
      node.joinShape({node.createInts(int64_t(1)),
                      node.getDimProduct(layer.input, 0, 2), inputSize}));
  Value product = node.create<MatMulOp>(rows, layer.weights,
                                        /*transposeA=*/false,
                                        /*transposeB=*/true);
  auto getBias = [&](int64_t part) {
    return node.sliceAxis(layer.bias, 1, node.createInts(part * numRows),
                          node.createInts((part + 1) * numRows));
  };
  Value biased =
      node.create<AddOp>(product, node.unsqueeze(getBias(0), {int64_t(1)}));
  Value gates =
      node.reshape(biased, node.joinShape({node.createInts(layer.numDirections),
                                           node.getDim(layer.input, 0),
                                           node.getDim(layer.input, 1),
                                           node.createInts(numRows)}));
  gates = widen(node, gates);
  Value recurrentBias = widen(node, getBias(1));
  Value recurrence = widen(node, layer.recurrence);
  Value initial = widen(node, layer.state);
  if (cell)
    cell = widen(node, cell);
  if (peepholes)
    peepholes = widen(node, peepholes);
  if (node.failed())
    return failure();
  OpBuilder &builder = node.getBuilder();
  OperationState state(node.getLoc(), RecurrentOp::getOperationName());
  Type none = builder.getNoneType();
  SmallVector<StringRef> activations(layer.activations.begin(),
                                     layer.activations.end());
  RecurrentOp::build(
      builder, state, none, none, none, gates, recurrence, recurrentBias,
      initial, cell, peepholes, layer.lengths, layer.cell, layer.direction,
      builder.getStrArrayAttr(activations), layer.alpha, layer.beta,
      APFloat(layer.clip), linearBeforeReset, inputForget);
  return setOutputs(node, layer, node.insert(state));
}

static LogicalResult convertRnn(NodeContext &node) {
  std::optional<Layer> layer = readLayer(node, CellKind::Rnn);
  if (!layer)
    return failure();
  return createRecurrent(node, *layer, Value(), Value(), false, false);
}

static LogicalResult convertGru(NodeContext &node) {
  bool linearBeforeReset =
      node.getVersion() >= 3 && node.getInt("linear_before_reset", 0) != 0;
  std::optional<Layer> layer = readLayer(node, CellKind::Gru);
  if (!layer)
    return failure();
  return createRecurrent(node, *layer, Value(), Value(), linearBeforeReset,
                         false);
}

static LogicalResult convertLstm(NodeContext &node) {
  bool couplesGates = node.getInt("input_forget", 0) != 0;
  std::optional<Layer> layer = readLayer(node, CellKind::Lstm);
  if (!layer)
    return failure();
  Value cell = getState(node, *layer, 6);
  Value peepholes = node.getOptionalInput(7);
  if (node.failed())
    return failure();
  if (peepholes && getType(peepholes).getRank() == 2) {
    peepholes = node.requireDim(peepholes, 0, layer->numDirections);
    peepholes = node.requireDim(peepholes, 1, 3 * layer->hidden);
  }
  bool isPlain =
      !couplesGates && !peepholes && !layer->lengths && layer->clip == 0;
  isPlain &= getType(layer->weights).hasStaticShape() &&
             getType(layer->recurrence).hasStaticShape();
  for (auto [i, name] : llvm::enumerate(layer->activations))
    isPlain &= name == (i % 3 == 0 ? "sigmoid" : "tanh");
  if (!isPlain)
    return createRecurrent(node, *layer, cell, peepholes, false, couplesGates);
  OperationState lstm(node.getLoc(), LstmOp::getOperationName());
  Type none = node.getBuilder().getNoneType();
  LstmOp::build(node.getBuilder(), lstm, none, none, none, layer->input,
                layer->weights, layer->recurrence, layer->bias, layer->state,
                cell, layer->direction);
  return setOutputs(node, *layer, node.insert(lstm));
}

ArrayRef<OpEntry> getRecurrentOps() {
  static constexpr int64_t gru[] = {1, 3, 7, 14, 22}, lstm[] = {1, 7, 14, 22};
  static const OpEntry entries[] = {
      {"RNN", lstm, convertRnn, 3, 6},
      {"GRU", gru, convertGru, 3, 6},
      {"LSTM", lstm, convertLstm, 3, 8},
  };
  return entries;
}

} // namespace tenon::onnx_import
