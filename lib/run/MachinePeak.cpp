//===- MachinePeak.cpp - What this machine can do at most ---------------===//

#include "lib/run/MachinePeak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

/// More chains than of f32: an instruction takes up to six cycles, and there
/// are 32 registers.
constexpr int kBf16Chains = 16;

__attribute__((target("avx512f,avx512bf16"))) float
multiplyBf16Avx512(int64_t rounds) {
  __m512 sums[kBf16Chains], factor = _mm512_set1_ps(1e-3f);
  __m512bh pairs = _mm512_cvtne2ps_pbh(factor, factor);
  for (int i = 0; i < kBf16Chains; ++i)
    sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round)
    for (int i = 0; i < kBf16Chains; ++i)
      sums[i] = _mm512_dpbf16_ps(sums[i], pairs, pairs);
  for (int i = 1; i < kBf16Chains; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

/// What LDTILECFG reads (Intel's manual, volume 1, chapter 18): palette 1 has
/// eight tiles of at most 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  static constexpr int numTiles = 8;
  static constexpr int numRows = 16, rowBytes = 64;

  TileConfig() {
    std::fill_n(bytesOfRow, numTiles, uint16_t(rowBytes));
    std::fill_n(rows, numTiles, uint8_t(numRows));
  }
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t bytesOfRow[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

/// Six tiles of sums: an instruction begins every 16 cycles and takes 52.
constexpr int kTileSums = 6;

__attribute__((target("amx-tile,amx-bf16"))) float
multiplyBf16Amx(int64_t rounds) {
  TileConfig config;
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
  alignas(64) float sums[TileConfig::numRows][TileConfig::rowBytes / 4];
  _tile_stored(0, sums, TileConfig::rowBytes);
  _tile_release();
  return sums[0][0];
}

/// Whether the processor has AMX for bf16, and the system lets this process
/// use it, for which it has to be asked once (Linux, Documentation/arch/x86/
/// xstate.rst).
bool mayUseAmx() {
  constexpr long requestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  constexpr long tileData = 18;              // XFEATURE_XTILEDATA
  return __builtin_cpu_supports("amx-bf16") &&
         syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}
#endif

/// Products of bf16 by one instruction.
struct Bf16Kernel {
  float (*multiply)(int64_t rounds);
  /// Of a round.
  double flops;
};

std::vector<Bf16Kernel> findBf16Kernels() {
  std::vector<Bf16Kernel> kernels;
#if defined(__x86_64__)
  // Two products for each of 16 sums.
  if (__builtin_cpu_supports("avx512bf16"))
    kernels.push_back({&multiplyBf16Avx512, 2.0 * 2 * 16 * kBf16Chains});
  // 32 products for each of 16 x 16.
  if (mayUseAmx())
    kernels.push_back({&multiplyBf16Amx, 2.0 * 32 * 16 * 16 * kTileSums});
#endif
  return kernels;
}

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

/// Rounds of a product of bf16 that last about 30 ms, or those of the first
/// call where that lasts as long: AMX may be emulated.
int64_t chooseRounds(float (*kernel)(int64_t rounds)) {
  constexpr int64_t few = 1000, most = 1000000;
  Clock::time_point start = Clock::now();
  sink = kernel(few);
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return seconds > 30e-3 ? few : most;
}

} // namespace

double MachinePeak::getLeastTime(double flops, double bytes,
                                 bool multipliesBf16) const {
  return std::max(flops /
                      (multipliesBf16 ? bf16Gflops.value_or(gflops) : gflops),
                  bytes / gigabytes);
}

MachinePeak tenon::run::measurePeak(int threads, bool withBf16) {
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
  if (withBf16)
    for (const Bf16Kernel &kernel : findBf16Kernels()) {
      int64_t rounds = chooseRounds(kernel.multiply);
      double seconds =
          timeOnAll(threads, [&](int) { sink = kernel.multiply(rounds); });
      double found = kernel.flops * rounds * threads / seconds / 1e9;
      peak.bf16Gflops = std::max(peak.bf16Gflops.value_or(0), found);
    }
  return peak;
}
