//===- ImportErrors.cpp - The one error, or all that is unsupported -------===//

#include "lib/import/onnx/ImportErrors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tenon::onnx_import {

std::string quote(StringRef name) {
  constexpr size_t limit = 120;
  std::string shown = json::fixUTF8(name.take_front(limit));
  std::string text = "'";
  for (char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      text += "\\x" + toHex(StringRef(&c, 1), /*LowerCase=*/true);
    else
      text += c;
  }
  if (name.size() > limit)
    text += "…";
  return text + "'";
}

void ImportErrors::finish() {
  // An error in a model may be the effect of what was skipped as unsupported.
  if (status.unsupported.empty())
    return;
  status.kind = ImportErrorKind::Unsupported;
  std::string text;
  raw_string_ostream stream(text);
  stream << "the model uses what is not supported:";
  for (const UnsupportedOp &op : status.unsupported) {
    stream << "\n  ";
    if (!op.domain.empty())
      stream << op.domain << ".";
    stream << op.op;
    if (op.version)
      stream << "-" << op.version;
    if (!op.elementType.empty())
      stream << " (" << op.elementType << ")";
    stream << ": " << op.reason << "; ";
    stream << (op.nodes.size() == 1 ? "node " : "nodes ");
    constexpr size_t shown = 8;
    interleaveComma(ArrayRef(op.nodes).take_front(shown), stream,
                    [&](const std::string &node) { stream << quote(node); });
    if (op.nodes.size() > shown)
      stream << " and " << op.nodes.size() - shown << " more";
  }
  status.message = text;
}

} // namespace tenon::onnx_import
