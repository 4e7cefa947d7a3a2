//===- AttentionKernelTest.cpp - Scaled dot-product attention -------------===//

#include "KernelChecker.h"
#include <limits>

using namespace tenon::test;

namespace {

/// Dynamic in batch, queries and keys.
std::string attention(int64_t heads, int64_t size, int64_t valueSize,
                      std::string mask = "", std::string queries = "?",
                      std::string element = "f32") {
  auto type = [&](std::string rows, int64_t columns) {
    return "tensor<?x" + std::to_string(heads) + "x" + rows + "x" +
           std::to_string(columns) + "x" + element + ">";
  };
  std::string q = type(queries, size), k = type("?", size),
              v = type("?", valueSize), y = type(queries, valueSize);
  std::string arguments = "%q: " + q + ", %k: " + k + ", %v: " + v;
  std::string operands = "%q, %k, %v", types = q + ", " + k + ", " + v;
  if (!mask.empty()) {
    mask = "tensor<" + mask + ">";
    arguments += ", %m: " + mask;
    operands += ", %m";
    types += ", " + mask;
  }
  return "func.func @f(" + arguments + ") -> " + y +
         " {\n  %0 = tenon.attention " + operands +
         " {scale = 0.25 : f64} : (" + types + ") -> " + y +
         "\n  return %0 : " + y + "\n}";
}

RunOptions on(int64_t batch, int64_t heads, int64_t queries, int64_t keys,
              int64_t size, int64_t valueSize) {
  RunOptions options;
  options.shapes = {{batch, heads, queries, size},
                    {batch, heads, keys, size},
                    {batch, heads, keys, valueSize}};
  options.tolerance = 2e-5;
  return options;
}

TEST(AttentionKernel, MeetsItsDefinition) {
  for (auto [size, valueSize] : {std::pair{64, 64}, {20, 24}, {10, 7}, {1, 1}})
    for (unsigned bits : {512, 256, 128}) {
      if (bits != 512 && size != 20)
        continue;
      CompiledKernel kernel(attention(2, size, valueSize), bits);
      EXPECT_EQ(kernel.getEmitter(), "attention");
      // A few queries, part of a block, some blocks.
      for (int64_t queries : {1, 3, 4, 33, 70})
        for (int64_t keys : {0, 1, 64, 133})
          kernel.check(on(1, 2, queries, keys, size, valueSize));
    }
}

TEST(AttentionKernel, SpecialisesOnQueries) {
  for (const char *queries : {"1", "5", "16", "40"}) {
    CompiledKernel kernel(attention(3, 32, 32, "", queries));
    kernel.check(on(2, 3, std::stoi(queries), 50, 32, 32));
  }
}

TEST(AttentionKernel, ComputesHalvesInF32) {
  for (std::string element : {"f16", "bf16"}) {
    CompiledKernel plain(attention(2, 20, 24, "", "?", element));
    EXPECT_EQ(plain.getEmitter(), "attention");
    CompiledKernel masked(
        attention(2, 16, 16, "1x1x?x?x" + element, "?", element));
    for (int64_t queries : {1, 3, 33, 70}) {
      RunOptions options = on(2, 2, queries, 133, 20, 24);
      options.tolerance = element == "f16" ? 1e-3 : 8e-3;
      plain.check(options);
      options.shapes = {{2, 2, queries, 16},
                        {2, 2, 133, 16},
                        {2, 2, 133, 16},
                        {1, 1, queries, 133}};
      masked.check(options);
    }
  }
}

TEST(AttentionKernel, AddsMasks) {
  // Of each query and key, of keys, of keys by batch, of heads.
  for (auto [mask, dims] : {std::pair{"1x1x?x?xf32", 0b0011},
                            {"1x1x1x?xf32", 0b0001},
                            {"?x1x1x?xf32", 0b1001},
                            {"?x2x?x?xf32", 0b1111}}) {
    CompiledKernel kernel(attention(2, 16, 16, mask));
    for (int64_t queries : {2, 37}) {
      RunOptions options = on(3, 2, queries, 70, 16, 16);
      options.shapes.push_back(
          {dims & 8 ? 3 : 1, dims & 4 ? 2 : 1, dims & 2 ? queries : 1, 70});
      kernel.check(options);
    }
  }
}

TEST(AttentionKernel, LeavesOutWhatIsMasked) {
  CompiledKernel kernel(attention(1, 16, 16, "1x1x?x?xf32"));
  for (int64_t queries : {3, 70}) {
    RunOptions options = on(1, 1, queries, 130, 16, 16);
    options.shapes.push_back({1, 1, queries, 130});
    // The first keys are out, more than a block of them, and later ones.
    for (int64_t q = 0; q != queries; ++q)
      for (int64_t k = 0; k != 130; ++k)
        options.elements[3].push_back(
            k < 66 || k > 70 + q ? -std::numeric_limits<double>::infinity()
                                 : 0);
    kernel.check(options);
  }
}

/// Queries, keys and values are heads of one product, each part of it in lines
/// of two heads. The mask is turned, too, and so is the result.
std::string attentionOfParts(std::string size) {
  auto type = [&](std::string shape) {
    return "tensor<?x" + shape + "x" + size + "xf32>";
  };
  auto part = [&](std::string name, std::string begin, std::string end) {
    return "  %" + name + "0 = tenon.constant dense<" + begin +
           "> : tensor<1xi64>\n  %" + name + "1 = tenon.constant dense<" + end +
           "> : tensor<1xi64>\n  %" + name + "2 = tenon.slice %x, %" + name +
           "0, %" + name +
           "1 {axes = array<i64: 2>, steps = array<i64: 1>} : (" + type("?x7") +
           ", tensor<1xi64>, tensor<1xi64>) -> " + type("?x2") + "\n  %" +
           name + " = tenon.transpose %" + name +
           "2 {permutation = array<i64: 0, 2, 1, 3>} : (" + type("?x2") +
           ") -> " + type("2x?") + "\n";
  };
  return "func.func @f(%x: " + type("?x7") + ", %n: tensor<?x?x1x?xf32>) -> " +
         type("?x2") + " {\n" + part("q", "0", "2") + part("k", "2", "4") +
         part("v", "-2", "9") +
         "  %m = tenon.transpose %n {permutation = array<i64: 1, 2, 0, 3>} : "
         "(tensor<?x?x1x?xf32>) -> tensor<?x1x?x?xf32>\n"
         "  %0 = tenon.attention %q, %k, %v, %m {scale = 0.25 : f64} : (" +
         type("2x?") + ", " + type("2x?") + ", " + type("2x?") +
         ", tensor<?x1x?x?xf32>) -> " + type("2x?") +
         "\n  %y = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} "
         ": (" +
         type("2x?") + ") -> " + type("?x2") +
         "\n  return %y : " + type("?x2") + "\n}";
}

TEST(AttentionKernel, ReadsAndWritesHeadsWhereTheyAre) {
  for (int64_t size : {16, 10}) {
    CompiledKernel kernel(attentionOfParts(std::to_string(size)));
    EXPECT_EQ(kernel.getEmitter(), "attention");
    // One by one, a part of a block of queries, several of keys.
    for (int64_t lines : {2, 37, 70}) {
      RunOptions options;
      options.shapes = {{3, lines, 7, size}, {lines, 3, 1, lines}};
      options.tolerance = 2e-5;
      kernel.check(options);
    }
  }
}

/// Every fourth head from the last one on and every second query; heads 1, 3
/// and 5 of the keys, from the last key to the first; and of the values a part
/// that is turned and cut once more.
std::string attentionOfSteps() {
  return R"(
func.func @f(%x: tensor<?x9x?x16xf32>, %y: tensor<?x?x7x16xf32>) -> tensor<?x?x3x16xf32> {
  %qs = tenon.constant dense<[-1, 1]> : tensor<2xi64>
  %qe = tenon.constant dense<[-100, 1000]> : tensor<2xi64>
  %q = tenon.slice %x, %qs, %qe {axes = array<i64: 1, 2>, steps = array<i64: -4, 2>} : (tensor<?x9x?x16xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x3x?x16xf32>
  %k0 = tenon.transpose %y {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x7x16xf32>) -> tensor<?x7x?x16xf32>
  %ks = tenon.constant dense<[1, 1000]> : tensor<2xi64>
  %ke = tenon.constant dense<[6, -1000]> : tensor<2xi64>
  %k = tenon.slice %k0, %ks, %ke {axes = array<i64: 1, 2>, steps = array<i64: 2, -1>} : (tensor<?x7x?x16xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x3x?x16xf32>
  %vs = tenon.constant dense<-4> : tensor<1xi64>
  %ve = tenon.constant dense<7> : tensor<1xi64>
  %v0 = tenon.slice %y, %vs, %ve {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x?x7x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x4x16xf32>
  %v1 = tenon.transpose %v0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x16xf32>) -> tensor<?x4x?x16xf32>
  %ws = tenon.constant dense<1> : tensor<1xi64>
  %v = tenon.slice %v1, %ws, %ve {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x4x?x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3x?x16xf32>
  %0 = tenon.attention %q, %k, %v {scale = 0.25 : f64} : (tensor<?x3x?x16xf32>, tensor<?x3x?x16xf32>, tensor<?x3x?x16xf32>) -> tensor<?x3x?x16xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x3x?x16xf32>) -> tensor<?x?x3x16xf32>
  return %1 : tensor<?x?x3x16xf32>
})";
}

TEST(AttentionKernel, ReadsPartsInSteps) {
  CompiledKernel kernel(attentionOfSteps());
  EXPECT_EQ(kernel.getEmitter(), "attention");
  for (auto [lines, keys] : {std::pair{1, 3}, {5, 1}, {71, 133}, {70, 0}}) {
    RunOptions options;
    options.shapes = {{2, 9, lines, 16}, {2, keys, 7, 16}};
    options.tolerance = 2e-5;
    kernel.check(options);
  }
}

} // namespace
