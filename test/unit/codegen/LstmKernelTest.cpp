//===- LstmKernelTest.cpp - Layers of LSTM --------------------------------===//

#include "KernelChecker.h"

using namespace tenon::test;

namespace {

using Shape = llvm::SmallVector<int64_t>;

struct Lstm {
  std::string direction;
  int64_t inputs, hidden;
  /// What the kernel yields of the three results.
  std::vector<int> results = {0, 1, 2};

  int64_t getDirections() const { return direction == "bidirectional" ? 2 : 1; }

  std::string getText() const {
    std::string d = std::to_string(getDirections()), h = std::to_string(hidden),
                g = std::to_string(4 * hidden), i = std::to_string(inputs);
    std::string x = "tensor<?x?x" + i + "xf32>",
                w = "tensor<" + d + "x" + g + "x" + i + "xf32>",
                r = "tensor<" + d + "x" + g + "x" + h + "xf32>",
                b = "tensor<" + d + "x" + std::to_string(8 * hidden) + "xf32>",
                s = "tensor<" + d + "x?x" + h + "xf32>",
                y = "tensor<?x" + d + "x?x" + h + "xf32>";
    std::string types, values;
    for (int result : results) {
      const char *separator = types.empty() ? "" : ", ";
      types += separator + (result == 0 ? y : s);
      values += separator + std::string("%0#") + std::to_string(result);
    }
    return "func.func @f(%x: " + x + ", %w: " + w + ", %r: " + r +
           ", %b: " + b + ", %h: " + s + ", %c: " + s + ") -> (" + types +
           ") {\n  %0:3 = tenon.lstm %x, %w, %r, %b, %h, %c {direction = "
           "#tenon.direction<" +
           direction + ">} : (" + x + ", " + w + ", " + r + ", " + b + ", " +
           s + ", " + s + ") -> (" + y + ", " + s + ", " + s + ")\n  return " +
           values + " : " + types + "\n}";
  }

  RunOptions on(int64_t steps, int64_t batch) const {
    int64_t d = getDirections();
    RunOptions options;
    options.shapes = {{steps, batch, inputs},  {d, 4 * hidden, inputs},
                      {d, 4 * hidden, hidden}, {d, 8 * hidden},
                      {d, batch, hidden},      {d, batch, hidden}};
    options.low = -1;
    options.high = 1;
    // Errors grow from step to step.
    options.tolerance = 2e-5;
    return options;
  }
};

TEST(LstmKernel, RunsInEveryDirection) {
  for (const char *direction : {"forward", "reverse", "bidirectional"})
    for (auto [inputs, hidden] : {std::pair{5, 3}, {16, 16}, {1, 10}}) {
      Lstm lstm{direction, inputs, hidden};
      CompiledKernel kernel(lstm.getText(), 512, false, {1, 2, 3});
      EXPECT_EQ(kernel.getEmitter(), "lstm");
      for (int64_t steps : {1, 8, 11})
        kernel.check(lstm.on(steps, 2));
    }
}

TEST(LstmKernel, TakesVariableWeights) {
  Lstm lstm{"bidirectional", 6, 4};
  CompiledKernel kernel(lstm.getText());
  kernel.check(lstm.on(9, 3));
}

TEST(LstmKernel, RunsForEveryVectorWidth) {
  for (unsigned bits : {128, 256}) {
    Lstm lstm{"forward", 12, 24};
    CompiledKernel kernel(lstm.getText(), bits, false, {1, 2, 3});
    kernel.check(lstm.on(10, 1));
  }
}

TEST(LstmKernel, YieldsWhatIsAskedFor) {
  Lstm lstm{"reverse", 4, 4, {1}};
  CompiledKernel kernel(lstm.getText(), 512, false, {1, 2, 3});
  kernel.check(lstm.on(5, 2));
  kernel.check(lstm.on(0, 2));
}

} // namespace
