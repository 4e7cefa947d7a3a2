//===- MatmulKernelTest.cpp - Matrix products and their tails -------------===//

#include "KernelChecker.h"

using namespace tenon::test;

namespace {

using Shapes = std::vector<llvm::SmallVector<int64_t>>;

RunOptions on(Shapes shapes, double tolerance = 1e-5) {
  RunOptions options;
  options.shapes = std::move(shapes);
  options.low = -1;
  options.high = 1;
  options.tolerance = tolerance;
  return options;
}

/// A function of one matmul and, behind it, `tail` from %0 to %1.
std::string matmul(std::string a, std::string b, std::string c,
                   std::string attributes = "", std::string tail = "",
                   std::string extra = "") {
  a = "tensor<" + a + ">";
  b = "tensor<" + b + ">";
  c = "tensor<" + c + ">";
  return "func.func @f(%a: " + a + ", %b: " + b + extra + ") -> " + c +
         " {\n  %0 = tenon.matmul %a, %b {" + attributes + "} : (" + a + ", " +
         b + ") -> " + c + "\n" + tail + "  return " +
         (tail.empty() ? "%0" : "%1") + " : " + c + "\n}";
}

TEST(MatmulKernel, MultipliesByConstants) {
  // Columns less than a vector, odd, and in several panels.
  for (int64_t n : {1, 7, 16, 33, 100})
    for (int64_t k : {1, 37}) {
      std::string depth = std::to_string(k), columns = std::to_string(n);
      CompiledKernel kernel(matmul("?x" + depth + "xf32",
                                   depth + "x" + columns + "xf32",
                                   "?x" + columns + "xf32"),
                            512, false, {1});
      EXPECT_EQ(kernel.getEmitter(), "matmul");
      // Rows less than a tile, some tiles, some blocks.
      for (int64_t m : {1, 3, 6, 14, 15, 29, 200})
        kernel.check(on({{m, k}, {k, n}}));
    }
}

TEST(MatmulKernel, MultipliesForEveryVectorWidth) {
  for (unsigned bits : {128, 256, 512}) {
    CompiledKernel dynamic(matmul("?x50xf32", "50x45xf32", "?x45xf32"), bits,
                           false, {1});
    CompiledKernel transposed(
        matmul("?x50xf32", "45x50xf32", "?x45xf32", "transpose_b"), bits, false,
        {1});
    CompiledKernel fixed(matmul("23x50xf32", "50x45xf32", "23x45xf32"), bits,
                         false, {1});
    CompiledKernel variable(matmul("?x?xf32", "?x?xf32", "?x?xf32"), bits);
    for (int64_t m : {1, 23}) {
      dynamic.check(on({{m, 50}, {50, 45}}));
      transposed.check(on({{m, 50}, {45, 50}}));
      variable.check(on({{m, 50}, {50, 45}}));
    }
    fixed.check(on({{23, 50}, {50, 45}}));
  }
}

TEST(MatmulKernel, MultipliesVariables) {
  for (const char *attributes :
       {"", "transpose_a", "transpose_b", "transpose_a, transpose_b"}) {
    bool ta = std::string(attributes).find("transpose_a") != std::string::npos;
    bool tb = std::string(attributes).find("transpose_b") != std::string::npos;
    CompiledKernel kernel(matmul("?x?xf32", "?x?xf32", "?x?xf32", attributes));
    for (int64_t m : {1, 17})
      for (int64_t k : {1, 300})
        for (int64_t n : {1, 16, 53})
          kernel.check(on({ta ? llvm::SmallVector<int64_t>{k, m}
                              : llvm::SmallVector<int64_t>{m, k},
                           tb ? llvm::SmallVector<int64_t>{n, k}
                              : llvm::SmallVector<int64_t>{k, n}},
                          1e-4));
  }
}

TEST(MatmulKernel, CopiesRowsThatWouldDisplaceEachOther) {
  CompiledKernel kernel(matmul("28x1024xf32", "1024x64xf32", "28x64xf32"), 512,
                        false, {1});
  kernel.check(on({{28, 1024}, {1024, 64}}, 1e-4));
}

TEST(MatmulKernel, BroadcastsBatches) {
  CompiledKernel kernel(matmul("?x3x?x20xf32", "1x3x20x?xf32", "?x3x?x?xf32"));
  kernel.check(on({{2, 3, 5, 20}, {1, 3, 20, 18}}));
  kernel.check(on({{1, 3, 1, 20}, {1, 3, 20, 40}}));
  CompiledKernel left(matmul("1x1x7x20xf32", "2x3x20x9xf32", "2x3x7x9xf32"));
  left.check();
  CompiledKernel fewer(matmul("7x20xf32", "3x20x9xf32", "3x7x9xf32"));
  fewer.check();
  CompiledKernel flat(matmul("?x?x20xf32", "20x48xf32", "?x?x48xf32"), 512,
                      false, {1});
  flat.check(on({{3, 7, 20}, {20, 48}}));
  flat.check(on({{1, 1, 20}, {20, 48}}));
}

TEST(MatmulKernel, AppliesTails) {
  const char *const kTail = R"(
  %s = tenon.add %0, %c : (tensor<?x?x40xf32>, tensor<1x1x40xf32>) -> tensor<?x?x40xf32>
  %g = tenon.gelu %s : (tensor<?x?x40xf32>) -> tensor<?x?x40xf32>
  %1 = tenon.add %g, %r : (tensor<?x?x40xf32>, tensor<?x?x40xf32>) -> tensor<?x?x40xf32>
)";
  for (bool constant : {true, false}) {
    CompiledKernel kernel(
        matmul("?x?x20xf32", "20x40xf32", "?x?x40xf32", "", kTail,
               ", %c: tensor<1x1x40xf32>, %r: tensor<?x?x40xf32>"),
        512, false,
        constant ? llvm::ArrayRef<unsigned>{1, 2} : llvm::ArrayRef<unsigned>());
    kernel.check(on({{2, 9, 20}, {20, 40}, {1, 1, 40}, {2, 9, 40}}));
    kernel.check(on({{1, 1, 20}, {20, 40}, {1, 1, 40}, {1, 1, 40}}));
  }
}

