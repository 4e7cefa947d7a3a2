//===- matrices.h - Products of matrices by a warp ------------------------===//
//
// Where a lane has which elements is after "Matrix multiply-accumulate
// operation using mma instruction" in NVIDIA's "Parallel Thread Execution ISA".
// Sums are rounded once, which a GPU does in each step.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_UTILS_PTX_MATRICES_H
#define TENON_UTILS_PTX_MATRICES_H

#include "together.h"

/// C (16 x 8) += A (16 x K) B (K x 8), with `perRegister` elements of A and B
/// in a register of 32 bits. A lane gives its registers of A, of B, and of C.
#define MMA(name, type, K, perRegister)                                        \
  static void mma_##name(struct member *warp, u32 lanes) {                     \
    enum { numA = K / (2 * perRegister), numB = numA / 2 };                    \
    f64 a[16][K], b[8][K];                                                     \
    for (u32 lane = 0; lane < WarpSize; ++lane) {                              \
      u32 group = lane / 4, within = lane % 4;                                 \
      for (u32 r = 0; r < numA; ++r)                                           \
        for (u32 e = 0; e < perRegister; ++e) {                                \
          u32 shift = 32 / perRegister * e;                                    \
          u32 k = within * perRegister + e;                                    \
          a[group + 8 * (r % 2)][k + 4 * perRegister * (r / 2)] =              \
              as_##type(warp[lane].in[r] >> shift);                            \
          if (r < numB)                                                        \
            b[group][k + 4 * perRegister * r] =                                \
                as_##type(warp[lane].in[numA + r] >> shift);                   \
        }                                                                      \
    }                                                                          \
    for (u32 lane = 0; lane < WarpSize; ++lane)                                \
      for (u32 r = 0; r < 4; ++r) {                                            \
        u32 row = lane / 4 + 8 * (r / 2), column = lane % 4 * 2 + r % 2;       \
        f64 sum = as_f32(warp[lane].in[numA + numB + r]);                      \
        for (u32 k = 0; k < K; ++k)                                            \
          sum += a[row][k] * b[column][k];                                     \
        warp[lane].out[r] = bits_f32(sum);                                     \
      }                                                                        \
  }
MMA(m16n8k16_f16, f16, 16, 2)
MMA(m16n8k16_bf16, bf16, 16, 2)
MMA(m16n8k8_tf32, tf32, 8, 1)
#undef MMA

/// Four matrices of 8 x 8 elements of 16 bits, whose rows stand where eight
/// lanes each say. A lane gets two neighbours of a row, or of a column.
static void loadMatrices(struct member *warp, bool transposed,
                         const char *site) {
  for (u32 i = 0; i < 4; ++i) {
    u16 matrix[8][8];
    for (u32 row = 0; row < 8; ++row) {
      struct member *lane = &warp[8 * i + row];
      memcpy(matrix[row],
             (const void *)generic(&lane->at, lane->in[0], 16, Read, site), 16);
    }
    for (u32 lane = 0; lane < WarpSize; ++lane) {
      u32 row = lane / 4, column = lane % 4 * 2;
      warp[lane].out[i] =
          transposed ? matrix[column][row] | (u32)matrix[column + 1][row] << 16
                     : matrix[row][column] | (u32)matrix[row][column + 1] << 16;
    }
  }
}
static void ldmatrix(struct member *warp, u32 lanes) {
  loadMatrices(warp, false, warp->site);
}
static void ldmatrix_trans(struct member *warp, u32 lanes) {
  loadMatrices(warp, true, warp->site);
}

#endif // TENON_UTILS_PTX_MATRICES_H
