//===- Sequences.cpp - Sequences and optionals, made of tensors -----------===//

#include "lib/import/onnx/Sequences.h"

#include "lib/import/onnx/Spelling.h"

#include "lib/import/onnx/NarrowTypes.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Declared types
//===----------------------------------------------------------------------===//

const onnx::TypeProto::Tensor *findTensorType(const onnx::TypeProto &type) {
  const onnx::TypeProto *inner = &type;
  if (inner->has_optional_type())
    inner = &inner->optional_type().elem_type();
  if (inner->has_sequence_type())
    inner = &inner->sequence_type().elem_type();
  return inner->has_tensor_type() ? &inner->tensor_type() : nullptr;
}

DeclaredType readType(MLIRContext *context, const onnx::TypeProto &type) {
  DeclaredType declared;
  declared.isOptional = type.has_optional_type();
  declared.isSequence =
      declared.isOptional ? type.optional_type().elem_type().has_sequence_type()
                          : type.has_sequence_type();
  const onnx::TypeProto::Tensor *tensor = findTensorType(type);
  declared.elementType = getElementType(context, tensor->elem_type());
  // Sequences are of types that are computed with.
  if (!declared.isTensor() && declared.elementType &&
      isNarrow(declared.elementType))
    declared.elementType = {};
  if (!tensor->has_shape())
    return declared;
  declared.dims.emplace();
  for (const auto &dim : tensor->shape().dim())
    declared.dims->push_back(dim.has_dim_value() ? dim.dim_value()
                                                 : ShapedType::kDynamic);
  return declared;
}

//===----------------------------------------------------------------------===//
// Values that are no tensors
//===----------------------------------------------------------------------===//

/// What the cast that stands for a value says of it.
static constexpr StringLiteral kListAttr = "tenon.list",
                               kPackedAttr = "tenon.packed",
                               kOptionalAttr = "tenon.optional";

static Value makeCast(NodeContext &node, ValueRange parts, StringRef name,
                      Attribute attribute) {
  if (node.failed() || llvm::is_contained(parts, Value()))
    return {};
  OperationState state(node.getLoc(),
                       UnrealizedConversionCastOp::getOperationName());
  state.addOperands(parts);
  state.addTypes(node.getBuilder().getNoneType());
  state.addAttribute(name, attribute);
  return node.getBuilder().create(state)->getResult(0);
}

Value makeList(NodeContext &node, Type elementType, ArrayRef<Value> elements) {
  return makeCast(node, elements, kListAttr, TypeAttr::get(elementType));
}

Value makePacked(NodeContext &node, Type elementType, Value data, Value table,
                 const ElementDims &dims) {
  Type type = dims ? Type(RankedTensorType::get(*dims, elementType))
                   : Type(UnrankedTensorType::get(elementType));
  return makeCast(node, {data, table}, kPackedAttr, TypeAttr::get(type));
}

Value makeOptional(NodeContext &node, const OptionalValue &optional) {
  return makeCast(node, {optional.flag, optional.sequence}, kOptionalAttr,
                  node.getBuilder().getBoolAttr(optional.holdsTensor));
}

std::optional<Sequence> getSequence(Value value) {
  auto cast = value.getDefiningOp<UnrealizedConversionCastOp>();
  if (!cast)
    return std::nullopt;
  Sequence sequence;
  if (auto list = cast->getAttrOfType<TypeAttr>(kListAttr)) {
    sequence.elementType = list.getValue();
    sequence.elements.assign(cast.getInputs().begin(), cast.getInputs().end());
    return sequence;
  }
  auto packed = cast->getAttrOfType<TypeAttr>(kPackedAttr);
  if (!packed)
    return std::nullopt;
  sequence.isPacked = true;
  sequence.elementType = getElementTypeOrSelf(packed.getValue());
  if (auto type = dyn_cast<RankedTensorType>(packed.getValue()))
    sequence.dims.emplace(type.getShape());
  sequence.data = cast.getInputs()[0];
  sequence.table = cast.getInputs()[1];
  return sequence;
}

std::optional<OptionalValue> getOptional(Value value) {
  auto cast = value.getDefiningOp<UnrealizedConversionCastOp>();
  auto attribute =
      cast ? cast->getAttrOfType<BoolAttr>(kOptionalAttr) : BoolAttr();
  if (!attribute)
    return std::nullopt;
  return OptionalValue{cast.getInputs()[0], cast.getInputs()[1],
                       attribute.getValue()};
}

