/*===- tenon/tenon.h - Loading and running compiled models ------------------===
 *
 * The C interface of the runtime (libtenon). To compile models in process, see
 * tenon/compiler.h.
 *
 *   TenonModel *model;
 *   TenonSession *session;
 *   TenonError *error = tenon_model_load("model.so", &model);
 *   if (!error) error = tenon_session_create(model, NULL, &session);
 *   int64_t dims[] = {1, 3, 48, 320};
 *   TenonTensor x = {"x", pixels, TENON_F32, 4, dims};
 *   if (!error) error = tenon_session_bind(session, &x, 1);
 *   TenonTensor y = tenon_session_output(session, 0);    // name, type, dims
 *   y.data = malloc(tenon_tensor_bytes(&y));
 *   if (!error) error = tenon_session_run(session, &x, 1, &y, 1);
 *   if (error) { puts(tenon_error_message(error)); tenon_error_free(error); }
 *
 * Errors: a function that can fail returns a TenonError, null on success, that
 * the caller frees. Its results are then not set.
 *
 * Threads: a model never changes and any number of threads may use it. A
 * session is for one thread at a time; sessions of one model run at once.
 *
 * Tensors are contiguous, row-major, in the host's byte order. Their memory is
 * the caller's and is never copied or kept after a call, but for those in
 * sequences and optionals, which are copied; it must be aligned to the element.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_TENON_H
#define TENON_TENON_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/types.h"

#if defined(__GNUC__)
#define TENON_API __attribute__((visibility("default")))
#else
#define TENON_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TENON_VERSION_MAJOR 0
#define TENON_VERSION_MINOR 1
#define TENON_VERSION_PATCH 0

/** The version of the library: major * 10000 + minor * 100 + patch. */
TENON_API uint32_t tenon_version(void);
/** The same as text, "0.1.0". */
TENON_API const char *tenon_version_string(void);

/*===-- Errors ------------------------------------------------------------===*/

typedef struct TenonError TenonError;

/** The kind of error; never TENON_OK. */
TENON_API TenonErrorCode tenon_error_code(const TenonError *error);
/** One line or several of UTF-8 without an end of line. Lives as long as the
 * error. */
TENON_API const char *tenon_error_message(const TenonError *error);
/** Frees an error; null is allowed. */
TENON_API void tenon_error_free(TenonError *error);

/** One finding of an error. What is not known is "", 0 or an empty list. */
typedef struct TenonDiagnostic {
  /** What is wrong, without the node and its operator. */
  const char *message;
  /** The model's nodes that it is about. Of a kernel that was made of several,
   * their names joined by " + ". */
  const char *const *nodes;
  size_t num_nodes;
  /** Their operator, its domain ("ai.onnx" is ONNX's own) and its version. */
  const char *op;
  const char *domain;
  int64_t version;
  /** The element type that is not supported, as ONNX calls it. */
  const char *element_type;
  /** The input or output of the model that it is about. */
  const char *tensor;
  /** What is there, and what should be. */
  const char *found;
  const char *expected;
  const char *const *notes;
  size_t num_notes;
} TenonDiagnostic;

/** How many findings an error has; at least 1. An unsupported model has one for
 * each kind of node that is not supported. */
TENON_API size_t tenon_error_num_diagnostics(const TenonError *error);
/** Lives as long as the error. Null if there is no such finding. */
TENON_API const TenonDiagnostic *tenon_error_diagnostic(const TenonError *error,
                                                        size_t index);
/** The error as one line of JSON; docs/diagnostics.md tells what is in it.
 * Lives as long as the error. Null is success: an object with code 0. */
TENON_API const char *tenon_error_json(const TenonError *error);

/** Makes an error, for libraries that extend this one. Everything is copied.
 * Without diagnostics its finding is the message. */
TENON_API TenonError *tenon_error_create(TenonErrorCode code,
                                         const char *message,
                                         const TenonDiagnostic *diagnostics,
                                         size_t num_diagnostics);

/*===-- Tensors -----------------------------------------------------------===*/

/** Bytes of an element; 0 if `dtype` is not a TenonDType. */
TENON_API size_t tenon_dtype_size(TenonDType dtype);
/** "f32", "i64", "bool", …; null if `dtype` is not a TenonDType. */
TENON_API const char *tenon_dtype_name(TenonDType dtype);

/** A view of a tensor; it owns nothing. A sequence is an array of TenonTensor:
 * its type is TENON_TENSORS, its rank 1, its only dimension the number of
 * tensors. An optional tensor is a sequence of one. An optional that holds
 * nothing is of TENON_TENSORS and rank 0. */
