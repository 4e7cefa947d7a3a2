//===- MathKernelTest.cpp - Every elementwise operation, its accuracy -----===//

#include "KernelChecker.h"
#include <cmath>

using namespace tenon::test;

namespace {

struct Case {
  const char *op;
  double low, high;
  /// Relative to the expected value or `scale`, whichever is larger.
  double tolerance = 3e-7;
  const char *attributes = "";
  double scale = 1;
};

class MathKernel : public ::testing::TestWithParam<Case> {};

/// Many arguments between the bounds, and the special ones.
std::vector<double> getArguments(const Case &c) {
  std::vector<double> arguments;
  constexpr int kCount = 20000;
  for (int i = 0; i != kCount; ++i)
    arguments.push_back(c.low + (c.high - c.low) * i / (kCount - 1));
  for (double special : {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-8, -1e-8, 1e-30})
    if (special >= c.low && special <= c.high)
      arguments.push_back(special);
  return arguments;
}

TEST_P(MathKernel, AgreesWithLibm) {
  const Case &c = GetParam();
  CompiledKernel kernel(std::string("func.func @f(%x: tensor<?xf32>) -> "
                                    "tensor<?xf32> {\n  %0 = tenon.") +
                        c.op + " %x " + c.attributes +
                        " : (tensor<?xf32>) -> tensor<?xf32>\n"
                        "  return %0 : tensor<?xf32>\n}");
  RunOptions options;
  options.elements[0] = getArguments(c);
  options.shapes = {{int64_t(options.elements[0].size())}};
  options.tolerance = c.tolerance;
  options.scale = c.scale;
  kernel.check(options);
}

INSTANTIATE_TEST_SUITE_P(
    Operations, MathKernel,
    ::testing::Values(
        Case{"exp", -87, 88, 3e-7, "", 1e-30}, Case{"exp", -120, 1},
        Case{"log", 1e-30, 1e6}, Case{"log", 0.5, 2}, Case{"sin", -20, 20},
        Case{"cos", -20, 20}, Case{"tan", -1.5, 1.5}, Case{"asin", -1, 1, 6e-7},
        Case{"acos", -1, 1}, Case{"atan", -50, 50}, Case{"sin", -1e4, 1e4},
        Case{"sinh", -89, 89, 1e-6, "", 1e-30}, Case{"cosh", -89.4, 89.4, 1e-6},
        Case{"asinh", -20, 20}, Case{"asinh", -2e10, 2e10},
        Case{"asinh", -3e38, 3e38}, Case{"acosh", 1, 1.01, 1e-6, "", 1e-30},
        Case{"acosh", 1, 2e10, 1e-6}, Case{"acosh", 1, 3e38, 1e-6},
        Case{"atanh", -0.99, 0.99, 1e-6, "", 1e-30}, Case{"tanh", -12, 12},
        Case{"tanh", -0.1, 0.1, 5e-7, "", 1e-6}, Case{"erf", -5, 5},
        Case{"erf", -0.1, 0.1, 5e-7, "", 1e-6},
        Case{"sigmoid", -80, 90, 5e-7, "", 1e-30}, Case{"silu", -20, 20},
        Case{"gelu", -10, 10, 5e-7},
        Case{"gelu", -10, 10, 1e-6, "{kind = #tenon.gelu_kind<tanh>}"},
        Case{"hard_swish", -5, 5}, Case{"mish", -10, 10, 5e-7},
        Case{"softplus", -30, 30}, Case{"softsign", -5, 5},
        Case{"elu", -10, 10}, Case{"leaky_relu", -5, 5},
        Case{"selu", -10, 10, 3e-7,
             "{alpha = 1.6732632 : f64, gamma = 1.050701 : f64}"},
        Case{"hard_sigmoid", -5, 5}, Case{"abs", -5, 5}, Case{"neg", -5, 5},
        Case{"sign", -5, 5}, Case{"floor", -5, 5}, Case{"ceil", -5, 5},
        Case{"round", -5, 5}, Case{"sqrt", 0, 100}, Case{"rsqrt", 0.01, 100},
        Case{"reciprocal", 0.01, 10}, Case{"relu", -3, 3},
        Case{"clip", -9, 9, 0, "{min = -1.0 : f64, max = 6.0 : f64}"}),
    [](const ::testing::TestParamInfo<Case> &info) {
      return std::string(info.param.op) + std::to_string(info.index);
    });

TEST(MathKernel, RaisesToPowers) {
  CompiledKernel kernel(R"(
func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tenon.pow %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
})");
  RunOptions options;
  for (double base : {0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0})
    for (double exponent : {-3.0, -0.5, 0.0, 0.3, 1.0, 2.0, 2.5, 7.0}) {
      options.elements[0].push_back(base);
      options.elements[1].push_back(exponent);
    }
  for (double base : {-2.0, -0.5, 0.0})
    for (double exponent : {0.0, 1.0, 2.0, 3.0}) {
      options.elements[0].push_back(base);
      options.elements[1].push_back(exponent);
    }
  for (double base : {-0.0, 0.0, -1.0, 1.0, 2.0, double(NAN)})
    for (double exponent : {-3.0, -2.0, -0.5, 0.0, double(INFINITY),
                            double(-INFINITY), double(NAN)}) {
      options.elements[0].push_back(base);
      options.elements[1].push_back(exponent);
    }
  for (double base : {double(INFINITY), double(-INFINITY)})
    for (double exponent : {-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 3.0}) {
      options.elements[0].push_back(base);
      options.elements[1].push_back(exponent);
    }
  int64_t size = options.elements[0].size();
  options.shapes = {{size}, {size}};
  options.tolerance = 2e-6;
  kernel.check(options);
}

