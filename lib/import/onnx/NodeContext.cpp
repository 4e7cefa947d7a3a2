//===- NodeContext.cpp - A node as its converter sees it ------------------===//

#include "lib/import/onnx/NodeContext.h"

#include "lib/import/onnx/GraphImporter.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// Nodes are limited, but some of them become very many operations.
static constexpr int64_t kMaxOperations = int64_t(1) << 22;

NodeContext::NodeContext(GraphImporter &importer, OpBuilder &builder,
                         const onnx::NodeProto &node, const std::string &name,
                         int64_t version, Location loc, ArrayRef<Value> inputs,
                         const FunctionAttributes *functionAttributes)
    : importer(importer), builder(builder), node(node), name(name),
      version(version), loc(loc), inputs(inputs),
      functionAttributes(functionAttributes) {}

std::string NodeContext::describe() const {
  return describeNode(name, node.op_type());
}

Refusal NodeContext::invalid(const Twine &message, const Twine &found,
                             const Twine &expected) {
  if (!hasFailed) {
    Finding finding =
        makeNodeFinding(message, name, node.op_type(), node.domain(), version);
    finding.found = found.str();
    finding.expected = expected.str();
    importer.errors.fail(ImportErrorKind::Invalid, describe() + ": " + message,
                         std::move(finding));
  }
  hasFailed = true;
  return {};
}

Refusal NodeContext::unsupported(const Twine &reason) {
  if (!hasFailed)
    unsupportedReason = reason.str();
  hasFailed = true;
  return {};
}

void NodeContext::addNote(const Twine &note) { importer.errors.addNote(note); }

KnownValues &NodeContext::getKnownValues() { return importer.known; }

int64_t &NodeContext::getNumCopies() { return importer.numCopies; }

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

Value NodeContext::getInput(unsigned i) {
  if (hasFailed)
    return {};
  if (!hasInput(i)) {
    invalid("input " + Twine(i) + " is missing");
    return {};
  }
  return inputs[i];
}

std::optional<int64_t> NodeContext::getDeclaredRank(unsigned i) const {
  if (int(i) >= node.output_size())
    return std::nullopt;
  const auto &ranks = importer.currentScope->declaredRanks;
  auto found = ranks.find(node.output(i));
  return found == ranks.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SmallVector<int64_t>>
NodeContext::getConstantInput(unsigned i, StringRef what) {
  Value value = getInput(i);
  if (!value)
    return std::nullopt;
  RankedTensorType type = getType(value);
  if (!type.getElementType().isInteger()) {
    std::string found = getTypeName(type.getElementType());
    invalid("expected integers in " + what + ", found " + found, found,
            "integers");
    return std::nullopt;
  }
  if (type.getRank() > 1) {
    invalid("expected " + what + " of rank 1, found rank " +
                Twine(type.getRank()),
            "rank " + Twine(type.getRank()), "rank 1");
    return std::nullopt;
  }
  std::optional<SmallVector<int64_t>> values =
      importer.known.getConstants(value);
  if (!values)
    unsupported(what + " must be constant");
  return values;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const onnx::AttributeProto *NodeContext::find(StringRef attributeName) {
  usedAttributes.insert(attributeName);
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.name() != attributeName)
      continue;
    if (attribute.ref_attr_name().empty())
      return &attribute;
    return functionAttributes
               ? functionAttributes->lookup(attribute.ref_attr_name())
               : nullptr;
  }
  return nullptr;
}

const onnx::AttributeProto *NodeContext::findTyped(StringRef attributeName,
                                                   int32_t type,
                                                   StringRef typeName) {
  const onnx::AttributeProto *attribute = find(attributeName);
  if (!attribute || hasFailed)
    return nullptr;
  if (attribute->type() == type)
    return attribute;
  static constexpr StringLiteral names[] = {
      "nothing", "a float",         "an int",         "a string", "a tensor",
      "a graph", "floats",          "ints",           "strings",  "tensors",
      "graphs",  "a sparse tensor", "sparse tensors", "a type",   "types"};
  int32_t index = attribute->type();
  StringRef found = index >= 0 && index < int32_t(std::size(names))
                        ? StringRef(names[index])
                        : "something else";
  invalid("attribute '" + attributeName + "' is " + found + ", expected " +
              typeName,
          found, typeName);
  return nullptr;
}

using A = onnx::AttributeProto;

int64_t NodeContext::getInt(StringRef name, int64_t defaultValue) {
  const A *attribute = findTyped(name, A::INT, "an int");
  return attribute ? attribute->i() : defaultValue;
}

