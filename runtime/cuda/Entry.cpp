//===- Entry.cpp - What libtenon_cuda exports ----------------------------===//

#include "runtime/core/Device.h"
#include "runtime/cuda/CudaSession.h"

#include <cstring>

using namespace tenon::cuda;
using tenon::runtime::guard;

static CudaSession &getSession(void *session) {
  return *static_cast<CudaSession *>(session);
}

/// A call of a session. Where it fails, the fault that the session tells is its
/// own.
template <typename Function>
static int32_t guard(void *session, TenonProviderError *error,
                     Function function) {
  CudaSession &called = getSession(session);
  called.forgetFault();
  return guard(error, [&] { function(called); });
}

static int32_t countDevices(int32_t *count, TenonProviderError *error) {
  return guard(error, [&] {
    std::string reason;
    *count = CudaModel::countDevices(reason);
    tenon::runtime::setMessage(error, reason.c_str());
  });
}

static int32_t createModel(const TenonModelDesc *desc, int32_t ordinal,
                           void **model, const uint8_t **weights,
                           TenonProviderError *error) {
  return guard(error, [&] {
    std::unique_ptr<CudaModel> made = CudaModel::create(*desc, ordinal);
    *weights =
        reinterpret_cast<const uint8_t *>(made->getWeights().getAddress());
    *model = made.release();
  });
}

static void destroyModel(void *model) {
  delete static_cast<CudaModel *>(model);
}

static int32_t createSession(void *model, void **session,
                             TenonProviderError *error) {
  return guard(error, [&] {
    *session = CudaSession::create(*static_cast<CudaModel *>(model)).release();
  });
}

static void destroySession(void *session) { delete &getSession(session); }

static int32_t allocate(void *session, int32_t space, uint64_t bytes,
                        void **memory, TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    *memory = called.allocate(space, bytes);
  });
}

static void release(void *session, int32_t space, void *memory) {
  // Nothing can be done about an error: the memory is lost with the device.
  TenonProviderError ignored;
  if (memory)
    guard(session, &ignored,
          [&](CudaSession &called) { called.release(space, memory); });
}

static int32_t launch(void *session, const TenonKernel *kernel,
                      void *const *args, const int64_t *dims, int64_t units,
                      TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    called.launch(*kernel, args, dims, units);
  });
}

static int32_t transfer(void *session, int32_t space, int32_t isStable,
                        void *target, const void *source, uint64_t bytes,
                        TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    called.transfer(space, isStable, target, source, bytes);
  });
}

static int32_t finish(void *session, const TenonKernel **failed,
                      int64_t *status, TenonProviderError *error) {
  return guard(session, error,
               [&](CudaSession &called) { *failed = called.finish(*status); });
}

static const char *implementation(void *session, const TenonKernel *kernel) {
  return getSession(session).getImplementation(*kernel);
}

static const char *notes(void *session) {
  return getSession(session).getNotes();
}

static uint64_t scratchSize(void *session) {
  return getSession(session).getScratchSize();
}

static int32_t getNumber(void *model) {
  return static_cast<CudaModel *>(model)->getNumber();
}

static int32_t checkMemory(void *session, const void *memory, uint64_t bytes,
                           TenonProviderError *error) {
  return guard(session, error,
               [&](CudaSession &called) { called.checkMemory(memory, bytes); });
}

static int32_t joinOthers(void *session, TenonProviderError *error) {
  return guard(session, error,
               [&](CudaSession &called) { called.joinOthers(); });
}

static int32_t copy(void *session, int32_t targetSpace, void *target,
                    int32_t sourceSpace, const void *source, uint64_t bytes,
                    TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    called.copy(targetSpace, target, sourceSpace, source, bytes);
  });
}

static void getFault(void *session, const TenonKernel **first,
                     const TenonKernel **last) {
  getSession(session).getFault(*first, *last);
}

static int32_t beginGraph(void *session, TenonProviderError *error) {
  return guard(session, error,
               [&](CudaSession &called) { called.beginGraph(); });
}

static int32_t endGraph(void *session, void **graph,
                        TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    std::unique_ptr<CudaGraph> made = called.endGraph(graph != nullptr);
    if (graph)
      *graph = made.release();
  });
}

static int32_t launchGraph(void *session, void *graph,
                           TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    called.launchGraph(*static_cast<CudaGraph *>(graph));
  });
}

static void releaseGraph(void *session, void *graph) {
  std::unique_ptr<CudaGraph> owned(static_cast<CudaGraph *>(graph));
  TenonProviderError ignored; // as by release()
  if (owned)
    guard(session, &ignored,
          [&](CudaSession &called) { called.releaseGraph(owned.get()); });
}

static int32_t mark(void *session, uint32_t number, TenonProviderError *error) {
  return guard(session, error,
               [&](CudaSession &called) { called.mark(number); });
}

static int32_t getTime(void *session, uint32_t from, uint32_t to,
                       uint64_t *nanoseconds, TenonProviderError *error) {
  return guard(session, error, [&](CudaSession &called) {
    *nanoseconds = called.getTime(from, to);
  });
}

extern "C" __attribute__((visibility("default"))) const TenonDevice *
tenon_device_cuda() {
  static const TenonDevice device = {TENON_DEVICE_VERSION,
                                     sizeof(TenonDevice),
                                     "cuda",
                                     &countDevices,
                                     &createModel,
                                     &destroyModel,
                                     &createSession,
                                     &destroySession,
                                     &allocate,
                                     &release,
                                     &launch,
                                     &transfer,
                                     &getNumber,
                                     &checkMemory,
                                     &joinOthers,
                                     &copy,
                                     &finish,
                                     &implementation,
                                     &notes,
                                     &scratchSize,
                                     &getFault,
                                     &beginGraph,
                                     &endGraph,
                                     &launchGraph,
                                     &releaseGraph,
                                     &mark,
                                     &getTime};
  return &device;
}