StringRef describeKind(Value value) {
  if (isTensor(value))
    return "a tensor";
  return getOptional(value) ? "an optional" : "a sequence";
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

Value makeRow(NodeContext &node, Value value, Value start, int64_t numColumns) {
  if (node.failed() || !value)
    return {};
  int64_t rank = getType(value).getRank();
  SmallVector<int64_t> rest(numColumns - kDimColumns - rank, -1);
  Value count =
      rank == 0 ? node.createInts(1) : node.getDimProduct(value, 0, rank);
  return node.joinShape(
      {start, count, node.getShape(value), node.createInts(rest)});
}

/// What is known of the dimensions of both.
static ElementDims joinDims(const ElementDims &a, ArrayRef<int64_t> b) {
  if (!a || a->size() != b.size())
    return std::nullopt;
  ElementDims joined = a;
  for (auto [dim, other] : llvm::zip_equal(*joined, b))
    if (dim != other)
      dim = ShapedType::kDynamic;
  return joined;
}

/// What is known of the dimensions of all tensors of some types.
static ElementDims joinDims(ArrayRef<RankedTensorType> types) {
  if (types.empty())
    return std::nullopt;
  ElementDims joined(types[0].getShape());
  for (RankedTensorType type : types)
    joined = joinDims(joined, type.getShape());
  return joined;
}

static SmallVector<RankedTensorType> getTensorTypes(ArrayRef<Value> values) {
  return llvm::map_to_vector(values, [](Value v) { return getType(v); });
}

/// A constant without elements.
static Value makeEmpty(NodeContext &node, ArrayRef<int64_t> dims, Type type) {
  auto tensor = RankedTensorType::get(dims, type);
  return node.createConstant(
      DenseElementsAttr::get(tensor, ArrayRef<Attribute>()));
}

std::optional<Sequence> pack(NodeContext &node, const Sequence &sequence) {
  if (sequence.isPacked)
    return sequence;
  Sequence packed;
  packed.elementType = sequence.elementType;
  packed.isPacked = true;
  packed.dims = joinDims(getTensorTypes(sequence.elements));
  if (sequence.elements.empty()) {
    packed.data = makeEmpty(node, {0}, sequence.elementType);
    packed.table =
        makeEmpty(node, {0, kDimColumns}, node.getBuilder().getI64Type());
    return node.failed() ? std::nullopt : std::optional(packed);
  }
  int64_t numColumns = kDimColumns;
  for (Value element : sequence.elements)
    numColumns = std::max(numColumns, kDimColumns + getType(element).getRank());
  SmallVector<Value> flat, rows;
  Value start = node.createInts(0);
  for (Value element : sequence.elements) {
    flat.push_back(flattenAll(node, element));
    rows.push_back(node.unsqueeze(makeRow(node, element, start, numColumns),
                                  {int64_t(0)}));
    if (node.failed())
      return std::nullopt;
    if (getType(flat.back()).hasStaticShape() &&
        node.getKnownValues().getConstants(start))
      start = node.createInts((*node.getKnownValues().getConstants(start))[0] +
                              getType(flat.back()).getDimSize(0));
    else
      start = node.create<AddOp>(start, node.getDim(flat.back(), 0));
  }
  packed.data = flat.size() == 1 ? flat[0] : node.create<ConcatOp>(flat, 0);
  packed.table = rows.size() == 1 ? rows[0] : node.create<ConcatOp>(rows, 0);
  return node.failed() ? std::nullopt : std::optional(packed);
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

Form Form::get(Value value) {
  Form form;
  if (auto type = dyn_cast<RankedTensorType>(value.getType())) {
    form.types.push_back(type);
    form.elementType = type.getElementType();
    return form;
  }
  std::optional<OptionalValue> optional = getOptional(value);
  Sequence sequence = *getSequence(optional ? optional->sequence : value);
  form.elementType = sequence.elementType;
  form.kind = sequence.isPacked ? Packed : List;
  form.dims = sequence.dims;
  if (!sequence.isPacked)
    form.types = getTensorTypes(sequence.elements);
  if (optional) {
    form.isOptional = true;
    form.holdsTensor = optional->holdsTensor;
  }
  return form;
}

Form Form::get(const DeclaredType &type) {
  Form form;
  form.kind = Packed;
  form.isOptional = type.isOptional;
  form.holdsTensor = type.isOptional && !type.isSequence;
  form.elementType = type.elementType;
  form.dims = type.dims;
  return form;
}

/// What the elements of a sequence have in common; `isEmpty` if it has none.
static ElementDims getElementDims(const Form &form, bool &isEmpty) {
  isEmpty = form.kind == Form::List && form.types.empty();
  return form.kind == Form::Packed ? form.dims : joinDims(form.types);
}

std::optional<Form> Form::join(const Form &a, const Form &b, Difference &why) {
  auto describe = [](const Form &form) -> std::string {
    return form.isOptional       ? "an optional"
           : form.kind == Tensor ? "a tensor"
                                 : "a sequence";
  };
  if (a.elementType != b.elementType) {
    why = {"of " + getTypeName(a.elementType),
           "of " + getTypeName(b.elementType)};
    return std::nullopt;
  }
  // An optional may be what it holds.
  auto fits = [](const Form &optional, const Form &other) {
    return other.isOptional ? other.holdsTensor == optional.holdsTensor
                            : (other.kind == Tensor) == optional.holdsTensor;
  };
  bool isOptional = a.isOptional || b.isOptional;
  if (isOptional ? !fits(a.isOptional ? a : b, a.isOptional ? b : a)
                 : (a.kind == Tensor) != (b.kind == Tensor)) {
    why = {describe(a), describe(b)};
    return std::nullopt;
  }
  Form joined;
  joined.elementType = a.elementType;
  joined.isOptional = isOptional;
  joined.holdsTensor = a.isOptional ? a.holdsTensor : b.holdsTensor;
  // An optional may have an element in one place and none in another.
  if (!isOptional && a.kind != Packed && b.kind != Packed &&
      a.types.size() == b.types.size()) {
    joined.kind = a.kind;
    for (auto [one, two] : llvm::zip_equal(a.types, b.types))
      if (ElementDims dims = joinDims({one, two}))
        joined.types.push_back(RankedTensorType::get(*dims, a.elementType));
    if (joined.types.size() == a.types.size())
      return joined;
    if (a.kind == Tensor) {
      why = {"of rank " + std::to_string(a.types[0].getRank()),
             "of rank " + std::to_string(b.types[0].getRank())};
      return std::nullopt;
    }
    joined.types.clear();
  }
  joined.kind = Packed;
  bool isEmptyA, isEmptyB;
  ElementDims dimsA = getElementDims(a, isEmptyA);
  ElementDims dimsB = getElementDims(b, isEmptyB);
  if (isEmptyA || isEmptyB)
    joined.dims = isEmptyA ? dimsB : dimsA;
  else if (dimsB)
    joined.dims = joinDims(dimsA, *dimsB);
  return joined;
}

Form Form::getPacked(const Form &form) {
  Form packed = form;
  bool isEmpty;
  packed.dims = getElementDims(form, isEmpty);
  packed.kind = Packed;
  packed.types.clear();
  return packed;
}

SmallVector<Type> Form::getTypes(MLIRContext *context) const {
  SmallVector<Type> result;
  Builder builder(context);
  if (isOptional)
    result.push_back(RankedTensorType::get({}, builder.getI1Type()));
  if (kind != Packed) {
    result.append(types.begin(), types.end());
    return result;
  }
  int64_t any = ShapedType::kDynamic;
  int64_t numColumns = dims ? kDimColumns + int64_t(dims->size()) : any;
  result.push_back(RankedTensorType::get({any}, elementType));
  result.push_back(
      RankedTensorType::get({any, numColumns}, builder.getI64Type()));
  return result;
}

bool Form::operator==(const Form &other) const {
  return kind == other.kind && isOptional == other.isOptional &&
         types == other.types && dims == other.dims;
}

SmallVector<Value> Form::takeApart(NodeContext &node, Value value) const {
  if (node.failed() || !value)
    return {};
  if (kind == Tensor)
    return {value};
  SmallVector<Value> parts;
  std::optional<Sequence> sequence = getSequence(value);
  if (isOptional) {
    std::optional<OptionalValue> optional = getOptional(value);
    parts.push_back(optional
                        ? optional->flag
                        : node.createScalar(node.getBuilder().getI1Type(), 1));
    if (optional)
      sequence = getSequence(optional->sequence);
    else if (isTensor(value))
      sequence = Sequence{elementType, false, {value}, {}, {}, {}};
  }
  if (kind == List) {
    llvm::append_range(parts, sequence->elements);
    return parts;
  }
  std::optional<Sequence> packed = pack(node, *sequence);
  if (!packed)
    return {};
  // A sequence without elements has any number of columns.
  if (dims && sequence->elements.empty() && !sequence->isPacked)
    packed->table = makeEmpty(node, {0, kDimColumns + int64_t(dims->size())},
                              node.getBuilder().getI64Type());
  parts.append({packed->data, packed->table});
  if (node.failed())
    return {};
  return parts;
}

Value Form::putTogether(NodeContext &node, ArrayRef<Value> parts) const {
  if (kind == Tensor && !isOptional)
    return parts[0];
  ArrayRef<Value> rest = parts.drop_front(isOptional);
  Value sequence = kind == List
                       ? makeList(node, elementType, rest)
                       : makePacked(node, elementType, rest[0], rest[1], dims);
  return isOptional ? makeOptional(node, {parts[0], sequence, holdsTensor})
                    : sequence;
}

SmallVector<Value> putTogether(NodeContext &node, ArrayRef<Form> forms,
                               ArrayRef<Value> parts) {
  SmallVector<Value> values;
  for (const Form &form : forms) {
    size_t count = form.getTypes(node.getContext()).size();
    values.push_back(form.putTogether(node, parts.take_front(count)));
    parts = parts.drop_front(count);
  }
  return values;
}

} // namespace tenon::onnx_import
