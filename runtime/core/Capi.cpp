//===- Capi.cpp - The public C functions ---------------------------------===//

#include "runtime/core/Model.h"
#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <new>

using namespace tenon::runtime;

namespace {

#define TENON_STRING2(x) #x
#define TENON_STRING(x) TENON_STRING2(x)

/// Runs a function that returns an Error; nothing that C++ throws gets out.
template <typename Function> TenonError *guard(Function function) {
  try {
    return function().release();
  } catch (const std::bad_alloc &) {
    // As small as an error can be; if even that fails, the process is lost.
    return makeError(TENON_ERROR_SYSTEM, "not enough memory").release();
  } catch (const std::exception &exception) {
    return makeError(TENON_ERROR_INTERNAL, "%s", exception.what()).release();
  }
}

/// The same for a function that uses a session.
template <typename Function>
TenonError *guardSession(TenonSession *session, Function function) {
  return guard([&]() -> Error {
    if (!session)
      return makeError(TENON_ERROR_USAGE, "the session is null");
    if (session->busy.test_and_set(std::memory_order_acquire))
      return makeError(TENON_ERROR_USAGE,
                       "the session is in use by another thread; each thread "
                       "needs one of its own");
    struct Release {
      TenonSession *session;
      ~Release() { session->busy.clear(std::memory_order_release); }
    } release{session};
    return function();
  });
}

/// Takes the options that the caller gives, who, with an older version, has
/// fewer members.
template <typename Options>
Error copyOptions(const Options *options, const char *type, Options &all) {
  if (!options)
    return nullptr;
  if (options->struct_size < sizeof(size_t))
    return makeError(TENON_ERROR_USAGE, "%s::struct_size is not set", type);
  memcpy(&all, options, std::min(options->struct_size, sizeof all));
  return nullptr;
}

void closeLibrary(void *handle) { dlclose(handle); }

} // namespace

TenonError *tenon_pack_constant(const TenonLibraryKernel *kernel,
                                const int64_t *dims, uint32_t arg,
                                const uint8_t *data, TenonPackReceiver receive,
                                void *context) {
  return guard([&]() -> Error {
    const TenonProvider *provider;
    if (Error error = loadProvider(kernel->provider, &provider))
      return error;
    if (!provider->pack)
      return nullptr;
    LibraryThreadsScope threads(1);
    TenonProviderError problem{};
    if (int32_t code =
            provider->pack(kernel, dims, arg, data, receive, context, &problem))
      return makeError(code, problem);
    return nullptr;
  });
}

uint32_t tenon_version(void) {
  return TENON_VERSION_MAJOR * 10000 + TENON_VERSION_MINOR * 100 +
         TENON_VERSION_PATCH;
}

const char *tenon_version_string(void) {
  return TENON_STRING(TENON_VERSION_MAJOR) "." TENON_STRING(
      TENON_VERSION_MINOR) "." TENON_STRING(TENON_VERSION_PATCH);
}

TenonErrorCode tenon_error_code(const TenonError *error) { return error->code; }
const char *tenon_error_message(const TenonError *error) {
  return error->message.c_str();
}
void tenon_error_free(TenonError *error) { delete error; }
size_t tenon_error_num_diagnostics(const TenonError *error) {
  return error->diagnostics.size();
}
const TenonDiagnostic *tenon_error_diagnostic(const TenonError *error,
                                              size_t index) {
  return index < error->diagnostics.size() ? &error->diagnostics[index]
                                           : nullptr;
}
const char *tenon_error_json(const TenonError *error) {
  static const std::string success = formatJson(nullptr);
  return error ? error->getJson().c_str() : success.c_str();
}
TenonError *tenon_error_create(TenonErrorCode code, const char *message,
                               const TenonDiagnostic *diagnostics,
                               size_t num_diagnostics) {
  Error error = makeError(code == TENON_OK ? TENON_ERROR_INTERNAL : code, "%s",
                          message ? message : "");
  if (diagnostics && num_diagnostics)
    error->diagnostics.clear();
  for (size_t i = 0; diagnostics && i < num_diagnostics; ++i)
    error->add(diagnostics[i]);
  return error.release();
}

TenonError *tenon_model_load(const char *path, TenonModel **model) {
  return tenon_model_load_with(path, nullptr, model);
}

TenonError *tenon_model_load_with(const char *path,
                                  const TenonModelOptions *options,
                                  TenonModel **model) {
  return guard([&]() -> Error {
    if (!path || !model)
      return makeError(TENON_ERROR_USAGE, "no path, or no place for the model");
    TenonModelOptions all{};
    if (Error error = copyOptions(options, "TenonModelOptions", all))
      return error;
    void *handle;
    const TenonModelDesc *desc;
    if (Error error = openModelFile(path, &handle, &desc))
      return error;
    Error error = TenonModel::create(desc, all, &closeLibrary, handle, model);
    if (error)
      error->message = quote(path) + ": " + error->message;
    return error;
  });
}

TenonError *tenon_model_from_description(const TenonModelDesc *description,
                                         void (*release)(void *), void *context,
                                         TenonModel **model) {
  return tenon_model_from_description_with(description, nullptr, release,
                                           context, model);
}

