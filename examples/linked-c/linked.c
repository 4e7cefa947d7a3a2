/*===- linked.c - Runs a model that is linked in ---------------------------===
 *
 * The program needs no file of the model: small.o is part of it, and small.h
 * declares it. Both are from `tenon-compile small.onnx -o small.o`.
 *
 *===----------------------------------------------------------------------===*/

#include "small.h"
#include "tenon/tenon.h"

#include <stdio.h>

/* Prints an error and ends with its code. */
static int fail(TenonError *error) {
  int code = tenon_error_code(error);
  fprintf(stderr, "error: %s\n", tenon_error_message(error));
  tenon_error_free(error);
  return code;
}

int main(void) {
  enum { ROWS = 4, COLUMNS = 4, RESULTS = 6 };
  TenonModel *model = NULL;
  TenonSession *session = NULL;
  TenonError *error = tenon_model_from_description(&small, NULL, NULL, &model);
  if (!error)
    error = tenon_session_create(model, NULL, &session);

  /* Sizes are known here; binding checks that they fit the model. */
  float x[ROWS * COLUMNS], y[ROWS * RESULTS];
  int64_t xDims[] = {ROWS, COLUMNS}, yDims[] = {ROWS, RESULTS};
  for (int i = 0; i < ROWS * COLUMNS; ++i)
    x[i] = 1;
  TenonTensor input = {"x", x, TENON_F32, 2, xDims};
  TenonTensor output = {"y", y, TENON_F32, 2, yDims};
  if (!error)
    error = tenon_session_bind(session, &input, 1);
  if (!error)
    error = tenon_session_run(session, &input, 1, &output, 1);
  if (error)
    return fail(error);

  float sum = 0;
  for (int i = 0; i < ROWS * RESULTS; ++i)
    sum += y[i];
  printf("y: %d values, sum %g\n", ROWS * RESULTS, sum);
  tenon_session_free(session);
  tenon_model_free(model);
  return 0;
}
