//===- NarrowTypes.cpp - Element types that Tenon only stores -------------===//

#include "lib/import/onnx/NarrowTypes.h"

#include "dialects/tenon/TenonArrayOps.h"
#include "lib/import/onnx/Spelling.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// What a cast to a narrow float is to do, until the cast is replaced.
constexpr StringLiteral kOverflowsAttr = "tenon.overflows";
constexpr StringLiteral kRoundingAttr = "tenon.rounding";

} // namespace

bool takesNarrowTypes(StringRef domain, StringRef opType) {
  static const llvm::StringSet<> taking = {"Cast",           "CastLike",
                                           "QuantizeLinear", "DequantizeLinear",
                                           "Identity",       "If",
                                           "Loop",           "Scan",
                                           "Shape",          "Size",
                                           "Reshape",        "Flatten",
                                           "Squeeze",        "Unsqueeze",
                                           "Transpose",      "Concat",
                                           "Split",          "Slice",
                                           "Gather",         "GatherElements",
                                           "GatherND",       "Expand",
                                           "Tile",           "Pad",
                                           "Where",          "DepthToSpace",
                                           "SpaceToDepth",   "ReverseSequence",
                                           "Equal",          "Scatter",
                                           "ScatterND",      "ScatterElements",
                                           "Compress",       "CenterCropPad",
                                           "TensorScatter",  "Trilu"};
  if (domain == "com.microsoft")
    return opType == "QuantizeLinear" || opType == "DequantizeLinear";
  return domain.empty() && taking.contains(opType);
}

Type getNumberedStoredType(NodeContext &node, StringRef attribute,
                           int64_t number, StringRef what) {
  if (!node.failed() && number > 0 && number <= onnx::TensorProto::INT2)
    if (Type type = getElementType(node.getContext(), number);
        type && isNarrow(type))
      return type;
  return getNumberedType(node, attribute, number, what);
}

NarrowCast readNarrowCast(NodeContext &node) {
  NarrowCast how;
  if (node.getVersion() >= 19)
    how.saturates = node.getBool("saturate", true);
  if (node.getVersion() >= 24 && node.hasAttribute("round_mode")) {
    how.rounding = node.getString("round_mode", "up");
    if (!node.failed() && how.rounding != "up" && how.rounding != "down" &&
        how.rounding != "nearest")
      node.invalid("attribute 'round_mode' is " + quote(how.rounding) +
                   ", expected up, down or nearest");
  }
  return how;
}

Value castAny(NodeContext &node, Value value, Type elementType,
              const NarrowCast &how) {
  Value result = node.cast(value, elementType);
  if (!result || result == value || !isNarrowFloat(elementType))
    return result;
  Operation *cast = result.getDefiningOp();
  if (!how.saturates)
    cast->setAttr(kOverflowsAttr, node.getBuilder().getUnitAttr());
  cast->setAttr(kRoundingAttr, node.getBuilder().getStringAttr(how.rounding));
  return result;
}

/// The low bits of `byte` as the type's storage has them.
static char fillByte(uint8_t byte, Type elementType) {
  unsigned width = elementType.getIntOrFloatBitWidth();
  if (elementType.isSignlessInteger())
    return static_cast<char>(SignExtend32(byte, width));
  return static_cast<char>(byte & maskTrailingOnes<uint8_t>(width));
}

