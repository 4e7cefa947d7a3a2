//===- ConvKernelTest.cpp - Convolutions and their tails ------------------===//

#include "KernelChecker.h"

using namespace tenon::test;

namespace {

using Shape = llvm::SmallVector<int64_t>;

std::string tensor(const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += (size < 0 ? "?" : std::to_string(size)) + "x";
  return text + "f32>";
}

std::string list(const Shape &values) {
  std::string text = "array<i64: ";
  for (size_t i = 0; i != values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + ">";
}

/// A convolution in as many dimensions as the kernel has.
struct Conv {
  int64_t inputs = 1, outputs = 1, groups = 1;
  Shape kernel, strides, pads, dilations;
  /// Of a transposed convolution; else empty.
  Shape outputPadding;
  bool isNhwc = true, hasRelu = false;
  /// Whether another tensor is added.
  bool hasResidual = false;
  /// Whether the result has to be allowed to stand where that does.
  bool isInPlace = false;
  /// Whether the input is the larger of 0 and the picture, whose channels have
  /// a factor each.
  bool isScaled = false;
  unsigned vectorBits = 512;
  bool isDynamic = true;
  /// About how large results are, of which errors are a part.
  double scale = 4;

  bool isTransposed() const { return !outputPadding.empty(); }

  /// `channels` in `spatial` (which begins with the batch) where it belongs.
  Shape place(Shape spatial, int64_t channels) const {
    spatial.insert(isNhwc ? spatial.end() : spatial.begin() + 1, channels);
    return spatial;
  }
  Shape getWeights() const {
    int64_t a = inputs / groups, b = outputs;
    if (isTransposed()) {
      // [kernel, M/groups, C] or [C, M/groups, kernel].
      a = outputs / groups;
      b = inputs;
    }
    Shape shape = kernel;
    if (isNhwc) {
      shape.append({a, b});
      return shape;
    }
    shape.insert(shape.begin(), {b, a});
    return shape;
  }
  Shape getFactors(Shape spatial) const {
    std::fill(spatial.begin() + 1, spatial.end(), 1);
    return spatial;
  }
  Shape getOutput(const Shape &spatial) const {
    Shape output = {spatial[0]};
    size_t n = kernel.size();
    for (size_t i = 0; i != n; ++i) {
      int64_t in = spatial[i + 1], extent = dilations[i] * (kernel[i] - 1) + 1;
      int64_t pad = pads[i] + pads[i + n];
      output.push_back(isTransposed() ? strides[i] * (in - 1) +
                                            outputPadding[i] + extent - pad
                                      : (in + pad - extent) / strides[i] + 1);
    }
    return output;
  }

  std::string getText(const Shape &spatial) const {
    Shape in = spatial, out = getOutput(spatial);
    if (isDynamic)
      in = out = Shape(spatial.size(), -1);
    std::string x = tensor(place(in, inputs)), w = tensor(getWeights()),
                b = tensor({outputs}), y = tensor(place(out, outputs)),
                s = tensor(place(getFactors(in), inputs));
    std::string text = "func.func @f(%x: " + x + ", %w: " + w + ", %b: " + b +
                       (hasResidual ? ", %r: " + y : "") +
                       (isScaled ? ", %s: " + s : "") + ") -> " + y + " {\n";
    if (isScaled)
      text += "  %p = tenon.mul %x, %s : (" + x + ", " + s + ") -> " + x +
              "\n  %i = tenon.relu %p : (" + x + ") -> " + x + "\n";
    text += std::string("  %0 = tenon.") +
            (isTransposed() ? "conv_transpose" : "conv") +
            (isScaled ? " %i" : " %x") +
            ", %w, %b {strides = " + list(strides) + ", pads = " + list(pads) +
            ", dilations = " + list(dilations);
    if (isTransposed())
      text += ", output_padding = " + list(outputPadding);
    text += ", groups = " + std::to_string(groups) +
            " : i64, layout = #tenon.layout<" + (isNhwc ? "nhwc" : "nchw") +
            ">} : (" + x + ", " + w + ", " + b + ") -> " + y + "\n";
    std::string result = "%0";
    if (hasResidual) {
      text += "  %1 = tenon.add %0, %r : (" + y + ", " + y + ") -> " + y + "\n";
      result = "%1";
    }
    if (hasRelu) {
      text += "  %2 = tenon.relu " + result + " : (" + y + ") -> " + y + "\n";
      result = "%2";
    }
    return text + "  return " + result + " : " + y + "\n}";
  }

  /// Compiles once if dynamic, and runs for each batch and size.
  void check(const std::vector<Shape> &sizes, llvm::StringRef emitter,
             bool isConstant = true) const {
    std::unique_ptr<CompiledKernel> kernel;
    for (const Shape &size : sizes) {
      if (!kernel || !isDynamic)
        kernel = std::make_unique<CompiledKernel>(
            getText(size), vectorBits, false,
            isConstant ? llvm::ArrayRef<unsigned>{1, 2}
                       : llvm::ArrayRef<unsigned>(),
            emitter);
      EXPECT_EQ(kernel->getEmitter(), emitter);
      if (isInPlace)
        EXPECT_EQ(kernel->getOverwritable(), (llvm::ArrayRef<int64_t>{0, 3}));
      RunOptions options;
      options.shapes = {place(size, inputs), getWeights(), {outputs}};
      if (hasResidual)
        options.shapes.push_back(place(getOutput(size), outputs));
      if (isScaled)
        options.shapes.push_back(place(getFactors(size), inputs));
      options.low = -1;
      options.high = 1;
      options.tolerance = 1e-5;
      options.scale = scale;
      kernel->check(options);
    }
  }
};

Conv conv2d(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride,
            int64_t pad, int64_t dilation = 1, int64_t groups = 1) {
  Conv conv;
  conv.inputs = inputs;
  conv.outputs = outputs;
  conv.groups = groups;
  conv.kernel = {kernel, kernel};
  conv.strides = {stride, stride};
  conv.pads = {pad, pad, pad, pad};
  conv.dilations = {dilation, dilation};
  return conv;
}

TEST(ConvKernel, MovesWindows) {
  for (int64_t kernel : {1, 3})
    for (int64_t stride : {1, 2})
      for (int64_t pad : {0, 1})
        for (int64_t dilation : {1, 2}) {
          if (kernel == 1 && dilation == 2)
            continue;
          conv2d(5, 20, kernel, stride, pad, dilation)
              .check({{1, 5, 5}, {2, 6, 17}, {1, 7, 40}}, "conv");
        }
}

TEST(ConvKernel, SpecialisesOnShapes) {
  Conv conv = conv2d(5, 20, 3, 1, 1);
  conv.isDynamic = false;
  conv.hasRelu = true;
  conv.check({{1, 1, 1}, {1, 3, 2}, {2, 7, 7}, {1, 4, 28}, {1, 2, 140}},
             "conv");
  Conv strided = conv2d(3, 32, 3, 2, 1);
  strided.isDynamic = false;
  strided.check({{1, 8, 33}}, "conv");
  Conv pointwise = conv2d(24, 10, 1, 1, 0);
  pointwise.isDynamic = false;
  pointwise.check({{2, 5, 6}, {1, 1, 1}}, "conv");
}

TEST(ConvKernel, PadsUnevenly) {
  Conv conv = conv2d(4, 16, 3, 1, 0);
  conv.kernel = {3, 2};
  conv.pads = {0, 3, 2, 0};
  conv.check({{1, 4, 3}, {1, 6, 33}}, "conv");
}

TEST(ConvKernel, SplitsGroups) {
  for (bool isNhwc : {true, false}) {
    Conv conv = conv2d(8, 12, 3, 1, 1, 1, 2);
    conv.isNhwc = isNhwc;
    conv.check({{1, 5, 6}, {2, 4, 33}}, "conv");
  }
  conv2d(64, 64, 3, 1, 1, 1, 2).check({{1, 5, 20}}, "conv");
  // More than one output for each input.
  conv2d(6, 18, 3, 1, 1, 1, 6).check({{1, 5, 20}}, "conv");
}

TEST(ConvKernel, RunsForEveryVectorWidth) {
  for (unsigned bits : {128, 256}) {
    Conv conv = conv2d(6, 21, 3, 2, 1);
    conv.vectorBits = bits;
    conv.check({{1, 7, 7}, {2, 9, 40}}, "conv");
    Conv depthwise = conv2d(21, 21, 3, 1, 1, 1, 21);
    depthwise.vectorBits = bits;
    depthwise.check({{1, 7, 7}, {2, 9, 40}}, "depthwise_conv");
  }
}

TEST(ConvKernel, HasOneOrThreeDimensions) {
  Conv line;
  line.inputs = 7;
  line.outputs = 20;
  line.kernel = {5};
  line.strides = {2};
  line.pads = {2, 2};
  line.dilations = {1};
  line.check({{1, 5}, {2, 300}}, "conv");
  line.groups = 1;
  line.isNhwc = false;
  line.check({{2, 45}}, "conv");

  Conv volume;
  volume.inputs = 3;
  volume.outputs = 18;
  volume.kernel = {2, 3, 3};
  volume.strides = {1, 2, 1};
  volume.pads = {1, 1, 1, 0, 1, 1};
  volume.dilations = {1, 1, 1};
  volume.check({{1, 3, 4, 20}}, "conv");
}

TEST(ConvKernel, ComputesItsInput) {
  // Channels that fill no vector, one, and several with a rest; rows of a power
  // of two; several panels of outputs.
  for (auto [inputs, outputs] : {std::pair<int64_t, int64_t>{3, 5},
                                 {16, 24},
                                 {37, 40},
                                 {1024, 16},
                                 {24, 150}})
    for (bool isConstant : {true, false}) {
      Conv conv = conv2d(inputs, outputs, 1, 1, 0);
      conv.isScaled = true;
      conv.scale = inputs / 4.0;
      // No picture, less than a tile, tiles that begin in one picture and end
      // in the next, several units.
      std::vector<Shape> sizes = {
          {0, 5, 5}, {1, 1, 3}, {3, 3, 3}, {2, 7, 7}, {1, 12, 25}};
      conv.check(sizes, "conv", isConstant);
      conv.hasRelu = conv.hasResidual = true;
      conv.check(sizes, "conv", isConstant);
      conv.isDynamic = false;
      conv.check(sizes, "conv", isConstant);
    }
  for (unsigned bits : {128, 256}) {
    Conv conv = conv2d(21, 24, 1, 1, 0);
    conv.isScaled = true;
    conv.vectorBits = bits;
    conv.check({{2, 7, 7}}, "conv");
  }
}

TEST(ConvKernel, KeepsChannelsFirst) {
  for (int64_t stride : {1, 2}) {
    Conv conv = conv2d(5, 18, 3, stride, 1);
    conv.isNhwc = false;
    conv.check({{1, 5, 5}, {2, 6, 33}}, "conv");
  }
}

TEST(ConvKernel, TakesVariableWeights) {
  conv2d(5, 20, 3, 1, 1).check({{1, 5, 20}}, "conv", /*isConstant=*/false);
}

/// Both sizes of tiles.
constexpr const char *kWinograd[] = {"winograd_2", "winograd_4"};

TEST(WinogradKernel, PadsAnyPicture) {
  for (const char *emitter : kWinograd) {
    // Smaller than a tile, all tiles at a border, and some inside.
    for (int64_t pad : {1, 2})
      conv2d(20, 36, 3, 1, pad)
          .check({{1, 1, 1}, {1, 3, 2}, {2, 5, 6}, {1, 7, 40}, {3, 17, 16}},
                 emitter);
    conv2d(32, 16, 3, 1, 0).check({{1, 3, 3}, {2, 4, 9}, {1, 13, 18}}, emitter);
    Conv uneven = conv2d(16, 24, 3, 1, 0);
    uneven.pads = {0, 3, 2, 0};
    uneven.check({{1, 4, 3}, {1, 6, 33}}, emitter);
  }
}

TEST(WinogradKernel, SpecialisesOnShapes) {
  for (const char *emitter : kWinograd) {
    Conv conv = conv2d(32, 64, 3, 1, 1);
    conv.isDynamic = false;
    conv.hasRelu = true;
    conv.check({{1, 1, 1}, {1, 7, 7}, {2, 14, 14}, {1, 28, 28}, {1, 50, 64}},
               emitter);
  }
}

/// Whole panels, whose result may stand where the residual does, and tiles that
/// overlap.
TEST(ConvKernel, AddsResidualsInPlace) {
  for (bool isDynamic : {true, false}) {
    for (auto [outputs, stride] :
         {std::pair<int64_t, int64_t>{16, 1}, {32, 1}, {256, 1}, {64, 2}}) {
      Conv conv = conv2d(20, outputs, 1, stride, 0);
      conv.hasRelu = conv.hasResidual = conv.isInPlace = true;
      conv.isDynamic = isDynamic;
      conv.check({{1, 1, 3}, {1, 7, 7}, {2, 14, 15}, {1, 27, 61}}, "conv");
    }
    // Windows that leave their input nowhere, or above and below only.
    for (int64_t pad : {0, 1}) {
      Conv conv = conv2d(20, 64, 3, 1, 0);
      conv.pads = {pad, 0, pad, 0};
      conv.hasResidual = conv.isInPlace = true;
      conv.isDynamic = isDynamic;
      conv.check({{1, 3, 3}, {2, 9, 17}, {1, 5, 61}}, "conv");
    }
  }
}

TEST(WinogradKernel, AddsResiduals) {
  for (const char *emitter : kWinograd) {
    for (int64_t outputs : {40, 64}) {
      Conv conv = conv2d(24, outputs, 3, 1, 1);
      conv.hasRelu = conv.hasResidual = true;
      conv.isInPlace = outputs == 64;
      conv.check({{1, 5, 5}, {2, 9, 20}}, emitter);
    }
  }
}

TEST(WinogradKernel, SplitsChannels) {
  for (const char *emitter : kWinograd) {
    // Chunks of one and of several sizes, and groups.
    for (int64_t inputs : {1030, 1040}) {
      Conv conv = conv2d(inputs, 20, 3, 1, 1);
      conv.scale = 100;
      conv.check({{1, 4, 5}, {1, 9, 18}}, emitter);
    }
    conv2d(17, 300, 3, 1, 1).check({{1, 5, 12}}, emitter);
  }
}

TEST(WinogradKernel, RunsForEveryVectorWidth) {
  for (const char *emitter : kWinograd)
    for (unsigned bits : {128, 256}) {
      Conv conv = conv2d(19, 21, 3, 1, 1);
      conv.vectorBits = bits;
      conv.check({{1, 7, 7}, {2, 9, 20}}, emitter);
    }
}

TEST(DepthwiseConvKernel, MovesWindows) {
  for (int64_t kernel : {1, 3, 5})
    for (int64_t stride : {1, 2})
      for (int64_t pad : {int64_t(0), kernel / 2})
        conv2d(24, 24, kernel, stride, pad, 1, 24)
            .check({{1, 5, 5}, {2, 6, 17}, {1, 7, 140}}, "depthwise_conv");
  conv2d(7, 7, 3, 1, 2, 2, 7).check({{1, 5, 5}, {1, 6, 30}}, "depthwise_conv");
  Conv fixed = conv2d(40, 40, 3, 1, 1, 1, 40);
  fixed.isDynamic = false;
  fixed.check({{1, 7, 7}, {1, 3, 1}, {1, 4, 28}}, "depthwise_conv");
}

/// A pointwise convolution and the depthwise one that reads it, each with an
/// activation.
struct ConvPair {
  int64_t inputs = 1, channels = 1, kernel = 3, stride = 1;
  Shape pads = {1, 1, 1, 1};
  const char *first = "relu", *second = "relu";
  bool isDynamic = true, isConstant = true;
  unsigned vectorBits = 512;
  bool hasBias = true;
  /// Whether another tensor is added at the end.
  bool hasResidual = false;

  Shape getOutput(const Shape &size) const {
    auto reach = [&](int64_t axis) {
      return (size[axis] + pads[axis - 1] + pads[axis + 1] - kernel) / stride +
             1;
    };
    return {size[0], reach(1), reach(2), channels};
  }

  std::string getText(const Shape &size) const {
    auto image = [&](Shape shape) {
      if (isDynamic)
        std::fill_n(shape.begin(), 3, -1);
      return tensor(shape);
    };
    auto conv = [&](int64_t step, const Shape &around, int64_t groups) {
      return "{strides = " + list({step, step}) + ", pads = " + list(around) +
             ", dilations = array<i64: 1, 1>, groups = " +
             std::to_string(groups) +
             " : i64, layout = #tenon.layout<nhwc>} : (";
    };
    std::string x = image({size[0], size[1], size[2], inputs}),
                z = image({size[0], size[1], size[2], channels}),
                y = image(getOutput(size)),
                w = tensor({1, 1, inputs, channels}),
                v = tensor({kernel, kernel, 1, channels}),
                b = hasBias ? ", " + tensor({channels}) : "";
    std::string text = "func.func @f(%x: " + x + ", %w: " + w + ", %v: " + v;
    if (hasBias)
      text += ", %b: " + tensor({channels}) + ", %c: " + tensor({channels});
    if (hasResidual)
      text += ", %r: " + y;
    text += ") -> " + y + " {\n  %0 = tenon.conv %x, %w" +
            (hasBias ? ", %b " : " ") + conv(1, {0, 0, 0, 0}, 1) + x + ", " +
            w + b + ") -> " + z + "\n  %1 = tenon." + first + " %0 : (" + z +
            ") -> " + z + "\n  %2 = tenon.conv %1, %v" +
            (hasBias ? ", %c " : " ") + conv(stride, pads, channels) + z +
            ", " + v + b + ") -> " + y + "\n  %3 = tenon." + second +
            " %2 : (" + y + ") -> " + y + "\n";
    if (hasResidual)
      text += "  %4 = tenon.add %3, %r : (" + y + ", " + y + ") -> " + y + "\n";
    return text + "  return " + (hasResidual ? "%4" : "%3") + " : " + y + "\n}";
  }

  void check(const std::vector<Shape> &sizes) const {
    llvm::SmallVector<unsigned> constants;
    if (isConstant)
      constants = {1, 2};
    if (isConstant && hasBias)
      constants.append({3, 4});
    std::unique_ptr<CompiledKernel> compiled;
    for (const Shape &size : sizes) {
      if (!compiled || !isDynamic)
        compiled = std::make_unique<CompiledKernel>(getText(size), vectorBits,
                                                    false, constants);
      EXPECT_EQ(compiled->getEmitter(), "pointwise_depthwise");
      RunOptions options;
      options.shapes = {{size[0], size[1], size[2], inputs},
                        {1, 1, inputs, channels},
                        {kernel, kernel, 1, channels}};
      if (hasBias)
        options.shapes.insert(options.shapes.end(), 2, {channels});
      if (hasResidual)
        options.shapes.push_back(getOutput(size));
      options.low = -1;
      options.high = 1;
      options.tolerance = 1e-5;
      options.scale = 16;
      compiled->check(options);
    }
  }
};

/// Less than a tile, less than a window, several bands, several blocks, none.
const std::vector<Shape> kPictures = {{1, 5, 5},  {2, 6, 17},  {1, 2, 40},
                                      {1, 70, 9}, {1, 4, 300}, {0, 6, 17}};

TEST(PointwiseDepthwiseKernel, MovesWindows) {
  for (int64_t kernel : {3, 5, 7})
    for (int64_t stride : {1, 2, 3}) {
      int64_t pad = kernel / 2;
      ConvPair pair{12, 24, kernel, stride, {pad, pad, pad, pad}};
      pair.check(kPictures);
    }
}

TEST(PointwiseDepthwiseKernel, PadsUnevenly) {
  ConvPair{5, 16, 3, 1, {0, 0, 0, 0}}.check({{1, 3, 3}, {2, 40, 20}});
  ConvPair{5, 16, 3, 2, {0, 3, 4, 0}}.check({{1, 1, 3}, {1, 40, 33}});
  // A window in nothing but padding, and one that is never moved back.
  ConvPair{5, 16, 2, 2, {2, 2, 2, 2}}.check({{1, 1, 1}, {1, 40, 33}});
  ConvPair{5, 16, 1, 1, {0, 0, 0, 0}}.check({{1, 4, 5}});
}

TEST(PointwiseDepthwiseKernel, TakesAnyChannels) {
  for (int64_t channels : {1, 7, 16, 33, 88})
    ConvPair{3, channels}.check({{1, 5, 20}});
  ConvPair{100, 40}.check({{1, 5, 20}});
}

TEST(PointwiseDepthwiseKernel, AppliesFunctions) {
  ConvPair pair{8, 24};
  pair.first = "silu";
  pair.second = "hard_swish";
  pair.check(kPictures);
}

TEST(PointwiseDepthwiseKernel, AddsAResidual) {
  for (bool hasBias : {true, false}) {
    ConvPair pair{8, 40, 3, 2};
    pair.first = "sigmoid";
    pair.hasBias = hasBias;
    pair.hasResidual = true;
    pair.check(kPictures);
  }
}

TEST(PointwiseDepthwiseKernel, SpecialisesOnShapes) {
  for (int64_t stride : {1, 2}) {
    ConvPair pair{8, 32, 3, stride};
    pair.isDynamic = false;
    pair.check({{1, 1, 1}, {1, 7, 7}, {2, 28, 28}, {1, 40, 140}});
  }
}

TEST(PointwiseDepthwiseKernel, RunsForEveryVectorWidth) {
  for (unsigned bits : {128, 256}) {
    ConvPair pair{8, 21};
    pair.vectorBits = bits;
    pair.check({{1, 7, 7}, {2, 9, 40}});
  }
}

TEST(PointwiseDepthwiseKernel, TakesVariableWeights) {
  ConvPair pair{8, 21};
  pair.isConstant = false;
  pair.check({{1, 7, 7}, {2, 9, 40}});
}

TEST(ConvTransposeKernel, SharesTapsAmongPhases) {
  for (bool isNhwc : {true, false})
    for (int64_t kernel : {1, 2, 3, 4})
      for (int64_t stride : {1, 2, 3}) {
        Conv conv = conv2d(6, 10, kernel, stride, 0);
        conv.isNhwc = isNhwc;
        conv.outputPadding = {0, stride - 1};
        if (kernel > 2) {
          conv.pads = {1, 1, 0, 1};
          conv.groups = 2;
        }
        conv.check({{1, 3, 4}, {2, 2, 37}}, "conv_transpose");
      }
}

TEST(ConvTransposeKernel, Dilates) {
  for (int64_t dilation : {2, 3}) {
    Conv conv = conv2d(5, 17, 3, 2, 1, dilation);
    conv.outputPadding = {1, 1};
    conv.check({{1, 3, 4}, {2, 2, 20}}, "conv_transpose");
    conv.isDynamic = false;
    conv.check({{1, 3, 5}}, "conv_transpose");
  }
}

} // namespace
