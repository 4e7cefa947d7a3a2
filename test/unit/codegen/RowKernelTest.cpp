//===- RowKernelTest.cpp - Reductions and normalisations ------------------===//

#include "KernelChecker.h"

using namespace tenon::test;

namespace {

using Shapes = std::vector<llvm::SmallVector<int64_t>>;

RunOptions on(Shapes shapes, double tolerance = 1e-5) {
  RunOptions options;
  options.shapes = std::move(shapes);
  options.tolerance = tolerance;
  return options;
}

TEST(RowKernel, ReducesEveryKindAlongEveryAxis) {
  for (const char *kind : {"sum", "mean", "max", "min", "prod", "l1", "l2",
                           "sum_square", "log_sum", "log_sum_exp"})
    for (const char *axes : {"2", "0", "1", "1, 2", "0, 2", "0, 1, 2"}) {
      std::string shape;
      for (char dim : {'0', '1', '2'})
        shape += std::string(axes).find(dim) == std::string::npos ? "?x" : "1x";
      std::string output = "tensor<" + shape + "f32>";
      CompiledKernel kernel(
          "func.func @f(%x: tensor<?x?x?xf32>) -> " + output +
          " {\n  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<" + kind +
          ">, axes = array<i64: " + axes + ">} : (tensor<?x?x?xf32>) -> " +
          output + "\n  return %0 : " + output + "\n}");
      EXPECT_EQ(kernel.getEmitter(), "row");
      RunOptions options = on({{3, 4, 70}}, 1e-4);
      if (llvm::StringRef(kind).starts_with("log") ||
          llvm::StringRef(kind) == "prod") {
        options.low = 0.8;
        options.high = 1.2;
      }
      kernel.check(options);
      options.shapes = {{1, 1, 1}};
      kernel.check(options);
    }
}

TEST(RowKernel, ReducesIntegersAndHalves) {
  for (const char *type : {"i64", "i32", "ui8", "f16", "f64", "bf16"})
    for (const char *kind : {"sum", "max", "min", "mean"}) {
      std::string t = std::string("?x") + type + ">";
      CompiledKernel kernel(
          "func.func @f(%x: tensor<?x" + t + ") -> tensor<?x1x" + type +
          "> {\n  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<" + kind +
          ">, axes = array<i64: 1>} : (tensor<?x" + t + ") -> tensor<?x1x" +
          type + ">\n  return %0 : tensor<?x1x" + type + ">\n}");
      kernel.check(on({{3, 45}}, type[0] == 'b' ? 1e-2 : 1e-3));
    }
}

TEST(RowKernel, PoolsGlobally) {
  CompiledKernel nhwc(R"(
func.func @f(%x: tensor<?x?x?x?xf32>) -> tensor<?x1x1x?xf32> {
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1, 2>} : (tensor<?x?x?x?xf32>) -> tensor<?x1x1x?xf32>
  return %0 : tensor<?x1x1x?xf32>
})");
  for (int64_t c : {1, 16, 24, 64, 200})
    nhwc.check(on({{2, 7, 7, c}}));
}

const char *const kSoftmax = R"(
func.func @f(%x: tensor<?x?xf32>, %m: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c = tenon.constant dense<0.125> : tensor<f32>
  %0 = tenon.mul %x, %c : (tensor<?x?xf32>, tensor<f32>) -> tensor<?x?xf32>
  %1 = tenon.add %0, %m : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = tenon.softmax %1 {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
})";

TEST(RowKernel, NormalisesBySoftmax) {
  CompiledKernel kernel(kSoftmax);
  for (int64_t n : {1, 5, 16, 17, 64, 100, 1000})
    kernel.check(on({{3, n}, {3, n}}, 2e-6));
  for (unsigned bits : {128, 256}) {
    CompiledKernel narrow(kSoftmax, bits);
    narrow.check(on({{3, 77}, {3, 77}}, 2e-6));
  }
}

TEST(RowKernel, NormalisesAlongAnyAxis) {
  for (const char *op : {"softmax", "log_softmax"})
    for (int axis : {0, 1, 2}) {
      std::string type = "tensor<?x?x?xf32>";
      CompiledKernel kernel(
          "func.func @f(%x: " + type + ") -> " + type + " {\n  %0 = tenon." +
          op + " %x {axis = " + std::to_string(axis) + " : i64} : (" + type +
          ") -> " + type + "\n  return %0 : " + type + "\n}");
      EXPECT_EQ(kernel.getEmitter(), "row");
      kernel.check(on({{3, 5, 37}}));
      kernel.check(on({{2, 1, 1}}));
      kernel.check(on({{1, 9, 300}}));
    }
}

TEST(RowKernel, NormalisesHalves) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?x?xf16>) -> tensor<?x?xf16> {
  %0 = tenon.softmax %x {axis = 1 : i64} : (tensor<?x?xf16>) -> tensor<?x?xf16>
  return %0 : tensor<?x?xf16>
})");
  kernel.check(on({{4, 50}}, 1e-3));
}

