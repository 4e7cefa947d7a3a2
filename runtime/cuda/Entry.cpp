//===- Entry.cpp - What libtenon_cuda exports ----------------------------===//

#include "runtime/core/Device.h"
#include "runtime/core/ProviderGuard.h"
#include "runtime/cuda/CudaSession.h"

#include <cstring>

using namespace tenon::cuda;

template <typename Function>
static int32_t guard(TenonProviderError *error, Function function) {
  return tenon::runtime::guardProvider<CudaError>(error, function);
}

static CudaSession &getSession(void *session) {
  return *static_cast<CudaSession *>(session);
}

static int32_t createModel(const TenonModelDesc *desc, void **model,
                           const uint8_t **weights, TenonProviderError *error) {
  return guard(error, [&] {
    std::unique_ptr<CudaModel> made = CudaModel::create(*desc);
    *weights = reinterpret_cast<const uint8_t *>(made->getWeights());
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

static int32_t allocate(void *session, uint64_t bytes, void **memory,
                        TenonProviderError *error) {
  return guard(error, [&] { *memory = getSession(session).allocate(bytes); });
}

static void release(void *session, void *memory) {
  // Nothing can be done about an error: the memory is lost with the device.
  TenonProviderError ignored;
  if (memory)
    guard(&ignored, [&] { getSession(session).release(memory); });
}

static int32_t launch(void *session, const TenonKernel *kernel,
                      void *const *args, const int64_t *dims, int64_t units,
                      TenonProviderError *error) {
  return guard(error,
               [&] { getSession(session).launch(*kernel, args, dims, units); });
}

static int32_t transfer(void *session, int32_t space, void *target,
                        const void *source, uint64_t bytes,
                        TenonProviderError *error) {
  return guard(error, [&] {
    getSession(session).transfer(space, target, source, bytes);
  });
}

static int32_t finish(void *session, const TenonKernel **failed,
                      int64_t *status, TenonProviderError *error) {
  return guard(error, [&] { *failed = getSession(session).finish(*status); });
}

static const char *implementation(void *session, const TenonKernel *kernel) {
  return getSession(session).getImplementation(*kernel);
}

static uint64_t scratchSize(void *session) {
  return getSession(session).getScratchSize();
}

extern "C" __attribute__((visibility("default"))) const TenonDevice *
tenon_device_cuda() {
  static const TenonDevice device = {TENON_DEVICE_VERSION,
                                     sizeof(TenonDevice),
                                     "cuda",
                                     &createModel,
                                     &destroyModel,
                                     &createSession,
                                     &destroySession,
                                     &allocate,
                                     &release,
                                     &launch,
                                     &transfer,
                                     &finish,
                                     &implementation,
                                     &scratchSize};
  return &device;
}
