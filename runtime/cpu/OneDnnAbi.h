/*===- OneDnnAbi.h - Descriptors of the kernels that oneDNN runs -----------===
 *
 * TenonLibraryKernel::descriptor of provider "onednn" is an array of int64_t
 * words, written by the compiler and read by libtenon_cpu:
 *
 *   word 0       TENON_ONEDNN_VERSION
 *   word 1       kind, a TenonOneDnnKind
 *   word 2       number of args; the last is the result ("dst")
 *   word 3       the arg that is the bias, or -1
 *   word 4       number of attribute words
 *   word 5       number of post-ops
 *   then for each arg: element type (TenonDType), rank, and the permutation,
 *   rank words
 *   then the attribute words, as the kind says
 *   then for each post-op TENON_ONEDNN_POST_OP_WORDS words
 *   then, up to the end, for each arg that is packed: the arg, the number of
 *   its dimensions n, the number of inner blocks b; n dimensions, n padded
 *   dimensions, n strides, b sizes of blocks, b dimensions that they divide
 *
 * Permutation: an arg stands in memory contiguous and row-major in its stored
 * dimensions, those that the call passes. Its logical dimension i, in the order
 * that the kind names below, is its stored dimension permutation[i]. So layouts
 * and fused transposes need nothing else: a feature map in NHWC has [0,3,1,2].
 *
 * A packed arg is a constant in one of the library's own blocked layouts. It
 * has one stored dimension, the number of its elements with padding; its layout
 * counts in elements and is over the library's dimensions, which differ from
 * the kind's logical ones in that weights of several groups have a leading
 * dimension of groups. What a primitive wants in another layout is reordered
 * when it is made. Only weights of CONV and rhs of MATMUL may be packed.
 *
 * A double stands as its bits. Plain C.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CPU_ONEDNNABI_H
#define TENON_RUNTIME_CPU_ONEDNNABI_H

#include <stdint.h>

#define TENON_ONEDNN_VERSION 2
#define TENON_ONEDNN_HEADER_WORDS 6
#define TENON_ONEDNN_POST_OP_WORDS 5
/** The most dimensions of an arg. */
#define TENON_ONEDNN_MAX_RANK 8
/** The most post-ops of a kernel (a limit of the library). */
#define TENON_ONEDNN_MAX_POST_OPS 32

/** Kinds, with the logical dimensions of their args and their attribute words.
 * S is the number of spatial dimensions: 1, 2 or 3. Only where `post-ops` is
 * said may there be any; only where [bias] stands may there be a bias, and it
 * stands there in the args. Args of binary post-ops follow, then dst. */
typedef enum TenonOneDnnKind {
  /** src [N, C, spatial], weights [M, C/groups, kernel], [bias [M]], post-ops,
   * dst [N, M, spatial]. Attributes: S, groups, then S words of each of
   * strides, pads at the begin, pads at the end, dilations (1 = dense). */
  TENON_ONEDNN_CONV = 1,
  /** Transposed: src [N, C, spatial], weights [C, M/groups, kernel], [bias
   * [M]], post-ops, dst [N, M, spatial]. Attributes as for CONV; output padding
   * follows from the size of dst. */
  TENON_ONEDNN_DECONV = 2,
  /** lhs [..., M, K], rhs [..., K, N], [bias [N]], post-ops, dst [..., M, N].
   * Leading dimensions broadcast, and may be fewer, as in numpy. No
   * attributes. */
  TENON_ONEDNN_MATMUL = 3,
  /** src [N, C, spatial], post-ops, dst [N, C, spatial]. Attributes: S, then S
   * words of each of kernel, strides, pads at the begin, pads at the end,
   * dilations (1 = dense), and one word: 1 if padding counts in the mean. A
   * last window that overhangs (ceil mode) follows from the size of dst, and
   * must not count padding. */
  TENON_ONEDNN_AVERAGE_POOL = 5,
  /** src, dst of the same dimensions. Attributes: axis (logical), 1 for the
   * logarithm of the softmax. */
  TENON_ONEDNN_SOFTMAX = 6,
  /** query [B, H, S, D], key [B, H, T, D], value [B, H, T, E], then the mask,
   * if any, whose dimensions broadcast to [B, H, S, T], dst [B, H, S, E].
   * Attributes: scale (double), arg of the mask or -1. */
  TENON_ONEDNN_ATTENTION = 7
} TenonOneDnnKind;

/** A post-op: kind, algorithm, alpha (double), beta (double), arg. They apply
 * in order to the result of the kernel (with its bias), in f32. Two eltwise
 * ones of one algorithm have the same alpha and beta: oneDNN 2.6 keeps one set
 * for both. */
typedef enum TenonOneDnnPostOpKind {
  /** x = f(x), with alpha and beta as the algorithm says; arg is -1. */
  TENON_ONEDNN_ELTWISE = 1,
  /** x = x op arg. The arg has the element type and at most the rank of dst;
   * it lacks leading logical dimensions; each is 1 or that of dst. Fast are the
   * same dimensions and permutation as dst, one value per channel (dimension 1
   * of conv and pool, the last of matmul), and one value. */
  TENON_ONEDNN_BINARY = 2
} TenonOneDnnPostOpKind;

typedef enum TenonOneDnnEltwise {
  TENON_ONEDNN_RELU = 1,        /* x if x > 0, alpha * x otherwise */
  TENON_ONEDNN_TANH = 2,        /* tanh(x) */
  TENON_ONEDNN_ELU = 3,         /* x if x > 0, alpha * (e^x - 1) otherwise */
  TENON_ONEDNN_SQUARE = 4,      /* x^2 */
  TENON_ONEDNN_ABS = 5,         /* |x| */
  TENON_ONEDNN_SQRT = 6,        /* sqrt(x) */
  TENON_ONEDNN_LINEAR = 7,      /* alpha * x + beta */
  TENON_ONEDNN_CLIP = 8,        /* min(max(x, alpha), beta) */
  TENON_ONEDNN_LOGISTIC = 9,    /* 1 / (1 + e^-x) */
  TENON_ONEDNN_EXP = 10,        /* e^x */
  TENON_ONEDNN_LOG = 11,        /* ln(x) */
  TENON_ONEDNN_POW = 12,        /* alpha * x^beta */
  TENON_ONEDNN_GELU_ERF = 13,   /* x * Phi(x) */
  TENON_ONEDNN_GELU_TANH = 14,  /* x * Phi(x), Phi by a tanh */
  TENON_ONEDNN_SWISH = 15,      /* x / (1 + e^(-alpha * x)) */
  TENON_ONEDNN_HARD_SWISH = 16, /* x * min(max(x / 6 + 1/2, 0), 1) */
  TENON_ONEDNN_SOFT_RELU = 17,  /* ln(1 + e^x) */
  TENON_ONEDNN_MISH = 18,       /* x * tanh(ln(1 + e^x)) */
  TENON_ONEDNN_ROUND = 19       /* x rounded, halves to even */
} TenonOneDnnEltwise;

typedef enum TenonOneDnnBinary {
  TENON_ONEDNN_ADD = 1,
  TENON_ONEDNN_SUB = 2,
  TENON_ONEDNN_MUL = 3,
  TENON_ONEDNN_DIV = 4,
  TENON_ONEDNN_MAX = 5,
  TENON_ONEDNN_MIN = 6
} TenonOneDnnBinary;

#endif /* TENON_RUNTIME_CPU_ONEDNNABI_H */
