//===- MainFunction.cpp - The border of a model: inputs and outputs -------===//

#include "lib/import/onnx/GraphImporter.h"

#include "lib/import/onnx/NarrowTypes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

static bool hasInitializer(const onnx::GraphProto &graph, StringRef name) {
  return llvm::any_of(graph.initializer(), [&](const auto &tensor) {
    return tensor.name() == name;
  });
}

static std::string formatDims(ArrayRef<int64_t> dims) {
  return llvm::join(llvm::map_range(dims,
                                    [](int64_t dim) {
                                      return dim < 0 ? std::string("?")
                                                     : std::to_string(dim);
                                    }),
                    "x");
}

/// The options name inputs of the model, each at most once.
LogicalResult GraphImporter::checkOptions() {
  const onnx::GraphProto &graph = model.graph();
  auto checkName = [&](StringRef name, StringRef option) -> LogicalResult {
    SmallVector<StringRef> names;
    for (const onnx::ValueInfoProto &input : graph.input())
      if (!hasInitializer(graph, input.name()))
        names.push_back(input.name());
    if (is_contained(names, name))
      return success();
    return errors.fail(
        ImportErrorKind::Usage,
        option + " names " + quote(name) +
            ", expected an input of the model: " + llvm::join(names, ", "));
  };
  for (const auto &entry : options.shapes)
    if (failed(checkName(entry.first(), "a shape")))
      return failure();
  for (const auto &entry : options.bindings)
    if (failed(checkName(entry.first(), "a binding")))
      return failure();
  return success();
}

LogicalResult GraphImporter::applyGivenShape(ArrayRef<int64_t> shape,
                                             const Input &input,
                                             MutableArrayRef<int64_t> dims) {
  std::string what = "input " + quote(input.name);
  std::string declared = formatDims(dims);
  auto fail = [&] {
    Finding finding;
    finding.tensor = input.name;
    finding.found = formatDims(shape);
    finding.expected = declared;
    return errors.fail(ImportErrorKind::Usage,
                       what + " is given the shape " + finding.found +
                           ", expected one that fits " + declared,
                       finding);
  };
  if (shape.size() != dims.size())
    return fail();
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size == -1)
      continue;
    if (size < 0 || (!ShapedType::isDynamic(dims[i]) && dims[i] != size))
      return fail();
    if (ShapedType::isDynamic(dims[i]) && !input.symbols[i].empty()) {
      auto [it, isNew] = symbols.try_emplace(input.symbols[i], size);
      if (!isNew && it->second != size)
        return errors.fail(ImportErrorKind::Usage,
                           what + " gives the dimension " +
                               quote(input.symbols[i]) + " the size " +
                               Twine(size) + ", expected " + Twine(it->second) +
                               " as elsewhere");
    }
    dims[i] = size;
  }
  std::string wrong;
  if (failed(checkDims(dims, wrong)))
    return errors.fail(ImportErrorKind::Usage, what + " has " + wrong);
  return success();
}

