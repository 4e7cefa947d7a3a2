//===- SessionCalls.cpp - What a running model calls ---------------------===//

#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

const TenonRuntimeTable TenonSession::table = {
    &TenonSession::launch,   &TenonSession::library,  &TenonSession::fail,
    &TenonSession::mismatch, &TenonSession::allocate, &TenonSession::output,
    &TenonSession::copy,     &TenonSession::status,   &TenonSession::transfer};

alignas(TENON_BUFFER_ALIGNMENT) char TenonSession::scrap[TENON_SCRAP_SIZE];

namespace {

/// A kernel with its arguments, from unit `first` on: what the threads run
/// ranges of.
struct KernelCall {
  const TenonKernel *kernel;
  void *const *args;
  const int64_t *dims;
  int64_t first = 0;

  static int64_t run(const void *context, int64_t begin, int64_t end) {
    auto *call = static_cast<const KernelCall *>(context);
    return call->kernel->fn(call->args, call->dims, call->first + begin,
                            call->first + end);
  }
};

/// The same, and measures.
struct MeasuredCall : KernelCall {
  mutable std::atomic<uint64_t> nanoseconds{0};

  static int64_t run(const void *context, int64_t begin, int64_t end) {
    auto *call = static_cast<const MeasuredCall *>(context);
    uint64_t start = getNanoseconds();
    int64_t status =
        KernelCall::run(static_cast<const KernelCall *>(call), begin, end);
    call->nanoseconds.fetch_add(getNanoseconds() - start,
                                std::memory_order_relaxed);
    return status;
  }
};

/// The first runs also meet cold caches and fresh pages: the best one counts.
constexpr int32_t costSamples = 3;

} // namespace

/// Runs a kernel of unknown cost: begins here, and calls the other threads when
/// it takes long.
static int64_t probeUnits(KernelCall call, int64_t units, ThreadTeam &team,
                          KernelCost &cost) {
  uint64_t elapsed = 0;
  for (int64_t chunk = 1; call.first < units; chunk *= 2) {
    if (elapsed >= serialNanoseconds)
      return team.run(units - call.first, &KernelCall::run, &call);
    int64_t count = std::min(chunk, units - call.first);
    uint64_t start = getNanoseconds();
    int64_t status = KernelCall::run(&call, 0, count);
    elapsed += getNanoseconds() - start;
    if (status)
      return status;
    call.first += count;
    cost.nsPerUnit = static_cast<float>(elapsed) / call.first;
  }
  return TENON_KERNEL_OK;
}

int64_t TenonSession::runUnits(const TenonKernel *kernel, void *const *args,
                               const int64_t *dims, int64_t units) {
  KernelCost &cost = current->costs[kernel - model->desc->kernels];
  if (cost.units != units)
    cost = {units, 0, 0};
  if (cost.samples == 0) {
    cost.samples = 1;
    return probeUnits({kernel, args, dims}, units, team, cost);
  }
  bool isSerial = cost.nsPerUnit * units < serialNanoseconds;
  if (cost.samples >= costSamples) {
    KernelCall call{kernel, args, dims};
    return isSerial ? KernelCall::run(&call, 0, units)
                    : team.run(units, &KernelCall::run, &call);
  }
  MeasuredCall call;
  call.kernel = kernel;
  call.args = args;
  call.dims = dims;
  int64_t status = isSerial ? MeasuredCall::run(&call, 0, units)
                            : team.run(units, &MeasuredCall::run, &call);
  ++cost.samples;
  cost.nsPerUnit = std::min(
      cost.nsPerUnit, static_cast<float>(call.nanoseconds.load()) / units);
  return status;
}

int32_t TenonSession::launch(void *data, const TenonKernel *kernel,
                             void *const *args, const int64_t *dims,
                             int64_t units, int64_t flops) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending)
    return session.pending->code;
  if (units <= 0)
    return TENON_OK;
  if (!kernel->fn)
    return session.launchOnDevice(kernel, args, dims, units, flops);
  if (session.leavesGraph())
    return session.pending->code;
  uint64_t start = session.profile ? getNanoseconds() : 0;
  int64_t status = session.team.size() == 1 || units == 1
                       ? kernel->fn(args, dims, 0, units)
                       : session.runUnits(kernel, args, dims, units);
  if (session.profile)
    session.profile->note(*kernel, start, args, dims, flops);
  return status == TENON_KERNEL_OK ? TENON_OK
                                   : session.failKernel(kernel, status);
}

