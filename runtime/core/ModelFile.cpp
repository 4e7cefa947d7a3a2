//===- ModelFile.cpp - Opening compiled models ---------------------------===//

#include "runtime/core/CpuFeatures.h"
#include "runtime/core/Model.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tenon::runtime;

namespace {

struct File {
  int descriptor;
  ~File() {
    if (descriptor >= 0)
      close(descriptor);
  }
};

const char *getMachineName(unsigned machine) {
  switch (machine) {
  case EM_X86_64:
    return "x86_64";
  case EM_AARCH64:
    return "aarch64";
  case EM_RISCV:
    return "riscv64";
  default:
    return "another processor";
  }
}

/// The loader maps whatever the headers say, and a file that ends too early
/// kills the process at the first touch of what is missing. So look first.
Error checkFile(const char *path) {
  std::string name = quote(path);
  // Without O_NONBLOCK a pipe would keep the process waiting.
  File file{open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.descriptor < 0)
    return makeError(TENON_ERROR_SYSTEM, "cannot open %s: %s", name.c_str(),
                     strerror(errno));
  struct stat status;
  if (fstat(file.descriptor, &status))
    return makeError(TENON_ERROR_SYSTEM, "cannot read %s: %s", name.c_str(),
                     strerror(errno));
  if (!S_ISREG(status.st_mode))
    return makeError(TENON_ERROR_SYSTEM, "cannot read %s: not a file",
                     name.c_str());

  Elf64_Ehdr header;
  if (pread(file.descriptor, &header, sizeof header, 0) != sizeof header ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN)
    return makeError(TENON_ERROR_INVALID,
                     "%s is not a compiled model: not a shared library",
                     name.c_str());
  const char *machine = getMachineName(header.e_machine);
  if (strcmp(machine, getHostArchitecture()) != 0)
    return makeError(TENON_ERROR_UNSUPPORTED,
                     "%s is for %s, but this processor is %s", name.c_str(),
                     machine, getHostArchitecture());
  uint64_t size = status.st_size;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    uint64_t offset = header.e_phoff + uint64_t(i) * sizeof segment;
    if (header.e_phentsize != sizeof segment ||
        pread(file.descriptor, &segment, sizeof segment, offset) !=
            sizeof segment ||
        (segment.p_type == PT_LOAD &&
         (segment.p_offset > size ||
          segment.p_filesz > size - segment.p_offset)))
      return makeError(TENON_ERROR_INVALID,
                       "%s is damaged: it is shorter than its headers say",
                       name.c_str());
  }
  return nullptr;
}

} // namespace

Error tenon::runtime::openModelFile(const char *path, void **handle,
                                    const TenonModelDesc **desc) {
  // dlopen() would look for a bare name in the system's folders.
  std::string file = strchr(path, '/') ? path : std::string("./") + path;
  if (Error error = checkFile(path))
    return error;
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return makeError(TENON_ERROR_INVALID, "cannot load %s: %s",
                     quote(path).c_str(), dlerror());
  void *symbol = dlsym(library, TENON_MODEL_SYMBOL);
  if (!symbol) {
    dlclose(library);
    return makeError(TENON_ERROR_INVALID,
                     "%s is not a compiled model: it has no symbol "
                     "'" TENON_MODEL_SYMBOL "'",
                     quote(path).c_str());
  }
  *handle = library;
  *desc = static_cast<const TenonModelDesc *>(symbol);
  return nullptr;
}
