//===- TensorData.cpp - Tensors of a model as attributes ------------------===//

#include "lib/import/onnx/TensorData.h"

#include "lib/import/onnx/NarrowTypes.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA1.h"

#include <limits>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// Tensors of up to this many elements are attributes of their own: later
/// phases look at their values.
constexpr int64_t kInlineElements = 64;
/// The same for integers of rank 0 and 1, which are often shapes.
constexpr int64_t kInlineIntegers = 1024;

struct TypeName {
  int32_t type;
  StringLiteral name;
};

using Data = onnx::TensorProto;

constexpr TypeName kTypeNames[] = {
    {Data::FLOAT, "float32"},
    {Data::UINT8, "uint8"},
    {Data::INT8, "int8"},
    {Data::UINT16, "uint16"},
    {Data::INT16, "int16"},
    {Data::INT32, "int32"},
    {Data::INT64, "int64"},
    {Data::STRING, "string"},
    {Data::BOOL, "bool"},
    {Data::FLOAT16, "float16"},
    {Data::DOUBLE, "float64"},
    {Data::UINT32, "uint32"},
    {Data::UINT64, "uint64"},
    {Data::COMPLEX64, "complex64"},
    {Data::COMPLEX128, "complex128"},
    {Data::BFLOAT16, "bfloat16"},
    {Data::FLOAT8E4M3FN, "float8e4m3fn"},
    {Data::FLOAT8E4M3FNUZ, "float8e4m3fnuz"},
    {Data::FLOAT8E5M2, "float8e5m2"},
    {Data::FLOAT8E5M2FNUZ, "float8e5m2fnuz"},
    {Data::UINT4, "uint4"},
    {Data::INT4, "int4"},
    {Data::FLOAT4E2M1, "float4e2m1"},
    {Data::FLOAT8E8M0, "float8e8m0"},
    {Data::UINT2, "uint2"},
    {Data::INT2, "int2"},
};

} // namespace

std::string getTypeName(int32_t onnxType) {
  for (const TypeName &entry : kTypeNames)
    if (entry.type == onnxType)
      return entry.name.str();
  return "type " + std::to_string(onnxType);
}

Type getElementType(MLIRContext *context, int32_t onnxType) {
  auto integer = [&](unsigned width, bool isUnsigned = false) {
    return IntegerType::get(context, width,
                            isUnsigned ? IntegerType::Unsigned
                                       : IntegerType::Signless);
  };
  switch (onnxType) {
  case Data::FLOAT:
    return Float32Type::get(context);
  case Data::DOUBLE:
    return Float64Type::get(context);
  case Data::FLOAT16:
    return Float16Type::get(context);
  case Data::BFLOAT16:
    return BFloat16Type::get(context);
  case Data::INT8:
    return integer(8);
  case Data::INT16:
    return integer(16);
  case Data::INT32:
    return integer(32);
  case Data::INT64:
    return integer(64);
  case Data::UINT8:
    return integer(8, /*isUnsigned=*/true);
  case Data::UINT16:
    return integer(16, /*isUnsigned=*/true);
  case Data::UINT32:
    return integer(32, /*isUnsigned=*/true);
  case Data::UINT64:
    return integer(64, /*isUnsigned=*/true);
  case Data::BOOL:
    return integer(1);
  case Data::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case Data::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case Data::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case Data::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case Data::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case Data::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case Data::UINT4:
    return integer(4, /*isUnsigned=*/true);
  case Data::INT4:
    return integer(4);
  case Data::UINT2:
    return integer(2, /*isUnsigned=*/true);
  case Data::INT2:
    return integer(2);
  default:
    return {};
  }
}

std::string getTypeName(Type elementType) {
  for (const TypeName &entry : kTypeNames)
    if (getElementType(elementType.getContext(), entry.type) == elementType)
      return entry.name.str();
  return "unknown";
}

/// Whether a file has several elements in one byte.
static bool isPacked(Type elementType) {
  return isNarrow(elementType) && elementType.getIntOrFloatBitWidth() < 8;
}

/// The bytes of `count` elements in a file; an `i1` has one.
static uint64_t getFileSize(Type elementType, uint64_t count) {
  unsigned width = elementType.getIntOrFloatBitWidth();
  if (isPacked(elementType))
    return divideCeil(count, 8 / width);
  return count * divideCeil(width, 8u);
}

static std::string formatShape(ArrayRef<int64_t> dims) {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") +
            (ShapedType::isDynamic(dim) ? "?" : std::to_string(dim));
  return text.empty() ? "scalar" : text;
}

