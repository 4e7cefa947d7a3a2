//===- CudaCall.h - A run of the model of FakeDeviceModel.h ---------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_CUDACALL_H
#define TENON_TEST_UNIT_RUNTIME_CUDACALL_H

#include "test/unit/runtime/CudaFixture.h"
#include "test/unit/runtime/FakeDeviceModel.h"

namespace tenon::test {

/// Inputs and outputs of the model for N rows.
struct Call {
  explicit Call(int64_t n)
      : n(n), x(makeRows(n)), y(4 * n), picked(4 * n), sums(n),
        index(makeIndex(n)) {}
  Call(const Call &) = delete;

  std::string run(const SessionPtr &session) {
    std::string text =
        take(tenon_session_run(session.get(), inputs, 2, outputs, 3));
    positive = tenon_session_output(session.get(), 2);
    return text;
  }
  bool isRight() const {
    std::vector<float> expected;
    for (float value : x)
      if (value > 0)
        expected.push_back(value);
    int64_t count = expected.size();
    if (positive.dims[0] != 2 * count)
      return false;
    auto *found = static_cast<const float *>(positive.data);
    for (int64_t i = 0; i < 2 * count; ++i)
      if (found[i] != expected[i % count])
        return false;
    for (int64_t row = 0; row < n; ++row) {
      float sum = 0;
      for (int64_t i = 0; i < 4; ++i)
        sum += y[4 * row + i];
      if (sums[row] != sum)
        return false;
    }
    return areRight(x, index, y, picked);
  }

  int64_t n;
  std::vector<float> x, y, picked, sums;
  std::vector<int64_t> index;
  int64_t rowDims[2] = {n, 4}, indexDims[1] = {n};
  TenonTensor inputs[2] = {{"x", x.data(), TENON_F32, 2, rowDims},
                           {"index", index.data(), TENON_I64, 1, indexDims}};
  TenonTensor outputs[3] = {{"y", y.data(), TENON_F32, 2, rowDims},
                            {"picked", picked.data(), TENON_F32, 2, rowDims},
                            {"sums", sums.data(), TENON_F32, 1, indexDims}};
  TenonTensor positive{};
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_CUDACALL_H