int32_t TenonSession::failKernel(const TenonKernel *kernel, int64_t status) {
  constexpr int64_t limitMask = (1 << TENON_KERNEL_LIMIT_BITS) - 1;
  bool hasNumber = status & TENON_KERNEL_TELLS_NUMBER;
  int64_t limit = status >> TENON_KERNEL_LIMIT_SHIFT & limitMask;
  std::string found =
      hasNumber ? std::to_string(status >> TENON_KERNEL_NUMBER_SHIFT) : "";
  std::string what, expected;
  switch (status & TENON_KERNEL_STATUS_MASK) {
  case TENON_KERNEL_INDEX_OUT_OF_RANGE:
    what = "index";
    expected = !hasNumber ? "one of the dimension that it selects from"
               : limit    ? "one of " + std::to_string(-limit) + " to " +
                                std::to_string(limit - 1)
                          : "none, as the dimension that it selects from is "
                            "empty";
    break;
  case TENON_KERNEL_SIZE_OUT_OF_RANGE:
    what = "size";
    expected = hasNumber ? "one of 0 to " + std::to_string(limit)
                         : "one that its inputs allow";
    break;
  default:
    return fail(this, TENON_ERROR_INTERNAL, kernel->name,
                ("unknown status " + std::to_string(status)).c_str());
  }
  std::string message = what + (hasNumber ? " " : "") + found +
                        " is out of range: expected " + expected;
  pending = makeNodeError(TENON_ERROR_INVALID, kernel->name, message.c_str(),
                          found, expected);
  return pending->code;
}

int32_t TenonSession::library(void *data, const TenonLibraryKernel *kernel,
                              void *const *args, const int64_t *dims,
                              int64_t flops) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending || session.leavesGraph())
    return session.pending->code;
  uint64_t start = session.profile ? getNanoseconds() : 0;
  uint32_t position = session.model->kernelLibraries[kernel->index];
  const TenonProvider *provider = session.model->libraries[position].provider;
  TenonProviderError problem;
  int32_t code = provider->run(session.librarySessions[position], kernel, args,
                               dims, &problem);
  if (session.profile)
    session.profile->note(*kernel, start, args, dims, flops);
  return code == TENON_OK ? TENON_OK
                          : fail(data, code, kernel->name, problem.message);
}

int32_t TenonSession::fail(void *data, int32_t code, const char *node,
                           const char *message) {
  auto &session = *static_cast<TenonSession *>(data);
  // What follows an error is mostly its consequence: the first one counts.
  if (session.pending)
    return session.pending->code;
  if (code == TENON_OK)
    code = TENON_ERROR_INTERNAL;
  if (!message)
    message = "failed without a reason";
  session.pending =
      makeNodeError(static_cast<TenonErrorCode>(code), node, message);
  return code;
}

int32_t TenonSession::mismatch(void *data, const char *node, const char *what,
                               int64_t first, int64_t second) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending)
    return session.pending->code;
  std::string found = std::to_string(first) + " and " + std::to_string(second);
  std::string message =
      std::string(what) + ": found " + found + ", expected equal sizes";
  session.pending = makeNodeError(TENON_ERROR_INVALID, node, message.c_str(),
                                  found, "equal sizes");
  return session.pending->code;
}

//===----------------------------------------------------------------------===//
// Sizes that depend on data
//===----------------------------------------------------------------------===//

/// The bytes of a tensor of which nothing is known, or a reason why there are
/// none.
static std::string countBytes(int64_t elementBytes, int32_t rank,
                              const int64_t *dims, uint64_t &bytes) {
  uint64_t count = elementBytes;
  bool overflows = false, isEmpty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return "dimension " + std::to_string(i) + " of its result would be " +
             std::to_string(dims[i]) + ", expected 0 or more";
    isEmpty |= dims[i] == 0;
    overflows |= __builtin_mul_overflow(count, uint64_t(dims[i]), &count);
  }
  bytes = isEmpty ? 0 : count;
  if (isEmpty || (!overflows && count <= uint64_t(INT64_MAX)))
    return "";
  return "its result is too large: " + formatDims(dims, rank);
}

