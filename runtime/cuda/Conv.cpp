//===- Conv.cpp - Convolutions by cuDNN ----------------------------------===//
//
// The library's heuristics order its engines for a graph. The first is taken
// that is deterministic, exact enough, and content with a workspace that it can
// have.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/Conv.h"

#include <algorithm>
#include <array>
#include <cstring>

using namespace tenon::cuda;

/// The most memory that an engine may want.
static constexpr int64_t maxWorkspace = 256 << 20;
/// How many sets of addresses a plan keeps. More than one if equal kernels
/// share it, or if memory moved.
static constexpr size_t maxPacks = 256;

static constexpr const char *undescribed = "a convolution cannot be described";

struct ConvRunner::Plan : LibraryPlan {
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
  std::vector<ConvOperand> operands;
  DnnDescriptor execution = nullptr;
  /// Where its operands are, as the library wants it, by the kernel's args and
  /// the workspace; null if the device has no memory for it.
  std::map<std::vector<void *>, DnnDescriptor> packs;
};

ConvRunner::ConvRunner(const Cudnn &library, Stream stream,
                       DeviceWeights &weights, Workspace &workspace)
    : LibraryRunner(workspace), library(library), weights(weights) {
  library.check(library.create(&handle), "cuDNN does not start");
  DnnStatus status = library.setStream(handle, stream);
  if (status == CUDNN_STATUS_SUCCESS)
    return;
  library.destroy(handle);
  library.check(status, "cuDNN takes no stream");
}

ConvRunner::~ConvRunner() {
  clear();
  library.destroy(handle);
}

static const TenonLibraryConv &getWords(const TenonKernel &kernel) {
  return *reinterpret_cast<const TenonLibraryConv *>(kernel.library);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// From [steps, columns] to [columns, steps], of elements of so many bytes.
static void transpose(const uint8_t *source, uint8_t *target, uint64_t steps,
                      uint64_t columns, size_t bytes) {
  constexpr uint64_t block = 64; // so that what is read stays near
  for (uint64_t begin = 0; begin < steps; begin += block)
    for (uint64_t column = 0; column < columns; ++column)
      for (uint64_t step = begin; step < std::min(steps, begin + block); ++step)
        memcpy(target + (column * steps + step) * bytes,
               source + (step * columns + column) * bytes, bytes);
}

void *ConvRunner::packWeights(const TenonLibraryConv &conv,
                              const std::vector<Tensor> &tensors,
                              void *const *args) {
  const Tensor &tensor = tensors[conv.weights];
  size_t size = getElementSize(tensor.type);
  uint64_t columns = tensor.dims.back();
  uint64_t steps = countElements(tensor) / columns;
  uint64_t bytes = steps * columns * size;
  return weights.getPacked(
      args[conv.weights], bytes,
      {conv.kind, int64_t(size), int64_t(steps), int64_t(columns)}, bytes,
      [=](const uint8_t *source, uint8_t *target) {
        transpose(source, target, steps, columns, size);
      });
}

/// Whether the bias is to be narrowed.
static bool isWideBias(const TenonLibraryConv &conv,
                       const std::vector<Tensor> &tensors) {
  return tensors[conv.bias].type != tensors.back().type;
}

/// An f32 as f16, halves to even.
static uint16_t roundToF16(uint32_t bits) {
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00; // not a number
  if (magnitude >= 0x47800000)
    return sign | 0x7c00; // infinite
  // Below the least normal number the mantissa is shifted further.
  int exponent = int(magnitude >> 23) - 112;
  uint32_t shift = exponent > 0 ? 13 : uint32_t(14 - exponent);
  if (shift > 24)
    return sign;
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1);
  uint32_t half = 1u << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  // The leading 1 of a normal number counts as one in its exponent.
  return sign | ((exponent > 0 ? uint32_t(exponent - 1) << 10 : 0) + kept);
}

