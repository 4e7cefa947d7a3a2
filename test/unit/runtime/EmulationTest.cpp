//===- EmulationTest.cpp - PTX as code of the processor -------------------===//
//
// Each instruction for which threads meet, in a kernel of a few lines, and each
// mistake that ends a launch.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/EmulatedKernels.h"
#include "test/unit/runtime/EmulationKernels.h"

#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <numeric>
#include <vector>

using namespace tenon::test::cuda;

namespace {

/// Words of 32 bits, 16 for each thread: the memory of all kernels here.
struct Words : std::vector<uint32_t> {
  explicit Words(size_t threads) : std::vector<uint32_t>(16 * threads) {
    std::iota(begin(), end(), 1);
  }
  uint32_t &of(size_t thread, size_t word) {
    return (*this)[16 * thread + word];
  }
};

struct Emulation : testing::Test {
  static void SetUpTestSuite() {
    setenv("FAKE_CUDA_TRANSLATOR", TENON_SOURCE_DIR "/utils/emulate_ptx", 1);
    std::string error;
    library = loadEmulated(getEmulationKernels(), error);
    ASSERT_TRUE(library) << error;
  }
  static void TearDownTestSuite() {
    if (library)
      dlclose(library);
  }

  /// Runs a kernel; "" if nothing went wrong.
  std::string run(const char *name, Words &words, unsigned threads,
                  unsigned blocks = 1) {
    auto kernel = reinterpret_cast<Emulated>(
        dlsym(library, (std::string("kernel_") + name).c_str()));
    if (!kernel)
      return "no kernel";
    uint64_t parameters[] = {reinterpret_cast<uintptr_t>(words.data())};
    const char *error = kernel(blocks, threads, descending, parameters);
    return error ? error : "";
  }

