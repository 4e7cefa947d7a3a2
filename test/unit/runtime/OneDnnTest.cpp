//===- OneDnnTest.cpp - oneDNN's kernels against their definition --------===//

#include "test/unit/runtime/Hosts.h"
#include "test/unit/runtime/OneDnnCases.h"

#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <iterator>

using namespace tenon::test;

extern "C" unsigned omp_get_max_threads(void);

TEST(OneDnn, Convolution) {
  ConvCase plain;
  plain.make().check("conv 3x3 nhwc");
  ConvCase c = plain;
  c.isNhwc = false;
  c.make().check("conv 3x3 nchw");
  c = plain;
  c.kernel = {1, 1};
  c.pads = {0, 0, 0, 0};
  c.make().check("conv 1x1 nhwc");
  c = plain;
  c.strides = {2, 3};
  c.pads = {0, 1, 2, 0};
  c.make().check("conv strides, uneven pads");
  c = plain;
  c.dilations = {2, 3};
  c.pads = {2, 3, 2, 3};
  c.make().check("conv dilated");
  c = plain;
  c.in = c.out = c.groups = 24;
  c.make().check("conv depthwise");
  c.kernel = {5, 5};
  c.pads = {2, 2, 2, 2};
  c.strides = {2, 2};
  c.make().check("conv depthwise 5x5 stride 2");
  c = plain;
  c.groups = 4;
  c.make().check("conv 4 groups nhwc");
  c.isNhwc = false;
  c.make().check("conv 4 groups nchw");
  c = plain;
  c.in = 3;
  c.batch = 2;
  c.hasBias = false;
  c.make().check("conv 3 channels, batch 2, no bias");
  c = plain;
  c.isConstant = false;
  c.make().check("conv with weights that are computed");
}

/// Ends the process: with code 0 if the library's cache of primitives holds so
/// many once a kernel has run.
[[noreturn]] static void checkCacheCapacity(int expected) {
  TestKernel kernel = matmul({3, 8}, {8, 5}, {3, 5});
  kernel.fill();
  std::string text = kernel.run();
  void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_NOLOAD);
  auto get = reinterpret_cast<int (*)(int *)>(
      library ? dlsym(library, "dnnl_get_primitive_cache_capacity") : nullptr);
  int capacity = -1;
  if (get)
    get(&capacity);
  fprintf(stderr, "%s, %d primitives\n", text.c_str(), capacity);
  exit(text == "ok" && capacity == expected ? 0 : 1);
}

