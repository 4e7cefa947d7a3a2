//===- MeasureKernels.cpp - How fast generated kernels are ----------------===//
//
// Prints gigabytes a second of inputs and outputs, on one thread, beside what
// copying memory reaches. With an argument, only kernels whose names contain
// it, and their machine code.
//
//===----------------------------------------------------------------------===//

#include "KernelChecker.h"
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace tenon::test;

namespace {

struct Case {
  const char *name;
  const char *text;
  std::vector<llvm::SmallVector<int64_t>> shapes;
  std::vector<int64_t> scalars = {};
};

double measureCopy(size_t bytes) {
  std::vector<char> from(bytes, 1), to(bytes, 2);
  std::chrono::duration<double> time{};
  auto start = std::chrono::steady_clock::now();
  int runs = 0;
  for (; time.count() < 0.05; ++runs) {
    std::memcpy(to.data(), from.data(), bytes);
    asm volatile("" : : "r"(to.data()) : "memory");
    time = std::chrono::steady_clock::now() - start;
  }
  return 2 * bytes * runs / time.count() * 1e-9;
}

const Case kCases[] = {
    {"add_relu",
     R"(
func.func @f(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.add %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = tenon.relu %0 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
})",
     {{64, 1024}, {64, 1024}}},
    {"hard_swish",
     R"(
func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tenon.hard_swish %a : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
})",
     {{65536}}},
    {"gelu",
     R"(
func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tenon.gelu %a : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
})",
     {{65536}}},
    {"sigmoid",
     R"(
func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tenon.sigmoid %a : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
})",
     {{65536}}},
    {"scale_channels",
     R"(
func.func @f(%x: tensor<1x?x?x24xf32>, %s: tensor<1x1x1x24xf32>) -> tensor<1x?x?x24xf32> {
  %0 = tenon.mul %x, %s : (tensor<1x?x?x24xf32>, tensor<1x1x1x24xf32>) -> tensor<1x?x?x24xf32>
  return %0 : tensor<1x?x?x24xf32>
})",
     {{1, 50, 60, 24}, {1, 1, 1, 24}}},
    {"scale_8_channels",
     R"(
func.func @f(%x: tensor<1x?x?x8xf32>, %s: tensor<1x1x1x8xf32>) -> tensor<1x?x?x8xf32> {
  %0 = tenon.mul %x, %s : (tensor<1x?x?x8xf32>, tensor<1x1x1x8xf32>) -> tensor<1x?x?x8xf32>
  return %0 : tensor<1x?x?x8xf32>
})",
     {{1, 90, 100, 8}, {1, 1, 1, 8}}},
    {"softmax",
     R"(
func.func @f(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = tenon.softmax %x {axis = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
})",
     {{256, 256}}},
    {"layer_norm",
     R"(
func.func @f(%x: tensor<?x768xf32>, %s: tensor<768xf32>, %b: tensor<768xf32>) -> tensor<?x768xf32> {
  %0 = tenon.layer_norm %x, %s, %b {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<?x768xf32>, tensor<768xf32>, tensor<768xf32>) -> tensor<?x768xf32>
  return %0 : tensor<?x768xf32>
})",
     {{128, 768}, {768}, {768}}},
    {"global_pool_nhwc",
     R"(
func.func @f(%x: tensor<?x?x?x?xf32>) -> tensor<?x1x1x?xf32> {
  %0 = tenon.reduce %x {kind = #tenon.reduce_kind<mean>, axes = array<i64: 1, 2>} : (tensor<?x?x?x?xf32>) -> tensor<?x1x1x?xf32>
  return %0 : tensor<?x1x1x?xf32>
})",
     {{1, 20, 20, 240}}},
    {"to_nhwc",
     R"(
func.func @f(%x: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
  return %0 : tensor<?x?x?x?xf32>
})",
     {{1, 96, 40, 40}}},
    {"heads",
     R"(
func.func @f(%x: tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
  return %0 : tensor<?x12x?x64xf32>
})",
     {{1, 128, 12, 64}}},
    {"concat",
     R"(
func.func @f(%a: tensor<1x?x?x24xf32>, %b: tensor<1x?x?x96xf32>) -> tensor<1x?x?x120xf32> {
  %0 = tenon.concat %a, %b {axis = 3 : i64} : (tensor<1x?x?x24xf32>, tensor<1x?x?x96xf32>) -> tensor<1x?x?x120xf32>
  return %0 : tensor<1x?x?x120xf32>
})",
     {{1, 40, 40, 24}, {1, 40, 40, 96}}},
    {"concat_lines",
     R"(
func.func @f(%a: tensor<?x?x64xf32>, %b: tensor<?x?x64xf32>, %x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %0 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %1 = tenon.relu %x : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %2 = tenon.mul %0, %1 : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %2 : tensor<?x?x64xf32>
})",
     {{16, 12, 64}, {16, 4, 64}, {16, 16, 64}}},
    {"upsample_nhwc",
     R"(
func.func @f(%x: tensor<1x?x?x24xf32>, %h: index, %w: index) -> tensor<1x?x?x24xf32> {
  %0 = arith.index_cast %h : index to i64
  %1 = arith.index_cast %w : index to i64
  %s = tensor.from_elements %0, %1 : tensor<2xi64>
  %2 = tenon.resize %x, %s {axes = array<i64: 1, 2>, mode = #tenon.resize_mode<nearest>, coordinate_mode = #tenon.coordinate_mode<asymmetric>, nearest_mode = #tenon.nearest_mode<floor>} : (tensor<1x?x?x24xf32>, tensor<2xi64>) -> tensor<1x?x?x24xf32>
  return %2 : tensor<1x?x?x24xf32>
})",
     {{1, 40, 40, 24}},
     {80, 80}},
    {"max_pool_nhwc",
     R"(
func.func @f(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %0 = tenon.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, layout = #tenon.layout<nhwc>} : (tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32>
  return %0 : tensor<1x28x28x64xf32>
})",
     {{1, 56, 56, 64}}},
};

} // namespace

int main(int argc, char **argv) {
  std::printf("%-20s %8.1f GB/s (0.25 MB), %.1f GB/s (64 MB)\n", "memcpy",
              measureCopy(1 << 18), measureCopy(1 << 26));
  for (const Case &c : kCases) {
    if (argc > 1 && !std::strstr(c.name, argv[1]))
      continue;
    CompiledKernel kernel(c.text, 512, /*keepAssembly=*/argc > 1);
    RunOptions options;
    options.shapes = c.shapes;
    options.scalars = c.scalars;
    std::printf("%-20s %8.1f GB/s\n", c.name, kernel.measure(options));
    if (argc > 1)
      std::printf("%s\n%s\n", kernel.getCode().c_str(),
                  kernel.getAssembly().c_str());
  }
}