  static void *library;
  int descending = 0;
};
void *Emulation::library = nullptr;

/// Everything once in each order of the threads.
struct InBothOrders : Emulation, testing::WithParamInterface<int> {
  void SetUp() override { descending = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(, InBothOrders, testing::Values(0, 1),
                         [](const testing::TestParamInfo<int> &info) {
                           return info.param ? "Descending" : "Ascending";
                         });

template <typename To, typename From> To as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
uint32_t bits(float value) { return as<uint32_t>(value); }

/// What a number is in the types that tensor cores multiply: a few bits of it.
float toHalf(float value) {
  return static_cast<float>(static_cast<_Float16>(value));
}
uint32_t halfBits(float value) {
  return as<uint16_t>(static_cast<_Float16>(value));
}
uint32_t bfloatBits(float value) { return bits(value) >> 16; }

} // namespace

//===----------------------------------------------------------------------===//
// Barriers and shared memory
//===----------------------------------------------------------------------===//

TEST_P(InBothOrders, Barriers) {
  // The block's words in reverse.
  for (unsigned threads : {1u, 32u, 100u, 1024u})
    for (const char *kernel : {"reverse", "reverse_generic"}) {
      Words words(3 * threads);
      ASSERT_EQ(run(kernel, words, threads, 3), "");
      for (unsigned block = 0; block < 3; ++block)
        for (unsigned i = 0; i < threads; ++i)
          ASSERT_EQ(words.of(block * threads + i, 1),
                    16 * (block * threads + threads - 1 - i) + 1)
              << kernel << threads;
    }
}

TEST_P(InBothOrders, SharedMemoryBeginsAsGarbage) {
  Words words(32);
  ASSERT_EQ(run("uninitialized", words, 32), "");
  EXPECT_TRUE(std::isnan(as<float>(words.of(3, 1))));
}

TEST_P(InBothOrders, Atomics) {
  Words words(64);
  ASSERT_EQ(run("atomics", words, 64), "");
  // Exactly one thread found what it expected, and its word is there.
  unsigned winners = 0;
  for (uint32_t i = 0; i < 64; ++i)
    if (words.of(i, 1) == 0) {
      ++winners;
      EXPECT_EQ(words.of(0, 3), words.of(i, 0));
    }
  EXPECT_EQ(winners, 1u);
  // Nobody did.
  EXPECT_EQ(words.of(0, 2), 5u);
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

TEST_P(InBothOrders, Shuffles) {
  for (uint32_t width : {32u, 8u})
    for (uint32_t by : {0u, 1u, 5u, 7u}) {
      Words words(32);
      uint32_t clamp = (32 - width) << 8 | 31, clampUp = (32 - width) << 8;
      for (unsigned lane = 0; lane < 32; ++lane) {
        words.of(lane, 1) = by;
        words.of(lane, 2) = clamp;
        words.of(lane, 3) = clampUp;
      }
      ASSERT_EQ(run("shuffles", words, 32), "");
      for (uint32_t lane = 0; lane < 32; ++lane) {
        uint32_t within = lane % width, begin = lane - within;
        auto check = [&](unsigned word, bool isThere, uint32_t source) {
          EXPECT_EQ(words.of(lane, word), 16 * (isThere ? source : lane) + 1);
          EXPECT_EQ(words.of(lane, word + 1), isThere);
        };
        check(4, within >= by, lane - by);
        check(6, within + by < width, lane + by);
        check(8, (within ^ by) < width, lane ^ by);
        check(10, by < width, begin + by);
      }
    }
}

TEST_P(InBothOrders, SomeLanes) {
  // The even lanes shuffle twice, the odd ones once, and then all.
  Words words(32);
  ASSERT_EQ(run("some_lanes", words, 32), "");
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(words.of(i, 1), 16 * (i % 2 ? 2u : 5u) + 1) << i;
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

namespace {
/// A kind of product: how many columns A has, how many of its elements are in a
/// register, the bits of an element, and what is left of a number in it.
struct Product {
  const char *kernel;
  unsigned depth, perRegister;
  uint32_t (*encode)(float);
  float (*round)(float);
};
uint32_t wordBits(float value) { return bits(value); }
float cutTo10Bits(float value) { return as<float>(bits(value) & ~0x1fffu); }
float cutTo7Bits(float value) { return as<float>(bits(value) & 0xffff0000); }
} // namespace

TEST_P(InBothOrders, Products) {
  for (const Product &product :
       {Product{"mma_f16_16", 16, 2, halfBits, toHalf},
        Product{"mma_bf16_16", 16, 2, bfloatBits, cutTo7Bits},
        Product{"mma_tf32_8", 8, 1, wordBits, cutTo10Bits}}) {
    unsigned depth = product.depth, per = product.perRegister;
    auto a = [&](unsigned row, unsigned k) {
      return std::sin(1 + row * 16.f + k);
    };
    auto b = [&](unsigned k, unsigned column) {
      return std::cos(k * 8.f + column);
    };
    auto c = [&](unsigned row, unsigned column) { return row - 0.5f * column; };
    Words words(32);
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned group = lane / 4, within = lane % 4, word = 0;
      // Registers of A go down by 8 rows first, then to the right.
      for (unsigned k = 0; k < depth; k += 4 * per)
        for (unsigned row : {group, group + 8}) {
          uint32_t &packed = words.of(lane, word++);
          packed = 0;
          for (unsigned e = 0; e < per; ++e)
            packed |= product.encode(a(row, k + within * per + e)) << 16 * e;
        }
      for (unsigned k = 0; k < depth; k += 4 * per) {
        uint32_t &packed = words.of(lane, word++);
        packed = 0;
        for (unsigned e = 0; e < per; ++e)
          packed |= product.encode(b(k + within * per + e, group)) << 16 * e;
      }
      for (unsigned row : {group, group + 8})
        for (unsigned e : {0, 1})
          words.of(lane, word++) = bits(c(row, within * 2 + e));
    }
    ASSERT_EQ(run(product.kernel, words, 32), "");
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        double sum = c(row, column);
        for (unsigned k = 0; k < depth; ++k)
          sum += double(product.round(a(row, k))) * product.round(b(k, column));
        EXPECT_NEAR(as<float>(words.of(lane, 12 + i)), sum, 1e-5)
            << product.kernel << " " << row << " " << column;
      }
  }
}

TEST_P(InBothOrders, LoadsOfMatrices) {
  // Four matrices one behind the other, whose elements count up.
  Words words(32);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      uint32_t element = 8 * lane + 2 * i;
      words.of(lane, i) = element | (element + 1) << 16;
    }
  ASSERT_EQ(run("load_matrices", words, 32), "");
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t row = lane / 4, column = lane % 4 * 2;
      uint32_t plain = 64 * i + 8 * row + column;
      uint32_t turned = 64 * i + 8 * column + row;
      EXPECT_EQ(words.of(lane, 4 + i), plain | (plain + 1) << 16);
      EXPECT_EQ(words.of(lane, 8 + i), turned | (turned + 8) << 16);
    }
}

TEST_P(InBothOrders, CopiesBehindTheThreads) {
  Words words(64);
  ASSERT_EQ(run("copies", words, 64), "");
  for (unsigned i = 0; i < 64; ++i) {
    unsigned from = 16 * (63 - i);
    for (unsigned word = 0; word < 4; ++word)
      EXPECT_EQ(words.of(i, 4 + word), from + 1 + word);
    // Of the second group only two words were taken.
    EXPECT_EQ(words.of(i, 8), from + 1);
    EXPECT_EQ(words.of(i, 9), from + 2);
    EXPECT_EQ(words.of(i, 10), 0u);
    EXPECT_EQ(words.of(i, 11), 0u);
    // One that was not waited for.
    EXPECT_EQ(words.of(i, 12), ~0u);
  }
}

//===----------------------------------------------------------------------===//
// Two numbers in a register
//===----------------------------------------------------------------------===//

