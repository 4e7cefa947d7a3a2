//===- OneDnnPackingTest.cpp - Constants packed by the compiler -----------===//

#include "test/unit/runtime/OneDnnCases.h"

#include <cmath>

using namespace tenon::test;

/// Compares what `packed` gives with the reference of `kernel`.
static void checkRuns(const std::string &what, const TestKernel &kernel,
                      TestKernel &packed) {
  std::vector<double> expected = kernel.computeReference();
  for (int threads : {1, 2}) {
    ASSERT_EQ(packed.run(threads), "ok") << what;
    double worst = 0;
    for (size_t i = 0; i < expected.size(); ++i)
      worst =
          std::max(worst, std::abs(packed.args.back().data[i] - expected[i]));
    EXPECT_LE(worst, 1e-3) << what;
  }
}

/// Packs arg 1 for `dims` and compares what comes out at the kernel's own size.
static void checkPacked(const std::string &what, TestKernel kernel,
                        const Dims &dims) {
  kernel.fill();
  TestKernel packed = kernel.pack(dims);
  ASSERT_FALSE(packed.args.empty()) << what;
  EXPECT_EQ(packed.args[1].dims.size(), 1u) << what;
  checkRuns(what, kernel, packed);
}

TEST(OneDnnPacking, SameSizes) {
  auto check = [](const std::string &what, const TestKernel &kernel) {
    checkPacked(what, kernel, kernel.allDims());
  };
  ConvCase c;
  check("conv 3x3", c.make());
  c.in = 13, c.out = 37;
  check("conv of odd channels", c.make());
  c = ConvCase();
  c.kernel = {1, 1}, c.pads = {0, 0, 0, 0};
  TestKernel tail = c.make();
  tail.postOps = {eltwise(TENON_ONEDNN_RELU)};
  tail.postOps.push_back(binary(
      TENON_ONEDNN_ADD, addOperand(tail, {1, c.out, c.height, c.width}, nhwc)));
  check("conv 1x1 relu add", tail);
  c = ConvCase();
  c.groups = 2;
  check("conv in groups", c.make());
  c = ConvCase();
  c.in = c.out = c.groups = 32;
  check("depthwise", c.make());
  check("matmul", matmul({37, 40}, {40, 50}, {37, 50}));
  check("matmul of batches", matmul({2, 9, 40}, {40, 50}, {2, 9, 50}, true,
                                    /*hasBias=*/true));
}

/// The kernel with its weights in blocks of four of their first dimension,
/// which is no order that the library asks for.
static TestKernel packInFours(const TestKernel &kernel) {
  const TestArg &plain = kernel.args[1];
  size_t rank = plain.dims.size();
  Dims strides(rank);
  int64_t size = 4;
  for (size_t i = rank; i-- > 0; size *= plain.dims[i])
    strides[i] = size;
  TestKernel packed = kernel;
  TestArg &weights = packed.args[1];
  weights = {{int64_t(plain.data.size())}, {}, /*isConstant=*/true, {}};
  weights.data.resize(plain.data.size());
  forEachIndex(plain.dims, [&](const Dims &index) {
    int64_t at = index[0] / 4 * strides[0] + index[0] % 4;
    for (size_t i = 1; i < rank; ++i)
      at += index[i] * strides[i];
    weights.data[at] = plain.at(index);
  });
  packed.descriptor = packed.makeDescriptor();
  auto append = [&](const Dims &words) {
    packed.descriptor.insert(packed.descriptor.end(), words.begin(),
                             words.end());
  };
  append({/*arg=*/1, int64_t(rank), /*numBlocks=*/1});
  for (const Dims &words : {plain.dims, /*padded=*/plain.dims, strides})
    append(words);
  append({/*size=*/4, /*dim=*/0});
  return packed;
}

// What stands in blocks is brought into others.
TEST(OneDnnPacking, OtherBlocks) {
  auto check = [](const std::string &what, TestKernel kernel) {
    kernel.fill();
    TestKernel fours = packInFours(kernel);
    TestKernel own = kernel.pack(kernel.allDims());
    ASSERT_FALSE(own.args.empty()) << what;
    size_t layout =
        fours.descriptor.size() - 5 - 3 * kernel.args[1].dims.size();
    ASSERT_GT(own.descriptor.size(), layout + 2) << what;
    EXPECT_GT(own.descriptor[layout + 2], 0) << what << " has no blocks";
    EXPECT_NE(own.descriptor, fours.descriptor) << what;
    checkRuns(what, kernel, fours);
  };
  ConvCase c;
  check("conv 3x3", c.make());
  c.in = 13, c.out = 44;
  check("conv of odd channels", c.make());
  c = ConvCase();
  c.kernel = {1, 1}, c.pads = {0, 0, 0, 0};
  check("conv 1x1", c.make());
  check("matmul", matmul({37, 40}, {40, 50}, {37, 50}));
}

TEST(OneDnnPacking, OtherSizes) {
  // The library may want other blocks for these sizes: then a copy is made.
  auto conv = [](int64_t side) {
    ConvCase c;
    c.in = c.out = 64, c.height = c.width = side;
    c.kernel = {1, 1}, c.pads = {0, 0, 0, 0};
    return c.make();
  };
  checkPacked("conv packed for 7x7", conv(28), conv(7).allDims());
  checkPacked("conv packed for 56x56", conv(7), conv(56).allDims());
  // Blocks that the channels don't fill.
  ConvCase odd;
  odd.in = 48, odd.out = 200, odd.height = odd.width = 7;
  odd.kernel = {1, 1}, odd.pads = {0, 0, 0, 0};
  Dims small = odd.make().allDims();
  for (int64_t side : {1, 14, 28, 56}) {
    odd.height = odd.width = side;
    checkPacked("conv of odd channels packed for 7x7", odd.make(), small);
  }
  TestKernel unknown = conv(10);
  Dims dims = unknown.allDims();
  for (size_t i : {0, 1, 2, 9, 10, 11})
    dims[i] = -1;
  checkPacked("conv packed for any", unknown, dims);
  TestKernel rows = matmul({2, 9, 40}, {40, 50}, {2, 9, 50});
  rows.postOps = {binary(TENON_ONEDNN_ADD, addOperand(rows, {2, 9, 50}, {}))};
  checkPacked("matmul packed for any", rows,
              {-1, -1, 40, 40, 50, -1, -1, 50, -1, -1, 50});
  // Rows that are not those of one product.
  rows = matmul({2, 9, 40}, {40, 50}, {2, 9, 50});
  rows.postOps = {binary(TENON_ONEDNN_ADD, addOperand(rows, {1, 9, 50}, {}))};
  checkPacked("matmul with an operand of one batch", rows,
              {-1, 9, 40, 40, 50, 1, 9, 50, -1, 9, 50});
}

TEST(OneDnnPacking, NotPacked) {
  auto isPacked = [](TestKernel kernel) {
    kernel.fill();
    return !kernel.pack(kernel.allDims()).args.empty();
  };
  EXPECT_FALSE(isPacked(matmul({3, 4, 40}, {3, 40, 50}, {3, 4, 50})));
  EXPECT_FALSE(isPacked(matmul({0, 40}, {40, 50}, {0, 50})));
  TestKernel unknown = matmul({4, 40}, {40, 50}, {4, 50});
  unknown.fill();
  TestKernel packed = unknown.pack(unknown.allDims());
  ASSERT_FALSE(packed.args.empty());
  // Once is enough.
  EXPECT_TRUE(packed.pack(packed.allDims()).args.empty());
}