int64_t NodeContext::getRequiredInt(StringRef name) {
  if (!find(name))
    invalid("attribute '" + name + "' is missing");
  return getInt(name, 0);
}

bool NodeContext::getBool(StringRef name, bool defaultValue) {
  int64_t value = getInt(name, defaultValue);
  if (value != 0 && value != 1)
    invalid("attribute '" + name + "' is " + Twine(value) + ", expected 0 or 1",
            Twine(value), "0 or 1");
  return value != 0;
}

double NodeContext::getFloat(StringRef name, double defaultValue) {
  const A *attribute = findTyped(name, A::FLOAT, "a float");
  return attribute ? attribute->f() : defaultValue;
}

std::string NodeContext::getString(StringRef name, StringRef defaultValue) {
  const A *attribute = findTyped(name, A::STRING, "a string");
  return attribute ? attribute->s() : defaultValue.str();
}

std::optional<SmallVector<int64_t>> NodeContext::getInts(StringRef name) {
  const A *attribute = findTyped(name, A::INTS, "ints");
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints().begin(),
                              attribute->ints().end());
}

std::optional<SmallVector<double>> NodeContext::getFloats(StringRef name) {
  const A *attribute = findTyped(name, A::FLOATS, "floats");
  if (!attribute)
    return std::nullopt;
  return SmallVector<double>(attribute->floats().begin(),
                             attribute->floats().end());
}

std::optional<SmallVector<std::string>>
NodeContext::getStrings(StringRef name) {
  const A *attribute = findTyped(name, A::STRINGS, "strings");
  if (!attribute)
    return std::nullopt;
  return SmallVector<std::string>(attribute->strings().begin(),
                                  attribute->strings().end());
}

ElementsAttr NodeContext::getTensor(StringRef name) {
  const A *attribute = findTyped(name, A::TENSOR, "a tensor");
  if (!attribute)
    return {};
  if (!getElementType(getContext(), attribute->t().data_type())) {
    unsupported("element type " + getTypeName(attribute->t().data_type()) +
                " is not supported");
    return {};
  }
  ElementsAttr value = importer.tensors.read(
      attribute->t(), describe() + " has attribute " + quote(name) + ", which");
  hasFailed |= !value;
  return value;
}

const onnx::GraphProto *NodeContext::getGraph(StringRef name) {
  if (!find(name))
    invalid("attribute '" + name + "' is missing");
  const A *attribute = findTyped(name, A::GRAPH, "a graph");
  return attribute ? &attribute->g() : nullptr;
}

const onnx::TypeProto *NodeContext::getTypeAttribute(StringRef name) {
  if (!find(name))
    invalid("attribute '" + name + "' is missing");
  const A *attribute = findTyped(name, A::TYPE_PROTO, "a type");
  return attribute ? &attribute->tp() : nullptr;
}

void NodeContext::ignoreAttributes(std::initializer_list<StringRef> names) {
  for (StringRef name : names)
    usedAttributes.insert(name);
}

LogicalResult NodeContext::checkAttributesUsed() {
  // A hint on memory that most operators had before operator set 6.
  if (version < 6)
    ignoreAttributes({"consumed_inputs"});
  for (const A &attribute : node.attribute())
    if (!usedAttributes.contains(attribute.name()))
      return invalid("attribute " + quote(attribute.name()) +
                     " is none of version " + Twine(version) +
                     " of the operator");
  return success();
}

int64_t NodeContext::normalizeAxis(int64_t axis, int64_t rank,
                                   bool allowsRank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  if (allowsRank && axis == rank)
    return axis;
  invalid("axis " + Twine(axis) + " is out of range for rank " + Twine(rank));
  return 0;
}

