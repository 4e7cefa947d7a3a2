//===- Softmax.h - Softmax of rows in place ------------------------------===//

#ifndef TENON_RUNTIME_CPU_SOFTMAX_H
#define TENON_RUNTIME_CPU_SOFTMAX_H

#include <cstdint>

namespace tenon::onednn {

/// Makes x[i] = e^(y[i] - max(y)) / sum for one row of `count` elements, with
/// y[i] = scale * x[i] + mask[i * maskStride]. `mask` may be null. e^x by a
/// polynomial, within 2 ulp.
void softmaxRow(float *x, int64_t count, float scale, const float *mask,
                int64_t maskStride);

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_SOFTMAX_H
