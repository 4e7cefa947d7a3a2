//===- ModelCheck.cpp - The structure of a model, before it is trusted ----===//

#include "lib/import/onnx/ModelCheck.h"

#include "lib/import/onnx/Sequences.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

#include <functional>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

std::string getFunctionKey(StringRef domain, StringRef name,
                           StringRef overload) {
  return (normalizeDomain(domain) + Twine('\0') + name + Twine('\0') + overload)
      .str();
}

std::string getNodeName(const onnx::NodeProto &node, int index) {
  if (!node.name().empty())
    return node.name();
  return node.op_type() + "_" + std::to_string(index);
}

namespace {

/// The values that a graph sees: its own and those of the graphs around it.
struct Names {
  llvm::StringSet<> names;
  const Names *outer = nullptr;

  bool contains(StringRef name) const {
    return names.contains(name) || (outer && outer->contains(name));
  }
};

class Checker {
public:
  Checker(const onnx::ModelProto &model, TensorReader &tensors,
          ImportErrors &errors)
      : model(model), tensors(tensors), errors(errors) {}

  LogicalResult check();

private:
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  LogicalResult checkVersions();
  LogicalResult checkFunctions();
  LogicalResult checkNesting();
  LogicalResult checkGraph(const onnx::GraphProto &graph, const Names *outer,
                           const Twine &where);
  LogicalResult checkInput(const onnx::ValueInfoProto &input);
  LogicalResult checkNodes(const Nodes &nodes, Names &names,
                           const Twine &where);
  LogicalResult checkAttribute(const onnx::AttributeProto &attribute,
                               const std::string &node, const Names &names);
  LogicalResult reportMissing(const Nodes &nodes, int index, StringRef value,
                              const std::string &node);
  LogicalResult checkText(StringRef text, const Twine &what);

  const onnx::ModelProto &model;
  TensorReader &tensors;
  ImportErrors &errors;
  Opsets opsets;
  StringMap<const onnx::FunctionProto *> functions;
  bool isInFunction = false;
};

} // namespace

LogicalResult Checker::checkText(StringRef text, const Twine &what) {
  size_t offset;
  if (json::isUTF8(text, &offset))
    return success();
  return errors.invalid(what + " " + quote(text) + " is not UTF-8 (at byte " +
                        Twine(offset) + ")");
}

LogicalResult Checker::checkVersions() {
  if (!model.has_ir_version() || model.ir_version() <= 0)
    return errors.invalid(
        "the file is not an ONNX model: it has no IR version");
  if (model.ir_version() < kOldestIrVersion ||
      model.ir_version() > kNewestIrVersion)
    return errors.unsupported("the model has IR version " +
                              Twine(model.ir_version()) + ", supported are " +
                              Twine(kOldestIrVersion) + " to " +
                              Twine(kNewestIrVersion));
  if (!model.has_graph())
    return errors.invalid("the model has no graph");
  if (model.opset_import().empty())
    return errors.invalid("the model imports no operator set");
  FailureOr<Opsets> imports = getOpsets(model, errors);
  if (failed(imports))
    return failure();
  opsets = std::move(*imports);
  auto checkOpset = [&](const Opsets &sets,
                        const Twine &what) -> LogicalResult {
    auto it = sets.find("");
    if (it == sets.end() ||
        (it->second >= kOldestOpset && it->second <= kNewestOpset))
      return success();
    return errors.unsupported(what + " imports operator set " +
                              Twine(it->second) + ", supported are " +
                              Twine(kOldestOpset) + " to " +
                              Twine(kNewestOpset));
  };
  if (failed(checkOpset(opsets, "the model")))
    return failure();
  for (const onnx::FunctionProto &function : model.functions()) {
    FailureOr<Opsets> sets = getOpsets(function, errors);
    if (failed(sets) ||
        failed(checkOpset(*sets, "function " + quote(function.name()))))
      return failure();
  }
  return success();
}

