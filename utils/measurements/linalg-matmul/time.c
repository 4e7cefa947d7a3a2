// Prints the GFLOP/s of the matmul that upstream's transformations made: time
// ROWS.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  float *allocated, *aligned;
  long offset, sizes[2], strides[2];
} Matrix;
typedef struct {
  float *allocated, *aligned;
  long offset, sizes[3], strides[3];
} Panels;

void _mlir_ciface_matmul(Panels *result, Matrix *x, Panels *w, Matrix *bias,
                         Panels *y);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *random_floats(long count) {
  float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  for (long i = 0; i < count; ++i)
    values[i] = (rand() % 2001 - 1000) / 1000.f;
  return values;
}

int main(int argc, char **argv) {
  long rows = argc > 1 ? atol(argv[1]) : 1024;
  Matrix x = {0, random_floats(rows * 2048), 0, {rows, 2048}, {2048, 1}};
  Panels w = {
      0, random_floats(2048 * 2048), 0, {64, 2048, 32}, {2048 * 32, 32, 1}};
  Matrix bias = {0, random_floats(2048), 0, {64, 32}, {32, 1}};
  Panels y = {0, random_floats(rows * 2048), 0, {rows, 64, 32}, {2048, 32, 1}},
         result;
  double best = INFINITY;
  for (int run = 0; run < 20; ++run) {
    double begin = now();
    _mlir_ciface_matmul(&result, &x, &w, &bias, &y);
    best = fmin(best, now() - begin);
  }
  double error = 0;
  for (int check = 0; check < 100; ++check) {
    long row = rand() % rows, column = rand() % 2048;
    double sum = bias.aligned[column];
    for (long k = 0; k < 2048; ++k)
      sum += (double)x.aligned[row * 2048 + k] *
             w.aligned[(column / 32 * 2048 + k) * 32 + column % 32];
    error =
        fmax(error, fabs(fmax(sum, 0) - result.aligned[row * 2048 + column]));
  }
  printf("%.1f GFLOP/s, error %.1e\n", 2e-9 * rows * 2048 * 2048 / best, error);
}