typedef struct TenonTensor {
  /** The input or output meant. Null: that of the same position. */
  const char *name;
  /** The first element. May be null where only the shape counts, and where the
   * tensor has no elements. An address of a device's memory where the input or
   * output is placed there, see tenon_session_place_input(). */
  void *data;
  TenonDType dtype;
  int32_t rank;
  /** `rank` values, >= 0. May be null if the rank is 0. */
  const int64_t *dims;
} TenonTensor;

/** The size of a tensor in bytes; SIZE_MAX if the type is unknown, a dimension
 * is negative, or the size overflows. */
TENON_API size_t tenon_tensor_bytes(const TenonTensor *tensor);

/*===-- Models ------------------------------------------------------------===*/

/** A compiled model, loaded. */
typedef struct TenonModel TenonModel;
/** A compiled model, linked in (see the header that the compiler wrote). */
struct TenonModelDesc;

/** An input or output of a model. Everything lives as long as the model. */
typedef struct TenonTensorInfo {
  const char *name;
  TenonDType dtype;
  int32_t rank;
  /** A dimension, or -1 if it is known only when inputs are bound or the model
   * has run. */
  const int64_t *dims;
  /** The names of the dynamic dimensions; "" where a dimension is fixed or has
   * no name. Equal names have equal values. */
  const char *const *dim_names;
  /** What is not a tensor is made of tensors of this element type, rank and
   * dimensions: the rank is -1 where they may have any, and a dimension is -1
   * where it may be any, different ones in one sequence. */
  TenonKind kind;
} TenonTensorInfo;

/** A kernel of a model. Everything lives as long as the model. */
typedef struct TenonKernelInfo {
  /** The names of the nodes in it, joined by " + ". */
  const char *name;
  /** Who runs it: "codegen", "onednn", "cuda", … */
  const char *provider;
  /** 1 if it runs on the model's device, 0 if on the processor. */
  int32_t on_device;
} TenonKernelInfo;

/** Zero means the default for every member but the first. */
typedef struct TenonModelOptions {
  /** sizeof(TenonModelOptions). */
  size_t struct_size;
  /** What the model runs on: "cpu", "cuda", or "cuda:N", the device number N of
   * the driver, from 0 on. By default, and if it is "", what the model has code
   * for; of a model with code for both, the first device, or, where the machine
   * has no driver or no device, the processor. */
  const char *device;
} TenonModelOptions;

/** Loads a compiled model from a shared library. A path without a slash is
 * taken in the current directory. The file must not change while it is loaded.
 * A device is opened with the first session. Errors: INVALID if the file is no
 * compiled model or is damaged, UNSUPPORTED if it was made for another version,
 * another processor or a library that is not there, SYSTEM if it can't be read,
 * or if it has code for both the processor and a device, and the device's
 * driver fails. */
TENON_API TenonError *tenon_model_load(const char *path, TenonModel **model);
/** The same with options, which may be null. Errors: also USAGE for a device
 * that there is no such thing as, UNSUPPORTED for one that the model has no
 * code for. */
TENON_API TenonError *tenon_model_load_with(const char *path,
                                            const TenonModelOptions *options,
                                            TenonModel **model);

/** Makes a model of a description that is linked into the program or was
 * compiled in process. If `release` is not null, `release(context)` is called
 * when the model and all its sessions are gone, or before this function returns
 * an error. */
TENON_API TenonError *
tenon_model_from_description(const struct TenonModelDesc *description,
                             void (*release)(void *context), void *context,
                             TenonModel **model);

/** The same with options, which may be null. */
TENON_API TenonError *tenon_model_from_description_with(
    const struct TenonModelDesc *description, const TenonModelOptions *options,
    void (*release)(void *context), void *context, TenonModel **model);

/** For who made a model of a description: its `context`, if it was made with
 * this `release`, else null. */
TENON_API void *tenon_model_context(const TenonModel *model,
                                    void (*release)(void *context));

/** Gives up the model; null is allowed. Its sessions stay usable. */
TENON_API void tenon_model_free(TenonModel *model);

TENON_API const char *tenon_model_name(const TenonModel *model);
TENON_API size_t tenon_model_num_inputs(const TenonModel *model);
TENON_API size_t tenon_model_num_outputs(const TenonModel *model);
/** Null if there is no such input. */
TENON_API const TenonTensorInfo *tenon_model_input(const TenonModel *model,
                                                   size_t index);
/** Null if there is no such output. */
TENON_API const TenonTensorInfo *tenon_model_output(const TenonModel *model,
                                                    size_t index);
/** What the model runs on: "cpu", "cuda", or "cuda:N" if that is not the first
 * device. */
