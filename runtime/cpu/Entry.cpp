//===- Entry.cpp - What libtenon_cpu exports -----------------------------===//

#include "runtime/core/Provider.h"
#include "runtime/cpu/CpuSession.h"
#include "runtime/cpu/PackConstant.h"

#include <algorithm>
#include <cstring>
#include <new>

using namespace tenon::onednn;

/// Runs a function; what it throws becomes a code and a message. Everything
/// that oneDNN's C++ interface throws ends here.
template <typename Function>
static int32_t guard(TenonProviderError *error, Function function) {
  auto fail = [&](int32_t code, const char *message) {
    size_t length = std::min(strlen(message), sizeof error->message - 1);
    memcpy(error->message, message, length);
    error->message[length] = '\0';
    return code;
  };
  try {
    function();
    return TENON_OK;
  } catch (const KernelError &problem) {
    return fail(problem.code, problem.message.c_str());
  } catch (const dnnl::error &problem) {
    std::string message = std::string("oneDNN: ") + problem.what();
    switch (problem.status) {
    case dnnl_out_of_memory:
      return fail(TENON_ERROR_SYSTEM, "not enough memory for oneDNN");
    case dnnl_unimplemented:
      return fail(TENON_ERROR_UNSUPPORTED, message.c_str());
    default:
      return fail(TENON_ERROR_INTERNAL, message.c_str());
    }
  } catch (const std::bad_alloc &) {
    return fail(TENON_ERROR_SYSTEM, "not enough memory");
  } catch (const std::exception &problem) {
    return fail(TENON_ERROR_INTERNAL, problem.what());
  }
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

extern "C" __attribute__((visibility("default"))) const TenonProvider *
tenon_provider_onednn() {
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
