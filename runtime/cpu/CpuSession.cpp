//===- CpuSession.cpp - oneDNN's part of a session -----------------------===//

#include "runtime/cpu/CpuSession.h"

#include "runtime/core/Threads.h"
#include "runtime/cpu/Softmax.h"

#include <algorithm>

using namespace tenon::onednn;
using tenon::runtime::LibraryThreadsScope;
using tenon::runtime::serialNanoseconds;

// libgomp's own entry points; see runtime/core/Threads.cpp.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
}

CpuSession::CpuSession(CpuModel &model, int threads, int maxShapes)
    : model(model), threads(threads), maxShapes(maxShapes),
      stream(model.getEngine()), slots(model.numKernels()) {}

void CpuSession::build(Prepared &prepared, uint32_t index,
                       const int64_t *dims) {
  const Kernel &kernel = model.getKernel(index);
  prepared = Prepared();
  std::vector<int64_t> key(dims, dims + kernel.numDims);
  for (int64_t dim : key)
    if (dim < 0)
      throw ProviderFailure{TENON_ERROR_INTERNAL, "a dimension is negative"};
  kernel.checkPacked(dims);
  prepared.isEmpty = kernel.getTensor(kernel.result(), dims).isEmpty();
  for (int arg = 0; arg < kernel.numArgs() && !prepared.isEmpty; ++arg)
    if (Tensor tensor = kernel.getTensor(arg, dims);
        tensor.isEmpty() && !kernel.isFactor(arg))
      throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                            "argument " + std::to_string(arg) + " is empty (" +
                                tensor.format() +
                                "), which oneDNN does not compute"};
  if (!prepared.isEmpty) {
    // A primitive's blocks depend on the number of threads, of which it is to
    // find as many when it runs.
    bool isSmall = kernel.estimateTime(dims) < serialNanoseconds;
    prepared.threads = isSmall ? 1 : threads;
    LibraryThreadsScope scope(prepared.threads);
    prepared.program = model.getProgram(index, prepared.threads, dims);
    for (const Step &step : prepared.program->steps) {
      PreparedStep ready;
      for (const Binding &binding : step.bindings) {
        void *address = binding.place == Place::Packed
                            ? binding.packed->memory.data()
                            : DNNL_MEMORY_NONE;
        dnnl::memory memory(binding.desc, model.getEngine(), address);
        ready.args.push_back({binding.role, memory.get()});
        if (binding.place == Place::Packed)
          prepared.packed.push_back(std::move(memory));
        else
          prepared.patches.push_back({std::move(memory), binding.place,
                                      binding.index, binding.offset});
      }
      prepared.steps.push_back(std::move(ready));
    }
    reserveScratch(prepared);
  }
  prepared.dims = std::move(key);
}

void CpuSession::reserveScratch(const Prepared &prepared) {
  if (!scratch.reserve(prepared.program->scratchBytes))
    throw std::bad_alloc();
}

CpuSession::Prepared &CpuSession::getPrepared(uint32_t index,
                                              const int64_t *dims) {
  Slot &slot = slots[index];
  auto matches = [&](const Prepared &prepared) {
    return !prepared.dims.empty() &&
           std::equal(prepared.dims.begin(), prepared.dims.end(), dims);
  };
  if (!slot.last || !matches(*slot.last)) {
    slot.last = nullptr;
    Prepared *oldest = nullptr;
    for (const auto &prepared : slot.shapes) {
      if (matches(*prepared))
        slot.last = prepared.get();
      if (!oldest || prepared->lastUse < oldest->lastUse)
        oldest = prepared.get();
    }
    if (!slot.last) {
      if (slot.shapes.size() < maxShapes) {
        slot.shapes.push_back(std::make_unique<Prepared>());
        oldest = slot.shapes.back().get();
      }
      build(*oldest, index, dims);
      slot.last = oldest;
    }
  }
  slot.last->lastUse = ++useCount;
  return *slot.last;
}

void CpuSession::run(uint32_t index, void *const *args, const int64_t *dims) {
  Prepared &prepared = getPrepared(index, dims);
  if (prepared.isEmpty)
    return;
  // It is gone if there was not enough memory for another shape.
  reserveScratch(prepared);
  for (Patch &patch : prepared.patches)
    patch.memory.set_data_handle((patch.place == Place::Arg
                                      ? static_cast<char *>(args[patch.arg])
                                      : scratch.data()) +
                                 patch.offset);
  LibraryThreadsScope scope(prepared.threads);
  const std::vector<Step> &steps = prepared.program->steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step &step = steps[i];
    if (!step.primitive) {
      runSoftmax(step.softmax, args, prepared.threads);
      continue;
    }
    const std::vector<dnnl_exec_arg_t> &stepArgs = prepared.steps[i].args;
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(step.primitive.get(), stream.get(),
                               static_cast<int>(stepArgs.size()),
                               stepArgs.data()),
        "could not execute a primitive");
  }
}

namespace {

struct SoftmaxLoop {
  const RowSoftmax &softmax;
  float *scores;
  const float *mask;

  static void enter(void *data) {
    static_cast<SoftmaxLoop *>(data)->run(omp_get_thread_num(),
                                          omp_get_num_threads());
  }

  void run(int64_t self, int64_t threads) const {
    int64_t total = softmax.outer[0] * softmax.outer[1] * softmax.rows;
    for (int64_t i = total * self / threads, end = total * (self + 1) / threads;
         i < end; ++i) {
      int64_t row = i % softmax.rows, head = i / softmax.rows;
      int64_t batch = head / softmax.outer[1];
      head %= softmax.outer[1];
      const int64_t *strides = softmax.maskStrides;
      const float *rowMask = mask ? mask + batch * strides[0] +
                                        head * strides[1] + row * strides[2]
                                  : nullptr;
      softmaxRow(scores + i * softmax.columns, softmax.columns, softmax.scale,
                 rowMask, strides[3]);
    }
  }
};

} // namespace

void CpuSession::runSoftmax(const RowSoftmax &softmax, void *const *args,
                            int threads) {
  SoftmaxLoop loop{
      softmax, reinterpret_cast<float *>(scratch.data() + softmax.offset),
      softmax.mask < 0 ? nullptr
                       : static_cast<const float *>(args[softmax.mask])};
  // Less work than this is done before another thread has begun.
  constexpr int64_t serialElements = 8192;
  int64_t elements =
      softmax.outer[0] * softmax.outer[1] * softmax.rows * softmax.columns;
  if (threads == 1 || elements < serialElements)
    loop.run(0, 1);
  else
    GOMP_parallel(&SoftmaxLoop::enter, &loop, threads, 0);
}

const char *CpuSession::getImplementation(uint32_t index) const {
  const Prepared *last = slots[index].last;
  return last && last->program ? last->program->implementation.c_str() : "";
}