TEST(OneDnn, CacheOfPrimitives) {
  // In new processes: the library reads the environment once.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto isCapacity = testing::ExitedWithCode(0);
  EXPECT_EXIT(checkCacheCapacity(32), isCapacity, "");
  for (const char *name :
       {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"})
    for (int capacity : {1024, 5}) {
      setenv(name, std::to_string(capacity).c_str(), 1);
      EXPECT_EXIT(checkCacheCapacity(capacity), isCapacity, "") << name;
      unsetenv(name);
    }
}

TEST(OneDnn, ConvolutionInOneAndThreeDimensions) {
  TestKernel one{TENON_ONEDNN_CONV, {}, -1, {1, 1, 2, 1, 1, 1}, {}};
  one.args = {
      {{2, 8, 20}, nwc}, {{16, 8, 3}, {2, 1, 0}, true}, {{2, 16, 10}, nwc}};
  one.check("conv 1d");
  TestKernel three{TENON_ONEDNN_CONV,
                   {},
                   -1,
                   {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                   {}};
  three.args = {{{1, 8, 5, 6, 7}, ndhwc},
                {{16, 8, 3, 3, 3}, {4, 3, 0, 1, 2}, true},
                {{1, 16, 5, 6, 7}, ndhwc}};
  three.check("conv 3d");
}

TEST(OneDnn, TransposedConvolution) {
  ConvCase c;
  c.isTransposed = true;
  c.make().check("deconv 3x3 nhwc");
  c.kernel = {2, 2};
  c.strides = {2, 2};
  c.pads = {0, 0, 0, 0};
  c.make().check("deconv 2x2 stride 2 nhwc");
  TestKernel tiled = c.make();
  tiled.postOps = {eltwise(TENON_ONEDNN_RELU)};
  tiled.check("deconv 2x2 stride 2 relu");
  tiled.postOps.push_back(binary(
      TENON_ONEDNN_ADD, addOperand(tiled, tiled.args.back().dims, nhwc)));
  tiled.check("deconv 2x2 stride 2 relu add");
  ConvCase wide = c;
  wide.kernel = wide.strides = {2, 3};
  wide.batch = 2;
  wide.out = 1;
  wide.make().check("deconv 2x3 stride 2x3, one channel, batch 2");
  wide.hasBias = false;
  wide.make().check("deconv 2x3 stride 2x3 without bias");
  c.isNhwc = false;
  c.make().check("deconv 2x2 stride 2 nchw");
  c.isNhwc = true;
  c.kernel = {3, 3};
  c.pads = {1, 1, 1, 1};
  c.outputPadding = 1;
  c.make().check("deconv with output padding");
  c.groups = 4;
  c.make().check("deconv 4 groups");
  c.groups = 1;
  TestKernel tail = c.make();
  tail.postOps.push_back(eltwise(TENON_ONEDNN_RELU));
  tail.check("deconv relu");
  tail.postOps.push_back(
      binary(TENON_ONEDNN_ADD, addOperand(tail, tail.args.back().dims, nhwc)));
  tail.check("deconv relu add");
}

TEST(OneDnn, Pooling) {
  auto pool = [](Dims src, Dims dst, Dims attributes, Dims order = nhwc) {
    TestKernel kernel{TENON_ONEDNN_AVERAGE_POOL, {}, -1, attributes, {}};
    kernel.args = {{src, order}, {dst, order}};
    return kernel;
  };
  Dims src{2, 24, 13, 12};
  // spatial, kernel, strides, begins, ends, dilations, counts padding
  for (int64_t counts : {0, 1})
    pool(src, {2, 24, 7, 6}, {2, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, counts})
        .check(counts ? "average pool with padding" : "average pool");
  pool(src, {2, 24, 9, 8}, {2, 3, 3, 1, 1, 0, 0, 0, 0, 2, 2, 0})
      .check("average pool dilated");
  pool(src, {2, 24, 7, 6}, {2, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 0})
      .check("average pool ceil");
  TestKernel planes =
      pool(src, {2, 24, 6, 6}, {2, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 0}, {});
  planes.postOps.push_back(eltwise(TENON_ONEDNN_LINEAR, 2, 1));
  planes.check("average pool nchw, linear");
}

TEST(OneDnn, MatMul) {
  matmul({37, 40}, {40, 50}, {37, 50}).check("matmul 2d");
  matmul({37, 40}, {40, 50}, {37, 50}, true, true).check("matmul bias");
  matmul({37, 40}, {40, 50}, {37, 50}, false).check("matmul both computed");
  matmul({1, 256}, {256, 300}, {1, 300}, true, true).check("matmul one row");
  matmul({36, 1}, {1, 4}, {36, 4}, false).check("matmul one column");
  matmul({9, 4, 1}, {1, 4}, {9, 4, 4}).check("matmul batches of one column");
  matmul({5, 7}, {7, 1}, {5, 1}, false).check("matmul rhs of one column");
  matmul({2, 3, 8, 16}, {16, 24}, {2, 3, 8, 24}, true, true)
      .check("matmul batches of one rhs");
  matmul({2, 3, 8, 16}, {2, 3, 16, 24}, {2, 3, 8, 24}, false)
      .check("matmul batched");
  matmul({2, 3, 8, 16}, {2, 1, 16, 24}, {2, 3, 8, 24}, false)
      .check("matmul broadcast rhs");
  matmul({8, 16}, {2, 3, 16, 24}, {2, 3, 8, 24}, false)
      .check("matmul broadcast lhs");
  matmul({2, 1, 8, 16}, {1, 3, 16, 24}, {2, 3, 8, 24}, false)
      .check("matmul broadcast both");
}

TEST(OneDnn, MatMulTransposed) {
  TestKernel kernel = matmul({37, 40}, {40, 50}, {37, 50});
  kernel.args[1].permutation = {1, 0};
  kernel.check("matmul constant rhs transposed");
  kernel.args[1].isConstant = false;
  kernel.check("matmul rhs transposed");
  kernel.args[0].permutation = {1, 0};
  kernel.check("matmul both transposed");
  // What attention does: [B, S, H, D] in memory, [B, H, S, D] in meaning.
  TestKernel heads = matmul({2, 3, 8, 16}, {2, 3, 16, 8}, {2, 3, 8, 8}, false);
  heads.args[0].permutation = {0, 2, 1, 3};
  heads.args[1].permutation = {0, 2, 3, 1};
  heads.check("matmul of transposed heads");
  TestKernel back = matmul({2, 3, 8, 8}, {2, 3, 8, 16}, {2, 3, 8, 16}, false);
  back.args[1].permutation = {0, 2, 1, 3};
  back.args[2].permutation = {0, 2, 1, 3};
  back.check("matmul into transposed heads");
}

TEST(OneDnn, MatMulPostOps) {
  TestKernel kernel =
      matmul({2, 9, 16}, {16, 24}, {2, 9, 24}, true, /*hasBias=*/true);
  kernel.postOps.push_back(eltwise(TENON_ONEDNN_GELU_ERF));
  kernel.postOps.push_back(
      binary(TENON_ONEDNN_ADD, addOperand(kernel, {2, 9, 24}, {})));
  kernel.check("matmul bias gelu add");
  kernel.postOps.push_back(
      binary(TENON_ONEDNN_MUL, addOperand(kernel, {24}, {})));
  kernel.postOps.push_back(
      binary(TENON_ONEDNN_SUB, addOperand(kernel, {}, {})));
  kernel.check("matmul ... mul per channel, sub scalar");
  kernel.postOps.push_back(
      binary(TENON_ONEDNN_MAX, addOperand(kernel, {9, 24}, {})));
  kernel.check("matmul ... max with a matrix");
  TestKernel rows = matmul({2, 9, 16}, {16, 24}, {2, 9, 24});
  rows.postOps.push_back(
      binary(TENON_ONEDNN_MUL, addOperand(rows, {2, 9, 1}, {})));
  rows.check("matmul mul per row");
  TestKernel batch =
      matmul({4, 2, 9, 16}, {4, 2, 16, 24}, {4, 2, 9, 24}, false);
  batch.postOps.push_back(
      binary(TENON_ONEDNN_ADD, addOperand(batch, {4, 1, 1, 24}, {})));
  batch.check("matmul add mask of a batch");
}

TEST(OneDnn, EltwisePostOps) {
  const TestPostOp all[] = {eltwise(TENON_ONEDNN_RELU),
                            eltwise(TENON_ONEDNN_RELU, 0.1),
                            eltwise(TENON_ONEDNN_TANH),
                            eltwise(TENON_ONEDNN_ELU, 0.7),
                            eltwise(TENON_ONEDNN_SQUARE),
                            eltwise(TENON_ONEDNN_ABS),
                            eltwise(TENON_ONEDNN_LINEAR, 0.5, 2),
                            eltwise(TENON_ONEDNN_CLIP, -0.5, 0.6),
                            eltwise(TENON_ONEDNN_LOGISTIC),
                            eltwise(TENON_ONEDNN_EXP),
                            eltwise(TENON_ONEDNN_GELU_ERF),
                            eltwise(TENON_ONEDNN_GELU_TANH),
                            eltwise(TENON_ONEDNN_SWISH, 1),
                            eltwise(TENON_ONEDNN_HARD_SWISH),
                            eltwise(TENON_ONEDNN_SOFT_RELU),
                            eltwise(TENON_ONEDNN_MISH)};
  for (const TestPostOp &op : all) {
    ConvCase c;
    c.kernel = {1, 1};
    c.pads = {0, 0, 0, 0};
    TestKernel kernel = c.make();
    kernel.postOps = {op};
    kernel.check("conv 1x1, eltwise " + std::to_string(op.algorithm));
  }
  // Those that need a positive input.
  for (const TestPostOp &op :
       {eltwise(TENON_ONEDNN_SQRT), eltwise(TENON_ONEDNN_LOG),
        eltwise(TENON_ONEDNN_POW, 2, 0.5)}) {
    TestKernel kernel = matmul({37, 40}, {40, 50}, {37, 50});
    kernel.postOps = {eltwise(TENON_ONEDNN_ABS),
                      eltwise(TENON_ONEDNN_LINEAR, 1, 0.1), op};
    kernel.check("matmul, eltwise " + std::to_string(op.algorithm));
  }
  TestKernel kernel = matmul({37, 40}, {40, 50}, {37, 50});
  // Rounding is not continuous: away from halves.
  kernel.postOps = {eltwise(TENON_ONEDNN_CLIP, 0.3, 0.3),
                    eltwise(TENON_ONEDNN_ROUND)};
  kernel.check("matmul, round");
}

TEST(OneDnn, RepeatedPostOps) {
  // One algorithm twice: with equal parameters only.
  TestKernel kernel = matmul({37, 40}, {40, 50}, {37, 50});
  kernel.postOps = {eltwise(TENON_ONEDNN_RELU),
                    eltwise(TENON_ONEDNN_LINEAR, 1, -0.2),
                    eltwise(TENON_ONEDNN_RELU)};
  kernel.check("matmul, a repeated post-op");
  kernel.postOps.back().alpha = 0.5;
  EXPECT_EQ(kernel.run(), "2: damaged model: library kernel 'Kernel_0': one "
                          "algorithm is in two post-ops with different "
                          "parameters");
}

TEST(OneDnn, BinaryPostOps) {
  for (int algorithm = TENON_ONEDNN_ADD; algorithm <= TENON_ONEDNN_MIN;
       ++algorithm) {
    bool isDivision = algorithm == TENON_ONEDNN_DIV;
    for (bool isPerChannel : {false, true}) {
      TestKernel kernel = ConvCase().make();
      int operand = isPerChannel
                        ? addOperand(kernel, {1, 32, 1, 1}, nhwc)
                        : addOperand(kernel, kernel.args.back().dims, nhwc);
      kernel.postOps = {binary(algorithm, operand), eltwise(TENON_ONEDNN_RELU)};
      if (isDivision) // by something that is not near zero
        kernel.postOps.insert(kernel.postOps.begin(),
                              binary(TENON_ONEDNN_MUL, operand));
      kernel.check("conv 3x3, binary " + std::to_string(algorithm) +
                       (isPerChannel ? " per channel" : ""),
                   isDivision ? 1e-3 : 2e-5);
    }
  }
  // Squeeze and excite: one value for each image and channel.
  ConvCase c;
  c.batch = 2;
  TestKernel gate = c.make();
  gate.postOps = {
      binary(TENON_ONEDNN_MUL, addOperand(gate, {2, 32, 1, 1}, nhwc))};
  gate.check("conv mul per image and channel");
  // A residual in a layout of its own.
  TestKernel odd = ConvCase().make();
  odd.postOps = {
      binary(TENON_ONEDNN_ADD, addOperand(odd, odd.args.back().dims, {}))};
  odd.check("conv add nchw");
  ConvCase depthwise;
  depthwise.in = depthwise.out = depthwise.groups = 32;
  TestKernel wise = depthwise.make();
  wise.postOps = {
      eltwise(TENON_ONEDNN_HARD_SWISH),
      binary(TENON_ONEDNN_ADD, addOperand(wise, wise.args.back().dims, nhwc))};
  wise.check("conv depthwise hard swish add");
}

TEST(OneDnn, SoftmaxAndAttention) {
  for (int64_t axis : {0, 1, 2})
    for (int64_t logarithm : {0, 1}) {
      TestKernel kernel{TENON_ONEDNN_SOFTMAX,
                        {{{5, 7, 33}, {}}, {{5, 7, 33}, {}}},
                        -1,
                        {axis, logarithm},
                        {}};
      kernel.check("softmax axis " + std::to_string(axis) +
                   (logarithm ? " log" : ""));
    }
  auto attention = [](bool isTransposed, Dims mask) {
    TestKernel kernel{TENON_ONEDNN_ATTENTION,
                      {},
                      -1,
                      {bitsOf(0.25), mask.empty() ? -1 : 3},
                      {}};
    Dims order = isTransposed ? Dims{0, 2, 1, 3} : Dims{};
    kernel.args = {{{2, 3, 7, 16}, order},
                   {{2, 3, 41, 16}, order},
                   {{2, 3, 41, 8}, order}};
    if (!mask.empty())
      kernel.args.push_back({mask, {}});
    kernel.args.push_back({{2, 3, 7, 8}, order});
    return kernel;
  };
  attention(false, {}).check("attention");
  attention(true, {}).check("attention of transposed heads");
  attention(true, {2, 1, 1, 41}).check("attention with a padding mask");
  attention(true, {7, 41}).check("attention with a causal mask");
  attention(true, {2, 3, 7, 1}).check("attention with a mask per row");
}

/// The kinds at sizes for which the library takes several threads.
static std::vector<std::pair<std::string, TestKernel>> makeLargeKernels() {
  ConvCase conv;
  conv.width = 20;
  ConvCase deconv;
  deconv.in = deconv.out = 8;
  deconv.isTransposed = true;
  TestKernel softmax{TENON_ONEDNN_SOFTMAX,
                     {{{4000, 30}, {}}, {{4000, 30}, {}}},
                     -1,
                     {1, 0},
                     {}};
  TestKernel attention{TENON_ONEDNN_ATTENTION,
                       {{{1, 2, 100, 32}, {}},
                        {{1, 2, 100, 32}, {}},
                        {{1, 2, 100, 32}, {}},
                        {{1, 2, 100, 32}, {}}},
                       -1,
                       {bitsOf(0.25), -1},
                       {}};
  return {{"large conv", conv.make()},
          {"large transposed conv", deconv.make()},
          {"large matmul", matmul({100, 110}, {110, 100}, {100, 100})},
          {"large softmax", softmax},
          {"large attention", attention}};
}

TEST(OneDnn, OnSeveralThreads) {
  for (auto &[what, kernel] : makeLargeKernels())
    kernel.check(what);
}

static thread_local unsigned mostThreads;

/// In front of libgomp's, to see how many threads are asked for.
extern "C" __attribute__((visibility("default"))) void
GOMP_parallel(void (*body)(void *), void *data, unsigned threads,
              unsigned flags) {
  static const auto next =
      reinterpret_cast<decltype(&GOMP_parallel)>(dlsym(RTLD_NEXT, __func__));
  mostThreads =
      std::max(mostThreads, threads ? threads : omp_get_max_threads());
  next(body, data, threads, flags);
}

/// The most threads that are asked for in runs of a kernel on three; 0 if it
/// asks for none.
static unsigned countThreads(TestKernel kernel) {
  kernel.fill();
  mostThreads = 0;
  EXPECT_EQ(kernel.run(/*threads=*/3), "ok");
  return mostThreads;
}

TEST(OneDnn, SmallKernelsStayOnTheirThread) {
  EXPECT_LE(countThreads(ConvCase().make()), 1u);
  EXPECT_LE(countThreads(matmul({37, 40}, {40, 50}, {37, 50})), 1u);
  for (auto &[what, kernel] : makeLargeKernels())
    EXPECT_EQ(countThreads(kernel), 3u) << what;
}

TEST(OneDnn, NewDimensionsAndSharedWeights) {
  // One model, several sizes; the packed weights serve them all.
  TestKernel kernel = matmul({37, 40}, {40, 50}, {37, 50}, true, true);
  kernel.fill();
  KernelModel holder(kernel);
  ModelPtr model = makeModel(holder.getDesc());
  int wrong = runHosts(3, [&](int host, int &wrong) {
    SessionPtr session = makeSession(model.get(), 1 + host % 2);
    for (int i = 0; i < 60; ++i) {
      TestKernel call = kernel;
      int64_t rows = 1 + (i * 7 + host) % 20;
      call.args[0].dims[0] = call.args.back().dims[0] = rows;
      call.args[0].fill(i);
      call.args.back().fill(1);
      if (take(holder.run(session.get(), call)) != "ok") {
        ++wrong;
        continue;
      }
      std::vector<double> expected = call.computeReference();
      for (size_t j = 0; j < expected.size(); ++j)
        wrong += std::abs(call.args.back().data[j] - expected[j]) > 1e-4;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(OneDnn, EmptyTensors) {
  TestKernel kernel = matmul({0, 40}, {40, 50}, {0, 50});
  kernel.fill();
  EXPECT_EQ(kernel.run(), "ok");
  // A product over nothing is 0, and what follows it is computed.
  matmul({3, 0}, {0, 50}, {3, 50}).check("matmul over nothing");
  matmul({2, 3, 5, 0}, {2, 1, 0, 7}, {2, 3, 5, 7}, false)
      .check("matmul over nothing batched");
  TestKernel tail =
      matmul({2, 9, 0}, {0, 24}, {2, 9, 24}, true, /*hasBias=*/true);
  tail.postOps.push_back(eltwise(TENON_ONEDNN_LINEAR, 2, 1));
  tail.postOps.push_back(
      binary(TENON_ONEDNN_ADD, addOperand(tail, {2, 9, 24}, {})));
  tail.check("matmul over nothing bias linear add");
}

TEST(OneDnn, RefusesWrongDimensionsWhenBound) {
  TestKernel kernel = matmul({37, 40}, {41, 50}, {37, 50});
  kernel.fill();
  KernelModel holder(kernel);
  ModelPtr model = makeModel(holder.getDesc());
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(take(holder.bind(session.get(), kernel)),
            "2: node 'Kernel_0': matrices 37x40 and 41x50 do not give 37x50");
}

TEST(OneDnn, RefusesWrongDimensions) {
  auto result = [](TestKernel kernel) {
    kernel.fill();
    return kernel.run();
  };
  EXPECT_EQ(result(matmul({37, 40}, {41, 50}, {37, 50})),
            "2: node 'Kernel_0': matrices 37x40 and 41x50 do not give 37x50");
  EXPECT_EQ(result(matmul({2, 37, 40}, {3, 40, 50}, {3, 37, 50}, false)),
            "2: node 'Kernel_0': matrices 2x37x40 and 3x40x50 do not give "
            "3x37x50");
  TestKernel conv = ConvCase().make();
  conv.args[0].dims[1] = 17;
  EXPECT_EQ(result(conv),
            "2: node 'Kernel_0': input 1x17x14x11 and weights 32x16x3x3 in 1 "
            "groups do not give 1x32x14x11");
  conv = ConvCase().make();
  conv.args.back().dims[2] = 15;
  EXPECT_EQ(result(conv).substr(0, 2), "2:");
  conv = ConvCase().make();
  conv.postOps = {binary(TENON_ONEDNN_ADD, addOperand(conv, {1, 5, 1, 1}, {}))};
  EXPECT_EQ(result(conv),
            "2: node 'Kernel_0': an operand is 1x5x1x1, which does not "
            "broadcast to the result, 1x32x14x11");
}

TEST(OneDnn, RefusesDamagedDescriptors) {
  TestKernel kernel = ConvCase().make();
  kernel.postOps = {eltwise(TENON_ONEDNN_RELU)};
  kernel.fill();
  std::vector<int64_t> words = kernel.makeDescriptor();
  KernelModel holder(kernel);
  auto load = [&](const std::vector<int64_t> &descriptor) {
    TenonModelDesc desc = holder.getDesc();
    TenonLibraryKernel library = *desc.libraryKernels;
    library.descriptor = descriptor.data();
    library.descriptorSize = descriptor.size();
    desc.libraryKernels = &library;
    TenonModel *model = nullptr;
    std::string result =
        take(tenon_model_from_description(&desc, nullptr, nullptr, &model));
    tenon_model_free(model);
    return result;
  };
  EXPECT_EQ(load(words), "ok");
  EXPECT_EQ(load({}), "2: damaged model: the descriptor of library kernel "
                      "'Kernel_0' is wrong: it ends too early");
  for (size_t length = 0; length < words.size(); ++length)
    EXPECT_EQ(load({words.begin(), words.begin() + length}).substr(0, 2), "2:");
  // Any word may be anything; no run follows.
  for (size_t i = 0; i < words.size(); ++i)
    for (int64_t value :
         {INT64_MIN, int64_t(-2), int64_t(-1), int64_t(0), int64_t(3),
          int64_t(7), int64_t(9), int64_t(70), int64_t(1) << 33, INT64_MAX}) {
      std::vector<int64_t> changed = words;
      changed[i] = value;
      std::string result = load(changed);
      EXPECT_TRUE(result == "ok" || result[0] == '2' || result[0] == '3')
          << result;
    }
  TestKernel packed = matmul({4, 40}, {40, 50}, {4, 50});
  packed.fill();
  packed = packed.pack(packed.allDims());
  TestKernel shorter = packed;
  shorter.args[1].dims = {64};
  shorter.args[1].data.resize(64);
  EXPECT_EQ(shorter.run(), "2: node 'Kernel_0': damaged model: library kernel "
                           "'Kernel_0' has a packed argument of 64 elements");
  shorter.descriptor.pop_back();
  EXPECT_EQ(shorter.run(), "2: damaged model: the descriptor of library kernel "
                           "'Kernel_0' is wrong: it ends too early");
  words[6] = TENON_F16;
  EXPECT_EQ(load(words),
            "3: library kernel 'Kernel_0' has an element type that oneDNN does "
            "not have (TenonDType 10)");
}
