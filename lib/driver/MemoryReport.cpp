//===- MemoryReport.cpp - How much memory a model's sessions take ---------===//

#include "lib/driver/MemoryReport.h"

#include "codegen/common/ModelAttributes.h"
#include "dialects/tenon/TenonOps.h"
#include "lib/target/Target.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "tenon/tenon.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace tenon;

static llvm::json::Array toJson(ArrayAttr texts) {
  llvm::json::Array array;
  if (texts)
    for (StringAttr text : texts.getAsRange<StringAttr>())
      array.push_back(text.getValue());
  return array;
}

/// What a session has, as the runtime tells it; nothing if it can't make one.
static std::optional<uint64_t> measureSession(StringRef path,
                                              StringRef device) {
  TenonModel *model = nullptr;
  TenonModelOptions options{};
  options.struct_size = sizeof options;
  std::string name = device.str();
  options.device = name.c_str();
  if (TenonError *error =
          tenon_model_load_with(path.str().c_str(), &options, &model)) {
    tenon_error_free(error);
    return std::nullopt;
  }
  std::optional<uint64_t> bytes;
  TenonSession *session = nullptr;
  if (TenonError *error = tenon_session_create(model, nullptr, &session)) {
    tenon_error_free(error);
  } else {
    bytes = tenon_session_workspace_size(session);
    tenon_session_free(session);
  }
  tenon_model_free(model);
  return bytes;
}

namespace {

/// What is known of one arena.
struct Arena {
  Arena(ModuleOp module, StringRef name) {
    auto arena = module->getAttrOfType<DictionaryAttr>(name);
    isThere = bool(arena);
    if (!arena)
      return;
    bytes = arena.getAs<IntegerAttr>(codegen::kArenaBytesAttr);
    sums = arena.getAs<ArrayAttr>(codegen::kArenaSumsAttr);
    definitions = arena.getAs<ArrayAttr>(codegen::kArenaDefinitionsAttr);
    if (auto number = arena.getAs<IntegerAttr>(codegen::kArenaSlotsAttr))
      slots = number.getInt();
  }

  void print(raw_ostream &os, StringRef name) const {
    if (bytes) {
      os << name << ": " << bytes.getInt() << " bytes\n";
    } else if (!sums) {
      os << name << ": not known\n";
    } else {
      os << name << ": the largest of, in bytes,\n";
      for (StringAttr sum : sums.getAsRange<StringAttr>())
        os << "  " << sum.getValue() << "\n";
      if (!definitions.empty())
        os << "where\n";
      for (StringAttr definition : definitions.getAsRange<StringAttr>())
        os << "  " << definition.getValue() << "\n";
    }
  }

  void print(llvm::json::Object &object, const Twine &prefix) const {
    object[(prefix + "arena_sums").str()] = toJson(sums);
    object[(prefix + "arena_sizes").str()] = toJson(definitions);
    object[(prefix + "arena_bytes").str()] =
        bytes ? llvm::json::Value(bytes.getInt()) : nullptr;
  }

  bool isThere;
  IntegerAttr bytes;
  ArrayAttr sums, definitions;
  int64_t slots = 0;
};

} // namespace

/// Tells of one module, to `object` if there is one.
static void printModule(ModuleOp module, StringRef path, raw_ostream &os,
                        llvm::json::Object *object) {
  Arena arena(module, codegen::kArenaAttr);
  Arena device(module, codegen::kDeviceArenaAttr);
  std::optional<uint64_t> workspace;
  bool isStatic = arena.bytes && (!device.isThere || device.bytes);
  if (isStatic && path.ends_with(".so"))
    workspace = measureSession(path, getDeviceName(module));
  if (object) {
    (*object)["blocks_by_data"] = arena.slots;
    arena.print(*object, "");
    if (device.isThere)
      device.print(*object, "device_");
    (*object)["workspace_bytes"] =
        workspace ? llvm::json::Value(*workspace) : nullptr;
    return;
  }
  arena.print(os, "arena of a session");
  if (device.isThere)
    device.print(os, "arena of a session on the device");
  if (arena.slots)
    os << "and " << arena.slots << (arena.slots == 1 ? " block" : " blocks")
       << " for results whose size depends on data\n";
  if (workspace)
    os << "workspace of a session here: " << *workspace << " bytes\n";
}

void tenon::printMemory(ArrayRef<ModuleOp> modules, StringRef path,
                        raw_ostream &os, bool isJson) {
  llvm::json::Object all;
  for (ModuleOp module : modules) {
    llvm::json::Object object;
    if (modules.size() > 1 && !isJson)
      os << "device " << getDeviceName(module) << ":\n";
    printModule(module, path, os, isJson ? &object : nullptr);
    if (modules.size() > 1)
      all[getDeviceName(module)] = std::move(object);
    else
      all = std::move(object);
  }
  if (isJson)
    os << llvm::json::Value(std::move(all)) << "\n";
}