LogicalResult checkDims(ArrayRef<int64_t> dims, std::string &what) {
  if (int64_t(dims.size()) > kMaxRank) {
    what = "rank " + std::to_string(dims.size()) + ", expected at most " +
           std::to_string(kMaxRank);
    return failure();
  }
  for (int64_t dim : dims)
    if (!ShapedType::isDynamic(dim) && dim < 0) {
      what = "a dimension of " + std::to_string(dim) +
             ", expected no negative one";
      return failure();
    }
  if (hasTooManyElements(dims)) {
    what = "more than 2^46 elements";
    return failure();
  }
  return success();
}

FailureOr<RankedTensorType> TensorReader::getType(const Data &tensor,
                                                  const Twine &what) {
  int32_t onnxType = tensor.data_type();
  SmallVector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  for (int64_t dim : dims)
    if (dim < 0) // ShapedType::kDynamic is among them.
      return errors.invalid(what + " has a dimension of " + Twine(dim) +
                            ", expected no negative one");
  if (std::string wrong; failed(checkDims(dims, wrong)))
    return errors.invalid(what + " has " + wrong);
  Type elementType = getElementType(context, onnxType);
  if (elementType)
    return RankedTensorType::get(dims, elementType);
  if (onnxType <= Data::UNDEFINED || onnxType > Data::INT2)
    return errors.invalid(what + " has element type " + Twine(onnxType) +
                          ", expected one that ONNX defines");
  return errors.unsupported(what + " has element type " +
                            getTypeName(onnxType) + ", which is not supported");
}

FailureOr<TensorReader::Payload> TensorReader::findExternal(const Data &tensor,
                                                            uint64_t size,
                                                            const Twine &what) {
  std::optional<StringRef> location, checksum;
  std::optional<int64_t> offset, length;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    auto readNumber = [&](std::optional<int64_t> &number) -> LogicalResult {
      int64_t parsed;
      if (number)
        return errors.invalid(what + " gives the " + key +
                              " of its external data twice");
      if (value.getAsInteger(10, parsed) || parsed < 0)
        return errors.invalid(what + " has external data with " + key + " " +
                              quote(value) +
                              ", expected a number that is not negative");
      number = parsed;
      return success();
    };
    if (key == "location") {
      if (location)
        return errors.invalid(what +
                              " gives the location of its external data twice");
      location = value;
    } else if (key == "offset") {
      if (failed(readNumber(offset)))
        return failure();
    } else if (key == "length") {
      if (failed(readNumber(length)))
        return failure();
    } else if (key == "checksum") {
      checksum = value;
    } else {
      return errors.invalid(what + " has external data with the key " +
                            quote(key) +
                            ", expected location, offset, length or checksum");
    }
  }
  if (!location)
    return errors.invalid(what + " has external data without a location");
  FileError error;
  std::shared_ptr<ModelBytes> file = files.get(*location, error);
  if (!file)
    return errors.fail(error.isInvalid ? ImportErrorKind::Invalid
                                       : ImportErrorKind::File,
                       what + " has external data at " + quote(*location) +
                           ": " + error.message);
  uint64_t fileSize = file->get().size();
  uint64_t begin = offset.value_or(0);
  if (begin > fileSize)
    return errors.invalid(what + " has external data from byte " +
                          Twine(begin) + " of " + quote(*location) +
                          ", which has only " + Twine(fileSize) + " bytes");
  uint64_t count = length ? uint64_t(*length) : fileSize - begin;
  if (count > fileSize - begin)
    return errors.invalid(what + " has external data in bytes " + Twine(begin) +
                          " to " + Twine(begin + count) + " of " +
                          quote(*location) + ", which has only " +
                          Twine(fileSize) + " bytes");
  if (count != size)
    return errors.invalid(what + " has external data of " + Twine(count) +
                          " bytes, expected " + Twine(size));
  if (checksum) {
    auto [sum, isNew] = checksums.try_emplace(*location);
    if (isNew)
      sum->second =
          toHex(SHA1::hash(ArrayRef(file->get().bytes_begin(), fileSize)));
    if (!checksum->equals_insensitive(sum->second))
      return errors.invalid(what + " has external data at " + quote(*location) +
                            " with another SHA-1 sum than " + quote(*checksum));
  }
  return Payload{file->get().substr(begin, count), file};
}