/// Whole panels, whose result may stand where the residual does, and tiles that
/// overlap: with tails that are emitted for each vector, and in a loop.
TEST(MatmulKernel, AddsResidualsInPlace) {
  for (const char *function : {"", "relu", "sigmoid", "gelu"})
    for (bool constant : {true, false}) {
      std::string tail, name = "%0";
      if (*function) {
        name = "%f";
        tail = std::string("  %f = tenon.") + function +
               " %0 : (tensor<?x128xf32>) -> tensor<?x128xf32>\n";
      }
      tail += "  %1 = tenon.add " + name +
              ", %r : (tensor<?x128xf32>, tensor<?x128xf32>) -> "
              "tensor<?x128xf32>\n";
      CompiledKernel kernel(matmul("?x20xf32", "20x128xf32", "?x128xf32", "",
                                   tail, ", %r: tensor<?x128xf32>"),
                            512, false,
                            constant ? llvm::ArrayRef<unsigned>{1}
                                     : llvm::ArrayRef<unsigned>());
      EXPECT_EQ(kernel.getOverwritable(), (llvm::ArrayRef<int64_t>{0, 2}));
      for (int64_t rows : {1, 5, 15, 50, 203})
        kernel.check(on({{rows, 20}, {20, 128}, {rows, 128}}));
    }
}

TEST(MatmulKernel, SumsOtherTypes) {
  for (const char *type : {"f64", "f16", "bf16", "i32", "i64"}) {
    std::string t = type;
    RunOptions options = on({{9, 30}, {30, 21}}, t == "bf16"  ? 1e-2
                                                 : t == "f16" ? 2e-3
                                                              : 1e-6);
    options.low = -3;
    options.high = 3;
    options.scale = 10;
    CompiledKernel kernel(matmul("?x30x" + t, "30x21x" + t, "?x21x" + t), 512,
                          false, {1});
    kernel.check(options);
    CompiledKernel variable(matmul("?x30x" + t, "30x?x" + t, "?x?x" + t));
    variable.check(options);
  }
}

TEST(MatmulKernel, TakesEmptyTensors) {
  CompiledKernel kernel(matmul("?x?xf32", "?x?xf32", "?x?xf32"));
  kernel.check(on({{0, 5}, {5, 4}}));
  kernel.check(on({{3, 5}, {5, 0}}));
  kernel.check(on({{3, 0}, {0, 4}}));
}

/// Factors of 16 bits, sums of f32, and a residual that is narrow in memory.
TEST(MatmulKernel, SumsNarrowFactorsInF32) {
  for (std::string t : {"bf16", "f16"})
    for (std::string n : {"1", "9", "16", "53"})
      for (const std::vector<unsigned> &constants :
           {std::vector<unsigned>(), std::vector<unsigned>{1}}) {
        std::string a = "tensor<?x37x" + t + ">",
                    b = "tensor<37x" + n + "x" + t + ">",
                    r = "tensor<?x" + n + "x" + t + ">",
                    c = "tensor<?x" + n + "xf32>";
        std::string sum = "func.func @f(%a: " + a + ", %b: " + b;
        std::string product = "{\n  %0 = tenon.matmul %a, %b {wide} : (" + a +
                              ", " + b + ") -> " + c + "\n";
        CompiledKernel plain(sum + ") -> " + c + product +
                                 "  return %0 : " + c + "\n}",
                             512, false, constants);
        EXPECT_EQ(plain.getEmitter(), "matmul");
        CompiledKernel residual(
            sum + ", %r: " + r + ") -> " + r + product +
                "  %1 = tenon.cast %r {to = f32} : (" + r + ") -> " + c +
                "\n  %2 = tenon.add %0, %1 : (" + c + ", " + c + ") -> " + c +
                "\n  %3 = tenon.cast %2 {to = " + t + "} : (" + c + ") -> " +
                r + "\n  return %3 : " + r + "\n}",
            512, false, constants);
        EXPECT_EQ(residual.getEmitter(), "matmul");
        for (int64_t m : {1, 5, 30}) {
          int64_t columns = std::stoi(n);
          plain.check(on({{m, 37}, {37, columns}}));
          residual.check(on({{m, 37}, {37, columns}, {m, columns}},
                            t == "bf16" ? 8e-3 : 1e-3));
        }
      }
}

} // namespace
