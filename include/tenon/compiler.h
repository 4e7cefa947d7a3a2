/*===- tenon/compiler.h - Compiling models --------------------------------===
 *
 * The C interface of the compiler (libtenon_compiler), which needs libtenon.
 * Functions may be called from any thread and keep no state between calls.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_COMPILER_H
#define TENON_COMPILER_H

#include "tenon/tenon.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Zero means the default for every member but the first. */
typedef struct TenonCompileOptions {
  /** sizeof(TenonCompileOptions). */
  size_t struct_size;
  /** "native" (the default: this processor), a level or a processor of x86-64
   * ("x86-64-v3", "sapphirerapids"), a target triple such as
   * "aarch64-linux-gnu", GPUs beside this processor ("cuda:sm_90"), or a model
   * for each, which is chosen when it is loaded ("native,cuda:sm_90"). */
  const char *target;
  /** "auto" (the default: all, the best for each kernel), or the providers to
   * use, best first: "codegen", "onednn,codegen" (which leaves out
   * "winograd", and with it other roundings than direct convolution's). */
  const char *provider;
  /** Dimensions to fix, each "input=1x3x640x640" ("?" leaves a dimension). */
  const char *const *shapes;
  size_t num_shapes;
  /** Inputs to make constants, each "input=value" (several numbers between
   * commas, in row-major order). */
  const char *const *bindings;
  size_t num_bindings;
  /** Called with the name of each phase as it begins, from the calling thread.
   */
  void (*progress)(void *context, const char *phase);
  void *progress_context;
  /** For finding faults: how many of the passes that can be left out run; the
   * others are left out. Null: all of them run. */
  const size_t *max_passes;
  /** Called at the turn of each pass that can be left out: its number, from 1
   * on, its phase, its name, the function that it works on ("" for all), and
   * whether it runs. */
  void (*pass)(void *context, size_t number, const char *phase,
               const char *name, const char *function, int32_t runs);
  void *pass_context;
  /** Makes outputs of the results of all kernels, behind the model's own. Their
   * names are, with | in between: "kernel", its number, the number of the
   * result, the nodes that gave the result, all nodes of the kernel. Between
   * nodes is a ;, and in their names _ stands for these two characters and for
   * what can't be printed. */
  int32_t expose_kernels;
  /** A file that `tenon-bench --tune` wrote: which provider runs which kernel.
   * Null: estimates decide. */
  const char *tuning;
  /** "bf16" or "fp16": what matrix products and convolutions multiply, and most
   * of what is between them; weights take half the space. Null or "fp32": what
   * the model has. "fp16" is an error for a target without avx512fp16 or a GPU.
   * "tf32", for a target with a GPU: fp32, but what is multiplied may be
   * rounded to 10 bits. */
  const char *precision;
  /** Nodes that stay fp32 then, by patterns of their names, in which * is any
   * text and ? any character. A pattern that matches no node is an error. */
  const char *const *keep_fp32;
  size_t num_keep_fp32;
  /** What a model in this process runs on, see TenonModelOptions::device. */
  const char *device;
  /** Inputs and outputs of fp32 that are "bf16" or "fp16" too, by patterns of
   * their names as in `keep_fp32`. A pattern that matches none is an error. */
  const char *const *half_io;
  size_t num_half_io;
} TenonCompileOptions;

/** Compiles a model file (ONNX) into a model in this process. `options` may be
 * null. Errors: INVALID, UNSUPPORTED (with all that is unsupported), SYSTEM. */
TENON_API TenonError *tenon_compile_file(const char *path,
                                         const TenonCompileOptions *options,
                                         TenonModel **model);

/** The same from memory, which may be freed when the function returns. A model
 * in memory has no folder: one with external data is an error. */
TENON_API TenonError *tenon_compile_buffer(const void *data, size_t size,
                                           const TenonCompileOptions *options,
                                           TenonModel **model);

/** Compiles a model file into a file: a shared library (.so), or an object with
 * a C header beside it (.o). Nothing is left behind on an error. */
TENON_API TenonError *tenon_compile_file_to(const char *path,
                                            const TenonCompileOptions *options,
                                            const char *output_path);

/** Writes a model that was compiled in this process as a shared library (.so),
 * without compiling it again. Nothing is left behind on an error. Errors: USAGE
 * if the model is another one or the name does not end with .so, SYSTEM. */
TENON_API TenonError *tenon_model_save(const TenonModel *model,
                                       const char *output_path);

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_COMPILER_H */
