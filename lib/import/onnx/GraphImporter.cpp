//===- GraphImporter.cpp - The walk over a model's graph ------------------===//

#include "lib/import/onnx/GraphImporter.h"

#include "lib/import/onnx/NarrowTypes.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// More nodes than this, with every call of a function counted, are refused:
/// a few nested functions can multiply without end.
constexpr int64_t kMaxNodes = 200'000;
/// The same for the bytes of their names, which hold those of the calls.
constexpr size_t kMaxNameBytes = size_t(1) << 28;

} // namespace

GraphImporter::GraphImporter(const onnx::ModelProto &model,
                             const OnnxImportOptions &options,
                             MLIRContext &context, TensorReader &tensors,
                             ImportErrors &errors)
    : model(model), options(options), context(context), tensors(tensors),
      errors(errors), builder(&context) {}

bool GraphImporter::Scope::lookup(StringRef name, Value &value) const {
  for (const Scope *scope = this; scope; scope = scope->outer)
    if (auto it = scope->values.find(name); it != scope->values.end()) {
      value = it->second;
      return true;
    }
  return false;
}

bool GraphImporter::Scope::isAbsent(StringRef name) const {
  if (name.empty())
    return true;
  for (const Scope *scope = this; scope; scope = scope->outer)
    if (scope->values.contains(name))
      return scope->absent.contains(name);
  return false;
}

