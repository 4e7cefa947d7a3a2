//===- Constants.cpp - Reading and making the elements of constants -------===//

#include "transforms/simplify/Constants.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/Endian.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace tenon {

/// Constants of up to this many elements are written out in the IR.
static constexpr int64_t kMaxInlineElements = 16;
/// The name of every resource that `ConstantBuffer` makes begins with it.
static constexpr StringLiteral kResourcePrefix = "tenon_folded";

std::optional<int64_t> getElementBytes(Type elementType) {
  if (isa<Float16Type, BFloat16Type>(elementType))
    return 2;
  if (isa<Float32Type>(elementType))
    return 4;
  if (isa<Float64Type>(elementType))
    return 8;
  if (auto integer = dyn_cast<IntegerType>(elementType)) {
    switch (integer.getWidth()) {
    case 1:
    case 8:
      return 1;
    case 16:
    case 32:
    case 64:
      return integer.getWidth() / 8;
    default:
      return std::nullopt;
    }
  }
  return std::nullopt;
}

template <typename T> static T load(const char *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T> static void store(char *data, int64_t index, T value) {
  std::memcpy(data + index * sizeof(T), &value, sizeof(T));
}

static APFloat toFloat(Type floatType, double value) {
  APFloat result(value);
  bool losesInfo;
  result.convert(cast<FloatType>(floatType).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &losesInfo);
  return result;
}

double roundTo(Type floatType, double value) {
  if (floatType.isF64())
    return value;
  if (floatType.isF32())
    return double(float(value));
  return toFloat(floatType, value).convertToDouble();
}

double loadDouble(Type elementType, const char *data, int64_t index) {
  if (elementType.isF32())
    return load<float>(data, index);
  if (elementType.isF64())
    return load<double>(data, index);
  if (auto type = dyn_cast<FloatType>(elementType))
    return APFloat(type.getFloatSemantics(),
                   APInt(16, load<uint16_t>(data, index)))
        .convertToDouble();
  if (elementType.isUnsignedInteger(64))
    return double(uint64_t(loadInteger(elementType, data, index)));
  return double(loadInteger(elementType, data, index));
}

int64_t loadInteger(Type elementType, const char *data, int64_t index) {
  auto type = dyn_cast<IntegerType>(elementType);
  if (!type)
    return int64_t(loadDouble(elementType, data, index));
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return load<uint8_t>(data, index) != 0;
  case 8:
    return isUnsigned ? load<uint8_t>(data, index) : load<int8_t>(data, index);
  case 16:
    return isUnsigned ? load<uint16_t>(data, index)
                      : load<int16_t>(data, index);
  case 32:
    return isUnsigned ? int64_t(load<uint32_t>(data, index))
                      : load<int32_t>(data, index);
  default:
    return load<int64_t>(data, index);
  }
}

void storeDouble(Type elementType, char *data, int64_t index, double value) {
  if (elementType.isF32())
    return store(data, index, float(value));
  if (elementType.isF64())
    return store(data, index, value);
  store(data, index,
        uint16_t(toFloat(elementType, value).bitcastToAPInt().getZExtValue()));
}

void storeInteger(Type elementType, char *data, int64_t index, int64_t value) {
  switch (cast<IntegerType>(elementType).getWidth()) {
  case 1:
    return store(data, index, uint8_t(value & 1));
  case 8:
    return store(data, index, uint8_t(value));
  case 16:
    return store(data, index, uint16_t(value));
  case 32:
    return store(data, index, uint32_t(value));
  default:
    return store(data, index, value);
  }
}

//===----------------------------------------------------------------------===//
// ConstantView
//===----------------------------------------------------------------------===//

/// An attribute that holds the elements itself; `data` is one element for a
/// splat, or all.
static DenseElementsAttr makeDense(RankedTensorType type, ArrayRef<char> data) {
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, data);
  SmallVector<bool> values;
  for (char value : data)
    values.push_back(value != 0);
  return DenseElementsAttr::get(type, values);
}

std::optional<ConstantView> ConstantView::get(ElementsAttr attribute) {
  auto type = dyn_cast<RankedTensorType>(attribute.getType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  std::optional<int64_t> elementBytes = getElementBytes(type.getElementType());
  if (!elementBytes || type.getNumElements() == 0)
    return std::nullopt;

  ConstantView view;
  view.attribute = attribute;
  view.type = type;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || int64_t(blob->getData().size()) !=
                     type.getNumElements() * *elementBytes)
      return std::nullopt;
    view.bytes = blob->getData();
    view.splat = type.getNumElements() == 1;
    if (view.splat)
      view.attribute = makeDense(type, view.bytes);
    return view;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return std::nullopt;
  view.splat = dense.isSplat();
  if (type.getElementType().isInteger(1)) {
    view.unpacked = std::make_shared<std::vector<char>>();
    if (view.splat)
      view.unpacked->push_back(dense.getSplatValue<bool>());
    else
      for (bool value : dense.getValues<bool>())
        view.unpacked->push_back(value);
    view.bytes = *view.unpacked;
    return view;
  }
  view.bytes = dense.getRawData();
  return view;
}

