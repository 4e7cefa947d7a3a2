/*===- LibraryAbi.h - Kernels of a GPU that a library can run too -----------===
 *
 * A kernel of the device always has generated code. One that is no more than a
 * matrix product with a tail that cuBLASLt knows says so in
 * TenonKernel::library, and where the library is there, it runs the kernel.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CUDA_LIBRARYABI_H
#define TENON_RUNTIME_CUDA_LIBRARYABI_H

#include <stdint.h>

enum TenonLibraryKind {
  /* TenonLibraryMatmul */
  TENON_LIBRARY_MATMUL = 1
};

enum TenonLibraryActivation {
  TENON_LIBRARY_NO_ACTIVATION = 0,
  TENON_LIBRARY_RELU = 1,
  TENON_LIBRARY_GELU_TANH = 2
};

/** result = activation(alpha * lhs * rhs + residual + bias)
 *
 * of the kernel's args; the result is the last one. Factors are of two
 * dimensions at least, of which the last two are the matrix, exchanged on
 * demand; those before are broadcast. All are f32, or the factors are both f16
 * or both bf16 and the result is of their type or f32. Sums are f32. */
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

#endif /* TENON_RUNTIME_CUDA_LIBRARYABI_H */
