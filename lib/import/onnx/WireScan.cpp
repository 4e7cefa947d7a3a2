//===- WireScan.cpp - Model files without their payloads ------------------===//

#include "lib/import/onnx/WireScan.h"

#include "lib/import/onnx/onnx.pb.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace tenon::onnx_import {
namespace {

/// Payloads of up to this many bytes stay in the message.
constexpr uint64_t kInlinePayload = 256;

/// The messages that hold tensors, directly or not. Others are copied whole.
enum class Message { Model, Graph, Node, Attribute, Tensor, Sparse, Function };

enum class Action { Drop, Copy, Descend, Payload };

struct Rule {
  Action action;
  Message child = Message::Model;
};

enum WireType { Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5 };

using Children = std::initializer_list<std::pair<uint64_t, Message>>;
using Fields = std::initializer_list<uint64_t>;

/// The rule for `field` of a message that holds tensors in its `children`; of
/// its other fields those in `copied` matter.
Rule choose(uint64_t field, Children children, Fields copied) {
  for (auto [number, child] : children)
    if (number == field)
      return {Action::Descend, child};
  return {is_contained(copied, field) ? Action::Copy : Action::Drop};
}

/// What happens to a field of a message.
Rule getRule(Message message, uint64_t field) {
  switch (message) {
  case Message::Model: {
    using M = onnx::ModelProto;
    return choose(field,
                  {{M::kGraphFieldNumber, Message::Graph},
                   {M::kFunctionsFieldNumber, Message::Function}},
                  {M::kIrVersionFieldNumber, M::kOpsetImportFieldNumber});
  }
  case Message::Graph: {
    using G = onnx::GraphProto;
    return choose(field,
                  {{G::kNodeFieldNumber, Message::Node},
                   {G::kInitializerFieldNumber, Message::Tensor},
                   {G::kSparseInitializerFieldNumber, Message::Sparse}},
                  {G::kNameFieldNumber, G::kInputFieldNumber,
                   G::kOutputFieldNumber, G::kValueInfoFieldNumber});
  }
  case Message::Node: {
    using N = onnx::NodeProto;
    return choose(field, {{N::kAttributeFieldNumber, Message::Attribute}},
                  {N::kInputFieldNumber, N::kOutputFieldNumber,
                   N::kNameFieldNumber, N::kOpTypeFieldNumber,
                   N::kDomainFieldNumber, N::kOverloadFieldNumber});
  }
  case Message::Attribute: {
    using A = onnx::AttributeProto;
    return choose(field,
                  {{A::kTFieldNumber, Message::Tensor},
                   {A::kTensorsFieldNumber, Message::Tensor},
                   {A::kGFieldNumber, Message::Graph},
                   {A::kGraphsFieldNumber, Message::Graph},
                   {A::kSparseTensorFieldNumber, Message::Sparse}},
                  {A::kNameFieldNumber, A::kFFieldNumber, A::kIFieldNumber,
                   A::kSFieldNumber, A::kFloatsFieldNumber, A::kIntsFieldNumber,
                   A::kStringsFieldNumber, A::kTypeFieldNumber,
                   A::kTpFieldNumber, A::kRefAttrNameFieldNumber});
  }
  case Message::Tensor: {
    using T = onnx::TensorProto;
    if (is_contained(Fields{T::kRawDataFieldNumber, T::kFloatDataFieldNumber,
                            T::kDoubleDataFieldNumber},
                     field))
      return {Action::Payload};
    return choose(field, {},
                  {T::kDimsFieldNumber, T::kDataTypeFieldNumber,
                   T::kInt32DataFieldNumber, T::kStringDataFieldNumber,
                   T::kInt64DataFieldNumber, T::kNameFieldNumber,
                   T::kUint64DataFieldNumber, T::kExternalDataFieldNumber,
                   T::kDataLocationFieldNumber});
  }
  case Message::Sparse:
    return choose(
        field, {{onnx::SparseTensorProto::kValuesFieldNumber, Message::Tensor}},
        {});
  case Message::Function: {
    using F = onnx::FunctionProto;
    return choose(field,
                  {{F::kNodeFieldNumber, Message::Node},
                   {F::kAttributeProtoFieldNumber, Message::Attribute}},
                  {F::kNameFieldNumber, F::kInputFieldNumber,
                   F::kOutputFieldNumber, F::kAttributeFieldNumber,
                   F::kOpsetImportFieldNumber, F::kDomainFieldNumber,
                   F::kOverloadFieldNumber});
  }
  }
  return {Action::Drop};
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(char(value | 0x80));
  out.push_back(char(value));
}

void appendTag(std::string &out, uint64_t field, WireType type) {
  appendVarint(out, field << 3 | type);
}

class Scanner {
public:
  explicit Scanner(StringRef data) : data(data) {}

