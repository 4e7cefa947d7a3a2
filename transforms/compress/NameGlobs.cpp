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
  bool matches = false;
  for (Glob &glob : all)
    if (glob.pattern.match(name))
      glob.isUsed = matches = true;
  return matches;
}

LogicalResult NameGlobs::checkUsed(StringRef what) {
  for (const Glob &glob : all)
    if (!glob.isUsed)
      return root->emitError()
             << option << " pattern '" << glob.text << "' matches no " << what;
  return success();
}

} // namespace tenon
