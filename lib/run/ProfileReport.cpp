//===- ProfileReport.cpp - What a session measured, for people ----------===//

#include "lib/run/ProfileReport.h"

#include "lib/run/ReportTemplate.h"
#include "lib/run/Statistics.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <string_view>

using namespace tenon::run;
using nlohmann::json;

bool ProfileReport::Kernel::multipliesBf16() const {
  // For example "bf16[4x8], bf16[8x6], f32[6] -> f32[4x6]".
  constexpr std::string_view type = "bf16[", next = ", bf16[";
  return provider == "onednn" && shapes.compare(0, type.size(), type) == 0 &&
         shapes.compare(shapes.find(']') + 1, next.size(), next) == 0;
}

static void writeText(const std::string &path, const std::string &text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text << std::flush;
  if (!stream)
    fail(TENON_ERROR_SYSTEM, "can't write '%s': %s", path.c_str(),
         strerror(errno));
}

ProfileReport::ProfileReport(Runner &runner, int64_t runs)
    : model(runner.getModel().name()), runs(runs),
      inputs(runner.getInputViews()), outputs(runner.getOutputViews()) {
  TenonSession *session = runner.getSession().get();
  const TenonProfileEntry *entries = nullptr;
  size_t count = tenon_session_profile(session, &entries);
  for (size_t i = 0; i < count; ++i) {
    const TenonProfileEntry &entry = entries[i];
    kernels.push_back({entry.name, entry.provider, entry.implementation,
                       entry.shapes, entry.calls, double(entry.nanoseconds),
                       double(entry.least_nanoseconds), double(entry.bytes),
                       double(entry.flops)});
  }
  // One run that was interrupted must not change the order.
  std::sort(kernels.begin(), kernels.end(),
            [](const Kernel &a, const Kernel &b) {
              return a.leastNanoseconds > b.leastNanoseconds;
            });
  auto hasAny = [&](bool (Kernel::*is)() const) {
    return std::any_of(kernels.begin(), kernels.end(), std::mem_fn(is));
  };
  // It takes time, and says nothing of the kernels of a device.
  if (hasAny(&Kernel::hasRoof))
    peak = measurePeak(runner.getSession().threads(),
                       hasAny(&Kernel::multipliesBf16));
  const TenonProfileCall *kept = nullptr;
  size_t numCalls = tenon_session_profile_calls(session, &kept);
  calls.assign(kept, kept + numCalls);
}

void ProfileReport::print() const {
  double total = 0, least = 0, flops = 0, bytes = 0;
  // The time that the machine's limits allow, if that is known of all.
  std::optional<double> roof;
  if (peak)
    roof = 0;
  for (const Kernel &kernel : kernels) {
    total += kernel.nanoseconds;
    least += kernel.leastNanoseconds;
    flops += std::max(kernel.flops, 0.0);
    bytes += kernel.bytes;
    if (!kernel.hasRoof())
      roof.reset();
    if (roof)
      *roof += kernel.getLeastTime(*peak);
  }
  if (peak) {
    printf("peak of the processor: %.1f GFLOP/s in f32, ", peak->gflops);
    if (peak->bf16Gflops)
      printf("%.1f in bf16, ", *peak->bf16Gflops);
    printf("%.1f GB/s from memory (measured now)\n", peak->gigabytes);
  }
  printf("%9s %9s %6s %7s %8s %7s %6s  %-9s %s\n", "ms", "least", "%", "calls",
         "GFLOP/s", "GB/s", "% roof", "provider", "kernel");
  // What ran no kernel took no time.
  auto divide = [](double amount, double nanoseconds) {
    return nanoseconds ? amount / nanoseconds : 0;
  };
  auto printRates = [&](double nanoseconds, double flops, double bytes,
                        std::optional<double> roof) {
    if (flops < 0)
      printf(" %8s", "?");
    else
      printf(" %8.1f", divide(flops, nanoseconds));
    printf(" %7.1f", divide(bytes, nanoseconds));
    if (roof)
      printf(" %6.1f", 100 * divide(*roof, nanoseconds));
    else
      printf(" %6s", "");
  };
  for (const Kernel &kernel : kernels) {
    printf("%9s %9s %6.1f %7llu",
           formatTime(kernel.nanoseconds / runs / 1e6).c_str(),
           formatTime(kernel.leastNanoseconds / 1e6).c_str(),
           100 * divide(kernel.nanoseconds, total),
           static_cast<unsigned long long>(kernel.calls));
    printRates(kernel.nanoseconds, kernel.flops, kernel.bytes,
               kernel.hasRoof() ? std::optional(kernel.getLeastTime(*peak))
                                : std::nullopt);
    printf("  %-9s %s%s%s  %s\n", kernel.provider.c_str(), kernel.name.c_str(),
           kernel.implementation.empty() ? "" : "  ",
           kernel.implementation.c_str(), kernel.shapes.c_str());
  }
  printf("%9s %9s %6.1f %7s", formatTime(total / runs / 1e6).c_str(),
         formatTime(least / 1e6).c_str(), 100.0, "");
  printRates(total, flops, bytes, roof);
  printf("  all kernels, milliseconds of a run\n");
}

