//===- ModelFiles.cpp - A model's file and its external data, mapped ------===//

#include "lib/import/onnx/ModelFiles.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace tenon::onnx_import {
namespace {

/// An open file, closed at the end of its scope.
struct Descriptor {
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd >= 0)
      close(fd);
  }
  void reset(int other) {
    if (fd >= 0)
      close(fd);
    fd = other;
  }

  int fd;
};

} // namespace

/// Maps an open file whose status is known.
static std::shared_ptr<ModelBytes>
mapDescriptor(int fd, const struct stat &status, FileError &error) {
  if (!S_ISREG(status.st_mode)) {
    error.message = "is not a regular file";
    return nullptr;
  }
  if (status.st_size == 0)
    return std::make_shared<ModelBytes>(StringRef());
  void *mapping =
      mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, /*offset=*/0);
  if (mapping == MAP_FAILED) {
    error.message = std::string("can't be mapped: ") + strerror(errno);
    return nullptr;
  }
  return std::make_shared<ModelBytes>(mapping, status.st_size);
}

void ModelBytes::release(void *data, size_t size) const {
  if (!isMapping)
    return;
  // The pages at both ends may hold other constants too.
  uintptr_t page = sysconf(_SC_PAGESIZE);
  uintptr_t begin = reinterpret_cast<uintptr_t>(data);
  uintptr_t end = (begin + size) / page * page;
  begin = (begin + page - 1) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

ModelBytes::~ModelBytes() {
  if (isMapping)
    munmap(const_cast<char *>(bytes.data()), bytes.size());
}

std::shared_ptr<ModelBytes> mapFile(StringRef path, FileError &error) {
  Descriptor file(open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (file.fd < 0 || fstat(file.fd, &status) != 0) {
    error.message = std::string("can't be read: ") + strerror(errno);
    return nullptr;
  }
  return mapDescriptor(file.fd, status, error);
}

std::shared_ptr<ModelBytes> ExternalFiles::get(StringRef location,
                                               FileError &error) {
  if (auto it = files.find(location); it != files.end())
    return it->second;
  auto refuse = [&](const Twine &message) {
    error.isInvalid = true;
    error.message = message.str();
    return nullptr;
  };
  if (!folder)
    return refuse("a model in memory has no folder for external data");
  if (location.empty())
    return refuse("no location is given");
  if (location.contains('\0') || location.contains('\\'))
    return refuse("a location must not hold a null or a backslash");
  if (location.starts_with("/"))
    return refuse("a location must be relative to the model's folder, but it "
                  "is absolute");

  SmallVector<StringRef> components;
  location.split(components, '/');
  for (StringRef component : components)
    if (component.empty() || component == "." || component == "..")
      return refuse("a location must not have an empty, `.` or `..` component");

  // Each component is opened below the one before, and none through a link.
  Descriptor file(open(folder->empty() ? "." : folder->c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (auto [i, component] : llvm::enumerate(components)) {
    if (file.fd < 0)
      break;
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    if (i + 1 != components.size())
      flags |= O_DIRECTORY;
    struct stat link;
    if (fstatat(file.fd, component.str().c_str(), &link, AT_SYMLINK_NOFOLLOW) ==
            0 &&
        S_ISLNK(link.st_mode))
      return refuse("a location must not lead through a symbolic link");
    file.reset(openat(file.fd, component.str().c_str(), flags));
  }
  struct stat status;
  if (file.fd < 0 || fstat(file.fd, &status) != 0) {
    error.message = std::string("can't be read: ") + strerror(errno);
    return nullptr;
  }
  if (!S_ISREG(status.st_mode))
    return refuse("is not a regular file");
  if (status.st_nlink != 1)
    return refuse("a file of external data must not have hard links, but it "
                  "has " +
                  Twine(status.st_nlink) + " names");
  std::shared_ptr<ModelBytes> bytes = mapDescriptor(file.fd, status, error);
  if (bytes)
    files[location] = bytes;
  return bytes;
}

} // namespace tenon::onnx_import