LogicalResult GraphImporter::readInputs() {
  if (failed(checkOptions()))
    return failure();
  const onnx::GraphProto &graph = model.graph();
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());

  for (const onnx::ValueInfoProto &proto : graph.input()) {
    // An initializer of the same name is the input's default; it stays.
    if (initializers.contains(proto.name()))
      continue;
    const onnx::TypeProto::Tensor &type = *findTensorType(proto.type());
    std::string what = "input " + quote(proto.name());
    Input input;
    input.name = proto.name();
    input.declared = readType(&context, proto.type());
    Type elementType = input.declared.elementType;
    Finding finding;
    finding.tensor = proto.name();
    if (!elementType) {
      finding.elementType = getTypeName(type.elem_type());
      return errors.fail(ImportErrorKind::Unsupported,
                         what + " has element type " + finding.elementType +
                             ", which is not supported",
                         finding);
    }
    if (!input.declared.isTensor()) {
      if (failed(readSequenceInput(std::move(input))))
        return failure();
      continue;
    }
    auto given = options.shapes.find(proto.name());
    bool isGiven = given != options.shapes.end();
    if (!type.has_shape() && !isGiven && !options.bindings.count(proto.name()))
      return errors.fail(
          ImportErrorKind::Unsupported,
          what + " has no shape, so that its rank is unknown; give it one",
          finding);
    SmallVector<int64_t> dims;
    for (const auto &dim : type.shape().dim()) {
      dims.push_back(dim.has_dim_value() ? dim.dim_value()
                                         : ShapedType::kDynamic);
      input.symbols.push_back(dim.dim_param());
    }
    if (isGiven) {
      if (!type.has_shape()) {
        dims.assign(given->second.size(), ShapedType::kDynamic);
        input.symbols.assign(given->second.size(), "");
      }
      if (failed(applyGivenShape(given->second, input, dims)))
        return failure();
    }
    input.type = RankedTensorType::get(dims, elementType);
    inputs.push_back(std::move(input));
  }

  // A size given for one input holds wherever its symbol stands.
  for (Input &input : inputs) {
    if (!input.declared.isTensor())
      continue;
    SmallVector<int64_t> dims(input.type.getShape());
    for (auto [i, dim] : llvm::enumerate(dims)) {
      auto it = symbols.find(input.symbols[i]);
      if (ShapedType::isDynamic(dim) && it != symbols.end())
        dim = it->second;
      if (!ShapedType::isDynamic(dim))
        input.symbols[i].clear();
      else if (input.symbols[i].empty())
        input.symbols[i] = input.name + ".dim" + std::to_string(i);
    }
    std::string wrong;
    if (failed(checkDims(dims, wrong)))
      return errors.fail(ImportErrorKind::Usage,
                         "input " + quote(input.name) + " has " + wrong);
    input.type = RankedTensorType::get(dims, input.type.getElementType());
    auto binding = options.bindings.find(input.name);
    if (binding == options.bindings.end())
      continue;
    FailureOr<ElementsAttr> value = readBinding(input, binding->second);
    if (failed(value))
      return failure();
    bindings[input.name] = *value;
  }
  return success();
}

FailureOr<ElementsAttr> GraphImporter::readBinding(const Input &input,
                                                   StringRef text) {
  std::string what = "input " + quote(input.name);
  SmallVector<StringRef> numbers;
  if (!text.empty())
    text.split(numbers, ',');
  Type elementType = input.type.getElementType();
  SmallVector<Attribute> elements;
  for (StringRef number : numbers) {
    number = number.trim();
    auto fail = [&] {
      return errors.fail(ImportErrorKind::Usage, what + " is bound to " +
                                                     quote(number) +
                                                     ", expected a number of " +
                                                     getTypeName(elementType));
    };
    if (auto floatType = dyn_cast<FloatType>(elementType)) {
      double value;
      if (number.getAsDouble(value))
        return fail();
      elements.push_back(FloatAttr::get(floatType, value));
      continue;
    }
    if (elementType.isInteger(1) && (number == "true" || number == "false"))
      number = number == "true" ? "1" : "0";
    APSInt value;
    unsigned width = elementType.getIntOrFloatBitWidth();
    bool isUnsigned =
        elementType.isUnsignedInteger() || elementType.isInteger(1);
    int64_t parsed;
    uint64_t parsedUnsigned;
    bool isWrong =
        isUnsigned ? number.getAsInteger(10, parsedUnsigned) ||
                         !isUIntN(width, parsedUnsigned)
                   : number.getAsInteger(10, parsed) || !isIntN(width, parsed);
    if (isWrong)
      return fail();
    elements.push_back(IntegerAttr::get(
        elementType, isUnsigned ? APInt(width, parsedUnsigned)
                                : APInt(width, uint64_t(parsed),
                                        /*isSigned=*/true)));
  }

  SmallVector<int64_t> dims(input.type.getShape());
  int64_t numDynamic = llvm::count_if(dims, ShapedType::isDynamic);
  auto failWithoutShape = [&] {
    return errors.fail(ImportErrorKind::Usage,
                       what + " is bound to " + Twine(elements.size()) +
                           (elements.size() == 1 ? " value" : " values") +
                           ", expected also its shape, one that fits " +
                           formatDims(input.type.getShape()));
  };
  // The one dimension that isn't known follows from the number of elements.
  if (numDynamic == 1) {
    int64_t others = 1;
    for (int64_t dim : dims)
      others *= ShapedType::isDynamic(dim) ? 1 : dim;
    for (int64_t &dim : dims)
      if (ShapedType::isDynamic(dim) && others > 0)
        dim = elements.size() / others;
    if (others > 1 && elements.size() == 1)
      return failWithoutShape();
    if (others > 0 && elements.size() % others)
      return errors.fail(ImportErrorKind::Usage,
                         what + " is bound to " + Twine(elements.size()) +
                             " values, expected a multiple of " +
                             Twine(others) + ", or also its shape");
  }
  if (llvm::any_of(dims, ShapedType::isDynamic))
    return failWithoutShape();
  auto type = RankedTensorType::get(dims, elementType);
  if (elements.size() != 1 && int64_t(elements.size()) != type.getNumElements())
    return errors.fail(ImportErrorKind::Usage,
                       what + " is bound to " + Twine(elements.size()) +
                           " values, expected " + Twine(type.getNumElements()) +
                           " or one for all");
  return ElementsAttr(DenseElementsAttr::get(type, elements));
}

