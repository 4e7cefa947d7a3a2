//===- NameGlobs.cpp - Names that a user chooses by patterns --------------===//

#include "transforms/compress/NameGlobs.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace tenon {

LogicalResult NameGlobs::read(StringRef option, ArrayRef<std::string> globs,
                              Operation *root) {
  this->root = root;
  this->option = option.str();
  for (const std::string &text : globs) {
    auto pattern = llvm::GlobPattern::create(text);
    if (!pattern)
      return root->emitError()
             << option << " pattern '" << text
             << "' is wrong: " << llvm::toString(pattern.takeError());
    all.push_back({text, std::move(*pattern)});
  }
  return success();
}

bool NameGlobs::match(StringRef name) {
  known.insert(name.str());
  bool matches = false;
  for (Glob &glob : all)
    if (glob.pattern.match(name))
      glob.isUsed = matches = true;
  return matches;
}

LogicalResult NameGlobs::checkUsed(StringRef what) {
  auto unused =
      llvm::find_if(all, [](const Glob &glob) { return !glob.isUsed; });
  if (unused == all.end())
    return success();
  InFlightDiagnostic error = root->emitError()
                             << option << " pattern '" << unused->text
                             << "' matches no " << what;
  constexpr size_t kMost = 8;
  for (auto [i, name] : llvm::enumerate(known))
    if (i < kMost)
      error << (i ? ", '" : ", only '") << name << "'";
  if (known.size() > kMost)
    error << " and " << known.size() - kMost << " more";
  return failure();
}

} // namespace tenon