TENON_API const char *tenon_model_device(const TenonModel *model);
/** What there is code for in what the model was loaded from: "cpu", "cuda", or
 * "cpu,cuda". */
TENON_API const char *tenon_model_devices(const TenonModel *model);
/** Why a model with code for both runs on the processor though no device was
 * asked for, in words; else "". */
TENON_API const char *tenon_model_device_problem(const TenonModel *model);
TENON_API size_t tenon_model_num_kernels(const TenonModel *model);
/** Null if there is no such kernel. */
TENON_API const TenonKernelInfo *tenon_model_kernel(const TenonModel *model,
                                                    size_t index);
/** Bytes of the model's constants; of a model for a device, of those in the
 * device's memory. */
TENON_API uint64_t tenon_model_weights_size(const TenonModel *model);

/*===-- Sessions ----------------------------------------------------------===*/

/** What one caller needs to run a model: its memory and its threads. */
typedef struct TenonSession TenonSession;

/** Zero means the default for every member but the first. */
typedef struct TenonSessionOptions {
  /** sizeof(TenonSessionOptions). */
  size_t struct_size;
  /** Threads that work on a run, the caller's among them. Default: as many as
   * the process may use, see tenon_default_threads(). */
  int32_t threads;
  /** How many shapes stay prepared. Default: 8. */
  int32_t max_shapes;
  /** 1: measure every kernel, see tenon_session_profile(). 2: and keep the
   * first million calls of kernels, see tenon_session_profile_calls(). */
  int32_t profile;
} TenonSessionOptions;

/** The least of: the processors in the affinity mask, the CPU quota of the
 * control group (rounded up), and OMP_NUM_THREADS. At least 1. */
TENON_API int32_t tenon_default_threads(void);

/** Makes a session. `options` may be null. A model without dynamic dimensions
 * is bound already, so that its first run is as fast as later ones; the errors
 * are then those of tenon_session_bind() too. The first session of a model
 * opens its device: SYSTEM if that or its driver is not there or fails,
 * UNSUPPORTED if the model has no code for what is there. */
TENON_API TenonError *tenon_session_create(TenonModel *model,
                                           const TenonSessionOptions *options,
                                           TenonSession **session);
/** Null is allowed. */
TENON_API void tenon_session_free(TenonSession *session);

/** Prepares for inputs of these types and dimensions (their data does not
 * matter), packed weights included, and makes the dimensions of the outputs
 * known. Each input of the
 * model must be there once. Errors: USAGE for a name that is no input, INVALID
 * for a missing input, a wrong type, rank or dimension, two values for one
 * symbol, or sizes that the model can't have; SYSTEM if there is not enough
 * memory. */
TENON_API TenonError *tenon_session_bind(TenonSession *session,
                                         const TenonTensor *inputs,
                                         size_t num_inputs);

/** An output as the last bind or run made it. After a bind its data are null,
 * and a dimension that depends on the inputs' data is -1; of a sequence or an
 * optional nothing is known then. After a run all
 * dimensions are known, and if the run was given no memory for the output, its
 * data are in the session's. The view is valid until the next bind or run. Its
 * name is null if there is no such output or nothing is bound. */
TENON_API TenonTensor tenon_session_output(const TenonSession *session,
                                           size_t index);

/** Runs the model: binds the inputs' dimensions, unless they are the last ones,
 * reads the inputs and writes the outputs. An output of the model that is not
 * given, or has null data, is kept in the session's memory until the next bind
 * or run: tenon_session_output() tells where. So are all sequences and
 * optionals. Outputs must have the type and
 * dimensions that tenon_session_output() tells after a bind, and overlap
 * nothing. Where that tells -1, the dimensions given say how much memory there
 * is: a result that takes no more bytes is written to its beginning,
 * contiguous, and tenon_session_output() tells its dimensions. After the first
 * run with some dimensions nothing is allocated in the next ones with these, as
 * long as no more than `max_shapes` others came between and no size that
 * depends on data is larger than before; on a GPU, after the second. But where
 * other processes want the processors, threads that sleep may be made, so that
 * the model's hardly spin; GOMP_SPINCOUNT in the environment prevents it.
 * Errors: those of tenon_session_bind(), and INVALID for an output that does
 * not fit, an index out of range in the data, or sizes that the data make
 * impossible; SYSTEM where memory is not enough, or a device fails: after a
 * fault in one of its kernels the process can't use the device any more. For
 * what is placed on a device besides INVALID for data that are not in its
 * memory, or in less than the tensor takes, USAGE for an output without data,
 * and UNSUPPORTED for one whose dimensions depend on data. */