LogicalResult GraphImporter::importOutputs(Scope &scope, Operation *function) {
  auto main = cast<func::FuncOp>(function);
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  for (const onnx::ValueInfoProto &output : model.graph().output()) {
    Value value;
    scope.lookup(output.name(), value);
    std::string what = "output " + quote(output.name());
    if (!value) // Left out with what is unsupported, which has been told.
      return failure();
    if (!isTensor(value) ||
        (findTensorType(output.type()) && !output.type().has_tensor_type())) {
      size_t numAttributes = attributes.size();
      if (failed(importSequenceOutput(output, value, results, attributes)))
        return failure();
      if (attributes.size() != numAttributes)
        continue;
      // It is declared as the tensor that it holds.
      value = results.pop_back_val();
    }
    RankedTensorType type = getType(value);
    const onnx::TypeProto::Tensor &declared = output.type().tensor_type();
    if (output.type().has_tensor_type() && declared.elem_type() != 0 &&
        getElementType(&context, declared.elem_type()) != type.getElementType())
      return errors.invalid(what + " is declared as " +
                            getTypeName(declared.elem_type()) + ", found " +
                            getTypeName(type.getElementType()));
    bool hasShape = declared.has_shape();
    if (hasShape && declared.shape().dim_size() != type.getRank())
      return errors.invalid(what + " is declared with rank " +
                            Twine(declared.shape().dim_size()) + ", found " +
                            Twine(type.getRank()));
    SmallVector<StringRef> symbolNames;
    SmallVector<std::string> storage;
    storage.reserve(type.getRank());
    for (auto [i, size] : llvm::enumerate(type.getShape())) {
      StringRef symbol;
      if (hasShape) {
        const auto &dim = declared.shape().dim(i);
        if (dim.has_dim_value() && !ShapedType::isDynamic(size) &&
            dim.dim_value() != size)
          return errors.invalid(what + " is declared with size " +
                                Twine(dim.dim_value()) + " of dimension " +
                                Twine(i) + ", found " + Twine(size));
        symbol = dim.dim_param();
      }
      if (!ShapedType::isDynamic(size))
        symbol = "";
      else if (symbol.empty())
        symbol =
            storage.emplace_back(output.name() + ".dim" + std::to_string(i));
      symbolNames.push_back(symbol);
    }
    NamedAttribute entries[] = {
        builder.getNamedAttr(kNameAttr, builder.getStringAttr(output.name())),
        builder.getNamedAttr(kDimsAttr, builder.getStrArrayAttr(symbolNames))};
    attributes.push_back(builder.getDictionaryAttr(entries));
    results.push_back(value);
  }
  func::ReturnOp::create(builder, main.getLoc(), results);
  main.setFunctionType(builder.getFunctionType(main.getArgumentTypes(),
                                               ValueRange(results).getTypes()));
  main.setAllResultAttrs(attributes);
  return success();
}

