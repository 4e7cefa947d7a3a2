//===- Compiler.cpp - The C interface of the compiler ---------------------===//

#include "lib/driver/Compiler.h"
#include "lib/driver/Jit.h"
#include "lib/driver/OptionParsing.h"
#include "tenon/compiler.h"

#include <cstring>
#include <exception>
#include <new>

using namespace tenon;

namespace {

/// Checks the caller's options and makes the compiler's of them.
Status convert(const TenonCompileOptions *options, CompileOptions &to) {
  if (!options)
    return Status::ok();
  if (options->struct_size < sizeof(size_t) ||
      options->struct_size > sizeof(TenonCompileOptions))
    return Status::error(TENON_ERROR_USAGE,
                         "TenonCompileOptions::struct_size is " +
                             llvm::Twine(options->struct_size) +
                             ", expected at most " +
                             llvm::Twine(sizeof(TenonCompileOptions)));
  // A caller of an older version has fewer members.
  TenonCompileOptions all{};
  memcpy(&all, options, options->struct_size);
  const TenonCompileOptions *from = &all;
  if (from->target)
    to.target = from->target;
  if (from->provider)
    to.providers = parseProviders(from->provider);
  for (size_t i = 0; i != from->num_shapes; ++i)
    if (Status status = parseShape(from->shapes[i], to.import); !status.isOk())
      return status;
  for (size_t i = 0; i != from->num_bindings; ++i)
    if (Status status = parseBinding(from->bindings[i], to.import);
        !status.isOk())
      return status;
  if (from->progress)
    to.onPhase = [call = from->progress,
                  context = from->progress_context](Phase phase) {
      call(context, getPhaseName(phase).data());
    };
  if (from->tuning)
    to.tuning = from->tuning;
  if (from->precision)
    if (Status status = parsePrecision(from->precision, to.precision);
        !status.isOk())
      return status;
  to.keepFp32.assign(from->keep_fp32, from->keep_fp32 + from->num_keep_fp32);
  to.halfIo.assign(from->half_io, from->half_io + from->num_half_io);
  if (from->max_passes)
    to.passes.maxPasses = *from->max_passes;
  if (from->pass)
    to.onPass = [call = from->pass,
                 context = from->pass_context](const PassTurn &turn) {
      call(context, turn.number, getPhaseName(turn.phase).data(),
           turn.pass.str().c_str(), turn.function.str().c_str(), turn.runs);
    };
  to.exposeKernels = from->expose_kernels;
  if (from->device)
    to.device = from->device;
  return Status::ok();
}

/// Reads a model with `read` and does `emit` with its compiler.
Status compile(const TenonCompileOptions *from,
               llvm::function_ref<Status(Compiler &)> read,
               llvm::function_ref<Status(Compiler &)> emit) {
  CompileOptions options;
  if (Status status = convert(from, options); !status.isOk())
    return status;
  Compiler compiler(std::move(options));
  if (Status status = read(compiler); !status.isOk())
    return status;
  return emit(compiler);
}

/// What `function` returns or throws, as the C interface has it: its callers
/// know no exceptions.
TenonError *guard(llvm::function_ref<Status()> function) {
  try {
    return toError(function());
  } catch (const std::bad_alloc &) {
    return toError(Status::error(TENON_ERROR_SYSTEM, "out of memory"));
  } catch (const std::exception &exception) {
    return toError(Status::error(TENON_ERROR_INTERNAL, exception.what()));
  } catch (...) {
    return toError(Status::error(TENON_ERROR_INTERNAL, "unknown exception"));
  }
}

Status missing(const char *argument) {
  return Status::error(TENON_ERROR_USAGE,
                       llvm::Twine("'") + argument + "' is null");
}

} // namespace

extern "C" {

TenonError *tenon_compile_file(const char *path,
                               const TenonCompileOptions *options,
                               TenonModel **model) {
  return guard([&] {
    if (!path || !model)
      return missing(path ? "model" : "path");
    return compile(
        options, [&](Compiler &compiler) { return compiler.readModel(path); },
        [&](Compiler &compiler) { return compiler.emitInProcess(*model); });
  });
}

TenonError *tenon_compile_buffer(const void *data, size_t size,
                                 const TenonCompileOptions *options,
                                 TenonModel **model) {
  return guard([&] {
    if (!data || !model)
      return missing(data ? "model" : "data");
    llvm::MemoryBufferRef buffer(
        llvm::StringRef(static_cast<const char *>(data), size), "model");
    return compile(
        options, [&](Compiler &compiler) { return compiler.readModel(buffer); },
        [&](Compiler &compiler) { return compiler.emitInProcess(*model); });
  });
}

TenonError *tenon_compile_file_to(const char *path,
                                  const TenonCompileOptions *options,
                                  const char *output_path) {
  return guard([&] {
    if (!path || !output_path)
      return missing(path ? "output_path" : "path");
    return compile(
        options, [&](Compiler &compiler) { return compiler.readModel(path); },
        [&](Compiler &compiler) { return compiler.emitTo(output_path); });
  });
}

TenonError *tenon_model_save(const TenonModel *model, const char *output_path) {
  return guard([&] {
    if (!model || !output_path)
      return missing(model ? "output_path" : "model");
    return saveInProcess(model, output_path);
  });
}

} // extern "C"
