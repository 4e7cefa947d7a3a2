/*===- LibraryAbi.h - Kernels of a GPU that a library can run too -----------===
 *
 * A kernel of the device always has generated code. One that is no more than a
 * matrix product or a convolution with a tail, or an attention, that cuBLASLt
 * or cuDNN knows says so in TenonKernel::library, and where the library is
 * there, it runs the kernel.
 *
 * Sums are f32. All tensors are f32, or the factors are all f16 or all bf16
 * and the result is of their type or f32. The result is the last of the
 * kernel's args.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CUDA_LIBRARYABI_H
#define TENON_RUNTIME_CUDA_LIBRARYABI_H

#include <stdint.h>

/* The first word. */
enum TenonLibraryKind {
  /* TenonLibraryMatmul, for cuBLASLt */
  TENON_LIBRARY_MATMUL = 1,
  /* TenonLibraryConv, for cuDNN */
  TENON_LIBRARY_CONV = 2,
  /* TenonLibraryAttention, for cuDNN */
  TENON_LIBRARY_ATTENTION = 3
};

enum TenonLibraryActivation {
  TENON_LIBRARY_NO_ACTIVATION = 0,
  TENON_LIBRARY_RELU = 1,
  TENON_LIBRARY_GELU_TANH = 2,
  /* The others are not cuBLASLt's. */
  TENON_LIBRARY_GELU = 3,
  TENON_LIBRARY_SIGMOID = 4,
  TENON_LIBRARY_TANH = 5,
  TENON_LIBRARY_SILU = 6,
  TENON_LIBRARY_CLIP = 7 /* min(max(x, 0), high) */
};

/** result = activation(alpha * lhs * rhs + residual + bias)
 *
 * of the kernel's args. Factors are of two dimensions at least, of which the
 * last two are the matrix, exchanged on demand; those before are broadcast. */
typedef struct TenonLibraryMatmul {
  int64_t kind; /* TENON_LIBRARY_MATMUL */
  int64_t lhs, rhs;
  int64_t transposeLhs, transposeRhs; /* 0 or 1 */
  int64_t bias;       /* an arg of the result's type and as many elements as it
                         has columns, or -1 */
  int64_t residual;   /* an arg of the result's type and shape, or -1 */
  int64_t activation; /* TenonLibraryActivation */
  int64_t tf32;       /* 1 if f32 may be rounded to TF32 */
  double alpha;
} TenonLibraryMatmul;

enum { TENON_LIBRARY_MAX_AXES = 3 };

/** result = activation(convolution(input, weights) + residual + bias)
 *
 * of the kernel's args: input [N, axes..., C], weights [kernel..., C / groups,
 * M], result [N, axes..., M] with one to three axes. The weights are a
 * constant. */
typedef struct TenonLibraryConv {
  int64_t kind; /* TENON_LIBRARY_CONV */
  int64_t input, weights;
  int64_t bias;       /* an arg of M elements, of the result's type, or a
                         constant of f32; or -1 */
  int64_t residual;   /* an arg of the result's type and shape, or -1 */
  int64_t activation; /* TenonLibraryActivation */
  int64_t tf32;       /* 1 if f32 may be rounded to TF32 */
  int64_t groups;
  /* Of each axis; of those that there are not, 0. */
  int64_t strides[TENON_LIBRARY_MAX_AXES];
  int64_t dilations[TENON_LIBRARY_MAX_AXES];
  int64_t padsBefore[TENON_LIBRARY_MAX_AXES];
  int64_t padsAfter[TENON_LIBRARY_MAX_AXES];
  double high; /* of TENON_LIBRARY_CLIP */
} TenonLibraryConv;

/** Where the batches, the heads and their lines are in an arg of four
 * dimensions, of which the last is the elements of a line. */
typedef struct TenonLibraryHeads {
  int64_t arg;
  /* Of each of the three: which dimension of the arg it is, where in it it
     begins, and how many there are, or -1 for all. */
  int64_t axes[3], begins[3], sizes[3];
} TenonLibraryHeads;

/** result = softmax(scale * query * key' + mask) * value
 *
 * of the kernel's args: query [B, H, S, D], key [B, H, T, D], value
 * [B, H, T, E], result [B, H, S, E], all f16 or all bf16. */
typedef struct TenonLibraryAttention {
  int64_t kind; /* TENON_LIBRARY_ATTENTION */
  TenonLibraryHeads query, key, value, result;
  int64_t mask; /* an arg of the result's type or f32, of which dimensions of 1,
                   and those that there are not, are broadcast to
                   [B, H, S, T]; or -1 */
  double scale;
} TenonLibraryAttention;

#endif /* TENON_RUNTIME_CUDA_LIBRARYABI_H */