TEST(RowKernel, NormalisesLayers) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?x?x?xf32>, %r: tensor<?x?x?xf32>, %s: tensor<?xf32>, %b: tensor<?xf32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>) {
  %0 = tenon.add %x, %r : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %1 = tenon.layer_norm %0, %s, %b {axis = 2 : i64, epsilon = 1.0e-5 : f64} : (tensor<?x?x?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?x?x?xf32>
  %2 = tenon.gelu %1 : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %2, %0 : tensor<?x?x?xf32>, tensor<?x?x?xf32>
})");
  EXPECT_EQ(kernel.getEmitter(), "row");
  for (int64_t n : {1, 15, 64, 130, 768})
    kernel.check(on({{2, 3, n}, {2, 3, n}, {n}, {n}}));
  CompiledKernel two(R"(
func.func @f(%x: tensor<3x4x5xf32>, %s: tensor<4x5xf32>) -> tensor<3x4x5xf32> {
  %0 = tenon.layer_norm %x, %s {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<3x4x5xf32>, tensor<4x5xf32>) -> tensor<3x4x5xf32>
  return %0 : tensor<3x4x5xf32>
})");
  two.check(on({{3, 4, 5}, {4, 5}}));
  // Sizes that the bias knows and the rows don't.
  CompiledKernel known(R"(
func.func @f(%x: tensor<?x?x?xf32>, %s: tensor<?x?xf32>, %b: tensor<2x4xf32>) -> tensor<?x?x?xf32> {
  %0 = tenon.layer_norm %x, %s, %b {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<2x4xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
})");
  known.check(on({{3, 2, 4}, {2, 4}, {2, 4}}));
}

TEST(RowKernel, ReducesAndUsesIt) {
  // A dear prologue, two reductions in one pass, results of both shapes.
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<?x40xf32>) -> (tensor<?x40xf32>, tensor<?x1xf32>) {
  %0 = tenon.gelu %x : (tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = tenon.reduce %0 {kind = #tenon.reduce_kind<max>, axes = array<i64: 1>} : (tensor<?x40xf32>) -> tensor<?x1xf32>
  %2 = tenon.reduce %0 {kind = #tenon.reduce_kind<min>, axes = array<i64: 1>} : (tensor<?x40xf32>) -> tensor<?x1xf32>
  %3 = tenon.sub %1, %2 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = tenon.div %0, %3 : (tensor<?x40xf32>, tensor<?x1xf32>) -> tensor<?x40xf32>
  return %4, %3 : tensor<?x40xf32>, tensor<?x1xf32>
})");
  kernel.check(on({{5, 40}}));
}

TEST(RowKernel, ReducesMovedElements) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<6x?x20xf32>) -> tensor<?x6x1xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<6x?x20xf32>) -> tensor<?x6x20xf32>
  %1 = tenon.reduce %0 {kind = #tenon.reduce_kind<sum>, axes = array<i64: 2>} : (tensor<?x6x20xf32>) -> tensor<?x6x1xf32>
  return %1 : tensor<?x6x1xf32>
})");
  kernel.check(on({{6, 4, 20}}));
}

TEST(RowKernel, LeavesWhatIsNoRowToLoops) {
  CompiledKernel kernel(R"(
func.func @f(%x: tensor<4x20xf32>) -> tensor<20x4xf32> {
  %0 = tenon.softmax %x {axis = 1 : i64} : (tensor<4x20xf32>) -> tensor<4x20xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x20xf32>) -> tensor<20x4xf32>
  return %1 : tensor<20x4xf32>
})");
  EXPECT_EQ(kernel.getEmitter(), "loop");
  kernel.check(on({{4, 20}}));
}

TEST(RowKernel, OverwritesWhatIsReadNoMore) {
  // Exponentials are kept in the result, and the row is not read again.
  CompiledKernel softmax(R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.softmax %x {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
})");
  EXPECT_EQ(softmax.getOverwritable(), (llvm::ArrayRef<int64_t>{0, 0}));
  // A sum and its normalisation: each may be where either summand was.
  CompiledKernel norm(R"(
func.func @f(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = tenon.add %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.softmax %0 {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<?x?xf32>
})");
  EXPECT_EQ(norm.getOverwritable(),
            (llvm::ArrayRef<int64_t>{0, 0, 0, 1, 1, 0, 1, 1}));
  // Lanes along rows, and across them.
  CompiledKernel columns(R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.softmax %x {axis = 0 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
})");
  EXPECT_EQ(columns.getOverwritable(), (llvm::ArrayRef<int64_t>{0, 0}));
  for (auto [m, n] : {std::pair(1, 1), {3, 5}, {7, 64}, {4, 71}, {70, 150}}) {
    softmax.check(on({{m, n}}));
    norm.check(on({{m, n}, {m, n}}));
    columns.check(on({{m, n}}));
  }
}

TEST(RowKernel, OverwritesNothingThatIsReadLater) {
  // The exponentials would be where the last pass reads.
  CompiledKernel again(R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.softmax %x {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.add %0, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
})");
  EXPECT_TRUE(again.getOverwritable().empty());
  again.check(on({{4, 71}}));
  CompiledKernel moved(R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.softmax %0 {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
})");
  EXPECT_TRUE(moved.getOverwritable().empty());
  moved.check(on({{4, 4}}));
}

} // namespace
