/*===- FakeModel.c - A compiled model written by hand -----------------------===
 *
 * What the compiler emits, in C. Compiled into the tests, and into shared
 * libraries with one member changed by a macro each.
 *
 *===----------------------------------------------------------------------===*/

#include "test/unit/runtime/FakeModel.h"

#include <stddef.h>

#ifndef FAKE_MAGIC
#define FAKE_MAGIC TENON_MODEL_MAGIC
#endif
#ifndef FAKE_VERSION
#define FAKE_VERSION TENON_ABI_VERSION
#endif
#ifndef FAKE_TRIPLE
#if defined(__aarch64__)
#define FAKE_TRIPLE "aarch64-unknown-linux-gnu"
#else
#define FAKE_TRIPLE "x86_64-unknown-linux-gnu"
#endif
#endif
#ifndef FAKE_FEATURES
#define FAKE_FEATURES ""
#endif

int fakeModelDelay;

/* args: x, doubled; dims: N, N */
static int64_t doubleRows(void *const *args, const int64_t *dims, int64_t begin,
                          int64_t end) {
  const float *x = args[0];
  float *y = args[1];
  for (int64_t row = begin; row < end; ++row) {
    volatile float waste = 1;
    for (int i = 0; i < fakeModelDelay; ++i)
      waste *= 1.5f;
    for (int i = 0; i < 4; ++i)
      y[row * 4 + i] = 2 * x[row * 4 + i];
  }
  return TENON_KERNEL_OK;
}

/* args: doubled, bias, y; dims: N, N */
static int64_t addBias(void *const *args, const int64_t *dims, int64_t begin,
                       int64_t end) {
  const float *x = args[0], *bias = args[1];
  float *y = args[2];
  for (int64_t row = begin; row < end; ++row)
    for (int i = 0; i < 4; ++i)
      y[row * 4 + i] = x[row * 4 + i] + bias[i];
  return TENON_KERNEL_OK;
}

/* args: y, index, picked; dims: N, N, N */
static int64_t pick(void *const *args, const int64_t *dims, int64_t begin,
                    int64_t end) {
  const float *y = args[0];
  const int64_t *index = args[1];
  float *picked = args[2];
  for (int64_t row = begin; row < end; ++row) {
    if (index[row] < 0)
      return TENON_KERNEL_INDEX_OUT_OF_RANGE;
    if (index[row] >= dims[0])
      return TENON_KERNEL_INDEX_OUT_OF_RANGE | TENON_KERNEL_TELLS_NUMBER |
             index[row] << TENON_KERNEL_NUMBER_SHIFT |
             dims[0] << TENON_KERNEL_LIMIT_SHIFT;
    for (int i = 0; i < 4; ++i)
      picked[row * 4 + i] = y[index[row] * 4 + i];
  }
  return TENON_KERNEL_OK;
}

/* Inputs, outputs, then of each: element type, rank, dimensions. */
static const int64_t doubleShapes[] = {1, 1,         TENON_F32, 2,  -1,
                                       4, TENON_F32, 2,         -1, 4};
static const int64_t addShapes[] = {2, 1, TENON_F32, 2, -1, 4, TENON_F32,
                                    1, 4, TENON_F32, 2, -1, 4};
static const int64_t pickShapes[] = {2, 1,  TENON_F32, 2, -1, 4, TENON_I64,
                                     1, -1, TENON_F32, 2, -1, 4};

#define KERNEL(function, node, shapes)                                         \
  {.fn = function,                                                             \
   .name = node,                                                               \
   .provider = "codegen",                                                      \
   .args = shapes,                                                             \
   .argsSize = sizeof shapes / 8}
static const TenonKernel kernels[] = {KERNEL(doubleRows, "Mul_0", doubleShapes),
                                      KERNEL(addBias, "Add_1", addShapes),
                                      KERNEL(pick, "Gather_2", pickShapes)};

/* N may be at most a million. */
static void plan(const int64_t *symbols, int64_t *bufferBytes,
                 int64_t *outputDims, int64_t *libraryDims) {
  bufferBytes[0] = symbols[0] > 1000000 ? -1 : symbols[0] * 16;
  outputDims[0] = symbols[0];
  outputDims[1] = 4;
  outputDims[2] = symbols[0];
  outputDims[3] = 4;
  outputDims[4] = 2 * symbols[0];
}

static int32_t run(const TenonRunFrame *frame) {
  int64_t n = frame->symbols[0];
  int64_t dims[] = {n, n, n};
  void *doubleArgs[] = {frame->inputs[0], frame->buffers[0]};
  frame->rt->launch(frame->session, &kernels[0], doubleArgs, dims, n, 4 * n);
  void *addArgs[] = {frame->buffers[0], frame->inputs[1], frame->outputs[0]};
  frame->rt->launch(frame->session, &kernels[1], addArgs, dims, n, 4 * n);
  void *pickArgs[] = {frame->outputs[0], frame->inputs[2], frame->outputs[1]};
  frame->rt->launch(frame->session, &kernels[2], pickArgs, dims, n, -1);
  int64_t *sizes = frame->outputs[2];
  for (int64_t i = 0; i < frame->outputDims[4]; ++i)
    sizes[i] = i;
  if (n == 13)
    frame->rt->fail(frame->session, TENON_ERROR_UNSUPPORTED, "Loop_3",
                    "thirteen rows");
  return TENON_OK;
}

static const int64_t rowDims[] = {TENON_DIM_SYMBOL(0), 4};
static const int64_t biasDims[] = {4};
static const int64_t indexDims[] = {TENON_DIM_SYMBOL(0)};
static const int64_t sizeDims[] = {TENON_DIM_COMPUTED};
#define TENSOR(name, dtype, rank, dims)                                        \
  {name, dtype, rank, dims, TENON_TENSOR, TENON_PART_WHOLE, 0, 0, 0}
static const TenonTensorDesc inputs[] = {
    TENSOR("x", TENON_F32, 2, rowDims), TENSOR("bias", TENON_F32, 1, biasDims),
    TENSOR("index", TENON_I64, 1, indexDims)};
static const TenonTensorDesc outputs[] = {
    TENSOR("y", TENON_F32, 2, rowDims), TENSOR("picked", TENON_F32, 2, rowDims),
    TENSOR("double_size", TENON_I64, 1, sizeDims)};
static const char *const symbolNames[] = {"N"};
static const TenonBufferDesc buffers[] = {{"Mul_0", 0, 1, TENON_SPACE_HOST, 0}};

const TenonModelDesc tenon_model = {.magic = FAKE_MAGIC,
                                    .abiVersion = FAKE_VERSION,
                                    .structSize = sizeof(TenonModelDesc),
                                    .name = "fake",
                                    .triple = FAKE_TRIPLE,
                                    .cpuFeatures = FAKE_FEATURES,
                                    .producer = "a test",
                                    .numInputs = 3,
                                    .numOutputs = 3,
                                    .inputs = inputs,
                                    .outputs = outputs,
                                    .numSymbols = 1,
                                    .numBuffers = 1,
                                    .symbolNames = symbolNames,
                                    .buffers = buffers,
                                    .numKernels = 3,
                                    .kernels = kernels,
                                    .plan = plan,
                                    .run = run};
