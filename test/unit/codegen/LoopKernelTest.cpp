//===- LoopKernelTest.cpp - Pointwise kernels and movements ---------------===//

#include "KernelChecker.h"

using namespace tenon::test;

namespace {

using Shapes = std::vector<llvm::SmallVector<int64_t>>;

RunOptions on(Shapes shapes) {
  RunOptions options;
  options.shapes = std::move(shapes);
  return options;
}

TEST(LoopKernel, AddsAndActivates) {
  CompiledKernel kernel(R"(
func.func @f(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.add %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.relu %0 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
})");
  EXPECT_EQ(kernel.getEmitter(), "loop");
  for (auto [m, n] : {std::pair(1, 1),
                      {3, 5},
                      {7, 16},
                      {0, 4},
                      {4, 0},
                      {2, 5000},
                      {33, 100},
                      {1, 16384}})
    kernel.check(on({{m, n}, {m, n}}));
}

TEST(LoopKernel, BroadcastsPerChannel) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?x?x?x24xf32>, %s: tensor<1x1x1x24xf32>, %c: tensor<f32>)
    -> tensor<?x?x?x24xf32> {
  %0 = tenon.mul %x, %s : (tensor<?x?x?x24xf32>, tensor<1x1x1x24xf32>) -> tensor<?x?x?x24xf32>
  %1 = tenon.add %0, %c : (tensor<?x?x?x24xf32>, tensor<f32>) -> tensor<?x?x?x24xf32>
  %2 = tenon.hard_swish %1 : (tensor<?x?x?x24xf32>) -> tensor<?x?x?x24xf32>
  return %2 : tensor<?x?x?x24xf32>
})");
  kernel.check(on({{2, 3, 5, 24}, {1, 1, 1, 24}, {}}));
}

TEST(LoopKernel, BroadcastsRowsAndColumns) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<4x1x7xf32>, %y: tensor<1x5x1xf32>) -> tensor<4x5x7xf32> {
  %0 = tenon.sub %x, %y : (tensor<4x1x7xf32>, tensor<1x5x1xf32>) -> tensor<4x5x7xf32>
  return %0 : tensor<4x5x7xf32>
})");
  kernel.check();
}

TEST(LoopKernel, ComputesScalars) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<f32>, %y: tensor<f32>) -> tensor<f32> {
  %0 = tenon.sub %x, %y : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
})");
  kernel.check();
}

TEST(LoopKernel, HasSeveralResultsAndTypes) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?xf32>, %m: tensor<?xi1>, %k: tensor<?xi64>)
    -> (tensor<?xi1>, tensor<?xf32>, tensor<?xi64>, tensor<?xui8>, tensor<?xf16>) {
  %c = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.less %x, %c : (tensor<?xf32>, tensor<f32>) -> tensor<?xi1>
  %1 = tenon.xor %0, %m : (tensor<?xi1>, tensor<?xi1>) -> tensor<?xi1>
  %2 = tenon.where %1, %x, %c : (tensor<?xi1>, tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %3 = tenon.mul %k, %k : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
  %4 = tenon.cast %3 {to = ui8} : (tensor<?xi64>) -> tensor<?xui8>
  %5 = tenon.cast %2 {to = f16} : (tensor<?xf32>) -> tensor<?xf16>
  return %1, %2, %3, %4, %5 : tensor<?xi1>, tensor<?xf32>, tensor<?xi64>, tensor<?xui8>, tensor<?xf16>
})");
  for (int64_t n : {1, 8, 37, 4096, 4099})
    kernel.check(on({{n}, {n}, {n}}));
}

TEST(LoopKernel, DividesIntegers) {
  CompiledKernel kernel(R"(
func.func @f(%a: tensor<?xi32>, %b: tensor<?xi32>) -> (tensor<?xi32>, tensor<?xi32>) {
  %0 = tenon.div %a, %b : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %1 = tenon.mod %a, %b : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  return %0, %1 : tensor<?xi32>, tensor<?xi32>
})");
  RunOptions options = on({{21}, {21}});
  for (int i = 0; i != 21; ++i) {
    options.elements[0].push_back(i * 7 - 50);
    options.elements[1].push_back(i % 2 ? i / 2 + 1 : -i / 2 - 1);
  }
  kernel.check(options);
}