SmallVector<int64_t> NodeContext::normalizeAxes(ArrayRef<int64_t> axes,
                                                int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    int64_t normalized = normalizeAxis(axis, rank);
    if (!hasFailed && is_contained(result, normalized))
      invalid("axis " + Twine(axis) + " is given twice");
    result.push_back(normalized);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Creation
//===----------------------------------------------------------------------===//

Operation *NodeContext::insert(OperationState &state) {
  if (hasFailed)
    return nullptr;
  importer.diagnostic.clear();
  // A message begins with the tenon operation; the reader knows the ONNX node.
  std::string prefix = "'" + state.name.getStringRef().str() + "' op ";
  if (auto *interface = state.name.getInterface<InferTypeOpInterface>()) {
    SmallVector<Type> types;
    if (mlir::failed(interface->inferReturnTypes(
            getContext(), loc, state.operands,
            state.attributes.getDictionary(getContext()),
            state.getRawProperties(), state.regions, types))) {
      StringRef message = importer.diagnostic;
      message.consume_front(prefix);
      invalid(message);
      return nullptr;
    }
    state.types.clear();
    state.addTypes(types);
  }
  if (++importer.numOperations > kMaxOperations) {
    invalid("the model becomes more than " + Twine(kMaxOperations) +
            " operations");
    return nullptr;
  }
  Operation *op = builder.create(state);
  // The operation by itself: what is around it is yet to be made.
  OperationName opName = op->getName();
  if (mlir::failed(opName.verifyInvariants(op)) ||
      mlir::failed(opName.verifyRegionInvariants(op))) {
    // ONNX allows some element types that the dialect's types do not.
    StringRef message = importer.diagnostic;
    message.consume_front(prefix);
    unsigned operand;
    if (StringRef rest = message; rest.consume_front("operand #") &&
                                  !rest.consumeInteger(10, operand) &&
                                  operand < op->getNumOperands())
      unsupported("an operand of " +
                  getTypeName(getElementTypeOrSelf(op->getOperand(operand))) +
                  " is not supported");
    else
      invalid(message);
    op->erase();
    return nullptr;
  }
  for (Value result : op->getResults()) {
    std::string wrong;
    if (mlir::failed(checkDims(getType(result).getShape(), wrong))) {
      invalid("the result has " + wrong);
      op->erase();
      return nullptr;
    }
  }
  // Known values are found as operations are made, so that nothing recurses
  // through long chains of them later.
  for (Value result : op->getResults())
    importer.known.getElements(result);
  return op;
}

Value NodeContext::createConstant(ElementsAttr value) {
  if (hasFailed || !value)
    return {};
  OperationState state(loc, ConstantOp::getOperationName());
  ConstantOp::build(builder, state, value.getType(), value);
  Operation *op = insert(state);
  return op ? op->getResult(0) : Value();
}

Value NodeContext::createScalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  if (auto floatType = dyn_cast<FloatType>(elementType))
    return createConstant(
        DenseElementsAttr::get(type, FloatAttr::get(floatType, value)));
  bool isUnsigned = elementType.isUnsignedInteger();
  unsigned width = elementType.getIntOrFloatBitWidth();
  APInt integer(width, static_cast<uint64_t>(static_cast<int64_t>(value)),
                /*isSigned=*/!isUnsigned, /*implicitTrunc=*/true);
  return createConstant(DenseElementsAttr::get(
      type, Attribute(IntegerAttr::get(elementType, integer))));
}

Value NodeContext::createInts(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())},
                                    builder.getIntegerType(64));
  return createConstant(DenseElementsAttr::get(type, values));
}

Value NodeContext::unsqueeze(Value value, ArrayRef<int64_t> axes) {
  if (axes.empty() || !value)
    return value;
  return create<UnsqueezeOp>(value, axes);
}

Value NodeContext::squeeze(Value value, ArrayRef<int64_t> axes) {
  if (axes.empty() || !value)
    return value;
  return create<SqueezeOp>(value, axes);
}

Value NodeContext::cast(Value value, Type elementType) {
  if (!value || getElementTypeOrSelf(value) == elementType)
    return value;
  return create<CastOp>(value, elementType);
}

SmallVector<Value> NodeContext::broadcast(ArrayRef<Value> values) {
  int64_t rank = 0;
  if (hasFailed)
    return {};
  for (Value value : values)
    rank = std::max(rank, getType(value).getRank());
  SmallVector<Value> result;
  for (Value value : values) {
    int64_t missing = rank - getType(value).getRank();
    if (missing != 0 && missing != rank)
      value = unsqueeze(value, to_vector(seq<int64_t>(0, missing)));
    result.push_back(value);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

LogicalResult NodeContext::setOutput(unsigned i, Value value) {
  if (hasFailed || !value)
    return failure();
  outputs[i] = value;
  return success();
}

LogicalResult NodeContext::setOutputs(ValueRange values) {
  for (auto [i, value] : llvm::enumerate(values))
    if (hasOutput(i) && mlir::failed(setOutput(i, value)))
      return failure();
  return success();
}

FailureOr<SmallVector<Value>>
NodeContext::importGraph(const onnx::GraphProto &graph,
                         ArrayRef<Value> inputs) {
  if (hasFailed)
    return failure();
  FailureOr<SmallVector<Value>> results =
      importer.importSubgraph(graph, name + "/", inputs);
  hasFailed |= mlir::failed(results);
  return results;
}

} // namespace tenon::onnx_import
