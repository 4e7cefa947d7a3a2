//===- SequenceBorder.cpp - Inputs and outputs that are no tensors --------===//

#include "lib/import/onnx/GraphImporter.h"

#include "dialects/tenon/TenonValues.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

LogicalResult GraphImporter::readSequenceInput(Input input) {
  std::string what = "input " + quote(input.name);
  if (options.bindings.count(input.name))
    return errors.fail(ImportErrorKind::Usage,
                       what + " is bound to values, expected an input that is "
                              "a tensor");
  // What is given is the shape of each of its tensors.
  if (auto given = options.shapes.find(input.name);
      given != options.shapes.end()) {
    ArrayRef<int64_t> shape = given->second;
    ElementDims &dims = input.declared.dims;
    if (!dims)
      dims.emplace(shape.size(), ShapedType::kDynamic);
    bool fits = dims->size() == shape.size();
    for (size_t i = 0; fits && i != shape.size(); ++i) {
      fits = shape[i] == -1 ||
             (shape[i] >= 0 &&
              (ShapedType::isDynamic((*dims)[i]) || (*dims)[i] == shape[i]));
      if (shape[i] >= 0)
        (*dims)[i] = shape[i];
    }
    std::string wrong;
    if (!fits || failed(checkDims(*dims, wrong)))
      return errors.fail(ImportErrorKind::Usage,
                         what + " is given a shape that does not fit what is "
                                "declared of its elements");
  }
  inputs.push_back(std::move(input));
  return success();
}

SmallVector<DictionaryAttr> GraphImporter::describeParts(StringRef name,
                                                         const Form &form) {
  StringRef kind = !form.isOptional   ? kSequence
                   : form.holdsTensor ? kOptional
                                      : kOptionalSequence;
  Type element = form.dims
                     ? Type(RankedTensorType::get(*form.dims, form.elementType))
                     : Type(UnrankedTensorType::get(form.elementType));
  SmallVector<DictionaryAttr> attributes;
  auto add = [&](StringRef part, ArrayRef<std::string> symbols) {
    SmallVector<StringRef> names(symbols.begin(), symbols.end());
    attributes.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr(kNameAttr, builder.getStringAttr(name)),
         builder.getNamedAttr(kDimsAttr, builder.getStrArrayAttr(names)),
         builder.getNamedAttr(kValueAttr, builder.getStringAttr(kind)),
         builder.getNamedAttr(kPartAttr, builder.getStringAttr(part)),
         builder.getNamedAttr(kElementAttr, TypeAttr::get(element))}));
  };
  if (form.isOptional)
    add(kFlagPart, {});
  add(kElementsPart, {name.str() + ".elements"});
  add(kTablePart, {name.str() + ".length",
                   form.dims ? std::string() : name.str() + ".columns"});
  return attributes;
}

Value GraphImporter::putTogether(const std::string &name, const Form &form,
                                 ArrayRef<Value> parts) {
  onnx::NodeProto proto;
  NodeContext node(*this, builder, proto, name, /*version=*/1,
                   NameLoc::get(builder.getStringAttr(name)), /*inputs=*/{},
                   /*functionAttributes=*/nullptr);
  return form.putTogether(node, parts);
}

LogicalResult GraphImporter::importSequenceOutput(
    const onnx::ValueInfoProto &output, Value value,
    SmallVectorImpl<Value> &results,
    SmallVectorImpl<DictionaryAttr> &attributes) {
  // What is made here belongs to the output.
  onnx::NodeProto proto;
  proto.set_op_type("Output");
  proto.add_output(output.name());
  Location loc = NameLoc::get(builder.getStringAttr(output.name()));
  NodeContext node(*this, builder, proto, output.name(), /*version=*/1, loc,
                   /*inputs=*/{}, /*functionAttributes=*/nullptr);
  std::string what = "output " + quote(output.name());
  Form form = Form::get(value);
  if (findTensorType(output.type())) {
    DeclaredType declared = readType(&context, output.type());
    if (declared.elementType != form.elementType)
      return errors.invalid(
          what + " is declared as " +
          getTypeName(findTensorType(output.type())->elem_type()) + ", found " +
          getTypeName(form.elementType));
    // What an optional holds may be declared, and what it may hold given.
    if (form.isOptional && !declared.isOptional) {
      value = takeContents(node, *getOptional(value));
      if (!value)
        return failure();
      form = Form::get(value);
    }
    form.holdsTensor =
        form.isOptional ? form.holdsTensor : form.kind == Form::Tensor;
    form.isOptional |= declared.isOptional;
    if (form.isOptional ? form.holdsTensor == declared.isSequence
                        : (form.kind == Form::Tensor) == declared.isSequence)
      return errors.invalid(what + " is " + describeKind(value).str() +
                            ", expected what is declared");
  }
  if (form.kind == Form::Tensor && !form.isOptional) {
    results.push_back(value);
    return success();
  }
  // A list becomes packed.
  Form packed = Form::getPacked(form);
  llvm::append_range(results, packed.takeApart(node, value));
  llvm::append_range(attributes, describeParts(output.name(), packed));
  return node.failed() ? failure() : success();
}

} // namespace tenon::onnx_import