TEST(LoopKernel, Transposes) {
  CompiledKernel nchw(R"(
func.func @f(%x: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
  return %0 : tensor<?x?x?x?xf32>
})");
  nchw.check(on({{2, 3, 4, 5}}));
  nchw.check(on({{1, 32, 16, 8}}));
  nchw.check(on({{1, 17, 9, 31}}));
  nchw.check(on({{1, 1, 1, 1}}));
  CompiledKernel heads(R"(
func.func @f(%x: tensor<2x5x3x20xf32>) -> tensor<2x3x5x20xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x5x3x20xf32>) -> tensor<2x3x5x20xf32>
  return %0 : tensor<2x3x5x20xf32>
})");
  heads.check();
  CompiledKernel mixed(R"(
func.func @f(%x: tensor<40x33xf32>, %y: tensor<33x40xf32>, %b: tensor<1x40xf32>) -> tensor<33x40xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<40x33xf32>) -> tensor<33x40xf32>
  %1 = tenon.add %0, %y : (tensor<33x40xf32>, tensor<33x40xf32>) -> tensor<33x40xf32>
  %2 = tenon.mul %1, %b : (tensor<33x40xf32>, tensor<1x40xf32>) -> tensor<33x40xf32>
  return %2 : tensor<33x40xf32>
})");
  mixed.check();
  CompiledKernel bytes(R"(
func.func @f(%x: tensor<50x3xi1>) -> tensor<3x50xi1> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<50x3xi1>) -> tensor<3x50xi1>
  return %0 : tensor<3x50xi1>
})");
  bytes.check();
}

TEST(LoopKernel, Slices) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?x?xf32>, %s: index, %e: index) -> tensor<?x?xf32> {
  %0 = arith.index_cast %s : index to i64
  %1 = arith.index_cast %e : index to i64
  %c2 = arith.constant 2 : i64
  %c-1 = arith.constant -1 : i64
  %starts = tensor.from_elements %c2, %0 : tensor<2xi64>
  %ends = tensor.from_elements %c-1, %1 : tensor<2xi64>
  %2 = tenon.slice %x, %starts, %ends {axes = array<i64: 0, 1>, steps = array<i64: 1, 1>} : (tensor<?x?xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x?xf32>
  %3 = tenon.neg %2 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %3 : tensor<?x?xf32>
})");
  RunOptions options = on({{7, 50}});
  for (auto [s, e] : {std::pair(3, 40), {-20, 1000}, {0, 50}, {5, 5}}) {
    options.scalars = {s, e};
    kernel.check(options);
  }
  CompiledKernel strided(R"(
func.func @f(%x: tensor<5x50xf32>) -> tensor<5x17xf32> {
  %s = tenon.constant dense<-1> : tensor<1xi64>
  %e = tenon.constant dense<-1000> : tensor<1xi64>
  %0 = tenon.slice %x, %s, %e {axes = array<i64: 1>, steps = array<i64: -3>} : (tensor<5x50xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<5x17xf32>
  return %0 : tensor<5x17xf32>
})");
  strided.check();
}