std::optional<ConstantView> ConstantView::get(Value value) {
  ElementsAttr attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return get(attribute);
}

double ConstantView::getDouble(int64_t index) const {
  return loadDouble(getElementType(), bytes.data(), splat ? 0 : index);
}

int64_t ConstantView::getInteger(int64_t index) const {
  return loadInteger(getElementType(), bytes.data(), splat ? 0 : index);
}

std::vector<double> ConstantView::getDoubles() const {
  std::vector<double> values(getNumElements());
  for (auto [i, value] : llvm::enumerate(values))
    value = getDouble(i);
  return values;
}

//===----------------------------------------------------------------------===//
// Making constants
//===----------------------------------------------------------------------===//

ConstantBuffer::ConstantBuffer(RankedTensorType type)
    : type(type),
      blob(HeapAsmResourceBlob::allocate(
          type.getNumElements() * *getElementBytes(type.getElementType()),
          /*align=*/64)),
      data(blob.getMutableData()) {}

/// Whether all elements of `size` bytes are the same.
static bool isUniform(ArrayRef<char> data, int64_t size) {
  return std::memcmp(data.data(), data.data() + size, data.size() - size) == 0;
}

ElementsAttr ConstantBuffer::finish() {
  int64_t elementBytes = *getElementBytes(type.getElementType());
  if (isUniform(data, elementBytes))
    return makeDense(type, data.take_front(elementBytes));
  if (type.getNumElements() <= kMaxInlineElements)
    return makeDense(type, data);
  return DenseResourceElementsAttr::get(type, kResourcePrefix, std::move(blob));
}

ElementsAttr makeFloatConstant(RankedTensorType type, ArrayRef<double> values) {
  if (values.size() == 1)
    return makeSplat(type, values[0]);
  ConstantBuffer buffer(type);
  for (auto [i, value] : llvm::enumerate(values))
    storeDouble(type.getElementType(), buffer.getData(), i, value);
  return buffer.finish();
}

DenseElementsAttr makeSplat(RankedTensorType type, double value) {
  char data[8];
  if (isa<FloatType>(type.getElementType()))
    storeDouble(type.getElementType(), data, 0, value);
  else
    storeInteger(type.getElementType(), data, 0, int64_t(value));
  return makeDense(
      type, ArrayRef<char>(data, *getElementBytes(type.getElementType())));
}

int64_t getStoredBytes(ElementsAttr attribute) {
  int64_t elementBytes =
      getElementBytes(attribute.getElementType()).value_or(8);
  return attribute.isSplat() ? elementBytes
                             : attribute.getNumElements() * elementBytes;
}

/// Calls `note` for each resource that the operations in `root` mention.
static void forEachResource(Operation *root,
                            llvm::function_ref<void(Attribute)> note) {
  root->walk([&](Operation *op) {
    if (auto constant = dyn_cast<ConstantOp>(op))
      return note(constant.getValue());
    // Anything else that names a resource: rare, so no need to be quick.
    op->getAttrDictionary().walk(
        [&](DenseResourceElementsAttr attribute) { note(attribute); });
  });
}

ConstantTracker::ConstantTracker(Operation *root) : root(root) {
  forEachResource(root, [&](Attribute attribute) { note(attribute); });
}

void ConstantTracker::note(Attribute attribute) {
  auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(attribute);
  if (resource && resource.getRawHandle().getKey().starts_with(kResourcePrefix))
    noted.insert(resource.getRawHandle().getResource());
}

int64_t ConstantTracker::freeDead() {
  llvm::DenseSet<const Entry *> live;
  forEachResource(root, [&](Attribute attribute) {
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
      live.insert(resource.getRawHandle().getResource());
  });
  int64_t freed = 0;
  noted.remove_if([&](Entry *entry) {
    if (live.contains(entry))
      return false;
    if (AsmResourceBlob *blob = entry->getBlob())
      freed += blob->getData().size();
    entry->setBlob(AsmResourceBlob());
    return true;
  });
  return freed;
}

} // namespace tenon
