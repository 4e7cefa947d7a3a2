//===- MemoryReport.cpp - How much memory a model's sessions take ---------===//

#include "lib/driver/MemoryReport.h"

#include "codegen/common/ModelAttributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "tenon/tenon.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

static llvm::json::Array toJson(ArrayAttr texts) {
  llvm::json::Array array;
  if (texts)
    for (StringAttr text : texts.getAsRange<StringAttr>())
      array.push_back(text.getValue());
  return array;
}

/// What a session has, as the runtime tells it; nothing if it can't make one.
static std::optional<uint64_t> measureSession(StringRef path) {
  TenonModel *model = nullptr;
  if (TenonError *error = tenon_model_load(path.str().c_str(), &model)) {
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

void tenon::printMemory(ModuleOp module, StringRef path, raw_ostream &os,
                        bool isJson) {
  auto arena = module->getAttrOfType<DictionaryAttr>(codegen::kArenaAttr);
  if (!arena)
    arena = DictionaryAttr::get(module.getContext());
  auto bytes = arena.getAs<IntegerAttr>(codegen::kArenaBytesAttr);
  auto sums = arena.getAs<ArrayAttr>(codegen::kArenaSumsAttr);
  auto definitions = arena.getAs<ArrayAttr>(codegen::kArenaDefinitionsAttr);
  auto slotsAttr = arena.getAs<IntegerAttr>(codegen::kArenaSlotsAttr);
  int64_t slots = slotsAttr ? slotsAttr.getInt() : 0;
  std::optional<uint64_t> workspace;
  if (bytes && path.ends_with(".so"))
    workspace = measureSession(path);
  if (isJson) {
    llvm::json::Object object{{"arena_sums", toJson(sums)},
                              {"arena_sizes", toJson(definitions)},
                              {"blocks_by_data", slots}};
    object["arena_bytes"] = bytes ? llvm::json::Value(bytes.getInt()) : nullptr;
    object["workspace_bytes"] =
        workspace ? llvm::json::Value(*workspace) : nullptr;
    os << llvm::json::Value(std::move(object)) << "\n";
    return;
  }
  if (bytes) {
    os << "arena of a session: " << bytes.getInt() << " bytes\n";
  } else if (!sums) {
    os << "arena of a session: not known\n";
  } else {
    os << "arena of a session: the largest of, in bytes,\n";
    for (StringAttr sum : sums.getAsRange<StringAttr>())
      os << "  " << sum.getValue() << "\n";
    if (!definitions.empty())
      os << "where\n";
    for (StringAttr definition : definitions.getAsRange<StringAttr>())
      os << "  " << definition.getValue() << "\n";
  }
  if (slots)
    os << "and " << slots << (slots == 1 ? " block" : " blocks")
       << " for results whose size depends on data\n";
  if (workspace)
    os << "workspace of a session here: " << *workspace << " bytes\n";
}
