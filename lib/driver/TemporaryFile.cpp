//===- TemporaryFile.cpp - A file that is complete or not there -----------===//

#include "lib/driver/TemporaryFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <atomic>

using namespace llvm;

namespace tenon {

static std::atomic<bool> removesOnSignal = false;

void removeTemporaryFilesOnSignal() { removesOnSignal = true; }

TemporaryFile::~TemporaryFile() {
  if (path.empty())
    return;
  sys::fs::remove(path);
  sys::DontRemoveFileOnSignal(path);
}

Status TemporaryFile::create(StringRef prefix, StringRef suffix,
                             TemporaryFile &file) {
  if (std::error_code error =
          sys::fs::createTemporaryFile(prefix, suffix, file.path)) {
    file.path.clear();
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't create a temporary file: " + error.message());
  }
  if (removesOnSignal)
    sys::RemoveFileOnSignal(file.path);
  return Status::ok();
}

Status TemporaryFile::createNear(StringRef path, StringRef suffix,
                                 TemporaryFile &file) {
  if (sys::fs::is_directory(path))
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + path + "': it is a folder");
  // A file with its name would take the place of a device, such as /dev/null.
  if (sys::fs::exists(path) && !sys::fs::is_regular_file(path))
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + path + "': not a regular file");
  // The linker would take a name that begins with a dash for an option.
  StringRef folder = path.starts_with("-") ? "./" : "";
  if (std::error_code error = sys::fs::createUniqueFile(
          folder + path + "-%%%%%%%%." + suffix, file.path)) {
    file.path.clear();
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + path + "': " + error.message());
  }
  if (removesOnSignal)
    sys::RemoveFileOnSignal(file.path);
  return Status::ok();
}

Status TemporaryFile::checkNear(StringRef path) {
  TemporaryFile probe;
  return createNear(path, "tmp", probe);
}

Status TemporaryFile::write(function_ref<Error(raw_ostream &)> contents) {
  std::error_code error;
  raw_fd_ostream os(path, error);
  if (error)
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + path + "': " + error.message());
  if (Error failure = contents(os)) {
    os.clear_error();
    return Status::error(TENON_ERROR_SYSTEM, toString(std::move(failure)));
  }
  os.close();
  if (os.has_error()) {
    error = os.error();
    os.clear_error();
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + path + "': " + error.message());
  }
  return Status::ok();
}

Status TemporaryFile::renameTo(StringRef target) {
  unsigned mask = sys::fs::getUmask();
  auto permissions = static_cast<sys::fs::perms>(
      (sys::path::extension(target) == ".so" ? 0777 : 0666) & ~mask);
  std::error_code error = sys::fs::setPermissions(path, permissions);
  if (!error)
    error = sys::fs::rename(path, target);
  if (error)
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write '" + target + "': " + error.message());
  sys::DontRemoveFileOnSignal(path);
  path.clear();
  return Status::ok();
}

} // namespace tenon
