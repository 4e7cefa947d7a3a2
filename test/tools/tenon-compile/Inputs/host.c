/*===- host.c - Runs a model where tenon-run is not ------------------------===
 *
 * host MODEL N INPUT OUTPUT: MODEL is a shared library, or "linked" for the
 * model that is linked in (compile with -DMODEL=its symbol). N is the value of
 * every dynamic dimension of the input; the files hold plain elements.
 *
 *===----------------------------------------------------------------------===*/

#include "tenon/tenon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MODEL
extern const struct TenonModelDesc MODEL;
#endif

static void check(TenonError *error) {
  if (!error)
    return;
  fprintf(stderr, "error: %s\n", tenon_error_message(error));
  exit(tenon_error_code(error));
}

static TenonModel *load(const char *name) {
  TenonModel *model = NULL;
#ifdef MODEL
  if (!strcmp(name, "linked")) {
    check(tenon_model_from_description(&MODEL, NULL, NULL, &model));
    return model;
  }
#endif
  check(tenon_model_load(name, &model));
  return model;
}

/* Reads or writes the elements of a tensor; ends the program if it can't. */
static void transfer(const char *path, const char *mode, TenonTensor *tensor) {
  size_t size = tenon_tensor_bytes(tensor), done = 0;
  FILE *file = fopen(path, mode);
  if (file)
    done = *mode == 'r' ? fread(tensor->data, 1, size, file)
                        : fwrite(tensor->data, 1, size, file);
  if (!file || done != size || fclose(file)) {
    fprintf(stderr, "error: %s: %zu of %zu bytes\n", path, done, size);
    exit(TENON_ERROR_SYSTEM);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: host MODEL N INPUT OUTPUT\n");
    return TENON_ERROR_USAGE;
  }
  TenonModel *model = load(argv[1]);
  TenonSession *session;
  check(tenon_session_create(model, NULL, &session));

  int64_t dims[8];
  const TenonTensorInfo *info = tenon_model_input(model, 0);
  if (info->rank > 8)
    return TENON_ERROR_UNSUPPORTED;
  for (int axis = 0; axis < info->rank; ++axis)
    dims[axis] = info->dims[axis] < 0 ? atoi(argv[2]) : info->dims[axis];
  TenonTensor input = {info->name, NULL, info->dtype, info->rank, dims};
  input.data = malloc(tenon_tensor_bytes(&input));
  transfer(argv[3], "rb", &input);

  check(tenon_session_bind(session, &input, 1));
  TenonTensor output = tenon_session_output(session, 0);
  output.data = malloc(tenon_tensor_bytes(&output));
  check(tenon_session_run(session, &input, 1, &output, 1));
  transfer(argv[4], "wb", &output);

  free(input.data);
  free(output.data);
  tenon_session_free(session);
  tenon_model_free(model);
  return 0;
}
