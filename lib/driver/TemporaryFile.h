//===- TemporaryFile.h - A file that is complete or not there -------------===//

#ifndef TENON_LIB_DRIVER_TEMPORARYFILE_H
#define TENON_LIB_DRIVER_TEMPORARYFILE_H

#include "lib/driver/Status.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon {

/// From now on, a signal that ends the process removes its temporary files. For
/// tools only: in a host application, signals are the host's.
void removeTemporaryFilesOnSignal();

/// A temporary file that is removed with this object unless it was renamed.
class TemporaryFile {
public:
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile();

  /// Creates a file in the system's temporary folder.
  static Status create(llvm::StringRef prefix, llvm::StringRef suffix,
                       TemporaryFile &file);
  /// Creates a file in the folder of `path`, to which it can be renamed.
  static Status createNear(llvm::StringRef path, llvm::StringRef suffix,
                           TemporaryFile &file);
  /// An error if no file can be created near `path`.
  static Status checkNear(llvm::StringRef path);

  llvm::StringRef getPath() const { return path; }
  Status write(llvm::function_ref<llvm::Error(llvm::raw_ostream &)> contents);
  /// Gives the file its name, with the permissions of a new file.
  Status renameTo(llvm::StringRef target);

private:
  llvm::SmallString<128> path;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_TEMPORARYFILE_H
