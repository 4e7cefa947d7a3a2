//===- DnnRunner.cpp - Kernels by cuDNN ----------------------------------===//
//
// The library's heuristics order its engines for a graph. The first is taken
// that is deterministic, exact enough, and content with a workspace that it can
// have.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/DnnRunner.h"

#include "runtime/cuda/AttentionGraph.h"
#include "runtime/cuda/ConvGraph.h"
#include "runtime/cuda/DnnConstants.h"

#include <algorithm>
#include <array>

using namespace tenon::cuda;

/// The most memory that an engine may want.
static constexpr int64_t maxWorkspace = 256 << 20;
/// How many sets of addresses a plan keeps. More than one if equal kernels
/// share it, if memory moved, or if the caller's is used.
static constexpr size_t maxPacks = 256;

/// Older versions have not been tried with attention, nor whether what they
/// compile serves all sizes.
static constexpr size_t minCompilingVersion = 91100;

static constexpr const char *undescribed = "its graph cannot be described";

struct DnnRunner::Plan : LibraryPlan {
  explicit Plan(const Cudnn &library)
      : library(library), descriptors(library) {}
  ~Plan() override { clearPacks(); }

  void clearPacks() {
    for (auto &[pointers, pack] : packs)
      if (pack)
        library.descriptorDestroy(pack);
    packs.clear();
  }

  const Cudnn &library;
  DnnDescriptors descriptors;
  std::vector<Tensor> tensors; // the kernel's
  DnnGraph graph;
  DnnDescriptor execution = nullptr;
  /// Where its operands are, as the library wants it, by the kernel's args and
  /// the workspace; null if the device has no memory for it.
  std::map<std::vector<void *>, DnnDescriptor> packs;
};

DnnRunner::DnnRunner(const Cudnn &library, Stream stream,
                     DeviceWeights &weights, Workspace &workspace)
    : LibraryRunner(workspace), library(library), weights(weights) {
  library.check(library.create(&handle), "cuDNN does not start");
  DnnStatus status = library.setStream(handle, stream);
  if (status == CUDNN_STATUS_SUCCESS)
    return;
  library.destroy(handle);
  library.check(status, "cuDNN takes no stream");
}

DnnRunner::~DnnRunner() {
  clear();
  for (auto &[form, cache] : caches)
    library.descriptorDestroy(cache);
  library.destroy(handle);
}

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

/// Whether the library says that it has nothing for a description, and not
/// that this is wrong.
static bool isRefusal(DnnStatus status) {
  return (status >= CUDNN_STATUS_NOT_SUPPORTED &&
          status < CUDNN_STATUS_NOT_SUPPORTED + 1000) ||
         (status >= CUDNN_STATUS_INTERNAL_ERROR &&
          status < CUDNN_STATUS_INTERNAL_ERROR + 1000);
}

DnnDescriptor DnnRunner::getCache(const TenonKernel &kernel, const Plan &plan) {
  if (!plan.graph.isForAllSizes)
    return nullptr;
  std::vector<int64_t> form = plan.graph.fixedSizes;
  form.insert(form.end(), kernel.library, kernel.library + kernel.librarySize);
  for (const Tensor &tensor : plan.tensors) {
    form.push_back(tensor.type);
    form.push_back(tensor.dims.size());
  }
  auto found = caches.find(form);
  if (found != caches.end())
    return found->second;
  DnnDescriptors descriptors(library);
  DnnDescriptor cache = descriptors.make(CUDNN_BACKEND_KERNEL_CACHE_DESCRIPTOR);
  descriptors.setOperand(cache, CUDNN_ATTR_KERNEL_CACHE_OPERATION_GRAPH,
                         plan.graph.descriptor);
  descriptors.finalize(cache);
  DnnStatus status = descriptors.getStatus();
  if (isRefusal(status))
    return nullptr;
  library.check(status, undescribed);
  caches.emplace(std::move(form), cache);
  return descriptors.release();
}

