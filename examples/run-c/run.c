/*===- run.c - Runs a compiled model from C
 * ----------------------------------===
 *
 * run MODEL.so: feeds every input with 1 (dynamic dimensions become 4) and
 * prints the outputs' shapes and sums. It needs libtenon alone.
 *
 *===----------------------------------------------------------------------===*/

#include "tenon/tenon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 16, MAX_RANK = 8 };

/* Prints an error and ends; the exit codes are those of Tenon's tools. */
static void check(TenonError *error) {
  if (!error)
    return;
  int code = tenon_error_code(error);
  fprintf(stderr, "error: %s\n", tenon_error_message(error));
  tenon_error_free(error);
  exit(code);
}

static void fill(TenonTensor *tensor) {
  size_t count = tenon_tensor_bytes(tensor) / tenon_dtype_size(tensor->dtype);
  for (size_t i = 0; i < count; ++i)
    if (tensor->dtype == TENON_F32)
      ((float *)tensor->data)[i] = 1;
    else if (tensor->dtype == TENON_I64)
      ((int64_t *)tensor->data)[i] = 1;
}

static double sum(const TenonTensor *tensor) {
  size_t count = tenon_tensor_bytes(tensor) / tenon_dtype_size(tensor->dtype);
  double total = 0;
  for (size_t i = 0; i < count; ++i)
    if (tensor->dtype == TENON_F32)
      total += ((const float *)tensor->data)[i];
    else if (tensor->dtype == TENON_I64)
      total += (double)((const int64_t *)tensor->data)[i];
  return total;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: run MODEL.so\n");
    return TENON_ERROR_USAGE;
  }
  TenonModel *model;
  TenonSession *session;
  check(tenon_model_load(argv[1], &model));
  check(tenon_session_create(model, NULL, &session));

  /* The inputs are this program's memory; the model reads them in place. */
  TenonTensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
  int64_t dims[MAX_TENSORS][MAX_RANK];
  size_t numInputs = tenon_model_num_inputs(model);
  size_t numOutputs = tenon_model_num_outputs(model);
  if (numInputs > MAX_TENSORS || numOutputs > MAX_TENSORS)
    return TENON_ERROR_UNSUPPORTED;
  for (size_t i = 0; i < numInputs; ++i) {
    const TenonTensorInfo *info = tenon_model_input(model, i);
    if (info->rank > MAX_RANK)
      return TENON_ERROR_UNSUPPORTED;
    for (int axis = 0; axis < info->rank; ++axis)
      dims[i][axis] = info->dims[axis] < 0 ? 4 : info->dims[axis];
    inputs[i] =
        (TenonTensor){info->name, NULL, info->dtype, info->rank, dims[i]};
    inputs[i].data = calloc(tenon_tensor_bytes(&inputs[i]) + 1, 1);
    fill(&inputs[i]);
  }

  /* Binding the shapes of the inputs tells those of the outputs. */
  check(tenon_session_bind(session, inputs, numInputs));
  for (size_t i = 0; i < numOutputs; ++i) {
    outputs[i] = tenon_session_output(session, i);
    outputs[i].data = calloc(tenon_tensor_bytes(&outputs[i]) + 1, 1);
  }
  check(tenon_session_run(session, inputs, numInputs, outputs, numOutputs));
  for (size_t i = 0; i < numOutputs; ++i) {
    printf("%s %s", outputs[i].name, tenon_dtype_name(outputs[i].dtype));
    for (int axis = 0; axis < outputs[i].rank; ++axis)
      printf(" %lld", (long long)outputs[i].dims[axis]);
    printf(": sum %g\n", sum(&outputs[i]));
  }

  for (size_t i = 0; i < numInputs; ++i)
    free(inputs[i].data);
  for (size_t i = 0; i < numOutputs; ++i)
    free(outputs[i].data);
  tenon_session_free(session);
  tenon_model_free(model);
  return 0;
}