FailureOr<TensorReader::Payload>
TensorReader::findPayload(const Data &tensor, RankedTensorType type,
                          const Twine &what) {
  uint64_t count = type.getNumElements();
  uint64_t size = getFileSize(type.getElementType(), count);
  int numTyped =
      (tensor.float_data_size() != 0) + (tensor.double_data_size() != 0) +
      (tensor.int32_data_size() != 0) + (tensor.int64_data_size() != 0) +
      (tensor.uint64_data_size() != 0) + (tensor.string_data_size() != 0);
  int numPayloads = numTyped + tensor.has_raw_data() +
                    tensor.has_mapped_length() +
                    (tensor.data_location() == Data::EXTERNAL);
  if (numPayloads > 1)
    return errors.invalid(what + " has its elements in " + Twine(numPayloads) +
                          " places, expected one");
  if (tensor.data_location() == Data::EXTERNAL)
    return findExternal(tensor, size, what);
  if (tensor.data_location() != Data::DEFAULT)
    return errors.invalid(what + " has data location " +
                          Twine(tensor.data_location()) + ", expected 0 or 1");

  if (tensor.has_raw_data() || tensor.has_mapped_length()) {
    Payload payload;
    if (tensor.has_raw_data()) {
      payload.bytes = tensor.raw_data();
    } else {
      payload.bytes =
          model->get().substr(tensor.mapped_offset(), tensor.mapped_length());
      payload.owner = model;
      uint64_t field = tensor.mapped_field();
      if ((field == Data::kFloatDataFieldNumber &&
           tensor.data_type() != Data::FLOAT) ||
          (field == Data::kDoubleDataFieldNumber &&
           tensor.data_type() != Data::DOUBLE))
        return errors.invalid(what + " of " + getTypeName(tensor.data_type()) +
                              " has its elements in a field for floats");
    }
    if (payload.bytes.size() != size)
      return errors.invalid(what + " has " + Twine(payload.bytes.size()) +
                            " bytes of data, expected " + Twine(size) +
                            " for " + formatShape(type.getShape()) + " of " +
                            getTypeName(type.getElementType()));
    return payload;
  }

  Payload payload;
  payload.isTyped = true;
  uint64_t held = tensor.float_data_size() + tensor.double_data_size() +
                  tensor.int32_data_size() + tensor.int64_data_size() +
                  tensor.uint64_data_size() + tensor.string_data_size();
  // Packed elements come a byte at a time.
  bool isInBytes = isPacked(type.getElementType());
  if (held != (isInBytes ? size : count))
    return errors.invalid(
        what + " has " + Twine(held) + (isInBytes ? " bytes" : " elements") +
        " of data, expected " + Twine(isInBytes ? size : count) +
        " for shape " + formatShape(type.getShape()));
  StringRef field, expected;
  if (tensor.float_data_size())
    field = "float_data";
  else if (tensor.double_data_size())
    field = "double_data";
  else if (tensor.int32_data_size())
    field = "int32_data";
  else if (tensor.int64_data_size())
    field = "int64_data";
  else if (tensor.uint64_data_size())
    field = "uint64_data";
  else if (tensor.string_data_size())
    field = "string_data";
  switch (tensor.data_type()) {
  case Data::FLOAT:
    expected = "float_data";
    break;
  case Data::DOUBLE:
    expected = "double_data";
    break;
  case Data::INT64:
    expected = "int64_data";
    break;
  case Data::UINT32:
  case Data::UINT64:
    expected = "uint64_data";
    break;
  default:
    expected = "int32_data";
  }
  if (count != 0 && field != expected)
    return errors.invalid(what + " of " + getTypeName(tensor.data_type()) +
                          " has its elements in " + field + ", expected " +
                          expected);
  return payload;
}

LogicalResult TensorReader::check(const Data &tensor, const Twine &what) {
  // Types that ONNX has and tenon doesn't matter only where they are used.
  if (tensor.data_type() > Data::UNDEFINED &&
      tensor.data_type() <= Data::INT2 &&
      !getElementType(context, tensor.data_type()))
    return success();
  FailureOr<RankedTensorType> type = getType(tensor, what);
  return success(succeeded(type) &&
                 succeeded(findPayload(tensor, *type, what)));
}

template <typename T, typename Field>
static std::vector<char> packAs(const Field &values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  char *out = bytes.data();
  for (auto value : values) {
    T element = static_cast<T>(value);
    std::memcpy(out, &element, sizeof(T));
    out += sizeof(T);
  }
  return bytes;
}

