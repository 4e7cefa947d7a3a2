//===- WireScan.cpp - Model files without their payloads ------------------===//

#include "lib/import/onnx/WireScan.h"

#include "lib/import/onnx/onnx.pb.h"
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

/// What happens to a field of a message.
Rule getRule(Message message, uint64_t field) {
  constexpr Rule copy{Action::Copy}, drop{Action::Drop};
  switch (message) {
  case Message::Model:
    switch (field) {
    case onnx::ModelProto::kIrVersionFieldNumber:
    case onnx::ModelProto::kOpsetImportFieldNumber:
      return copy;
    case onnx::ModelProto::kGraphFieldNumber:
      return {Action::Descend, Message::Graph};
    case onnx::ModelProto::kFunctionsFieldNumber:
      return {Action::Descend, Message::Function};
    default:
      return drop;
    }
  case Message::Graph:
    switch (field) {
    case onnx::GraphProto::kNodeFieldNumber:
      return {Action::Descend, Message::Node};
    case onnx::GraphProto::kInitializerFieldNumber:
      return {Action::Descend, Message::Tensor};
    case onnx::GraphProto::kSparseInitializerFieldNumber:
      return {Action::Descend, Message::Sparse};
    case onnx::GraphProto::kNameFieldNumber:
    case onnx::GraphProto::kInputFieldNumber:
    case onnx::GraphProto::kOutputFieldNumber:
    case onnx::GraphProto::kValueInfoFieldNumber:
      return copy;
    default:
      return drop;
    }
  case Message::Node:
    switch (field) {
    case onnx::NodeProto::kAttributeFieldNumber:
      return {Action::Descend, Message::Attribute};
    case onnx::NodeProto::kInputFieldNumber:
    case onnx::NodeProto::kOutputFieldNumber:
    case onnx::NodeProto::kNameFieldNumber:
    case onnx::NodeProto::kOpTypeFieldNumber:
    case onnx::NodeProto::kDomainFieldNumber:
    case onnx::NodeProto::kOverloadFieldNumber:
      return copy;
    default:
      return drop;
    }
  case Message::Attribute:
    switch (field) {
    case onnx::AttributeProto::kTFieldNumber:
    case onnx::AttributeProto::kTensorsFieldNumber:
      return {Action::Descend, Message::Tensor};
    case onnx::AttributeProto::kGFieldNumber:
    case onnx::AttributeProto::kGraphsFieldNumber:
      return {Action::Descend, Message::Graph};
    case onnx::AttributeProto::kSparseTensorFieldNumber:
      return {Action::Descend, Message::Sparse};
    case onnx::AttributeProto::kNameFieldNumber:
    case onnx::AttributeProto::kFFieldNumber:
    case onnx::AttributeProto::kIFieldNumber:
    case onnx::AttributeProto::kSFieldNumber:
    case onnx::AttributeProto::kFloatsFieldNumber:
    case onnx::AttributeProto::kIntsFieldNumber:
    case onnx::AttributeProto::kStringsFieldNumber:
    case onnx::AttributeProto::kTypeFieldNumber:
    case onnx::AttributeProto::kRefAttrNameFieldNumber:
      return copy;
    default:
      return drop;
    }
  case Message::Tensor:
    switch (field) {
    case onnx::TensorProto::kRawDataFieldNumber:
    case onnx::TensorProto::kFloatDataFieldNumber:
    case onnx::TensorProto::kDoubleDataFieldNumber:
      return {Action::Payload};
    case onnx::TensorProto::kDimsFieldNumber:
    case onnx::TensorProto::kDataTypeFieldNumber:
    case onnx::TensorProto::kInt32DataFieldNumber:
    case onnx::TensorProto::kStringDataFieldNumber:
    case onnx::TensorProto::kInt64DataFieldNumber:
    case onnx::TensorProto::kNameFieldNumber:
    case onnx::TensorProto::kUint64DataFieldNumber:
    case onnx::TensorProto::kExternalDataFieldNumber:
    case onnx::TensorProto::kDataLocationFieldNumber:
      return copy;
    default:
      return drop;
    }
  case Message::Sparse:
    return field == onnx::SparseTensorProto::kValuesFieldNumber
               ? Rule{Action::Descend, Message::Tensor}
               : drop;
  case Message::Function:
    switch (field) {
    case onnx::FunctionProto::kNodeFieldNumber:
      return {Action::Descend, Message::Node};
    case onnx::FunctionProto::kAttributeProtoFieldNumber:
      return {Action::Descend, Message::Attribute};
    case onnx::FunctionProto::kNameFieldNumber:
    case onnx::FunctionProto::kInputFieldNumber:
    case onnx::FunctionProto::kOutputFieldNumber:
    case onnx::FunctionProto::kAttributeFieldNumber:
    case onnx::FunctionProto::kOpsetImportFieldNumber:
    case onnx::FunctionProto::kDomainFieldNumber:
    case onnx::FunctionProto::kOverloadFieldNumber:
      return copy;
    default:
      return drop;
    }
  }
  return drop;
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