TEST(MathKernel, KeepsWhatIsNoNumber) {
  for (const char *op : {"exp", "log", "tanh", "erf", "sigmoid", "relu", "gelu",
                         "sqrt", "sin", "abs", "clip", "sinh", "atanh"}) {
    CompiledKernel kernel(std::string("func.func @f(%x: tensor<3xf32>) -> "
                                      "tensor<3xf32> {\n  %0 = tenon.") +
                          op +
                          " %x : (tensor<3xf32>) -> tensor<3xf32>\n"
                          "  return %0 : tensor<3xf32>\n}");
    RunOptions options;
    options.shapes = {{3}};
    bool isOdd = std::string(op) == "sin" || std::string(op) == "gelu";
    options.elements[0] = {NAN, isOdd ? 1.0 : INFINITY,
                           isOdd ? 2.0 : -INFINITY};
    kernel.check(options);
  }
}

/// An argument so large that no digit of it tells its angle has some sine.
TEST(MathKernel, BoundsSinesOfLargeNumbers) {
  for (const char *op : {"sin", "cos"}) {
    CompiledKernel kernel(std::string("func.func @f(%x: tensor<6xf32>) -> "
                                      "tensor<6xf32> {\n  %0 = tenon.") +
                          op +
                          " %x : (tensor<6xf32>) -> tensor<6xf32>\n"
                          "  return %0 : tensor<6xf32>\n}");
    RunOptions options;
    options.shapes = {{6}};
    options.elements[0] = {1e8, -1e8, 1e10, -1e20, 1e30, -3e38};
    // Any two sines differ by 2 at most.
    options.tolerance = 2.001;
    kernel.check(options);
  }
}

TEST(MathKernel, ComputesHalvesAndDoubles) {
  for (const char *type : {"f16", "bf16", "f64"})
    for (const char *op :
         {"exp", "tanh", "erf", "sigmoid", "gelu", "sqrt", "floor", "log"}) {
      std::string t = std::string("tensor<?x") + type + ">";
      CompiledKernel kernel("func.func @f(%x: " + t + ") -> " + t +
                            " {\n  %0 = tenon." + op + " %x : (" + t + ") -> " +
                            t + "\n  return %0 : " + t + "\n}");
      RunOptions options;
      options.shapes = {{100}};
      options.low = 0.1;
      options.tolerance = type[0] == 'b' ? 1e-2 : type[1] == '1' ? 2e-3 : 1e-12;
      kernel.check(options);
    }
}

} // namespace