LogicalResult Checker::checkInput(const onnx::ValueInfoProto &input) {
  std::string what = "input " + quote(input.name());
  const onnx::TypeProto::Tensor *type = findTensorType(input.type());
  if (!type)
    return input.type().value_case() == onnx::TypeProto::VALUE_NOT_SET
               ? errors.invalid(what + " has no type")
               : errors.unsupported(what + " is not made of dense tensors, "
                                           "which is not supported");
  int32_t elementType = type->elem_type();
  if (elementType <= onnx::TensorProto::UNDEFINED ||
      elementType > onnx::TensorProto::INT2)
    return errors.invalid(what + " has element type " + Twine(elementType) +
                          ", expected one that ONNX defines");
  SmallVector<int64_t> dims;
  for (const auto &dim : type->shape().dim()) {
    if (failed(
            checkText(dim.dim_param(), what + " has a dimension whose name")))
      return failure();
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return errors.invalid(what + " has a dimension of " +
                            Twine(dim.dim_value()) +
                            ", expected no negative one");
    dims.push_back(dim.has_dim_value() ? dim.dim_value()
                                       : ShapedType::kDynamic);
  }
  std::string wrong;
  if (failed(checkDims(dims, wrong)))
    return errors.invalid(what + " has " + wrong);
  return success();
}

LogicalResult Checker::reportMissing(const Nodes &nodes, int index,
                                     StringRef value, const std::string &node) {
  StringMap<int> producers;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string &output : nodes[i].output())
      producers.try_emplace(output, i);
  auto it = producers.find(value);
  if (it == producers.end())
    return errors.invalid(node + " uses the value " + quote(value) +
                          ", which nothing produces");
  // Is this node among what the producer depends on?
  SmallVector<int> work{it->second};
  llvm::DenseSet<int> seen{it->second};
  std::string producer = describeNode(
      getNodeName(nodes[it->second], it->second), nodes[it->second].op_type());
  while (!work.empty()) {
    int current = work.pop_back_val();
    if (current == index)
      return errors.invalid(node + " uses the value " + quote(value) + " of " +
                            producer + ", which depends on it: a cycle");
    for (const std::string &input : nodes[current].input())
      if (auto from = producers.find(input);
          from != producers.end() && seen.insert(from->second).second)
        work.push_back(from->second);
  }
  return errors.invalid(node + " uses the value " + quote(value) + " of " +
                        producer + ", which comes only after it");
}

LogicalResult Checker::checkAttribute(const onnx::AttributeProto &attribute,
                                      const std::string &node,
                                      const Names &names) {
  using A = onnx::AttributeProto;
  if (attribute.name().empty())
    return errors.invalid(node + " has an attribute without a name");
  if (failed(
          checkText(attribute.name(), node + " has an attribute whose name")))
    return failure();
  std::string what = node + " has attribute " + quote(attribute.name());
  if (!attribute.ref_attr_name().empty()) {
    if (isInFunction)
      return success();
    return errors.invalid(what + " that refers to " +
                          quote(attribute.ref_attr_name()) +
                          ", expected outside of functions a value");
  }
  // Each kind, whether the attribute holds one, and whether it may stand for
  // an attribute of that kind (a default may be absent).
  struct Kind {
    int32_t type;
    StringLiteral name;
    bool isHeld;
  } kinds[] = {
      {A::FLOAT, "a float", attribute.has_f()},
      {A::INT, "an int", attribute.has_i()},
      {A::STRING, "a string", attribute.has_s()},
      {A::TENSOR, "a tensor", attribute.has_t()},
      {A::GRAPH, "a graph", attribute.has_g()},
      {A::FLOATS, "floats", !attribute.floats().empty()},
      {A::INTS, "ints", !attribute.ints().empty()},
      {A::STRINGS, "strings", !attribute.strings().empty()},
      {A::TENSORS, "tensors", !attribute.tensors().empty()},
      {A::GRAPHS, "graphs", !attribute.graphs().empty()},
      {A::SPARSE_TENSOR, "a sparse tensor", attribute.has_sparse_tensor()},
      {A::TYPE_PROTO, "a type", attribute.has_tp()},
  };
  StringRef declared;
  for (const Kind &kind : kinds)
    if (kind.type == attribute.type())
      declared = kind.name;
  if (declared.empty() && (attribute.type() < A::SPARSE_TENSOR ||
                           attribute.type() > A::TYPE_PROTOS))
    return errors.invalid(what + " of type " + Twine(attribute.type()) +
                          ", expected one that ONNX defines");
  for (const Kind &kind : kinds)
    if (kind.isHeld && kind.type != attribute.type())
      return errors.invalid(what + " that holds " + kind.name + ", expected " +
                            (declared.empty() ? "another type" : declared));
  if ((attribute.type() == A::TENSOR && !attribute.has_t()) ||
      (attribute.type() == A::GRAPH && !attribute.has_g()))
    return errors.invalid(what + " that holds nothing, expected " + declared);
  if (attribute.has_t() &&
      failed(tensors.check(attribute.t(), what + ", which")))
    return failure();
  if (attribute.has_g())
    return checkGraph(attribute.g(), &names,
                      "graph " + quote(attribute.name()) + " of " + node);
  for (const onnx::TensorProto &tensor : attribute.tensors())
    if (failed(tensors.check(tensor, what + ", which")))
      return failure();
  for (const onnx::GraphProto &graph : attribute.graphs())
    if (failed(checkGraph(graph, &names,
                          "graph " + quote(attribute.name()) + " of " + node)))
      return failure();
  return success();
}