  Error scan(Message message, uint64_t begin, uint64_t end, unsigned graphDepth,
             std::string &out);

private:
  Error error(const Twine &message, uint64_t position) {
    return createStringError(message + " at byte " + Twine(position));
  }
  Expected<uint64_t> readVarint(uint64_t &position, uint64_t end);
  Error appendPayload(uint64_t field, uint64_t begin, uint64_t length,
                      bool &isMapped, std::string &out);

  StringRef data;
};

Expected<uint64_t> Scanner::readVarint(uint64_t &position, uint64_t end) {
  uint64_t value = 0, start = position;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (position == end)
      return error("a number is cut off", start);
    uint8_t byte = data[position++];
    value |= shift < 64 ? uint64_t(byte & 0x7f) << shift : 0;
    if (!(byte & 0x80))
      return value;
  }
  return error("a number is too long", start);
}

Error Scanner::appendPayload(uint64_t field, uint64_t begin, uint64_t length,
                             bool &isMapped, std::string &out) {
  if (isMapped)
    return error("a tensor has a second payload", begin);
  if (length <= kInlinePayload) {
    appendTag(out, field, Delimited);
    appendVarint(out, length);
    out.append(data.data() + begin, length);
    return Error::success();
  }
  isMapped = true;
  appendTag(out, onnx::TensorProto::kMappedOffsetFieldNumber, Varint);
  appendVarint(out, begin);
  appendTag(out, onnx::TensorProto::kMappedLengthFieldNumber, Varint);
  appendVarint(out, length);
  appendTag(out, onnx::TensorProto::kMappedFieldFieldNumber, Varint);
  appendVarint(out, field);
  return Error::success();
}

Error Scanner::scan(Message message, uint64_t begin, uint64_t end,
                    unsigned graphDepth, std::string &out) {
  if (message == Message::Graph && ++graphDepth > kMaxGraphDepth)
    return error("graphs are nested deeper than " + Twine(kMaxGraphDepth),
                 begin);
  bool isMapped = false;
  for (uint64_t position = begin; position != end;) {
    uint64_t start = position;
    Expected<uint64_t> tag = readVarint(position, end);
    if (!tag)
      return tag.takeError();
    uint64_t field = *tag >> 3, type = *tag & 7, length = 0;
    if (field == 0 || field > 0x1fffffff)
      return error("a field has no valid number", start);
    if (type == Varint) {
      if (Expected<uint64_t> value = readVarint(position, end); !value)
        return value.takeError();
    } else if (type == Fixed64 || type == Fixed32) {
      length = type == Fixed64 ? 8 : 4;
    } else if (type == Delimited) {
      Expected<uint64_t> size = readVarint(position, end);
      if (!size)
        return size.takeError();
      length = *size;
    } else {
      return error("a field has no valid type", start);
    }
    if (length > end - position)
      return error("a field is cut off", start);
    uint64_t content = position;
    position += length;

    Rule rule = getRule(message, field);
    // Fields with the wrong wire type are the parser's to ignore.
    if (type != Delimited && rule.action != Action::Drop)
      rule.action = Action::Copy;
    if (rule.action == Action::Copy) {
      out.append(data.data() + start, position - start);
    } else if (rule.action == Action::Payload) {
      if (Error failure = appendPayload(field, content, length, isMapped, out))
        return failure;
    } else if (rule.action == Action::Descend) {
      std::string child;
      if (Error failure =
              scan(rule.child, content, position, graphDepth, child))
        return failure;
      appendTag(out, field, Delimited);
      appendVarint(out, child.size());
      out += child;
    }
  }
  return Error::success();
}

} // namespace

Expected<std::string> extractSkeleton(StringRef data) {
  std::string skeleton;
  if (Error failure = Scanner(data).scan(Message::Model, 0, data.size(),
                                         /*graphDepth=*/0, skeleton))
    return std::move(failure);
  return skeleton;
}

} // namespace tenon::onnx_import