TEST(LoopKernel, Concatenates) {
  CompiledKernel channels(R"(
func.func @f(%a: tensor<?x?x3xf32>, %b: tensor<?x?x20xf32>, %c: tensor<?x?x1xf32>) -> tensor<?x?x24xf32> {
  %0 = tenon.concat %a, %b, %c {axis = 2 : i64} : (tensor<?x?x3xf32>, tensor<?x?x20xf32>, tensor<?x?x1xf32>) -> tensor<?x?x24xf32>
  %1 = tenon.relu %0 : (tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  return %1 : tensor<?x?x24xf32>
})");
  channels.check(on({{2, 5, 3}, {2, 5, 20}, {2, 5, 1}}));
  CompiledKernel rows(R"(
func.func @f(%a: tensor<?x30xf32>, %b: tensor<?x30xf32>, %s: tensor<1x30xf32>) -> tensor<?x30xf32> {
  %0 = tenon.concat %a, %b {axis = 0 : i64} : (tensor<?x30xf32>, tensor<?x30xf32>) -> tensor<?x30xf32>
  %1 = tenon.add %0, %s : (tensor<?x30xf32>, tensor<1x30xf32>) -> tensor<?x30xf32>
  return %1 : tensor<?x30xf32>
})");
  rows.check(on({{3, 30}, {400, 30}, {1, 30}}));
  rows.check(on({{0, 30}, {4, 30}, {1, 30}}));
  CompiledKernel deep(R"(
func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>, %c: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tenon.concat %a, %b {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = tenon.add %0, %c : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = tenon.concat %1, %a {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
})");
  deep.check(on({{9}, {21}, {30}}));
  deep.check(on({{9000}, {21}, {9021}}));
}

TEST(LoopKernel, ConcatenatesLines) {
  // The concatenation is only a part of what is computed: which of its operands
  // it is, is found out for each line.
  CompiledKernel lines(R"(
func.func @f(%a: tensor<2x3x32xf32>, %b: tensor<2x2x32xf32>, %x: tensor<2x5x32xf32>) -> tensor<2x5x32xf32> {
  %0 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<2x3x32xf32>, tensor<2x2x32xf32>) -> tensor<2x5x32xf32>
  %1 = tenon.relu %x : (tensor<2x5x32xf32>) -> tensor<2x5x32xf32>
  %2 = tenon.mul %0, %1 : (tensor<2x5x32xf32>, tensor<2x5x32xf32>) -> tensor<2x5x32xf32>
  return %2 : tensor<2x5x32xf32>
})");
  EXPECT_EQ(lines.getCode().find("mask"), std::string::npos);
  lines.check();
  // Lines of one element are one line.
  CompiledKernel line(R"(
func.func @f(%a: tensor<?x?x1xf32>, %b: tensor<?x?x1xf32>, %x: tensor<?x?x1xf32>) -> tensor<?x?x1xf32> {
  %0 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %1 = tenon.relu %x : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %2 = tenon.mul %0, %1 : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  return %2 : tensor<?x?x1xf32>
})");
  EXPECT_NE(line.getCode().find("vector<16xf32>"), std::string::npos);
  line.check(on({{2, 30, 1}, {2, 21, 1}, {2, 51, 1}}));
  line.check(on({{2, 0, 1}, {2, 1, 1}, {2, 1, 1}}));
}

TEST(LoopKernel, ConcatenatesShortLines) {
  // Of one element to one more than a vector has; 0 stands for any.
  for (int64_t size = 0; size <= 17; ++size) {
    std::string text = R"(
func.func @f(%a: TYPE, %b: TYPE, %x: TYPE) -> TYPE {
  %0 = tenon.concat %a, %b {axis = 1 : i64} : (TYPE, TYPE) -> TYPE
  %1 = tenon.relu %x : (TYPE) -> TYPE
  %2 = tenon.mul %0, %1 : (TYPE, TYPE) -> TYPE
  return %2 : TYPE
})";
    std::string type =
        "tensor<?x?x" + (size ? std::to_string(size) : "?") + "xf32>";
    for (size_t at; (at = text.find("TYPE")) != std::string::npos;)
      text.replace(at, 4, type);
    CompiledKernel kernel(text);
    for (int64_t line = size ? size : 1; line <= (size ? size : 17); ++line) {
      kernel.check(on({{2, 3, line}, {2, 2, line}, {2, 5, line}}));
      kernel.check(on({{3, 1, line}, {3, 0, line}, {3, 1, line}}));
    }
  }
}

TEST(LoopKernel, Pads) {
  for (const char *mode : {"constant", "edge", "reflect", "wrap"}) {
    std::string text = R"(
func.func @f(%x: tensor<?x?x7xf32>) -> tensor<?x?x12xf32> {
  %p = tenon.constant dense<[0, 1, 2, 0, 2, 3]> : tensor<6xi64>
  %v = tenon.constant dense<1.5> : tensor<f32>
  %0 = tenon.pad %x, %p, %v {mode = #tenon.pad_mode<MODE>} : (tensor<?x?x7xf32>, tensor<6xi64>, tensor<f32>) -> tensor<?x?x12xf32>
  return %0 : tensor<?x?x12xf32>
})";
    text.replace(text.find("MODE"), 4, mode);
    CompiledKernel kernel(text);
    kernel.check(on({{3, 5, 7}}));
  }
  CompiledKernel crop(R"(
func.func @f(%x: tensor<9x70xf32>) -> tensor<5x68xf32> {
  %p = tenon.constant dense<[-2, 3, -2, -5]> : tensor<4xi64>
  %0 = tenon.pad %x, %p : (tensor<9x70xf32>, tensor<4xi64>) -> tensor<5x68xf32>
  return %0 : tensor<5x68xf32>
})");
  crop.check();
}

