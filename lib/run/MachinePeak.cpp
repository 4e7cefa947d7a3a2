//===- MachinePeak.cpp - What this machine can do at most ---------------===//

#include "lib/run/MachinePeak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

using namespace tenon::run;

namespace {

using Clock = std::chrono::steady_clock;

/// Chains that are enough to keep two units of four cycles' latency busy, and
/// fit into sixteen registers.
constexpr int kChains = 12;

template <int lanes> struct Vector {
  typedef float Type __attribute__((vector_size(lanes * sizeof(float))));
};

template <int lanes>
__attribute__((always_inline)) inline float multiplyAdd(int64_t rounds,
                                                        float factor) {
  using Type = typename Vector<lanes>::Type;
  Type sums[kChains], scale = Type{} + factor, step = Type{} + 1e-3f;
  for (int i = 0; i < kChains; ++i)
    sums[i] = Type{} + static_cast<float>(i);
  for (int64_t round = 0; round < rounds; ++round)
    for (int i = 0; i < kChains; ++i)
      sums[i] = __builtin_elementwise_fma(sums[i], scale, step);
  for (int i = 1; i < kChains; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

template <int lanes>
__attribute__((always_inline)) inline float addUp(const float *data,
                                                  int64_t count) {
  using Type = typename Vector<lanes>::Type;
  constexpr int chains = 8;
  Type sums[chains] = {};
  for (int64_t i = 0; i + chains * lanes <= count; i += chains * lanes)
    for (int c = 0; c < chains; ++c)
      sums[c] += *reinterpret_cast<const Type *>(data + i + c * lanes);
  for (int c = 1; c < chains; ++c)
    sums[0] += sums[c];
  return sums[0][0];
}

/// The two measurements with the widest vectors of the processor.
struct Kernels {
  int lanes;
  float (*multiplyAdd)(int64_t rounds, float factor);
  float (*addUp)(const float *data, int64_t count);
};

#if defined(__x86_64__)
#define TENON_FOR_TARGET(suffix, features, lanes)                              \
  __attribute__((target(features))) float multiplyAdd##suffix(int64_t rounds,  \
                                                              float factor) {  \
    return multiplyAdd<lanes>(rounds, factor);                                 \
  }                                                                            \
  __attribute__((target(features))) float addUp##suffix(const float *data,     \
                                                        int64_t count) {       \
    return addUp<lanes>(data, count);                                          \
  }
TENON_FOR_TARGET(Avx512, "avx512f,fma", 16)
TENON_FOR_TARGET(Avx2, "avx2,fma", 8)
#undef TENON_FOR_TARGET
#endif

Kernels chooseKernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return {16, &multiplyAddAvx512, &addUpAvx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {8, &multiplyAddAvx2, &addUpAvx2};
#endif
  return {4, &multiplyAdd<4>, &addUp<4>};
}

/// The shortest time in seconds that `work` takes on all threads at once, of
/// several.
template <typename Work> double timeOnAll(int threads, Work work) {
  constexpr int repeats = 5;
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    Clock::time_point start = Clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t)
      others.emplace_back(work, t);
    work(0);
    for (std::thread &thread : others)
      thread.join();
    best = std::min(
        best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// Where results go, so that they are computed.
volatile float sink;

} // namespace

double MachinePeak::getLeastTime(double flops, double bytes) const {
  return std::max(flops / gflops, bytes / gigabytes);
}

MachinePeak tenon::run::measurePeak(int threads) {
  Kernels kernels = chooseKernels();
  constexpr int64_t rounds = 1000000;
  double arithmetic = timeOnAll(
      threads, [&](int) { sink = kernels.multiplyAdd(rounds, 0.999f); });

  constexpr int64_t count = int64_t(256) << 20;
  int64_t part = count / sizeof(float) / threads / 256 * 256;
  std::vector<float> data(part * threads + 16, 1.0f);
  // Vectors must stand on their own size.
  auto address = reinterpret_cast<uintptr_t>(data.data());
  float *begin = data.data() + (64 - address % 64) % 64 / sizeof(float);
  double reading = timeOnAll(threads, [&](int thread) {
    sink = kernels.addUp(begin + thread * part, part);
  });

  MachinePeak peak;
  peak.gflops =
      2.0 * rounds * kChains * kernels.lanes * threads / arithmetic / 1e9;
  peak.gigabytes = double(part) * threads * sizeof(float) / reading / 1e9;
  return peak;
}
