//===- Profile.cpp - Measuring the kernels of a session ------------------===//

#include "runtime/core/Profile.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <chrono>
#include <utility>

using namespace tenon::runtime;

/// What is kept of calls has a limit, as any memory has.
static constexpr size_t maxCalls = 1 << 20, maxCallArgs = 1 << 20,
                        maxCallDims = 1 << 22;

uint64_t tenon::runtime::getNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// `words` are TenonKernel::args.
Profile::Kernel::Kernel(const char *name, const char *provider,
                        const int64_t *words, uint64_t numWords)
    : name(name), provider(provider) {
  const int64_t *end = words + numWords;
  if (numWords < 2)
    return;
  uint64_t inputs = words[0];
  for (words += 2; end - words >= 2;) {
    Arg arg{static_cast<TenonDType>(words[0]), {}, {}};
    int64_t rank = words[1];
    words += 2;
    if (rank < 0 || rank > end - words)
      break;
    arg.dims.assign(words, words + rank);
    for (int64_t i = 0; i < rank; ++i)
      if (arg.dims[i] < 0)
        arg.dynamicDims.push_back(i);
    words += rank;
    args.push_back(std::move(arg));
  }
  numInputs = std::min<uint64_t>(inputs, args.size());
}

void Profile::Kernel::readDims(const int64_t *dims, bool areAll) {
  for (Arg &arg : args) {
    for (size_t i : arg.dynamicDims)
      arg.dims[i] = areAll ? dims[i] : *dims++;
    if (areAll)
      dims += arg.dims.size();
  }
}

uint64_t Profile::Arg::countBytes() const {
  uint64_t bytes = tenon_dtype_size(dtype);
  for (int64_t dim : dims)
    bytes *= dim;
  return bytes;
}

std::string Profile::Kernel::formatShapes() const {
  std::string text;
  for (size_t i = 0; i < args.size(); ++i) {
    text += i == numInputs ? " -> " : i ? ", " : "";
    const char *type = tenon_dtype_name(args[i].dtype);
    text += type ? type : "?";
    if (!args[i].dims.empty())
      text += "[" + formatDims(args[i].dims.data(), args[i].dims.size()) + "]";
  }
  return text;
}

Profile::Profile(const TenonModelDesc &desc, bool keepsCalls)
    : desc(desc), keepsCalls(keepsCalls), origin(getNanoseconds()) {
  if (keepsCalls) { // A run allocates nothing; pages that are not used are
                    // free.
    calls.reserve(maxCalls);
    callArgs.reserve(maxCallArgs);
    callDims.reserve(maxCallDims);
  }
  for (uint32_t i = 0; i < desc.numKernels; ++i) {
    const TenonKernel &kernel = desc.kernels[i];
    kernels.emplace_back(kernel.name, kernel.provider, kernel.args,
                         kernel.argsSize);
  }
  for (uint32_t i = 0; i < desc.numLibraryKernels; ++i) {
    const TenonLibraryKernel &kernel = desc.libraryKernels[i];
    kernels.emplace_back(kernel.name, kernel.provider, kernel.args,
                         kernel.argsSize);
  }
}

void Profile::note(const TenonKernel &kernel, uint64_t start, void *const *args,
                   const int64_t *dims, int64_t flops) {
  note(&kernel - desc.kernels, start, getNanoseconds(), args, dims,
       /*areAllDims=*/false, flops);
}

void Profile::note(const TenonLibraryKernel &kernel, uint64_t start,
                   void *const *args, const int64_t *dims, int64_t flops) {
  note(desc.numKernels + kernel.index, start, getNanoseconds(), args, dims,
       /*areAllDims=*/true, flops);
}

void Profile::note(size_t index, uint64_t start, uint64_t end,
                   void *const *args, const int64_t *dims, bool areAllDims,
                   int64_t flops) {
  Kernel &kernel = kernels[index];
  uint64_t bytes = readCall(kernel, dims, areAllDims);
  add(kernel, end - start, flops, bytes);
  if (keepsCalls)
    keepCall(kernel, start, end, args, flops, bytes);
}

/// Returns the bytes of a call's inputs and outputs.
uint64_t Profile::readCall(Kernel &kernel, const int64_t *dims,
                           bool areAllDims) {
  kernel.readDims(dims, areAllDims);
  uint64_t bytes = 0;
  for (const Arg &arg : kernel.args)
    bytes += arg.countBytes();
  return bytes;
}