json ProfileReport::toJson(const Kernel &kernel) const {
  json result = {
      {"name", kernel.name},
      {"provider", kernel.provider},
      {"implementation", kernel.implementation},
      {"shapes", kernel.shapes},
      {"has_roof", kernel.hasRoof()},
      {"calls", kernel.calls},
      {"ms", kernel.nanoseconds / runs / 1e6},
      {"least_ms", kernel.leastNanoseconds / 1e6},
      {"flops", kernel.flops < 0 ? json() : json(kernel.flops / runs)},
      {"bytes", kernel.bytes / runs}};
  if (kernel.hasRoof())
    result["arithmetic"] = kernel.multipliesBf16() ? "bf16" : "f32";
  return result;
}

void ProfileReport::addTo(json &result) const {
  if (peak) {
    json &machine = result["machine"];
    machine["peak_gflops"]["f32"] = peak->gflops;
    // Without an instruction for it, what multiplies bf16 does so in f32.
    if (std::any_of(kernels.begin(), kernels.end(),
                    std::mem_fn(&Kernel::multipliesBf16)))
      machine["peak_gflops"]["bf16"] = peak->bf16Gflops.value_or(peak->gflops);
    machine["peak_gbytes_per_second"] = peak->gigabytes;
  }
  result["profiled_runs"] = runs;
  json list = json::array();
  for (const Kernel &kernel : kernels)
    list.push_back(toJson(kernel));
  result["profile"] = std::move(list);
}

/// As TenonProfileEntry::shapes, but of one call.
static std::string formatShapes(const TenonProfileCall &call) {
  std::string text;
  for (uint32_t i = 0; call.args && i < call.num_inputs + call.num_outputs;
       ++i) {
    const TenonProfileArg &arg = call.args[i];
    text += i == call.num_inputs ? " -> " : i ? ", " : "";
    const char *type = tenon_dtype_name(arg.dtype);
    text += type ? type : "?";
    for (uint32_t d = 0; d < arg.rank; ++d)
      text += (d ? "x" : "[") + std::to_string(arg.dims[d]);
    text += arg.rank ? "]" : "";
  }
  return text;
}

void ProfileReport::writeTrace(const std::string &path) const {
  json events = json::array();
  events.push_back({{"ph", "M"},
                    {"pid", 1},
                    {"name", "process_name"},
                    {"args", {{"name", model}}}});
  for (const TenonProfileCall &call : calls) {
    bool isRun = !*call.provider;
    json event = {{"ph", "X"},
                  {"pid", 1},
                  {"tid", 1},
                  {"name", isRun ? "run" : call.name},
                  {"cat", isRun ? "run" : call.provider},
                  {"ts", call.start / 1e3},
                  {"dur", call.nanoseconds / 1e3}};
    if (!isRun) {
      event["args"]["shapes"] = formatShapes(call);
      event["args"]["GB/s"] = double(call.bytes) / call.nanoseconds;
      if (call.flops >= 0)
        event["args"]["GFLOP/s"] = double(call.flops) / call.nanoseconds;
    }
    events.push_back(std::move(event));
  }
  writeText(path,
            formatJson({{"displayTimeUnit", "ms"}, {"traceEvents", events}}) +
                "\n");
}

//===----------------------------------------------------------------------===//
// The tensors between kernels
//===----------------------------------------------------------------------===//

namespace {

/// Finds out from the memory that calls read and write which tensors go from
/// one to another.
class TensorTracer {
public:
  void addKnown(const TenonTensor &tensor, const char *kind) {
    if (tensor.data)
      known.push_back({reinterpret_cast<uintptr_t>(tensor.data),
                       tenon_tensor_bytes(&tensor), kind});
  }

