//===- TensorProto.cpp - ONNX tensors in files of their own --------------===//
//
// Reads the wire format of onnx.TensorProto, field by field: the tools that run
// models need no more of ONNX than this.
//
//===----------------------------------------------------------------------===//

#include "lib/run/Array.h"

#include <cstring>
#include <google/protobuf/io/coded_stream.h>

using namespace tenon::run;
using google::protobuf::io::CodedInputStream;

namespace {

/// Field numbers of TensorProto (onnx.proto).
enum Field {
  Dims = 1,
  DataType = 2,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  Name = 8,
  RawData = 9,
  DoubleData = 10,
  Uint64Data = 11,
  DataLocation = 14
};

/// protobuf.dev/programming-guides/encoding
enum WireType { Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5 };

class Parser {
public:
  Parser(const std::string &bytes, const std::string &path)
      : path(path), input(reinterpret_cast<const uint8_t *>(bytes.data()),
                          static_cast<int>(bytes.size())) {}

  Array parse() {
    while (uint32_t tag = input.ReadTag())
      readField(tag >> 3, static_cast<WireType>(tag & 7));
    if (!input.ConsumedEntireMessage())
      invalid("its encoding is damaged");
    auto type = static_cast<TenonDType>(dtype);
    if (!tenon_dtype_size(type))
      fail(TENON_ERROR_UNSUPPORTED, "'%s' has elements of ONNX type %lld",
           path.c_str(), static_cast<long long>(dtype));
    TenonTensor tensor{nullptr, nullptr, type,
                       static_cast<int32_t>(dims.size()), dims.data()};
    size_t size = tenon_tensor_bytes(&tensor);
    if (size == SIZE_MAX)
      invalid("its dimensions are impossible");
    unsigned bits = getNarrowBits(type);
    if (bits < 8) // several elements in one byte
      return unpack(type, size, bits);
    size_t given = hasRaw ? raw.size() : values.size() * tenon_dtype_size(type);
    if (size != given)
      invalid("it has " + std::to_string(given) +
              " bytes of elements, expected " + std::to_string(size));
    Array array = Array::make(type, dims);
    array.name = name;
    if (hasRaw)
      memcpy(array.bytes.data(), raw.data(), size);
    else
      for (size_t i = 0; i < values.size(); ++i)
        memcpy(&array.bytes[i * tenon_dtype_size(type)], &values[i],
               tenon_dtype_size(type)); // little-endian, as ONNX is
    return array;
  }

private:
  /// An array of `size` elements that are packed, the first in the lowest bits.
  Array unpack(TenonDType type, size_t size, unsigned bits) {
    size_t perByte = 8 / bits, expected = (size + perByte - 1) / perByte;
    size_t given = hasRaw ? raw.size() : values.size();
    if (given != expected)
      invalid("it has " + std::to_string(given) +
              " bytes of elements, expected " + std::to_string(expected));
    Array array = Array::make(type, dims);
    array.name = name;
    for (size_t i = 0; i < size; ++i) {
      auto byte =
          static_cast<uint8_t>(hasRaw ? static_cast<uint8_t>(raw[i / perByte])
                                      : values[i / perByte]);
      array.bytes[i] = extendNarrow(
          type, static_cast<uint8_t>(byte >> (i % perByte * bits)));
    }
    return array;
  }

  /// One number of a repeated field: a varint or a fixed one.
  uint64_t readNumber(WireType type) {
    if (type != Varint && type != Fixed64 && type != Fixed32)
      invalid("its encoding is damaged");
    uint64_t value = 0;
    uint32_t small = 0;
    bool isRead = type == Varint    ? input.ReadVarint64(&value)
                  : type == Fixed64 ? input.ReadLittleEndian64(&value)
                                    : input.ReadLittleEndian32(&small);
    if (!isRead)
      invalid("its encoding is damaged");
    return type == Fixed32 ? small : value;
  }

  /// A repeated field, packed or not, whose elements have `element` type.
  template <typename Add>
  void readRepeated(WireType type, WireType element, Add add) {
    if (type == element) {
      add(readNumber(element));
      return;
    }
    if (type != Delimited)
      invalid("its encoding is damaged");
    uint32_t length = 0;
    if (!input.ReadVarint32(&length) ||
        length > static_cast<uint32_t>(INT32_MAX))
      invalid("its encoding is damaged");
    CodedInputStream::Limit limit = input.PushLimit(static_cast<int>(length));
    while (input.BytesUntilLimit() > 0)
      add(readNumber(element));
    input.PopLimit(limit);
  }

  void readBytes(WireType type, std::string &value) {
    uint32_t length = 0;
    if (type != Delimited || !input.ReadVarint32(&length) ||
        length > static_cast<uint32_t>(INT32_MAX) ||
        !input.ReadString(&value, static_cast<int>(length)))
      invalid("its encoding is damaged");
  }

  void skip(WireType type) {
    std::string unused;
    if (type == Delimited)
      readBytes(type, unused);
    else if (type == Varint || type == Fixed64 || type == Fixed32)
      readNumber(type);
    else
      invalid("its encoding is damaged");
  }

  void readField(int field, WireType type) {
    auto addValue = [&](uint64_t value) { values.push_back(value); };
    switch (field) {
    case Dims:
      readRepeated(type, Varint, [&](uint64_t dim) {
        dims.push_back(static_cast<int64_t>(dim));
        if (dims.size() > 32)
          invalid("its rank is more than 32");
      });
      return;
    case DataType:
      dtype = static_cast<int64_t>(readNumber(type));
      return;
    case FloatData:
      readRepeated(type, Fixed32, addValue);
      return;
    case DoubleData:
      readRepeated(type, Fixed64, addValue);
      return;
    case Int32Data:
    case Int64Data:
    case Uint64Data:
      readRepeated(type, Varint, addValue);
      return;
    case Name:
      readBytes(type, name);
      return;
    case RawData:
      readBytes(type, raw);
      hasRaw = true;
      return;
    case StringData:
      fail(TENON_ERROR_UNSUPPORTED, "'%s' has elements that are strings",
           path.c_str());
    case DataLocation:
      if (readNumber(type) != 0)
        fail(TENON_ERROR_UNSUPPORTED, "'%s' has its elements in another file",
             path.c_str());
      return;
    default:
      skip(type);
    }
  }

  [[noreturn]] void invalid(const std::string &what) {
    fail(TENON_ERROR_INVALID, "'%s' is no ONNX tensor: %s", path.c_str(),
         what.c_str());
  }

  const std::string &path;
  CodedInputStream input;
  std::vector<int64_t> dims;
  std::vector<uint64_t> values;
  int64_t dtype = 0;
  std::string name, raw;
  bool hasRaw = false;
};

} // namespace

Array tenon::run::parseTensorProto(const std::string &bytes,
                                   const std::string &path) {
  if (bytes.size() > static_cast<size_t>(INT32_MAX))
    fail(TENON_ERROR_INVALID, "'%s' is too large for an ONNX tensor",
         path.c_str());
  return Parser(bytes, path).parse();
}