void Profile::add(Kernel &kernel, uint64_t nanoseconds, int64_t flops,
                  uint64_t bytes) {
  ++kernel.numCalls;
  kernel.nanoseconds += nanoseconds;
  kernel.ofRun += nanoseconds;
  kernel.bytes += bytes;
  kernel.flops = flops < 0 || kernel.flops < 0 ? -1 : kernel.flops + flops;
}

void Profile::noteLaunch(const TenonKernel &kernel, void *const *args,
                         const int64_t *dims, int64_t flops) {
  size_t index = &kernel - desc.kernels;
  uint64_t bytes = readCall(kernels[index], dims, /*areAllDims=*/false);
  launches.push_back({index, calls.size(), flops, bytes});
  if (keepsCalls)
    keepCall(kernels[index], origin, origin, args, flops, bytes);
}

void Profile::setTime(size_t launch, uint64_t start, uint64_t nanoseconds) {
  auto [kernel, call, flops, bytes] = launches[launch];
  add(kernels[kernel], nanoseconds, flops, bytes);
  if (call < calls.size()) {
    calls[call].start = start - origin;
    calls[call].nanoseconds = nanoseconds;
  }
}

void Profile::endLaunches() { launches.clear(); }

void Profile::keepCall(const Kernel &kernel, uint64_t start, uint64_t end,
                       void *const *args, int64_t flops, uint64_t bytes) {
  if (calls.size() == maxCalls)
    return;
  TenonProfileCall call{kernel.name,
                        kernel.provider,
                        start - origin,
                        end - start,
                        flops,
                        bytes,
                        nullptr,
                        0,
                        0};
  size_t numDims = 0;
  for (const Arg &arg : kernel.args)
    numDims += arg.dims.size();
  if (callArgs.size() + kernel.args.size() <= maxCallArgs &&
      callDims.size() + numDims <= maxCallDims) {
    call.args = callArgs.data() + callArgs.size();
    call.num_inputs = kernel.numInputs;
    call.num_outputs = kernel.args.size() - kernel.numInputs;
    for (size_t i = 0; i < kernel.args.size(); ++i) {
      const Arg &arg = kernel.args[i];
      callArgs.push_back({args[i], arg.countBytes(), arg.dtype,
                          static_cast<uint32_t>(arg.dims.size()),
                          callDims.data() + callDims.size()});
      callDims.insert(callDims.end(), arg.dims.begin(), arg.dims.end());
    }
  }
  calls.push_back(call);
}

void Profile::noteRun(uint64_t start) {
  for (Kernel &kernel : kernels)
    if (uint64_t time = std::exchange(kernel.ofRun, 0))
      kernel.leastOfRun = std::min(kernel.leastOfRun, time);
  auto endsBefore = [](const TenonProfileCall &a, const TenonProfileCall &b) {
    return a.start + a.nanoseconds < b.start + b.nanoseconds;
  };
  std::sort(calls.begin() + numOrderedCalls, calls.end(), endsBefore);
  if (keepsCalls && calls.size() < maxCalls)
    calls.push_back({desc.name, "", start - origin, getNanoseconds() - start,
                     -1, 0, nullptr, 0, 0});
  numOrderedCalls = calls.size();
}

void Profile::reset() {
  calls.clear();
  callArgs.clear();
  callDims.clear();
  numOrderedCalls = 0;
  for (Kernel &kernel : kernels) {
    kernel.numCalls = kernel.nanoseconds = kernel.bytes = kernel.flops = 0;
    kernel.ofRun = 0;
    kernel.leastOfRun = UINT64_MAX;
  }
}

const std::vector<TenonProfileEntry> &Profile::getEntries(
    const std::function<const char *(const TenonKernel &)> &describe,
    const std::function<const char *(const TenonLibraryKernel &)>
        &describeLibrary) {
  entries.clear();
  for (size_t i = 0; i < kernels.size(); ++i) {
    Kernel &kernel = kernels[i];
    if (!kernel.numCalls)
      continue;
    kernel.shapes = kernel.formatShapes();
    const char *implementation =
        i < desc.numKernels
            ? describe(desc.kernels[i])
            : describeLibrary(desc.libraryKernels[i - desc.numKernels]);
    entries.push_back({kernel.name, kernel.provider, implementation,
                       kernel.shapes.c_str(), kernel.numCalls,
                       kernel.nanoseconds, kernel.flops, kernel.bytes,
                       std::min(kernel.leastOfRun, kernel.nanoseconds)});
  }
  return entries;
}