TENON_API TenonError *tenon_session_run(TenonSession *session,
                                        const TenonTensor *inputs,
                                        size_t num_inputs,
                                        const TenonTensor *outputs,
                                        size_t num_outputs);

/** Where the data of an input or output are. */
typedef enum TenonMemory {
  TENON_MEMORY_HOST = 0,
  /** The memory of a CUDA device: what cuMemAlloc and its like give. */
  TENON_MEMORY_CUDA = 1
} TenonMemory;

/** Says in which memory input `index` is in all later runs, until this is
 * called again; at first all inputs are in the host's. `device` counts devices
 * as CUDA does, and DLPack. The model must run on this device. A run waits for
 * what is in the device's default stream when it begins, and with it for what
 * is in all streams that wait for that one; other work that writes the input
 * must be over. What begins at a multiple of 64 bytes is mostly not copied, see
 * docs/gpu.md. Errors: USAGE if there is no such input, or if it is no tensor;
 * UNSUPPORTED if the model does not run on the device. */
TENON_API TenonError *tenon_session_place_input(TenonSession *session,
                                                size_t index,
                                                TenonMemory memory,
                                                int32_t device);
/** The same for an output. Its data are there when the run returns. On a device
 * each run has to be given memory for it, and its dimensions may not depend on
 * the inputs' data. */
TENON_API TenonError *tenon_session_place_output(TenonSession *session,
                                                 size_t index,
                                                 TenonMemory memory,
                                                 int32_t device);

/** Threads that the session uses. */
TENON_API int32_t tenon_session_threads(const TenonSession *session);
/** Bytes that the session holds for intermediate results and for outputs that
 * it keeps, in the memory of the host and of a device together. */
TENON_API uint64_t tenon_session_workspace_size(const TenonSession *session);
/** What is there that the session can't use, and why, a line each: a library of
 * a GPU in whose place it runs generated code. "" if there is nothing. Lives as
 * long as the session. */
TENON_API const char *tenon_session_notes(const TenonSession *session);

/** 1 if the last run was a launch of a CUDA graph, besides copies of what is
 * placed on the device, else 0 (also if it ended before). docs/gpu.md tells
 * which runs are. */
TENON_API int32_t tenon_session_was_replayed(const TenonSession *session);

/** One kernel's part of all runs since the session began or the profile was
 * reset. */
typedef struct TenonProfileEntry {
  /** The names of the nodes in it. */
  const char *name;
  /** "codegen" or the library's name. */
  const char *provider;
  /** How the library does it, "" for generated code. */
  const char *implementation;
  /** The inputs and outputs of the last call, for example
   * "f32[1x3x8x8], f32[4x3x3x3] -> f32[1x4x6x6]". */
  const char *shapes;
  uint64_t calls;
  uint64_t nanoseconds;
  /** Arithmetic operations of all calls: a multiply-add is two, a function such
   * as exp ten. -1 if that is not known. */
  int64_t flops;
  /** Bytes of all inputs and outputs of all calls, once each. */
  uint64_t bytes;
  /** The least that its calls of one run took together; what else the processor
   * did meanwhile is in `nanoseconds`. */
  uint64_t least_nanoseconds;
} TenonProfileEntry;

/** Where an input or output of a kernel was, and what. */
typedef struct TenonProfileArg {
  const void *data;
  uint64_t bytes;
  TenonDType dtype;
  uint32_t rank;
  /** `rank` values. */
  const int64_t *dims;
} TenonProfileArg;

/** One call of a kernel, or a whole run, whose provider is "". */
typedef struct TenonProfileCall {
  /** As of TenonProfileEntry; they live as long as the model. */
  const char *name;
  const char *provider;
  /** When it began, in nanoseconds since the session was made. */
  uint64_t start;
  uint64_t nanoseconds;
  int64_t flops;
  uint64_t bytes;
  /** The inputs, then the outputs; null when a million were kept. */
  const TenonProfileArg *args;
  uint32_t num_inputs;
  uint32_t num_outputs;
} TenonProfileCall;

/** Tells what the kernels took, if the session was made with `profile`. Entries
 * live until the next call with the session. 0 if there is no memory for
 * them. */
TENON_API size_t tenon_session_profile(TenonSession *session,
                                       const TenonProfileEntry **entries);
/** The calls of kernels in the order of their ends, if the session was made
 * with `profile` 2. They live until the next call with the session. */
TENON_API size_t tenon_session_profile_calls(TenonSession *session,
                                             const TenonProfileCall **calls);
TENON_API void tenon_session_profile_reset(TenonSession *session);

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_TENON_H */
