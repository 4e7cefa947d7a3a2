//===- NameGlobs.h - Names that a user chooses by patterns ------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_NAMEGLOBS_H
#define TENON_TRANSFORMS_COMPRESS_NAMEGLOBS_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/GlobPattern.h"

#include <set>

namespace tenon {

/// The globs of an option, and which of them have matched a name.
class NameGlobs {
public:
  /// Reads them; fails, after an error at `root`, where one is wrong.
  mlir::LogicalResult read(llvm::StringRef option,
                           llvm::ArrayRef<std::string> globs,
                           mlir::Operation *root);

  bool match(llvm::StringRef name);
  /// Fails, after an error that says which names there are, where a glob has
  /// matched none: no `what`.
  mlir::LogicalResult checkUsed(llvm::StringRef what);

private:
  struct Glob {
    std::string text;
    llvm::GlobPattern pattern;
    bool isUsed = false;
  };

  mlir::Operation *root = nullptr;
  std::string option;
  llvm::SmallVector<Glob> all;
  /// What was to be matched.
  std::set<std::string> known;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_NAMEGLOBS_H