TEST_F(Emulation, PackedArithmetic) {
  Words words(1);
  float a[] = {1.5f, -2.25f}, b[] = {0.75f, 3}, c[] = {-4, 0.125f};
  for (unsigned i = 0; i < 2; ++i) {
    words.of(0, i) = bits(a[i]);
    words.of(0, 2 + i) = bits(b[i]);
    words.of(0, 4 + i) = bits(c[i]);
  }
  ASSERT_EQ(run("packed", words, 1), "");
  std::function<float(float, float, float)> results[] = {
      [](float a, float b, float c) { return a * b + c; },
      [](float a, float b, float) { return a + b; },
      [](float a, float b, float) { return a * b; },
      [](float a, float b, float) { return std::max(a, b); },
      [](float a, float b, float) { return std::min(a, b); }};
  for (unsigned i = 0; i < 5; ++i) {
    float low = results[i](a[0], b[0], c[0]),
          high = results[i](a[1], b[1], c[1]);
    EXPECT_EQ(words.of(0, 6 + i), halfBits(low) | halfBits(high) << 16) << i;
  }
  for (unsigned i : {0, 3}) {
    float low = results[i](a[0], b[0], c[0]),
          high = results[i](a[1], b[1], c[1]);
    EXPECT_EQ(words.of(0, 11 + i / 3), bfloatBits(low) | bfloatBits(high)
                                                             << 16);
  }
  // Only the second, the high one, is less.
  EXPECT_EQ(words.of(0, 13), 2u);
}

TEST_F(Emulation, Tf32IsRoundedAwayFromZero) {
  Words words(1);
  words.of(0, 0) = 0x3f801000;
  words.of(0, 1) = 0xbf800fff;
  ASSERT_EQ(run("to_tf32", words, 1), "");
  EXPECT_EQ(words.of(0, 2), 0x3f802000u);
  EXPECT_EQ(words.of(0, 3), 0xbf800000u);
}

TEST_F(Emulation, NarrowNumbersFillRegistersWithTheirSign) {
  Words words(1);
  words.of(0, 0) = 0x12f0;
  ASSERT_EQ(run("to_s8", words, 1), "");
  EXPECT_EQ(words.of(0, 1), 16u);
}

//===----------------------------------------------------------------------===//
// Mistakes
//===----------------------------------------------------------------------===//

TEST_P(InBothOrders, Mistakes) {
  struct {
    const char *kernel;
    unsigned threads;
    const char *part;
  } mistakes[] = {
      {"barrier_of_some", 64, "kernel barrier_of_some: thread "},
      {"barrier_of_some", 64, ", which has ended, 'line "},
      {"other_barriers", 32, " of its warp at 'line "},
      {"shuffle_of_some", 32, "waits for thread 31, which has ended"},
      {"shuffles_elsewhere", 32, "and thread 31 at 'line "},
      {"shuffles_elsewhere", 32,
       ": shfl.sync.idx.b32 %r5, %r3, 0, 31, -1;' and thread "},
      {"shuffle_full", 20, "lanes 0xffffffff wait, and the warp has fewer"},
      {"beyond_shared", 32, "at byte 128 of 128 bytes of shared memory"},
      {"unaligned", 32, "at an unaligned address, 'line "},
      {"unaligned_shared", 32, "at an unaligned address, 'line "},
      {"trap", 32, ": trap;'"},
      {"read_race", 64, "of shared memory that "},
      {"read_race", 64, "with no barrier between"},
      {"write_race", 64, "writes byte 0 of shared memory that thread "},
      {"write_after_read", 64, "with no barrier between"},
      {"race_in_warp", 32, "with no barrier between"},
      {"copy_race", 64, "with no barrier between"},
      {"copy_not_shared", 64, "with no barrier between"},
      {"forgotten_copy", 64, "ends and has not waited for its copies"}};
  for (const auto &mistake : mistakes) {
    Words words(64);
    std::string error = run(mistake.kernel, words, mistake.threads);
    EXPECT_NE(error.find(mistake.part), std::string::npos)
        << mistake.kernel << ": '" << error << "'";
    // And the next launch is as if nothing had been.
    Words others(100);
    EXPECT_EQ(run("reverse", others, 100), "");
    EXPECT_EQ(others.of(0, 1), 16 * 99u + 1);
  }
}

TEST_P(InBothOrders, NoMistakes) {
  for (const char *kernel : {"synced_warp", "read_by_all"}) {
    Words words(64);
    EXPECT_EQ(run(kernel, words, 64), "");
  }
}

TEST_F(Emulation, TheOrderShows) {
  Words words(64);
  ASSERT_EQ(run("last_wins", words, 32, 2), "");
  EXPECT_EQ(words.of(0, 0), 63u);
  descending = 1;
  ASSERT_EQ(run("last_wins", words, 32, 2), "");
  EXPECT_EQ(words.of(0, 0), 0u);
}