/// An f32 as bf16, halves to even.
static uint16_t roundToBF16(uint32_t bits) {
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

void *ConvRunner::packBias(const TenonLibraryConv &conv,
                           const std::vector<Tensor> &tensors,
                           void *const *args) {
  uint64_t count = countElements(tensors[conv.bias]);
  bool isF16 = tensors.back().type == TENON_F16;
  return weights.getPacked(
      args[conv.bias], count * 4,
      {conv.kind, tensors.back().type, int64_t(count)}, count * 2,
      [=](const uint8_t *source, uint8_t *target) {
        for (uint64_t i = 0; i < count; ++i) {
          uint32_t bits;
          memcpy(&bits, source + i * 4, sizeof bits);
          uint16_t narrow = isF16 ? roundToF16(bits) : roundToBF16(bits);
          memcpy(target + i * 2, &narrow, sizeof narrow);
        }
      });
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

bool ConvRunner::findEngine(Plan &plan, DnnDescriptor graph, bool isExact) {
  constexpr const char *failed = "no engine for a convolution";
  for (int mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    DnnDescriptors descriptors(library);
    DnnDescriptor heuristics =
        descriptors.make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    descriptors.set(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                    CUDNN_TYPE_BACKEND_DESCRIPTOR, graph);
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
    DnnDescriptors execution(library);
    for (DnnDescriptor configuration : configurations)
      if (tryEngine(plan, configuration, isExact, execution)) {
        // What it is made of goes after it.
        plan.descriptors.take(descriptors);
        plan.descriptors.take(execution);
        return true;
      }
  }
  return false;
}

bool ConvRunner::tryEngine(Plan &plan, DnnDescriptor configuration,
                           bool isExact, DnnDescriptors &result) {
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
      (isExact && (has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                   has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))))
    return false;

  DnnDescriptors made(library);
  DnnDescriptor execution = made.make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  made.set(execution, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE,
           handle);
  made.set(execution, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
           CUDNN_TYPE_BACKEND_DESCRIPTOR, configuration);
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
  result.take(made);
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

std::unique_ptr<LibraryPlan> ConvRunner::prepare(const TenonKernel &kernel,
                                                 void *const *args,
                                                 const int64_t *alignments,
                                                 const int64_t *dims) {
  const TenonLibraryConv &conv = getWords(kernel);
  auto plan = std::make_unique<Plan>(library);
  plan->tensors = getTensors(kernel, dims);
  const std::vector<Tensor> &tensors = plan->tensors;
  ConvShape shape;
  if (!shape.find(conv, tensors))
    return nullptr;
  DnnDescriptor graph = makeConvGraph(plan->descriptors, handle, conv, shape,
                                      tensors, alignments, plan->operands);
  if (isRefusal(plan->descriptors.getStatus()))
    return nullptr;
  library.check(plan->descriptors.getStatus(), undescribed);
  bool isExact = tensors[conv.input].type == TENON_F32 && !conv.tf32;
  if (!findEngine(*plan, graph, isExact))
    return nullptr;
  return plan;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

DnnDescriptor ConvRunner::makePack(const Plan &plan, const TenonKernel &kernel,
                                   void *const *args) {
  const TenonLibraryConv &conv = getWords(kernel);
  DnnDescriptors descriptors(library);
  std::vector<int64_t> ids;
  std::vector<void *> data;
  for (const ConvOperand &operand : plan.operands) {
    ids.push_back(operand.id);
    data.push_back(args[operand.arg]);
    if (operand.arg == conv.weights)
      data.back() = packWeights(conv, plan.tensors, args);
    else if (operand.arg == conv.bias && isWideBias(conv, plan.tensors))
      data.back() = packBias(conv, plan.tensors, args);
    if (!data.back())
      return nullptr;
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

bool ConvRunner::start(LibraryPlan &base, const TenonKernel &kernel,
                       void *const *args) {
  auto &plan = static_cast<Plan &>(base);
  pointers.assign(args, args + kernel.numArgs);
  pointers.push_back(workspace.get());
  auto found = plan.packs.find(pointers);
  if (found == plan.packs.end()) {
    if (plan.packs.size() == maxPacks)
      plan.clearPacks();
    found = plan.packs.emplace(pointers, makePack(plan, kernel, args)).first;
  }
  if (!found->second)
    return false;
  library.check(library.execute(handle, plan.execution, found->second),
                "cannot be started on the CUDA device");
  return true;
}