std::vector<char> unpackElements(ArrayRef<char> packed, int64_t count,
                                 Type elementType) {
  unsigned width = elementType.getIntOrFloatBitWidth();
  std::vector<char> bytes(count);
  for (int64_t i = 0; i != count; ++i) {
    int64_t bit = i * width;
    bytes[i] = fillByte(uint8_t(packed[bit / 8]) >> (bit % 8), elementType);
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

namespace {

/// A cast, with the element types before tensors become bytes.
struct NarrowCastOp {
  CastOp op;
  Type from, to;
};

/// Builds what replaces a cast.
class CastBuilder {
public:
  CastBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value convert(Value x, NarrowCastOp cast) {
    Type from = cast.from;
    if (isNarrowFloat(from)) {
      from = builder.getF32Type();
      x = DecodeOp::create(builder, loc, withElement(x, from), x, cast.from);
    } else if (isNarrow(from)) {
      from = getStorageType(from);
    }
    if (isNarrowFloat(cast.to))
      return encode(x, from, cast);
    if (isNarrow(cast.to))
      return toInteger(x, from, cast.to);
    return to(x, cast.to);
  }

private:
  static Type withElement(Value x, Type element) {
    return cast<RankedTensorType>(x.getType()).clone(element);
  }
  Value to(Value x, Type type) {
    if (getElementTypeOrSelf(x) == type)
      return x;
    return CastOp::create(builder, loc, withElement(x, type), x, type);
  }
  Value scalar(Type type, uint64_t value) {
    APInt integer(8, value);
    return ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, type),
                               Attribute(IntegerAttr::get(type, integer))));
  }

  Value encode(Value x, Type from, NarrowCastOp cast) {
    // An f64 holds integers of 32 bits, and the code is rounded once.
    if (!isa<FloatType>(from))
      x = to(x, from.getIntOrFloatBitWidth() < 32 ? Type(builder.getF32Type())
                                                  : Type(builder.getF64Type()));
    auto rounding = cast.op->getAttrOfType<StringAttr>(kRoundingAttr);
    return EncodeOp::create(builder, loc,
                            withElement(x, getStorageType(cast.to)), x, cast.to,
                            /*saturate=*/!cast.op->hasAttr(kOverflowsAttr),
                            rounding ? rounding.getValue() : StringRef("up"));
  }

  /// Integers lose their upper bits, other numbers are limited.
  Value toInteger(Value x, Type from, Type type) {
    Type storage = getStorageType(type);
    unsigned width = type.getIntOrFloatBitWidth();
    bool hasSign = type.isSignlessInteger();
    x = to(x, storage);
    Type result = x.getType();
    if (isa<FloatType>(from)) {
      double low = hasSign ? -std::ldexp(1.0, width - 1) : 0;
      double high = std::ldexp(1.0, hasSign ? width - 1 : width) - 1;
      return ClipOp::create(builder, loc, result, x,
                            builder.getF64FloatAttr(low),
                            builder.getF64FloatAttr(high));
    }
    x = AndOp::create(builder, loc, result, x,
                      scalar(storage, maskTrailingOnes<uint8_t>(width)));
    if (!hasSign)
      return x;
    Value sign = scalar(storage, uint64_t(1) << (width - 1));
    x = XorOp::create(builder, loc, result, x, sign);
    return SubOp::create(builder, loc, result, x, sign);
  }

  OpBuilder &builder;
  Location loc;
};

} // namespace

//===----------------------------------------------------------------------===//
// Types and constants
//===----------------------------------------------------------------------===//

static Type getNarrowElement(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isNarrow(tensor.getElementType()) ? tensor.getElementType()
                                                     : Type();
}

/// The same bytes, of the type that they are stored as.
static ElementsAttr storeConstant(ElementsAttr value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType();
  RankedTensorType stored = type.clone(getStorageType(element));
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(stored, resource.getRawHandle());
  auto dense = cast<DenseElementsAttr>(value);
  SmallVector<char> bytes(dense.getRawData());
  for (char &byte : bytes)
    byte = fillByte(byte, element);
  return DenseElementsAttr::getFromRawBuffer(stored, bytes);
}

/// Tells at the border of a function which types the model has there.
static void keepElementTypes(func::FuncOp function) {
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (Type element = getNarrowElement(type))
      function.setArgAttr(i, kElementTypeAttr, TypeAttr::get(element));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (Type element = getNarrowElement(type))
      function.setResultAttr(i, kElementTypeAttr, TypeAttr::get(element));
}

void storeNarrowTypes(ModuleOp module) {
  bool hasNarrow = false;
  SmallVector<NarrowCastOp> casts;
  module.walk([&](Operation *op) {
    hasNarrow |= llvm::any_of(op->getResultTypes(), getNarrowElement);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        hasNarrow |= llvm::any_of(block.getArgumentTypes(), getNarrowElement);
    if (auto cast = dyn_cast<CastOp>(op)) {
      Type from = getElementTypeOrSelf(cast.getInput());
      if (isNarrow(from) || isNarrow(cast.getTo()))
        casts.push_back({cast, from, cast.getTo()});
    }
  });
  if (!hasNarrow)
    return;
  for (auto function : module.getOps<func::FuncOp>())
    keepElementTypes(function);

  AttrTypeReplacer replacer;
  replacer.addReplacement([](RankedTensorType type) -> std::optional<Type> {
    if (Type element = getNarrowElement(type))
      return type.clone(getStorageType(element));
    return std::nullopt;
  });
  replacer.addReplacement(
      [](ElementsAttr value)
          -> std::optional<std::pair<Attribute, WalkResult>> {
        if (!getNarrowElement(value.getType()))
          return std::nullopt;
        return std::make_pair(Attribute(storeConstant(value)),
                              WalkResult::skip());
      });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  for (NarrowCastOp cast : casts) {
    OpBuilder builder(cast.op);
    Value result = CastBuilder(builder, cast.op.getLoc())
                       .convert(cast.op.getInput(), cast);
    cast.op.getResult().replaceAllUsesWith(result);
    cast.op->erase();
  }
}

} // namespace tenon::onnx_import
