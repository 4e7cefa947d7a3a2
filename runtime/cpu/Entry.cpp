//===- Entry.cpp - What libtenon_cpu exports -----------------------------===//

#include "runtime/cpu/CpuSession.h"
#include "runtime/cpu/PackConstant.h"

#include <cstdlib>
#include <cstring>

using namespace tenon::onednn;

/// Everything that oneDNN's C++ interface throws ends here.
template <typename Function>
static int32_t guard(TenonProviderError *error, Function function) {
  return tenon::runtime::guard(error, [&] {
    try {
      function();
    } catch (const dnnl::error &problem) {
      std::string message = std::string("oneDNN: ") + problem.what();
      switch (problem.status) {
      case dnnl_out_of_memory:
        throw ProviderFailure{TENON_ERROR_SYSTEM,
                              "not enough memory for oneDNN"};
      case dnnl_unimplemented:
        throw ProviderFailure{TENON_ERROR_UNSUPPORTED, message};
      default:
        throw ProviderFailure{TENON_ERROR_INTERNAL, message};
      }
    }
  });
}

static int32_t createModel(const TenonModelDesc *desc, void **model,
                           TenonProviderError *error) {
  return guard(error, [&] { *model = new CpuModel(*desc); });
}

static void destroyModel(void *model) { delete static_cast<CpuModel *>(model); }

static int32_t createSession(void *model, int32_t threads, int32_t maxShapes,
                             void **session, TenonProviderError *error) {
  return guard(error, [&] {
    *session =
        new CpuSession(*static_cast<CpuModel *>(model), threads, maxShapes);
  });
}

static void destroySession(void *session) {
  delete static_cast<CpuSession *>(session);
}

static int32_t prepare(void *session, const TenonLibraryKernel *kernel,
                       const int64_t *dims, TenonProviderError *error) {
  return guard(error, [&] {
    static_cast<CpuSession *>(session)->prepare(kernel->index, dims);
  });
}

static int32_t run(void *session, const TenonLibraryKernel *kernel,
                   void *const *args, const int64_t *dims,
                   TenonProviderError *error) {
  return guard(error, [&] {
    static_cast<CpuSession *>(session)->run(kernel->index, args, dims);
  });
}

static int32_t pack(const TenonLibraryKernel *kernel, const int64_t *dims,
                    uint32_t arg, const uint8_t *data,
                    TenonPackReceiver receive, void *context,
                    TenonProviderError *error) {
  return guard(error, [&] {
    packConstant(*kernel, dims, static_cast<int>(arg), data, receive, context);
  });
}

static const char *implementation(void *session,
                                  const TenonLibraryKernel *kernel) {
  return static_cast<CpuSession *>(session)->getImplementation(kernel->index);
}

static uint64_t scratchSize(void *session) {
  return static_cast<CpuSession *>(session)->getScratchSize();
}

/// Lets the library's own cache, which the process has one of, hold fewer
/// primitives than it does by default: it would keep those of a hundred shapes,
/// also when no session runs them any more. These few are mostly those of
/// programs that are there; kernels that are alike share them. A number that
/// the process or its environment has set stays.
static bool boundPrimitiveCache() {
  constexpr int byDefault = 1024, enough = 32;
  bool isTold = getenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY") ||
                getenv("DNNL_PRIMITIVE_CACHE_CAPACITY");
  if (!isTold && dnnl::get_primitive_cache_capacity() == byDefault)
    dnnl::set_primitive_cache_capacity(enough);
  return true;
}

extern "C" __attribute__((visibility("default"))) const TenonProvider *
tenon_provider_onednn() {
  // Once: what the process sets later stays, too.
  static const bool isBounded = boundPrimitiveCache();
  (void)isBounded;
  static const TenonProvider provider = {TENON_PROVIDER_VERSION,
                                         sizeof(TenonProvider),
                                         "onednn",
                                         &createModel,
                                         &destroyModel,
                                         &createSession,
                                         &destroySession,
                                         &prepare,
                                         &run,
                                         &implementation,
                                         &scratchSize,
                                         &pack};
  return &provider;
}