LogicalResult GraphImporter::importMain(ModuleOp module) {
  const onnx::GraphProto &graph = model.graph();
  SmallVector<Type> types;
  SmallVector<Location> locations;
  SmallVector<DictionaryAttr> attributes;
  for (const Input &input : inputs) {
    if (bindings.count(input.name))
      continue;
    if (!input.declared.isTensor()) {
      Form form = Form::get(input.declared);
      llvm::append_range(types, form.getTypes(&context));
      llvm::append_range(attributes, describeParts(input.name, form));
      locations.resize(types.size(),
                       NameLoc::get(builder.getStringAttr(input.name)));
      continue;
    }
    types.push_back(input.type);
    locations.push_back(NameLoc::get(builder.getStringAttr(input.name)));
    SmallVector<StringRef> symbolNames(input.symbols.begin(),
                                       input.symbols.end());
    NamedAttribute entries[] = {
        builder.getNamedAttr(kNameAttr, builder.getStringAttr(input.name)),
        builder.getNamedAttr(kDimsAttr, builder.getStrArrayAttr(symbolNames))};
    attributes.push_back(builder.getDictionaryAttr(entries));
  }
  builder.setInsertionPointToStart(module.getBody());
  auto main = func::FuncOp::create(builder, module.getLoc(), "main",
                                   builder.getFunctionType(types, {}));
  main.setAllArgAttrs(attributes);
  Block *body = main.addEntryBlock();
  builder.setInsertionPointToStart(body);

  Frame frame;
  frame.opsets = &opsets;
  Scope scope;
  scope.frame = &frame;
  readDeclaredRanks(graph, scope);
  auto argument = body->args_begin();
  auto location = locations.begin();
  for (const Input &input : inputs) {
    if (ElementsAttr value = bindings.lookup(input.name)) {
      Value constant = ConstantOp::create(
          builder, NameLoc::get(builder.getStringAttr(input.name)), value);
      known.getElements(constant);
      scope.values[input.name] = constant;
      continue;
    }
    if (!input.declared.isTensor()) {
      Form form = Form::get(input.declared);
      SmallVector<Value> parts;
      for (size_t i = 0, e = form.getTypes(&context).size(); i != e; ++i) {
        argument->setLoc(*location++);
        parts.push_back(*argument++);
      }
      scope.values[input.name] = putTogether(input.name, form, parts);
      continue;
    }
    argument->setLoc(*location++);
    scope.values[input.name] = *argument++;
  }
  if (failed(importInitializers(graph, scope)) ||
      failed(importNodes(graph.node(), scope)))
    return failure();
  return importOutputs(scope, main);
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  if (failed(collectFunctions()))
    return {};
  llvm::StringSet<> visited;
  findUnsupported(model.graph(), opsets, visited);
  if (failed(readInputs()))
    return {};

  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &reported) {
    if (diagnostic.empty())
      diagnostic = reported.str();
    return success();
  });
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(builder, builder.getUnknownLoc());
  if (failed(importMain(*module)) || errors.hasUnsupported() || errors.failed())
    return {};

  // Shapes that were known, weights that nothing uses.
  module->walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if ((isa<TenonDialect>(op->getDialect()) ||
         isa<UnrealizedConversionCastOp>(op)) &&
        isOpTriviallyDead(op))
      op->erase();
  });
  storeNarrowTypes(*module);
  diagnostic.clear();
  if (failed(verify(*module))) {
    errors.invalid("the imported model is inconsistent: " + diagnostic);
    return {};
  }
  return module;
}

} // namespace tenon::onnx_import