bool DnnRunner::findEngine(Plan &plan, DnnDescriptor cache) {
  constexpr const char *failed = "no engine for its graph";
  for (int mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    DnnDescriptors descriptors(library);
    DnnDescriptor heuristics =
        descriptors.make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    descriptors.setOperand(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                           plan.graph.descriptor);
    descriptors.set(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE,
                    CUDNN_TYPE_HEUR_MODE, mode);
    descriptors.finalize(heuristics);
    if (isRefusal(descriptors.getStatus()))
      continue;
    library.check(descriptors.getStatus(), failed);
    int64_t count = 0;
    auto get = [&](int64_t room, void *results) {
      library.check(library.descriptorGet(
                        heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                        CUDNN_TYPE_BACKEND_DESCRIPTOR, room, &count, results),
                    failed);
    };
    get(0, nullptr);
    std::vector<DnnDescriptor> configurations;
    for (int64_t i = 0; i < count; ++i)
      configurations.push_back(
          descriptors.make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    library.check(descriptors.getStatus(), failed);
    if (!count)
      continue;
    get(count, configurations.data());
    configurations.resize(std::min<size_t>(configurations.size(), count));
    for (DnnDescriptor configuration : configurations)
      if (tryEngine(plan, cache, configuration, descriptors))
        return true;
  }
  return false;
}

bool DnnRunner::tryEngine(Plan &plan, DnnDescriptor cache,
                          DnnDescriptor configuration,
                          DnnDescriptors &configurations) {
  DnnDescriptors descriptors(library);
  DnnDescriptor engine = descriptors.make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  library.check(descriptors.getStatus(), undescribed);
  constexpr int64_t mostNotes = 64;
  std::array<int, mostNotes> notes{};
  int64_t count = 0, numNotes = 0, number = -1;
  DnnStatus status =
      library.descriptorGet(configuration, CUDNN_ATTR_ENGINECFG_ENGINE,
                            CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &engine);
  if (status == CUDNN_STATUS_SUCCESS)
    status = library.descriptorGet(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                   CUDNN_TYPE_NUMERICAL_NOTE, mostNotes,
                                   &numNotes, notes.data());
  if (status == CUDNN_STATUS_SUCCESS)
    status = library.descriptorGet(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX,
                                   CUDNN_TYPE_INT64, 1, &count, &number);
  if (status != CUDNN_STATUS_SUCCESS)
    return false;
  auto has = [&](int note) {
    auto end = notes.begin() + std::clamp<int64_t>(numNotes, 0, mostNotes);
    return std::find(notes.begin(), end, note) != end;
  };
  // Tensor cores round factors of f32 to TF32.
  if (has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) ||
      has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) ||
      (plan.graph.isExact && (has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                              has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))))
    return false;

  DnnDescriptors made(library);
  DnnDescriptor execution = made.make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  made.set(execution, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE,
           handle);
  made.setOperand(execution, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                  configuration);
  if (cache)
    made.setOperand(execution, CUDNN_ATTR_EXECUTION_PLAN_KERNEL_CACHE, cache);
  made.finalize(execution);
  // Whatever is wrong with one engine, the next may do.
  if (made.getStatus() != CUDNN_STATUS_SUCCESS)
    return false;
  int64_t bytes = 0;
  library.check(library.descriptorGet(execution,
                                      CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                      CUDNN_TYPE_INT64, 1, &count, &bytes),
                "an engine tells no workspace");
  if (bytes < 0 || bytes > maxWorkspace)
    return false;
  // What it is made of goes after it.
  plan.descriptors.take(configurations, configuration);
  plan.descriptors.take(made, execution);
  plan.execution = execution;
  plan.workspaceSize = bytes;
  plan.description =
      "cuDNN " + library.version + ", engine " + std::to_string(number);
  for (auto [note, name] :
       {std::pair{CUDNN_NUMERICAL_NOTE_TENSOR_CORE, "tensor cores"},
        {CUDNN_NUMERICAL_NOTE_WINOGRAD, "Winograd"},
        {CUDNN_NUMERICAL_NOTE_FFT, "FFT"}})
    if (has(note))
      plan.description += std::string(", ") + name;
  return true;
}

std::unique_ptr<LibraryPlan> DnnRunner::prepare(const TenonKernel &kernel,
                                                void *const *,
                                                const int64_t *alignments,
                                                const int64_t *dims) {
  auto plan = std::make_unique<Plan>(library);
  plan->tensors = getTensors(kernel, dims);
  DnnGraphBuilder builder(plan->descriptors, plan->tensors, alignments,
                          plan->graph);
  bool compiles = library.versionNumber >= minCompilingVersion;
  bool fits = false;
  if (getLibraryKind(kernel) == TENON_LIBRARY_CONV)
    fits = makeConvGraph(builder, getWords<TenonLibraryConv>(kernel));
  else if (compiles)
    fits = makeAttentionGraph(builder, getWords<TenonLibraryAttention>(kernel));
  if (!fits)
    return nullptr;
  plan->graph.isForAllSizes = plan->graph.isForAllSizes && compiles;
  builder.finish(handle);
  if (isRefusal(plan->descriptors.getStatus()))
    return nullptr;
  library.check(plan->descriptors.getStatus(), undescribed);
  if (!findEngine(*plan, getCache(kernel, *plan)))
    return nullptr;
  return plan;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

DnnDescriptor DnnRunner::makePack(const Plan &plan, void *const *args) {
  DnnDescriptors descriptors(library);
  std::vector<int64_t> ids;
  std::vector<const void *> data;
  for (const DnnOperand &operand : plan.graph.operands) {
    ids.push_back(operand.id);
    data.push_back(findOperand(operand, weights, plan.tensors, args));
    if (!data.back())
      return nullptr;
  }
  for (const auto &[id, number] : plan.graph.numbers) {
    ids.push_back(id);
    data.push_back(&number);
  }
  void *memory = workspace.get();
  DnnDescriptor pack = descriptors.make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  descriptors.set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
                  ids.size(), ids.data());
  descriptors.set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                  CUDNN_TYPE_VOID_PTR, data.size(), data.data());
  descriptors.set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
                  memory);
  descriptors.finalize(pack);
  library.check(descriptors.getStatus(), undescribed);
  return descriptors.release();
}

bool DnnRunner::start(LibraryPlan &base, const TenonKernel &kernel,
                      void *const *args) {
  auto &plan = static_cast<Plan &>(base);
  pointers.assign(args, args + kernel.numArgs);
  pointers.push_back(workspace.get());
  auto found = plan.packs.find(pointers);
  if (found == plan.packs.end()) {
    if (plan.packs.size() == maxPacks)
      plan.clearPacks();
    found = plan.packs.emplace(pointers, makePack(plan, args)).first;
  }
  if (!found->second)
    return false;
  library.check(library.execute(handle, plan.execution, found->second),
                "cannot be started on the CUDA device");
  return true;
}
