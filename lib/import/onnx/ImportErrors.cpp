//===- ImportErrors.cpp - The one error, or all that is unsupported -------===//

#include "lib/import/onnx/ImportErrors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tenon::onnx_import {

/// The same without the quotes.
static std::string escape(StringRef name) {
  constexpr size_t limit = 120;
  std::string shown = json::fixUTF8(name.take_front(limit));
  std::string text;
  for (char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      text += "\\x" + toHex(StringRef(&c, 1), /*LowerCase=*/true);
    else
      text += c;
  }
  if (name.size() > limit)
    text += "…";
  return text;
}

std::string quote(StringRef name) { return "'" + escape(name) + "'"; }

std::string describeNode(StringRef name, StringRef opType) {
  return "node " + quote(name) + " (" + escape(opType) + ")";
}

/// Findings name ONNX's own domain, which models leave out.
static std::string nameDomain(StringRef domain) {
  return domain.empty() ? "ai.onnx" : domain.str();
}

Finding makeNodeFinding(const Twine &message, StringRef name, StringRef opType,
                        StringRef domain, int64_t version) {
  Finding finding;
  finding.message = message.str();
  finding.nodes = {name.str()};
  finding.op = opType.str();
  finding.domain = nameDomain(domain);
  finding.version = version;
  return finding;
}

Refusal ImportErrors::fail(ImportErrorKind kind, const Twine &message,
                           Finding finding) {
  if (hasError)
    return {};
  hasError = true;
  status.kind = kind;
  status.message = message.str();
  if (finding.message.empty())
    finding.message = status.message;
  status.findings = {std::move(finding)};
  return {};
}

void ImportErrors::addNote(const Twine &note) {
  if (!hasError || !status.findings.front().notes.empty())
    return;
  status.message += ("; " + note).str();
  status.findings.front().notes.push_back(note.str());
}

void ImportErrors::addUnsupported(UnsupportedOp op, StringRef node) {
  std::string key = std::to_string(op.version);
  for (const std::string *part :
       {&op.op, &op.domain, &op.elementType, &op.reason})
    key += '\0' + *part;
  auto [it, isNew] = kinds.try_emplace(key, unsupportedOps.size());
  if (isNew)
    unsupportedOps.push_back(std::move(op));
  unsupportedOps[it->second].nodes.push_back(node.str());
}

void ImportErrors::finish(bool isImported) {
  // An error in a model may be the effect of what was skipped as unsupported.
  if (unsupportedOps.empty()) {
    if (!isImported && !hasError)
      invalid("the model can't be imported");
    return;
  }
  status.kind = ImportErrorKind::Unsupported;
  std::string text;
  raw_string_ostream stream(text);
  stream << "the model uses what is not supported:";
  constexpr size_t shownKinds = 100;
  for (const UnsupportedOp &op :
       ArrayRef(unsupportedOps).take_front(shownKinds)) {
    stream << "\n  ";
    if (!op.domain.empty())
      stream << escape(op.domain) << ".";
    stream << escape(op.op);
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
  if (unsupportedOps.size() > shownKinds)
    stream << "\n  and " << unsupportedOps.size() - shownKinds
           << " more kinds of nodes";
  status.message = text;
  status.findings.clear();
  for (UnsupportedOp &op : unsupportedOps) {
    Finding &finding = status.findings.emplace_back();
    finding.message = std::move(op.reason);
    finding.nodes = std::move(op.nodes);
    finding.op = std::move(op.op);
    finding.domain = nameDomain(op.domain);
    finding.version = op.version;
    finding.elementType = std::move(op.elementType);
  }
}

} // namespace tenon::onnx_import