TEST(LoopKernel, ExpandsAndTiles) {
  CompiledKernel expand(R"(
func.func @f(%x: tensor<?x?xf32>, %m: index, %n: index) -> tensor<?x?xf32> {
  %0 = arith.index_cast %m : index to i64
  %1 = arith.index_cast %n : index to i64
  %s = tensor.from_elements %0, %1 : tensor<2xi64>
  %2 = tenon.expand %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
})");
  RunOptions options;
  options.scalars = {4, 37};
  for (auto shape : Shapes{{4, 37}, {1, 37}, {4, 1}, {1, 1}}) {
    options.shapes = {shape};
    expand.check(options);
  }
  CompiledKernel tile(R"(
func.func @f(%x: tensor<2x5xf32>) -> tensor<4x40xf32> {
  %r = tenon.constant dense<[2, 8]> : tensor<2xi64>
  %0 = tenon.tile %x, %r : (tensor<2x5xf32>, tensor<2xi64>) -> tensor<4x40xf32>
  return %0 : tensor<4x40xf32>
})");
  tile.check();
}

TEST(LoopKernel, Gathers) {
  CompiledKernel rows(R"(
func.func @f(%x: tensor<?x20xf32>, %i: tensor<?x?xi64>) -> tensor<?x?x20xf32> {
  %0 = tenon.gather %x, %i {axis = 0 : i64} : (tensor<?x20xf32>, tensor<?x?xi64>) -> tensor<?x?x20xf32>
  return %0 : tensor<?x?x20xf32>
})");
  RunOptions options = on({{9, 20}, {2, 4}});
  options.elements[1] = {0, 8, -1, -9, 3, 4, 5, 6};
  rows.check(options);
  for (double bad : {9.0, -10.0, 1e12}) {
    options.elements[1][5] = bad;
    options.fails = true;
    rows.check(options);
  }
  CompiledKernel lanes(R"(
func.func @f(%x: tensor<3x9xf32>, %i: tensor<?xi32>) -> tensor<3x?xf32> {
  %0 = tenon.gather %x, %i {axis = 1 : i64} : (tensor<3x9xf32>, tensor<?xi32>) -> tensor<3x?xf32>
  return %0 : tensor<3x?xf32>
})");
  options = on({{3, 9}, {21}});
  for (int i = 0; i != 21; ++i)
    options.elements[1].push_back(i % 9 - (i > 10 ? 9 : 0));
  lanes.check(options);
  options.elements[1][20] = 9;
  options.fails = true;
  lanes.check(options);
}

TEST(LoopKernel, ReshapesInside) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<4x6x5xf32>, %y: tensor<24x5xf32>) -> tensor<8x15xf32> {
  %s = tenon.constant dense<[24, 5]> : tensor<2xi64>
  %0 = tenon.reshape %x, %s : (tensor<4x6x5xf32>, tensor<2xi64>) -> tensor<24x5xf32>
  %1 = tenon.add %0, %y : (tensor<24x5xf32>, tensor<24x5xf32>) -> tensor<24x5xf32>
  %t = tenon.constant dense<[8, 15]> : tensor<2xi64>
  %2 = tenon.reshape %1, %t : (tensor<24x5xf32>, tensor<2xi64>) -> tensor<8x15xf32>
  return %2 : tensor<8x15xf32>
})");
  kernel.check();
}

TEST(LoopKernel, MakesRangesAndTables) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xi64>) {
  %a = tenon.constant dense<3> : tensor<i64>
  %b = tenon.constant dense<43> : tensor<i64>
  %c = tenon.constant dense<2> : tensor<i64>
  %r = tenon.range %a, %b, %c : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<20xi64>
  %t = tenon.constant dense<[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16., 17., 18., 19.]> : tensor<20xf32>
  %0 = tenon.mul %x, %t : (tensor<20xf32>, tensor<20xf32>) -> tensor<20xf32>
  return %0, %r : tensor<20xf32>, tensor<20xi64>
})");
  kernel.check();
}

