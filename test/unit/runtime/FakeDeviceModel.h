//===- FakeDeviceModel.h - A model for a device, written by hand ----------===//
//
//   inputs   x f32[N, 4], index i64[N]
//   outputs  y f32[N, 4] = 2 * x + bias, which stands in the weights
//            picked f32[N, 4] = y[index]; an index outside of 0 .. N - 1 is out
//            of range
//            positive f32[2 * M]: the M positive elements of x, twice
//            sums f32[N]: of the rows of y, which the processor adds
//
// Its kernels are for the fake driver; see FakeCuda.h.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKEDEVICEMODEL_H
#define TENON_TEST_UNIT_RUNTIME_FAKEDEVICEMODEL_H

#include "runtime/core/ModelAbi.h"

#include <atomic>
#include <string>
#include <vector>

namespace tenon::test {

/// The model, with one image, "compute_80". Registers its kernels.
const TenonModelDesc &getDeviceModel();

/// Of these inputs and the first two outputs only, so that the processor has no
/// part in it.
const TenonModelDesc &getReplayableModel();
/// The same, but the host copies something, which can't be replayed.
const TenonModelDesc &getWronglyReplayableModel();
/// How often the code of the two ran.
extern std::atomic<int> replayableModelRuns;

/// A text with all of its kernels, and a comment to know it by.
std::string makeImage(const std::string &comment);

/// Its inputs for `n` rows; `seed` makes others of them.
std::vector<float> makeRows(int64_t n, int seed = 0);
std::vector<int64_t> makeIndex(int64_t n, int seed = 0);
/// Whether two of its outputs are what the inputs make.
bool areRight(const std::vector<float> &x, const std::vector<int64_t> &index,
              const std::vector<float> &y, const std::vector<float> &picked);

/// Its four elements stand behind others in the weights, which no kernel reads.
extern const float *const deviceModelBias;

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_FAKEDEVICEMODEL_H
