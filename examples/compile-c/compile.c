/*===- compile.c - Compiles a model in process and runs it
 * -------------------===
 *
 * compile MODEL.onnx: compiles the model for this machine, into memory, and
 * runs it on ones (dynamic dimensions become 4). It needs libtenon_compiler.
 *
 *===----------------------------------------------------------------------===*/

#include "tenon/compiler.h"

#include <stdio.h>
#include <stdlib.h>

static void check(TenonError *error) {
  if (!error)
    return;
  int code = tenon_error_code(error);
  fprintf(stderr, "error: %s\n", tenon_error_message(error));
  tenon_error_free(error);
  exit(code);
}

static void showPhase(void *context, const char *phase) {
  (void)context;
  fprintf(stderr, "phase: %s\n", phase);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: compile MODEL.onnx\n");
    return TENON_ERROR_USAGE;
  }
  TenonCompileOptions options = {0};
  options.struct_size = sizeof options;
  options.progress = showPhase;
  TenonModel *model;
  check(tenon_compile_file(argv[1], &options, &model));
  /* From here on nothing of the compiler is needed. */
  TenonSession *session;
  check(tenon_session_create(model, NULL, &session));

  const TenonTensorInfo *info = tenon_model_input(model, 0);
  if (tenon_model_num_inputs(model) != 1 || info->dtype != TENON_F32 ||
      info->rank > 8)
    return TENON_ERROR_UNSUPPORTED;
  int64_t dims[8];
  for (int axis = 0; axis < info->rank; ++axis)
    dims[axis] = info->dims[axis] < 0 ? 4 : info->dims[axis];
  TenonTensor x = {NULL, NULL, TENON_F32, info->rank, dims};
  size_t bytes = tenon_tensor_bytes(&x);
  float *values = malloc(bytes + 1);
  for (size_t i = 0; i < bytes / sizeof *values; ++i)
    values[i] = 1;
  x.data = values;

  check(tenon_session_bind(session, &x, 1));
  TenonTensor y = tenon_session_output(session, 0);
  if (y.dtype != TENON_F32)
    return TENON_ERROR_UNSUPPORTED;
  size_t count = tenon_tensor_bytes(&y) / sizeof(float);
  y.data = malloc(count * sizeof(float) + 1);
  check(tenon_session_run(session, &x, 1, &y, 1));
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += ((float *)y.data)[i];
  printf("%s: %zu values, sum %g\n", y.name, count, sum);

  free(values);
  free(y.data);
  tenon_session_free(session);
  tenon_model_free(model);
  return 0;
}
