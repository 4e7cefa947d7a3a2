//===- Softmax.cpp - Softmax of rows in place ----------------------------===//

#include "runtime/cpu/Softmax.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace tenon::onednn;

// One copy of the loops for each level of the processor, chosen at load.
#if defined(__x86_64__)
#define TENON_CLONES                                                           \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TENON_CLONES
#endif

/// e^x for x <= 0 (-inf gives 0, NaN stays). x = n ln 2 + r with |r| <= ln 2 /
/// 2; the polynomial is the one of the Cephes library's expf (S. Moshier).
static inline __attribute__((always_inline)) float expNonPositive(float x) {
  // A number also for NaN: only r keeps that.
  float clamped = x > -87.3f ? x : -87.3f;
  float n = std::nearbyint(clamped * 1.44269504088896341f);
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return x < -87.3f ? 0.0f : p * power;
}

TENON_CLONES void tenon::onednn::softmaxRow(float *x, int64_t count,
                                            float scale, const float *mask,
                                            int64_t maskStride) {
  if (!mask)
    for (int64_t i = 0; i < count; ++i)
      x[i] *= scale;
  else if (maskStride == 1)
    for (int64_t i = 0; i < count; ++i)
      x[i] = scale * x[i] + mask[i];
  else
    for (int64_t i = 0; i < count; ++i)
      x[i] = scale * x[i] + mask[i * maskStride];
  // Several partial results: a reduction in one would go element by element.
  constexpr int lanes = 32;
  float partial[lanes];
  for (int lane = 0; lane < lanes; ++lane)
    partial[lane] = -std::numeric_limits<float>::infinity();
  int64_t whole = count - count % lanes;
  for (int64_t i = 0; i < whole; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] = x[i + lane] > partial[lane] ? x[i + lane] : partial[lane];
  float max = partial[0];
  for (int lane = 1; lane < lanes; ++lane)
    max = partial[lane] > max ? partial[lane] : max;
  for (int64_t i = whole; i < count; ++i)
    max = x[i] > max ? x[i] : max;

  for (int64_t i = 0; i < count; ++i)
    x[i] = expNonPositive(x[i] - max);

  for (int lane = 0; lane < lanes; ++lane)
    partial[lane] = 0;
  for (int64_t i = 0; i < whole; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] += x[i + lane];
  float sum = 0;
  for (int lane = 0; lane < lanes; ++lane)
    sum += partial[lane];
  for (int64_t i = whole; i < count; ++i)
    sum += x[i];

  float factor = 1.0f / sum;
  for (int64_t i = 0; i < count; ++i)
    x[i] *= factor;
}
