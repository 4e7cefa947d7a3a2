/*===- FakeModel.h - A compiled model written by hand -----------------------===
 *
 *   inputs   x f32[N, 4], bias f32[4], index i64[N]
 *   outputs  y f32[N, 4] = 2 * x + bias
 *            picked f32[N, 4] = y[index]; an index outside of 0 .. N - 1 is out
 *            of range
 *            double_size i64[2 * N]: 0, 1, 2, ...
 *
 * It has a buffer of N * 4 floats (2 * x), used in steps 0 and 1.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_TEST_UNIT_RUNTIME_FAKEMODEL_H
#define TENON_TEST_UNIT_RUNTIME_FAKEMODEL_H

#include "runtime/core/ModelAbi.h"

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((visibility("default"))) extern const TenonModelDesc tenon_model;

/** For tests: work that each unit of the first kernel does before its own. */
extern int fakeModelDelay;

#ifdef __cplusplus
}
#endif

#endif /* TENON_TEST_UNIT_RUNTIME_FAKEMODEL_H */