  /// The indices of the tensors that a call reads, and those that it writes.
  json trace(const TenonProfileCall &call, size_t index) {
    json result = {{"inputs", json::array()}, {"outputs", json::array()}};
    for (uint32_t i = 0; i < call.num_inputs; ++i) {
      size_t tensor = findTensor(call.args[i]);
      tensors[tensor].lastUse = index;
      result["inputs"].push_back(tensor);
    }
    for (uint32_t i = 0; i < call.num_outputs; ++i) {
      const TenonProfileArg &arg = call.args[call.num_inputs + i];
      Tensor tensor = makeTensor(arg);
      tensor.writer = static_cast<int64_t>(index);
      if (tensor.kind == "constant")
        tensor.kind = "buffer";
      result["outputs"].push_back(tensors.size());
      tensors.push_back(tensor);
    }
    return result;
  }

  json describe() {
    placeBuffers();
    json list = json::array();
    for (const Tensor &tensor : tensors)
      list.push_back({{"kind", tensor.kind},
                      {"bytes", tensor.bytes},
                      {"writer", tensor.writer},
                      {"last_use", tensor.lastUse},
                      {"offset", tensor.offset}});
    return list;
  }

private:
  struct Tensor {
    uintptr_t address;
    uint64_t bytes;
    std::string kind;
    int64_t writer = -1; // a call
    int64_t lastUse = -1;
    int64_t offset = -1; // of a buffer
  };

  Tensor makeTensor(const TenonProfileArg &arg) const {
    auto address = reinterpret_cast<uintptr_t>(arg.data);
    for (const Tensor &tensor : known)
      if (address >= tensor.address && address < tensor.address + tensor.bytes)
        return {address, arg.bytes, tensor.kind};
    // What nobody wrote and nobody gave is the model's own.
    return {address, arg.bytes, "constant"};
  }

  /// The tensor that was written last at this place, or a new one.
  size_t findTensor(const TenonProfileArg &arg) {
    auto address = reinterpret_cast<uintptr_t>(arg.data);
    for (size_t i = tensors.size(); i-- > 0;)
      if (address < tensors[i].address + tensors[i].bytes &&
          tensors[i].address < address + arg.bytes)
        return i;
    tensors.push_back(makeTensor(arg));
    return tensors.size() - 1;
  }

  /// Offsets of buffers, as if all blocks of memory stood one behind another.
  void placeBuffers() {
    std::vector<Tensor *> buffers;
    for (Tensor &tensor : tensors)
      if (tensor.kind == "buffer")
        buffers.push_back(&tensor);
    std::sort(buffers.begin(), buffers.end(),
              [](const Tensor *a, const Tensor *b) {
                return a->address < b->address;
              });
    // Within a block gaps are small.
    constexpr uint64_t blockGap = 1 << 16;
    uintptr_t end = 0, skipped = 0;
    for (Tensor *buffer : buffers) {
      if (buffer == buffers.front() || buffer->address > end + blockGap)
        skipped += buffer->address - end;
      buffer->offset = static_cast<int64_t>(buffer->address - skipped);
      end = std::max<uintptr_t>(end, buffer->address + buffer->bytes);
    }
  }

  std::vector<Tensor> known, tensors;
};

} // namespace

json ProfileReport::describeLastRun() const {
  // Runs are kept behind their kernels.
  size_t end = calls.size();
  while (end > 0 && *calls[end - 1].provider)
    --end;
  if (end == 0)
    return {{"calls", json::array()}, {"tensors", json::array()}};
  size_t begin = --end;
  while (begin > 0 && *calls[begin - 1].provider)
    --begin;
  TensorTracer tracer;
  for (const TenonTensor &tensor : inputs)
    tracer.addKnown(tensor, "input");
  for (const TenonTensor &tensor : outputs)
    tracer.addKnown(tensor, "output");
  json list = json::array();
  for (size_t i = begin; i < end; ++i) {
    const TenonProfileCall &call = calls[i];
    json entry = tracer.trace(call, i - begin);
    entry["name"] = call.name;
    entry["provider"] = call.provider;
    entry["start_us"] = (call.start - calls[end].start) / 1e3;
    entry["us"] = call.nanoseconds / 1e3;
    list.push_back(std::move(entry));
  }
  return {{"ms", calls[end].nanoseconds / 1e6},
          {"calls", list},
          {"tensors", tracer.describe()}};
}

void ProfileReport::writeHtml(const std::string &path, json summary) const {
  addTo(summary);
  summary["name"] = model;
  summary["last_run"] = describeLastRun();
  std::string data = formatJson(summary);
  // Within a script, the only text that would end it.
  for (size_t at = 0; (at = data.find("</", at)) != std::string::npos; at += 3)
    data.insert(at + 1, "\\");
  std::string page = reportTemplate;
  static const std::string place = "\"TENON_DATA\"";
  page.replace(page.find(place), place.size(), data);
  writeText(path, page);
}
