//===- OneDnnCases.h - Kernels that the tests of oneDNN are made of -------===//

#ifndef TENON_TEST_UNIT_RUNTIME_ONEDNNCASES_H
#define TENON_TEST_UNIT_RUNTIME_ONEDNNCASES_H

#include "test/unit/runtime/OneDnnKernel.h"

namespace tenon::test {

inline const Dims nhwc{0, 3, 1, 2}, nwc{0, 2, 1}, ndhwc{0, 4, 1, 2, 3};
/// Stored [kernel..., in/groups, out], logical [out, in/groups, kernel...].
inline const Dims nhwcWeights{3, 2, 0, 1};

inline TestPostOp eltwise(int algorithm, double alpha = 0, double beta = 0) {
  return {TENON_ONEDNN_ELTWISE, algorithm, alpha, beta, -1};
}
inline TestPostOp binary(int algorithm, int arg) {
  return {TENON_ONEDNN_BINARY, algorithm, 0, 0, arg};
}

struct ConvCase {
  int64_t batch = 1, in = 16, out = 32, height = 14, width = 11, groups = 1;
  Dims kernel{3, 3}, strides{1, 1}, pads{1, 1, 1, 1}, dilations{1, 1};
  bool isNhwc = true, isTransposed = false, hasBias = true, isConstant = true;
  int64_t outputPadding = 0;

  TestKernel make() const {
    Dims spatial{height, width}, result;
    for (int i = 0; i < 2; ++i) {
      int64_t window = dilations[i] * (kernel[i] - 1) + 1;
      result.push_back(
          isTransposed
              ? strides[i] * (spatial[i] - 1) + window - pads[i] - pads[2 + i] +
                    outputPadding
              : (spatial[i] + pads[i] + pads[2 + i] - window) / strides[i] + 1);
    }
    TestKernel k{isTransposed ? TENON_ONEDNN_DECONV : TENON_ONEDNN_CONV,
                 {},
                 hasBias ? 2 : -1,
                 {2, groups, strides[0], strides[1], pads[0], pads[1], pads[2],
                  pads[3], dilations[0], dilations[1]},
                 {}};
    Dims layout = isNhwc ? nhwc : Dims{};
    k.args.push_back({{batch, in, height, width}, layout});
    k.args.push_back({isTransposed
                          ? Dims{in, out / groups, kernel[0], kernel[1]}
                          : Dims{out, in / groups, kernel[0], kernel[1]},
                      isNhwc ? nhwcWeights : Dims{}, isConstant});
    if (hasBias)
      k.args.push_back({{out}, {}, true});
    k.args.push_back({{batch, out, result[0], result[1]}, layout});
    return k;
  }
};

/// Puts an operand of a post-op before the result; returns its index.
inline int addOperand(TestKernel &kernel, const Dims &dims,
                      const Dims &permutation) {
  kernel.args.insert(kernel.args.end() - 1, TestArg{dims, permutation});
  return static_cast<int>(kernel.args.size()) - 2;
}

inline TestKernel matmul(const Dims &lhs, const Dims &rhs, const Dims &dst,
                         bool isConstant = true, bool hasBias = false) {
  TestKernel kernel{TENON_ONEDNN_MATMUL, {}, hasBias ? 2 : -1, {}, {}};
  kernel.args.push_back({lhs, {}});
  kernel.args.push_back({rhs, {}, isConstant});
  if (hasBias)
    kernel.args.push_back({{rhs.back()}, {}, true});
  kernel.args.push_back({dst, {}});
  return kernel;
}

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_ONEDNNCASES_H