void *TenonSession::allocate(void *data, int32_t slot, int32_t space,
                             int32_t keep, const char *node,
                             int64_t elementBytes, int32_t rank,
                             const int64_t *dims) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending || session.leavesGraph())
    return scrap;
  uint64_t bytes = 0;
  std::string wrong = countBytes(elementBytes, rank, dims, bytes);
  if (!wrong.empty()) {
    fail(data, TENON_ERROR_INVALID, node, wrong.c_str());
    return scrap;
  }
  return session.allocateSlot(
      slot, space, keep, node,
      std::max<uint64_t>(bytes, TENON_BUFFER_ALIGNMENT));
}

void *TenonSession::allocateSlot(int32_t slot, int32_t space, bool keep,
                                 const char *node, uint64_t bytes) {
  if (space == TENON_SPACE_DEVICE) {
    Error error = device->reserveSlot(slot, bytes, keep, node);
    if (!error)
      return device->getSlot(slot);
    note(std::move(error));
    return scrap;
  }
  Memory &block = slots[slot];
  if (keep ? block.grow(bytes) : block.reserve(bytes))
    return block.data();
  fail(this, TENON_ERROR_SYSTEM, node,
       ("not enough memory: its result takes " + std::to_string(bytes) +
        " bytes")
           .c_str());
  return scrap;
}

void *TenonSession::output(void *data, int32_t index, const char *node,
                           const int64_t *dims) {
  auto &session = *static_cast<TenonSession *>(data);
  return session.pending || session.leavesGraph()
             ? scrap
             : session.placeOutput(index, node, dims);
}

void *TenonSession::placeOutput(uint32_t index, const char *node,
                                const int64_t *dims) {
  const TenonTensorInfo &info = model->outputs[index];
  uint64_t bytes = 0;
  std::string wrong =
      countBytes(tenon_dtype_size(info.dtype), info.rank, dims, bytes);
  if (!wrong.empty()) {
    fail(this, TENON_ERROR_INVALID, node, wrong.c_str());
    return scrap;
  }
  std::copy(dims, dims + info.rank,
            outputDims.data() + model->outputDimOffsets[index]);
  if (isKept[index]) {
    Memory &block = ownOutputs[index];
    if (block.reserve(std::max<uint64_t>(bytes, TENON_BUFFER_ALIGNMENT)))
      return outputData[index] = block.data();
    fail(this, TENON_ERROR_SYSTEM, node,
         ("not enough memory: output " + quote(info.name) + " takes " +
          std::to_string(bytes) + " bytes")
             .c_str());
    return scrap;
  }
  if (bytes <= outputBytes[index])
    return outputData[index];
  fail(this, TENON_ERROR_INVALID, nullptr,
       ("output " + quote(info.name) + " is " + formatDims(dims, info.rank) +
        " and takes " + std::to_string(bytes) +
        " bytes, but the memory given has " +
        std::to_string(outputBytes[index]))
           .c_str());
  return scrap;
}

int32_t TenonSession::copy(void *data, void *target, const void *source,
                           int64_t elementBytes, int64_t count) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending || session.leavesGraph())
    return session.pending->code;
  if (count > 0 && target != source)
    memcpy(target, source, size_t(elementBytes) * count);
  return TENON_OK;
}

int32_t TenonSession::status(void *data) {
  auto &session = *static_cast<TenonSession *>(data);
  return session.pending ? session.pending->code : TENON_OK;
}

const std::vector<TenonProfileEntry> &TenonSession::getProfileEntries() {
  static const std::vector<TenonProfileEntry> none;
  if (!profile)
    return none;
  return profile->getEntries(
      [&](const TenonKernel &kernel) {
        return device && kernel.symbol ? device->getImplementation(kernel) : "";
      },
      [&](const TenonLibraryKernel &kernel) {
        uint32_t position = model->kernelLibraries[kernel.index];
        return model->libraries[position].provider->implementation(
            librarySessions[position], &kernel);
      });
}

const std::vector<TenonProfileCall> &TenonSession::getProfileCalls() const {
  static const std::vector<TenonProfileCall> none;
  return profile ? profile->getCalls() : none;
}