TenonError *tenon_model_from_description_with(const TenonModelDesc *description,
                                              const TenonModelOptions *options,
                                              void (*release)(void *),
                                              void *context,
                                              TenonModel **model) {
  return guard([&]() -> Error {
    TenonModelOptions all{};
    Error error = copyOptions(options, "TenonModelOptions", all);
    if (!description || !model)
      error = makeError(TENON_ERROR_USAGE,
                        "no description, or no place for the model");
    if (error && release)
      release(context);
    if (error)
      return error;
    return TenonModel::create(description, all, release, context, model);
  });
}

void *tenon_model_context(const TenonModel *model, void (*release)(void *)) {
  return model && release ? model->getContext(release) : nullptr;
}

void tenon_model_free(TenonModel *model) {
  if (model)
    model->drop();
}

const char *tenon_model_name(const TenonModel *model) {
  return model->desc->name;
}
size_t tenon_model_num_inputs(const TenonModel *model) {
  return model->inputValues.size();
}
size_t tenon_model_num_outputs(const TenonModel *model) {
  return model->outputValues.size();
}
const TenonTensorInfo *tenon_model_input(const TenonModel *model,
                                         size_t index) {
  return index < model->inputValues.size() ? &model->inputValues[index]
                                           : nullptr;
}
const TenonTensorInfo *tenon_model_output(const TenonModel *model,
                                          size_t index) {
  return index < model->outputValues.size() ? &model->outputValues[index]
                                            : nullptr;
}
const char *tenon_model_device(const TenonModel *model) {
  return model->choice.device.c_str();
}
const char *tenon_model_devices(const TenonModel *model) {
  return model->choice.devices.c_str();
}
const char *tenon_model_device_problem(const TenonModel *model) {
  return model->choice.problem.c_str();
}
size_t tenon_model_num_kernels(const TenonModel *model) {
  return model->kernels.size();
}
const TenonKernelInfo *tenon_model_kernel(const TenonModel *model,
                                          size_t index) {
  return index < model->kernels.size() ? &model->kernels[index] : nullptr;
}
uint64_t tenon_model_weights_size(const TenonModel *model) {
  const TenonModelDesc &desc = *model->desc;
  return desc.device ? desc.deviceWeightsSize : desc.weightsSize;
}

int32_t tenon_default_threads(void) { return getDefaultThreads(); }

TenonError *tenon_session_create(TenonModel *model,
                                 const TenonSessionOptions *options,
                                 TenonSession **session) {
  return guard([&]() -> Error {
    if (!model || !session)
      return makeError(TENON_ERROR_USAGE,
                       "no model, or no place for the session");
    TenonSessionOptions all{};
    if (Error error = copyOptions(options, "TenonSessionOptions", all))
      return error;
    return TenonSession::create(model, all, session);
  });
}

void tenon_session_free(TenonSession *session) { delete session; }

TenonError *tenon_session_bind(TenonSession *session, const TenonTensor *inputs,
                               size_t num_inputs) {
  return guardSession(session,
                      [&] { return session->bind(inputs, num_inputs); });
}

TenonTensor tenon_session_output(const TenonSession *session, size_t index) {
  return session->getOutput(index);
}

static TenonError *place(TenonSession *session, bool isInput, size_t index,
                         TenonMemory memory, int32_t device) {
  return guardSession(
      session, [&] { return session->place(isInput, index, memory, device); });
}
TenonError *tenon_session_place_input(TenonSession *session, size_t index,
                                      TenonMemory memory, int32_t device) {
  return place(session, /*isInput=*/true, index, memory, device);
}
TenonError *tenon_session_place_output(TenonSession *session, size_t index,
                                       TenonMemory memory, int32_t device) {
  return place(session, /*isInput=*/false, index, memory, device);
}

TenonError *tenon_session_run(TenonSession *session, const TenonTensor *inputs,
                              size_t num_inputs, const TenonTensor *outputs,
                              size_t num_outputs) {
  return guardSession(session, [&] {
    return session->run(inputs, num_inputs, outputs, num_outputs);
  });
}

int32_t tenon_session_threads(const TenonSession *session) {
  return session->getThreads();
}
uint64_t tenon_session_workspace_size(const TenonSession *session) {
  return session->getWorkspaceSize();
}
const char *tenon_session_notes(const TenonSession *session) {
  return session->getNotes();
}
int32_t tenon_session_was_replayed(const TenonSession *session) {
  return session->wasReplayed();
}
size_t tenon_session_profile(TenonSession *session,
                             const TenonProfileEntry **entries) {
  try {
    const auto &profile = session->getProfileEntries();
    *entries = profile.data();
    return profile.size();
  } catch (const std::bad_alloc &) {
    return 0;
  }
}
size_t tenon_session_profile_calls(TenonSession *session,
                                   const TenonProfileCall **calls) {
  const auto &kept = session->getProfileCalls();
  *calls = kept.data();
  return kept.size();
}
void tenon_session_profile_reset(TenonSession *session) {
  session->resetProfile();
}