FailureOr<std::vector<char>> TensorReader::packTyped(const Data &tensor,
                                                     RankedTensorType type,
                                                     const Twine &what) {
  auto checkRange = [&](const auto &values, int64_t low,
                        uint64_t high) -> LogicalResult {
    for (auto value : values)
      if ((value < 0 && int64_t(value) < low) ||
          (value > 0 && uint64_t(value) > high))
        return errors.invalid(what + " of " + getTypeName(tensor.data_type()) +
                              " has the element " + Twine(value) +
                              ", which is out of range");
    return success();
  };
  const auto &ints = tensor.int32_data();
  switch (tensor.data_type()) {
  case Data::FLOAT:
    return packAs<float>(tensor.float_data());
  case Data::DOUBLE:
    return packAs<double>(tensor.double_data());
  case Data::INT64:
    return packAs<int64_t>(tensor.int64_data());
  case Data::UINT64:
    return packAs<uint64_t>(tensor.uint64_data());
  case Data::UINT32:
    if (failed(checkRange(tensor.uint64_data(), 0, UINT32_MAX)))
      return failure();
    return packAs<uint32_t>(tensor.uint64_data());
  case Data::INT32:
    return packAs<int32_t>(ints);
  case Data::INT16:
    if (failed(checkRange(ints, INT16_MIN, INT16_MAX)))
      return failure();
    return packAs<int16_t>(ints);
  case Data::UINT16:
  case Data::FLOAT16:
  case Data::BFLOAT16:
    if (failed(checkRange(ints, 0, UINT16_MAX)))
      return failure();
    return packAs<uint16_t>(ints);
  case Data::INT8:
    if (failed(checkRange(ints, INT8_MIN, INT8_MAX)))
      return failure();
    return packAs<int8_t>(ints);
  case Data::UINT8:
  case Data::FLOAT8E4M3FN:
  case Data::FLOAT8E4M3FNUZ:
  case Data::FLOAT8E5M2:
  case Data::FLOAT8E5M2FNUZ:
  case Data::FLOAT8E8M0:
  case Data::FLOAT4E2M1:
  case Data::UINT4:
  case Data::INT4:
  case Data::UINT2:
  case Data::INT2:
    if (failed(checkRange(ints, 0, UINT8_MAX)))
      return failure();
    return packAs<uint8_t>(ints);
  case Data::BOOL:
    if (failed(checkRange(ints, 0, 1)))
      return failure();
    return packAs<uint8_t>(ints);
  default:
    return errors.unsupported(what + " has element type " +
                              getTypeName(tensor.data_type()) +
                              ", which is not supported");
  }
}

ElementsAttr TensorReader::read(const Data &tensor, const Twine &what) {
  if (ElementsAttr known = decoded.lookup(&tensor))
    return known;
  FailureOr<RankedTensorType> type = getType(tensor, what);
  if (failed(type))
    return {};
  FailureOr<Payload> payload = findPayload(tensor, *type, what);
  if (failed(payload))
    return {};
  std::vector<char> packed;
  if (payload->isTyped) {
    FailureOr<std::vector<char>> bytes = packTyped(tensor, *type, what);
    if (failed(bytes))
      return {};
    packed = std::move(*bytes);
    payload->bytes = StringRef(packed.data(), packed.size());
  }
  ArrayRef<char> bytes(payload->bytes.data(), payload->bytes.size());
  Type elementType = type->getElementType();
  if (isPacked(elementType)) {
    packed = unpackElements(bytes, type->getNumElements(), elementType);
    payload->owner = nullptr;
    bytes = packed;
  }
  bool isBool = elementType.isInteger(1);
  if (isBool && llvm::any_of(bytes, [](char c) { return c != 0 && c != 1; })) {
    errors.invalid(what + " of bool has an element that is neither 0 nor 1");
    return {};
  }

  int64_t count = type->getNumElements();
  bool isShapeLike = elementType.isInteger() && type->getRank() <= 1;
  if (count <= (isShapeLike ? kInlineIntegers : kInlineElements)) {
    if (isBool)
      return DenseElementsAttr::get(
          *type, llvm::map_to_vector(bytes, [](char c) { return c != 0; }));
    return DenseElementsAttr::getFromRawBuffer(*type, bytes);
  }

  // Any key will do; the context makes it unique.
  std::string key = tensor.name().empty() ? "constant" : tensor.name();
  if (!payload->owner)
    return decoded[&tensor] = DenseResourceElementsAttr::get(
               *type, key,
               HeapAsmResourceBlob::allocateAndCopyWithAlign(
                   bytes, /*align=*/64, /*dataIsMutable=*/false));
  // A mapping begins on a page, so that the offset tells the alignment.
  uint64_t offset = bytes.data() - payload->owner->get().data();
  size_t alignment = 1;
  if (payload->owner->isPageAligned())
    alignment = offset == 0 ? 64 : std::min<uint64_t>(offset & -offset, 64);
  return DenseResourceElementsAttr::get(
      *type, key,
      AsmResourceBlob(
          bytes, alignment,
          [owner = payload->owner](void *data, size_t size, size_t) {
            owner->release(data, size);
          },
          /*dataIsMutable=*/false));
}

} // namespace tenon::onnx_import