LogicalResult Checker::checkNodes(const Nodes &nodes, Names &names,
                                  const Twine &where) {
  for (int i = 0; i < nodes.size(); ++i) {
    const onnx::NodeProto &node = nodes[i];
    std::string name = getNodeName(node, i);
    if (failed(checkText(node.name(), "a node's name")) ||
        failed(checkText(node.op_type(), "an operator's name")) ||
        failed(checkText(node.domain(), "an operator's domain")))
      return failure();
    if (node.op_type().empty())
      return errors.invalid("node " + quote(name) + " names no operator");
    std::string text = describeNode(name, node.op_type());
    StringRef domain = normalizeDomain(node.domain());
    if (!opsets.count(domain) && !functions.count(getFunctionKey(
                                     domain, node.op_type(), node.overload())))
      return errors.invalid(text + " is of operator set " + quote(domain) +
                            ", which is not imported");
    for (const std::string &input : node.input())
      if (!input.empty() && !names.contains(input)) {
        if (failed(checkText(input, text + " uses a value whose name")))
          return failure();
        return reportMissing(nodes, i, input, text);
      }
    llvm::StringSet<> attributes;
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (!attributes.insert(attribute.name()).second)
        return errors.invalid(text + " has attribute " +
                              quote(attribute.name()) + " twice");
      if (failed(checkAttribute(attribute, text, names)))
        return failure();
    }
    for (const std::string &output : node.output()) {
      if (failed(checkText(output, text + " produces a value whose name")))
        return failure();
      if (!output.empty() && !names.names.insert(output).second)
        return errors.invalid(text + " produces the value " + quote(output) +
                              ", which " + where + " has already");
    }
  }
  return success();
}

LogicalResult Checker::checkGraph(const onnx::GraphProto &graph,
                                  const Names *outer, const Twine &where) {
  Names names;
  names.outer = outer;
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (input.name().empty())
      return errors.invalid(where + " has an input without a name");
    if (failed(checkText(input.name(), where + " has an input whose name")))
      return failure();
    if (!names.names.insert(input.name()).second)
      return errors.invalid(where + " has two inputs " + quote(input.name()));
    if (!outer && failed(checkInput(input)))
      return failure();
  }
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    if (failed(checkText(tensor.name(), "an initializer's name")))
      return failure();
    std::string what = "initializer " + quote(tensor.name());
    if (tensor.name().empty())
      return errors.invalid(where + " has an initializer without a name");
    if (!initializers.insert(tensor.name()).second)
      return errors.invalid(where + " has two initializers " +
                            quote(tensor.name()));
    // An initializer may give an input its default.
    names.names.insert(tensor.name());
    if (failed(tensors.check(tensor, what)))
      return failure();
  }
  if (!graph.sparse_initializer().empty())
    return errors.unsupported(where + " has sparse initializers, which are not "
                                      "supported");
  if (failed(checkNodes(graph.node(), names, where)))
    return failure();
  llvm::StringSet<> outputs;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    if (failed(checkText(output.name(), where + " has an output whose name")))
      return failure();
    if (!names.contains(output.name()))
      return errors.invalid(where + " has the output " + quote(output.name()) +
                            ", which nothing produces");
    if (!outputs.insert(output.name()).second && !outer)
      return errors.invalid(where + " has two outputs " + quote(output.name()));
    for (const auto &dim : output.type().tensor_type().shape().dim())
      if (failed(checkText(dim.dim_param(), "output " + quote(output.name()) +
                                                " has a dimension whose name")))
        return failure();
  }
  if (graph.output().empty())
    return errors.invalid(where + " has no output");
  return success();
}

