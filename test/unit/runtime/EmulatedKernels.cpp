//===- EmulatedKernels.cpp - PTX as code of the processor ----------------===//

#include "test/unit/runtime/EmulatedKernels.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

std::string tenon::test::cuda::findTranslator() {
  const char *named = getenv("FAKE_CUDA_TRANSLATOR");
  return named ? named : "";
}

namespace {
/// A folder for temporary files, which goes with it.
struct TemporaryFolder {
  explicit TemporaryFolder(const std::string &parent)
      : path((parent.empty() ? "/tmp" : parent) + "/emulate-XXXXXX") {
    if (!mkdtemp(path.data()))
      path.clear();
  }
  ~TemporaryFolder() {
    for (const char *file : {"/in.ptx", "/out.so"})
      unlink((path + file).c_str());
    rmdir(path.c_str());
  }
  std::string path;
};
} // namespace

/// Runs the translator, and gives its words if it fails.
static std::string translate(const std::string &translator,
                             const std::string &in, const std::string &out) {
  std::string command = "'" + translator + "' '" + in + "' '" + out + "' 2>&1";
  FILE *process = popen(command.c_str(), "r");
  if (!process)
    return "the translator cannot be started";
  std::string words;
  char text[256];
  while (fgets(text, sizeof text, process))
    words += text;
  if (pclose(process) == 0)
    return "";
  return words.empty() ? "the translator failed" : words;
}

void *tenon::test::cuda::loadEmulated(const std::string &ptx,
                                      std::string &error) {
  std::string translator = findTranslator();
  const char *named = getenv("FAKE_CUDA_CACHE");
  std::string cache = named ? named : "";
  // A script that was changed makes another library. Of the files that it
  // consists of nothing is known here: utils/models/emulation.py names another
  // folder if they change.
  struct stat state = {};
  stat(translator.c_str(), &state);
  std::string key = ptx + translator + std::to_string(state.st_mtim.tv_sec) +
                    "." + std::to_string(state.st_mtim.tv_nsec);
  std::string kept =
      cache + "/" + std::to_string(std::hash<std::string>()(key)) + ".so";
  if (!cache.empty())
    mkdir(cache.c_str(), 0777); // it may be there
  if (!cache.empty())
    if (void *library = dlopen(kept.c_str(), RTLD_NOW | RTLD_LOCAL))
      return library;
  TemporaryFolder folder(cache);
  if (folder.path.empty()) {
    error = "no folder for what is translated can be made";
    return nullptr;
  }
  std::string in = folder.path + "/in.ptx", out = folder.path + "/out.so";
  if (FILE *file = fopen(in.c_str(), "w")) {
    fwrite(ptx.data(), 1, ptx.size(), file);
    fclose(file);
  }
  error = translate(translator, in, out);
  if (!error.empty())
    return nullptr;
  // Other processes find all of it or nothing.
  if (!cache.empty() && rename(out.c_str(), kept.c_str()) == 0)
    out = kept;
  void *library = dlopen(out.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    error = dlerror();
  return library;
}