LogicalResult GraphImporter::collectFunctions() {
  FailureOr<Opsets> imports = getOpsets(model, errors);
  if (failed(imports))
    return failure();
  opsets = std::move(*imports);
  for (const onnx::FunctionProto &function : model.functions()) {
    std::string key =
        getFunctionKey(function.domain(), function.name(), function.overload());
    FailureOr<Opsets> own = getOpsets(function, errors);
    if (failed(own))
      return failure();
    functions[key] = &function;
    functionOpsets[key] = std::move(*own);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Operators that no table has
//===----------------------------------------------------------------------===//

void GraphImporter::findUnsupported(const Nodes &nodes, const Opsets &opsets,
                                    const StringMap<std::string> &types,
                                    llvm::StringSet<> &visited) {
  for (auto [i, node] : llvm::enumerate(nodes)) {
    StringRef domain = normalizeDomain(node.domain());
    std::string key = getFunctionKey(domain, node.op_type(), node.overload());
    if (auto it = functions.find(key); it != functions.end()) {
      if (visited.insert(key).second)
        findUnsupported(it->second->node(), functionOpsets[key], {}, visited);
      continue;
    }
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        findUnsupported(attribute.g(), opsets, visited);
    OpLookup op = findOp(domain, node.op_type(), opsets.lookup(domain));
    if (op.entry)
      continue;
    std::string elementType;
    if (!node.input().empty())
      elementType = types.lookup(node.input(0));
    errors.addUnsupported({node.op_type(),
                           domain.str(),
                           opsets.lookup(domain),
                           elementType,
                           op.isOtherVersion
                               ? "the operator is not in this operator set"
                               : "the operator is not supported",
                           {}},
                          getNodeName(node, i));
  }
}

void GraphImporter::findUnsupported(const onnx::GraphProto &graph,
                                    const Opsets &opsets,
                                    llvm::StringSet<> &visited) {
  StringMap<std::string> types;
  for (const auto *values :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &value : *values)
      if (value.type().has_tensor_type())
        types[value.name()] =
            getTypeName(value.type().tensor_type().elem_type());
  for (const onnx::TensorProto &tensor : graph.initializer())
    types[tensor.name()] = getTypeName(tensor.data_type());
  findUnsupported(graph.node(), opsets, types, visited);
}

//===----------------------------------------------------------------------===//
// Graphs and nodes
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::importInitializers(const onnx::GraphProto &graph,
                                                Scope &scope) {
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    // A default of an input that a caller can set is not its value, but such
    // inputs are how old exporters declare weights.
    if (!getElementType(&context, tensor.data_type())) {
      errors.addUnsupported({"initializer",
                             "",
                             0,
                             getTypeName(tensor.data_type()),
                             "the element type is not supported",
                             {}},
                            tensor.name());
      scope.values[tensor.name()] = Value();
      continue;
    }
    ElementsAttr value =
        tensors.read(tensor, "initializer " + quote(tensor.name()));
    if (!value)
      return failure();
    Location loc = NameLoc::get(builder.getStringAttr(tensor.name()));
    Value constant = ConstantOp::create(builder, loc, value);
    known.getElements(constant);
    scope.values[tensor.name()] = constant;
  }
  return success();
}

void GraphImporter::readDeclaredRanks(const onnx::GraphProto &graph,
                                      Scope &scope) {
  for (const auto *values : {&graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &value : *values)
      if (value.type().has_tensor_type() &&
          value.type().tensor_type().has_shape())
        scope.declaredRanks[value.name()] =
            value.type().tensor_type().shape().dim_size();
}

LogicalResult GraphImporter::importNodes(const Nodes &nodes, Scope &scope) {
  for (auto [i, node] : llvm::enumerate(nodes))
    if (failed(importNode(node, i, scope)))
      return failure();
  return success();
}

void GraphImporter::poisonOutputs(const onnx::NodeProto &node, Scope &scope) {
  for (const std::string &output : node.output())
    if (!output.empty())
      scope.values[output] = Value();
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node, int index,
                                        Scope &scope) {
  const Frame &frame = *scope.frame;
  std::string name = frame.prefix + getNodeName(node, index);
  if (++numNodes > kMaxNodes)
    return errors.invalid("the model has more than " + Twine(kMaxNodes) +
                          " nodes, with those of its functions at every call");
  nameBytes += name.size();
  if (nameBytes > kMaxNameBytes)
    return errors.invalid("the names of the nodes, with those of functions at "
                          "every call, have more than " +
                          Twine(kMaxNameBytes) + " bytes");

  StringRef domain = normalizeDomain(node.domain());
  if (auto it = functions.find(
          getFunctionKey(domain, node.op_type(), node.overload()));
      it != functions.end())
    return importCall(node, *it->second, name, scope);

  int64_t opset = frame.opsets->lookup(domain);
  OpLookup op = findOp(domain, node.op_type(), opset);
  SmallVector<Value> inputs;
  // What follows from an unsupported node is skipped with it.
  bool isPoisoned = !op.entry;
  for (const std::string &input : node.input()) {
    Value value;
    if (!scope.isAbsent(input) && (!scope.lookup(input, value) || !value))
      isPoisoned = true;
    inputs.push_back(value);
  }
  if (isPoisoned) {
    poisonOutputs(node, scope);
    return success();
  }

  std::string text = describeNode(name, node.op_type());
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input && !isTensor(input) && !op.entry->takesAnyValues)
      return errors.invalid(text + ": input " + Twine(i) + " is " +
                            describeKind(input) + ", expected a tensor");
  if (inputs.size() < op.entry->minInputs ||
      inputs.size() > op.entry->maxInputs) {
    std::string expected = std::to_string(op.entry->minInputs);
    if (op.entry->maxInputs == kVariadic)
      expected += " or more";
    else if (op.entry->maxInputs != op.entry->minInputs)
      expected += " to " + std::to_string(op.entry->maxInputs);
    Finding finding = makeNodeFinding(
        "expected " + expected + " inputs, found " + Twine(inputs.size()), name,
        node.op_type(), domain, op.version);
    finding.found = std::to_string(inputs.size());
    finding.expected = expected;
    return errors.fail(ImportErrorKind::Invalid, text + ": " + finding.message,
                       finding);
  }

  auto skip = [&](std::string elementType, std::string reason) {
    errors.addUnsupported({node.op_type(),
                           domain.str(),
                           op.version,
                           std::move(elementType),
                           std::move(reason),
                           {}},
                          name);
    poisonOutputs(node, scope);
    return success();
  };
  if (!takesNarrowTypes(domain, node.op_type()))
    for (Value input : inputs)
      if (input && isNarrow(getElementTypeOrSelf(input)))
        return skip(getTypeName(getElementTypeOrSelf(input)),
                    "the element type is not supported");

  Location loc = NameLoc::get(builder.getStringAttr(name));
  NodeContext context(*this, builder, node, name, op.version, loc, inputs,
                      frame.attributes);
  Scope *outerScope = std::exchange(currentScope, &scope);
  LogicalResult result = op.entry->convert(context);
  currentScope = outerScope;
  if (succeeded(result))
    result = context.checkAttributesUsed();
  if (succeeded(result))
    for (unsigned i = 0; i != context.getNumOutputs(); ++i)
      if (context.hasOutput(i) && !context.getOutput(i))
        result =
            context.unsupported("output " + Twine(i) + " is not supported");
  if (failed(result)) {
    if (!context.isUnsupported()) {
      // Nothing is wrong with an If whose graphs hold unsupported nodes.
      if (!errors.failed() && errors.hasUnsupported()) {
        poisonOutputs(node, scope);
        return success();
      }
      if (!errors.failed())
        return errors.invalid(text + " can't be imported");
      return failure();
    }
    std::string elementType;
    if (!inputs.empty() && inputs[0])
      elementType = getTypeName(Form::get(inputs[0]).elementType);
    return skip(elementType, context.getUnsupportedReason().str());
  }
  for (auto [i, output] : llvm::enumerate(node.output()))
    if (!output.empty())
      scope.values[output] = context.getOutput(i);
  return success();
}

LogicalResult GraphImporter::importCall(const onnx::NodeProto &node,
                                        const onnx::FunctionProto &function,
                                        const std::string &name, Scope &scope) {
  std::string text = describeNode(name, node.op_type());
  if (node.input_size() > function.input_size() ||
      node.output_size() > function.output_size())
    return errors.invalid(
        text + ": expected at most " + Twine(function.input_size()) +
        " inputs and " + Twine(function.output_size()) + " outputs, found " +
        Twine(node.input_size()) + " and " + Twine(node.output_size()));

  FunctionAttributes attributes;
  for (const onnx::AttributeProto &attribute : function.attribute_proto())
    attributes[attribute.name()] = &attribute;
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (!attributes.count(attribute.name()) &&
        !is_contained(function.attribute(), attribute.name()))
      return errors.invalid(text + ": attribute " + quote(attribute.name()) +
                            " is none of the function");
    // The names in it are the caller's, and would be taken for the function's.
    if (attribute.has_g() || !attribute.graphs().empty()) {
      errors.addUnsupported(
          {node.op_type(),
           normalizeDomain(node.domain()).str(),
           0,
           "",
           "a graph as an attribute of a function is not supported",
           {}},
          name);
      poisonOutputs(node, scope);
      return success();
    }
    const onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      value = scope.frame->attributes
                  ? scope.frame->attributes->lookup(attribute.ref_attr_name())
                  : nullptr;
      if (!value)
        continue;
    }
    attributes[attribute.name()] = value;
  }
  for (const std::string &attribute : function.attribute())
    if (!attributes.count(attribute))
      attributes[attribute] = nullptr;

  Frame frame;
  frame.opsets = &functionOpsets[getFunctionKey(
      function.domain(), function.name(), function.overload())];
  frame.attributes = &attributes;
  frame.prefix = name + "/";
  Scope body;
  body.frame = &frame;
  for (auto [i, parameter] : llvm::enumerate(function.input())) {
    Value value;
    if (int(i) >= node.input_size() || scope.isAbsent(node.input(i)))
      body.absent.insert(parameter);
    else
      scope.lookup(node.input(i), value);
    body.values[parameter] = value;
  }
  if (failed(importNodes(function.node(), body)))
    return failure();
  for (auto [i, output] : llvm::enumerate(node.output())) {
    if (output.empty())
      continue;
    const std::string &result = function.output(i);
    if (body.isAbsent(result))
      return errors.invalid(text + ": output " + Twine(i) +
                            " is the function's parameter " + quote(result) +
                            ", which the call leaves out");
    Value value;
    body.lookup(result, value);
    scope.values[output] = value;
  }
  return success();
}

FailureOr<SmallVector<Value>>
GraphImporter::importSubgraph(const onnx::GraphProto &graph,
                              const std::string &prefix,
                              ArrayRef<Value> inputs) {
  Frame frame = *currentScope->frame;
  frame.prefix = prefix;
  Scope scope;
  scope.outer = currentScope;
  scope.frame = &frame;
  readDeclaredRanks(graph, scope);
  Scope *outerScope = currentScope;
  LogicalResult imported = importInitializers(graph, scope);
  for (auto [input, value] : llvm::zip(graph.input(), inputs))
    scope.values[input.name()] = value;
  if (succeeded(imported))
    imported = importNodes(graph.node(), scope);
  currentScope = outerScope;
  if (failed(imported))
    return failure();
  SmallVector<Value> results;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    Value value;
    scope.lookup(output.name(), value);
    results.push_back(value);
  }
  return results;
}

} // namespace tenon::onnx_import