LogicalResult Checker::checkFunctions() {
  for (const onnx::FunctionProto &function : model.functions()) {
    if (failed(checkText(function.name(), "a function's name")) ||
        failed(checkText(function.domain(), "a function's domain")))
      return failure();
    if (function.name().empty())
      return errors.invalid("a function has no name");
    if (!functions
             .try_emplace(getFunctionKey(function.domain(), function.name(),
                                         function.overload()),
                          &function)
             .second)
      return errors.invalid("the model has two functions " +
                            quote(function.name()) + " of domain " +
                            quote(function.domain()));
  }
  Opsets modelOpsets = opsets;
  isInFunction = true;
  for (const onnx::FunctionProto &function : model.functions()) {
    std::string where = "function " + quote(function.name());
    Names names;
    for (const std::string &input : function.input())
      if (failed(checkText(input, where + " has an input whose name")))
        return failure();
      else if (!names.names.insert(input).second)
        return errors.invalid(where + " has two inputs " + quote(input));
    FailureOr<Opsets> own = getOpsets(function, errors);
    if (failed(own))
      return failure();
    opsets = std::move(*own);
    for (const onnx::AttributeProto &attribute : function.attribute_proto()) {
      // Its values would be looked for where the function is called.
      if (attribute.has_g() || !attribute.graphs().empty())
        return errors.unsupported(where + " has a graph as the default of " +
                                  "attribute " + quote(attribute.name()) +
                                  ", which is not supported");
      if (failed(checkAttribute(attribute, where, names)))
        return failure();
    }
    if (failed(checkNodes(function.node(), names, where)))
      return failure();
    for (const std::string &output : function.output())
      if (!names.contains(output))
        return errors.invalid(where + " has the output " + quote(output) +
                              ", which nothing produces");
  }
  isInFunction = false;
  opsets = std::move(modelOpsets);
  return checkNesting();
}

/// Finds functions that call themselves, through others or through graphs, and
/// measures how deep calls and graphs stand in one another.
LogicalResult Checker::checkNesting() {
  // The levels below each function; none while it is being measured.
  StringMap<std::optional<unsigned>> heights;
  std::function<FailureOr<unsigned>(const Nodes &, unsigned)> measure;
  // The levels below `nodes`, which stand `depth` levels deep.
  measure = [&](const Nodes &nodes, unsigned depth) -> FailureOr<unsigned> {
    unsigned height = 0;
    for (auto [i, node] : llvm::enumerate(nodes)) {
      std::optional<unsigned> below;
      std::string key =
          getFunctionKey(node.domain(), node.op_type(), node.overload());
      if (auto callee = functions.find(key); callee != functions.end()) {
        auto [it, isNew] = heights.try_emplace(key);
        if (!isNew && !it->second)
          return errors.invalid("function " + quote(callee->second->name()) +
                                " calls itself");
        if (isNew && depth < kMaxNesting) {
          FailureOr<unsigned> measured =
              measure(callee->second->node(), depth + 1);
          if (failed(measured))
            return failure();
          heights[key] = *measured;
        }
        below = heights[key].value_or(0);
      }
      for (const onnx::AttributeProto &attribute : node.attribute()) {
        if (!attribute.has_g())
          continue;
        FailureOr<unsigned> measured = 0;
        if (depth < kMaxNesting)
          measured = measure(attribute.g().node(), depth + 1);
        if (failed(measured))
          return failure();
        below = std::max(below.value_or(0), *measured);
      }
      if (!below)
        continue;
      height = std::max(height, *below + 1);
      if (depth + height > kMaxNesting)
        return errors.invalid(
            describeNode(getNodeName(node, i), node.op_type()) +
            ": functions and graphs are nested deeper than " +
            Twine(kMaxNesting));
    }
    return height;
  };
  if (failed(measure(model.graph().node(), 0)))
    return failure();
  // Those that nothing calls.
  for (const auto &entry : functions) {
    auto [it, isNew] = heights.try_emplace(entry.first());
    if (!isNew)
      continue;
    FailureOr<unsigned> height = measure(entry.second->node(), 0);
    if (failed(height))
      return failure();
    heights[entry.first()] = *height;
  }
  return success();
}

LogicalResult Checker::check() {
  if (failed(checkVersions()) || failed(checkFunctions()))
    return failure();
  return checkGraph(model.graph(), /*outer=*/nullptr, "the graph");
}

LogicalResult checkModel(const onnx::ModelProto &model, TensorReader &tensors,
                         ImportErrors &errors) {
  return Checker(model, tensors, errors).check();
}

} // namespace tenon::onnx_import
