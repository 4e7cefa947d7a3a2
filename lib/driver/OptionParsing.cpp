//===- OptionParsing.cpp - Options as text --------------------------------===//

#include "lib/driver/OptionParsing.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tenon {

static Status isTwice(StringRef kind, StringRef text, StringRef name) {
  return Status::error(TENON_ERROR_USAGE, kind + " '" + text + "': input '" +
                                              name + "' has one already");
}

Status parseShape(StringRef text, OnnxImportOptions &options) {
  auto [name, dims] = text.rsplit('=');
  auto wrong = [&] {
    return Status::error(TENON_ERROR_USAGE,
                         "shape '" + text +
                             "': expected input=dims, such as "
                             "x=1x3x640x640");
  };
  if (name.empty() || !text.contains('='))
    return wrong();
  SmallVector<int64_t> shape;
  SmallVector<StringRef> parts;
  if (!dims.empty())
    dims.split(parts, 'x');
  for (StringRef part : parts) {
    int64_t dim = -1;
    if (part != "?" && (part.getAsInteger(10, dim) || dim < 0))
      return wrong();
    shape.push_back(dim);
  }
  if (!options.shapes.try_emplace(name, std::move(shape)).second)
    return isTwice("shape", text, name);
  return Status::ok();
}

Status parseBinding(StringRef text, OnnxImportOptions &options) {
  auto [name, value] = text.split('=');
  if (name.empty() || value.empty())
    return Status::error(TENON_ERROR_USAGE,
                         "binding '" + text +
                             "': expected input=value, such as sr=16000");
  if (!options.bindings.try_emplace(name, value.str()).second)
    return isTwice("binding", text, name);
  return Status::ok();
}

Status parsePrecision(StringRef text, std::string &precision) {
  if (text != "fp32" && text != "bf16" && text != "fp16" && text != "tf32")
    return Status::error(TENON_ERROR_USAGE,
                         "precision '" + text +
                             "': expected fp32, bf16, fp16 or tf32");
  precision = text == "fp32" ? "" : text.str();
  return Status::ok();
}

std::vector<std::string> parseProviders(StringRef list) {
  if (list == "auto")
    return {};
  SmallVector<StringRef> names;
  list.split(names, ',');
  return {names.begin(), names.end()};
}

std::string getDefaultOutput(StringRef input) {
  return (sys::path::stem(input) + ".so").str();
}

} // namespace tenon