TEST(LoopKernel, Resizes) {
  for (const char *mode : {"nearest", "linear", "cubic"})
    for (const char *coordinates :
         {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
      std::string text = R"(
func.func @f(%x: tensor<?x?x?x18xf32>, %h: index, %w: index) -> tensor<?x?x?x18xf32> {
  %0 = arith.index_cast %h : index to i64
  %1 = arith.index_cast %w : index to i64
  %s = tensor.from_elements %0, %1 : tensor<2xi64>
  %2 = tenon.resize %x, %s {axes = array<i64: 1, 2>, mode = #tenon.resize_mode<MODE>, coordinate_mode = #tenon.coordinate_mode<COORDINATES>} : (tensor<?x?x?x18xf32>, tensor<2xi64>) -> tensor<?x?x?x18xf32>
  return %2 : tensor<?x?x?x18xf32>
})";
      text.replace(text.find("MODE"), 4, mode);
      text.replace(text.find("COORDINATES"), 11, coordinates);
      CompiledKernel kernel(text);
      RunOptions options = on({{1, 4, 5, 18}});
      options.tolerance = 2e-5;
      for (auto [h, w] : {std::pair(8, 10), {3, 7}, {1, 1}}) {
        options.scalars = {h, w};
        kernel.check(options);
      }
    }
  CompiledKernel nchw(R"(
func.func @f(%x: tensor<1x3x5x6xf32>) -> tensor<1x3x10x21xf32> {
  %s = tenon.constant dense<[10, 21]> : tensor<2xi64>
  %0 = tenon.resize %x, %s {axes = array<i64: 2, 3>, mode = #tenon.resize_mode<linear>} : (tensor<1x3x5x6xf32>, tensor<2xi64>) -> tensor<1x3x10x21xf32>
  return %0 : tensor<1x3x10x21xf32>
})");
  RunOptions options = on({{1, 3, 5, 6}});
  options.tolerance = 2e-5;
  nchw.check(options);
}

TEST(LoopKernel, Pools) {
  const char *pools[] = {
      "tenon.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, "
      "2>, "
      "pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>",
      "tenon.average_pool %x {kernel = array<i64: 3, 2>, strides = array<i64: "
      "2, 1>, "
      "pads = array<i64: 1, 0, 1, 1>, dilations = array<i64: 1, 1>",
      "tenon.average_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: "
      "2, 2>, "
      "pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, "
      "ceil_mode, count_include_pad"};
  const char *results[][2] = {{"1x20x5x6", "1x5x6x20"},
                              {"1x20x5x11", "1x5x11x20"},
                              {"1x20x6x6", "1x6x6x20"}};
  for (auto [i, pool] : llvm::enumerate(pools))
    for (bool isNhwc : {false, true}) {
      std::string input =
          isNhwc ? "tensor<1x10x11x20xf32>" : "tensor<1x20x10x11xf32>";
      std::string output =
          std::string("tensor<") + results[i][isNhwc] + "xf32>";
      std::string text = "func.func @f(%x: " + input + ") -> " + output +
                         " {\n  %0 = " + pool + ", layout = #tenon.layout<" +
                         (isNhwc ? "nhwc" : "nchw") + ">} : (" + input +
                         ") -> " + output + "\n  return %0 : " + output + "\n}";
      CompiledKernel kernel(text);
      kernel.check();
    }
}

TEST(LoopKernel, FitsEveryVectorWidth) {
  for (unsigned bits : {128, 256, 512}) {
    CompiledKernel kernel(R"(
func.func @f(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.mul %0, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
})",
                          bits);
    kernel.check(on({{37, 21}, {21, 37}}));
  }
}

TEST(LoopKernel, OverwritesWhatIsReadInPlace) {
  // Of operands that are repeated, moved or of another type, none.
  CompiledKernel kernel(R"(
func.func @f(%a: tensor<?x?xf32>, %b: tensor<1x?xf32>, %c: tensor<?x?xf32>, %d: tensor<?x?xf16>)
    -> (tensor<?x?xf32>, tensor<?x?xi1>) {
  %0 = tenon.add %a, %b : (tensor<?x?xf32>, tensor<1x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.transpose %c {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = tenon.mul %0, %1 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %3 = tenon.cast %d {to = f32} : (tensor<?x?xf16>) -> tensor<?x?xf32>
  %4 = tenon.add %2, %3 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %5 = tenon.less %0, %4 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xi1>
  return %4, %5 : tensor<?x?xf32>, tensor<?x?xi1>
})");
  EXPECT_EQ(kernel.getOverwritable(), (llvm::ArrayRef<int64_t>{0, 0}));
  for (int64_t size : {1, 5, 16, 37})
    kernel.check(on({{size, size}, {1, size}, {size, size}, {size, size}}));
}

TEST(LoopKernel, OverwritesNothingThatIsReadElsewhere) {
  for (const char *op :
       {"tenon.transpose %x {permutation = array<i64: 1, 0>} : "
        "(tensor<?x?xf32>)",
        "tenon.softmax %x {axis = 0 : i64} : (tensor<?x?xf32>)"}) {
    CompiledKernel kernel(std::string(R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = )") + op + R"( -> tensor<?x?xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = tenon.add %0, %1 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %3 = tenon.add %2, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %3 : tensor<?x?xf32>
})");
    EXPECT_EQ(kernel.getEmitter(), "loop");
    EXPECT_TRUE(kernel.getOverwritable().empty());
    kernel.check(on({{5, 5}}));
  }
}

} // namespace
