//===- ModelFiles.h - A model's file and its external data, mapped --------===//

#ifndef TENON_LIB_IMPORT_ONNX_MODELFILES_H
#define TENON_LIB_IMPORT_ONNX_MODELFILES_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>
#include <string>

namespace tenon::onnx_import {

/// Bytes that constants refer to: a mapped file, or a buffer that a caller
/// keeps. Constants share the ownership, so a mapping lives as long as they do.
class ModelBytes {
public:
  explicit ModelBytes(llvm::StringRef borrowed) : bytes(borrowed) {}
  ModelBytes(void *mapping, size_t size)
      : bytes(static_cast<const char *>(mapping), size), isMapping(true) {}
  ModelBytes(const ModelBytes &) = delete;
  ModelBytes &operator=(const ModelBytes &) = delete;
  ~ModelBytes();

  llvm::StringRef get() const { return bytes; }
  bool isPageAligned() const { return isMapping; }
  /// Tells the system that a constant's bytes are not needed any more. Reading
  /// them all the same brings them back from the file.
  void release(void *data, size_t size) const;

private:
  llvm::StringRef bytes;
  bool isMapping = false;
};

/// Why a file can't be had.
struct FileError {
  /// The file breaks a rule (rather than being absent or unreadable).
  bool isInvalid = false;
  std::string message;
};

/// Maps the whole of a file; links are followed.
std::shared_ptr<ModelBytes> mapFile(llvm::StringRef path, FileError &error);

/// The files in a model's folder that its tensors may name. A location is a
/// relative path within the folder; no component may be `..` or a link.
class ExternalFiles {
public:
  /// Without a folder (a model in memory), every location is refused.
  explicit ExternalFiles(std::optional<std::string> folder)
      : folder(std::move(folder)) {}

  /// The mapped file at `location`, or null.
  std::shared_ptr<ModelBytes> get(llvm::StringRef location, FileError &error);

private:
  std::optional<std::string> folder;
  llvm::StringMap<std::shared_ptr<ModelBytes>> files;
};

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_MODELFILES_H
