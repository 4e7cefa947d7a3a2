//===- WinogradPlan.cpp - A convolution by Winograd's algorithm -----------===//

#include "codegen/cpu/WinogradPlan.h"

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/ConvPlan.h"

using namespace mlir;

namespace tenon::cpu {

/// What the transformed inputs and the products of a unit may take, in bytes:
/// part of a second cache of 1 MB, and of a thread's stack.
static constexpr int64_t kScratchBytes = 704 << 10;
/// The most tiles of a unit; more would not make reading weights any cheaper.
static constexpr int64_t kMaxTiles = 126;
/// The most input channels of a chunk.
static constexpr int64_t kChunkChannels = 512;
/// About how many output channels a unit has: more where a chunk has few input
/// channels and leaves room for them. Each group transforms its inputs again.
static constexpr int64_t kGroupChannels = 128;
static constexpr int64_t kWideGroupChannels = 256;
/// Rows are this much longer than their elements, so that they are not all in
/// the same few lines of a cache.
static constexpr int64_t kSkew = 16;
/// Fewer channels than the lanes of a vector are not worth the transforms.
static constexpr int64_t kMinChannels = 16;

WinogradPlan::WinogradPlan(ConvOp op, int64_t outputs, unsigned vectorBits)
    : op(op), transform(outputs), outTile(outputs),
      inTile(transform.getInputs()), numPlaces(inTile * inTile) {
  ArrayRef<int64_t> kernel = getType(op.getWeights()).getShape();
  inChannels = kernel[2];
  outChannels = kernel[3];
  numChunks = llvm::divideCeil(inChannels, kChunkChannels);
  chunkChannels = llvm::divideCeil(inChannels, numChunks);
  inRow = llvm::alignTo(chunkChannels, kSkew) + kSkew;

  int64_t widest =
      chunkChannels <= kWideGroupChannels ? kWideGroupChannels : kGroupChannels;
  widest = std::min<int64_t>(widest, llvm::alignTo(outChannels, 64));
  int64_t tileBytes = numPlaces * (inRow + widest) * sizeof(float);
  blockTiles = std::clamp<int64_t>(kScratchBytes / tileBytes, 1, kMaxTiles);
  RankedTensorType type = getType(op.getOutput());
  ArrayRef<int64_t> shape = type.getShape();
  if (type.hasStaticShape()) {
    // Blocks of equal size.
    int64_t count = shape[0] * llvm::divideCeil(shape[1], outTile) *
                    llvm::divideCeil(shape[2], outTile);
    count = std::max<int64_t>(count, 1);
    int64_t blocks = llvm::divideCeil(count, blockTiles);
    blockTiles = llvm::divideCeil(count, blocks);
  }
  tile = chooseTileShape(vectorBits, type.getElementType(), blockTiles,
                         outChannels);
  blockTiles = llvm::alignTo(blockTiles, tile.rows);
  panelsPerGroup = std::max<int64_t>(widest / tile.getColumns(), 1);
  groupChannels =
      std::min(panelsPerGroup, getPanels().getCount()) * tile.getColumns();
  outRow = groupChannels;
  inPlace = blockTiles * inRow + kSkew;
  outPlace = blockTiles * outRow + kSkew;
}

static bool isAll(ArrayRef<int64_t> values, int64_t expected) {
  return llvm::all_of(values, [&](int64_t value) { return value == expected; });
}

bool matchesWinograd(KernelOp kernel) {
  ConvOp op = getAnchor<ConvOp>(kernel);
  if (!op || op.getLayout() != Layout::NHWC || op.getGroups() != 1)
    return false;
  RankedTensorType type = getType(op.getWeights());
  if (!type.hasStaticShape() || type.getRank() != 4 ||
      !type.getElementType().isF32() || type.getDimSize(0) != 3 ||
      type.getDimSize(1) != 3 || type.getDimSize(2) < kMinChannels ||
      type.getDimSize(3) < kMinChannels)
    return false;
  if (!isAll(op.getStrides(), 1) || !isAll(op.getDilations(), 1))
    return false;
  auto argument = dyn_cast<BlockArgument>(op.getWeights());
  return argument && argument.hasOneUse() && isConstantInput(kernel, argument);
}

void packWinogradWeights(KernelOp kernel, const WinogradPlan &plan) {
  Panels panels = plan.getPanels();
  int64_t in = plan.inChannels, out = plan.outChannels, size = plan.inTile;
  int64_t count = panels.getCount(), width = panels.width;
  SmallVector<double> matrix = plan.transform.getWeightMatrix();
  // For one input channel and a panel: the taps' rows transformed, then all.
  std::vector<double> lines(size * 3 * width);
  auto packPanel = [&](ArrayRef<float> from, MutableArrayRef<float> to,
                       int64_t panel, int64_t channel) {
    for (int64_t row = 0; row != size; ++row)
      for (int64_t tap = 0; tap != 3; ++tap) {
        double *target = &lines[(row * 3 + tap) * width];
        const float *source =
            &from[(tap * in + channel) * out + panels.getBegin(panel)];
        const double *factors = &matrix[row * 3];
        int64_t step = 3 * in * out;
        for (int64_t i = 0; i != width; ++i)
          target[i] = factors[0] * source[i] + factors[1] * source[i + step] +
                      factors[2] * source[i + 2 * step];
      }
    for (int64_t row = 0; row != size; ++row)
      for (int64_t column = 0; column != size; ++column) {
        int64_t place = row * size + column;
        float *target = &to[((place * count + panel) * in + channel) * width];
        const double *source = &lines[row * 3 * width];
        const double *factors = &matrix[column * 3];
        for (int64_t i = 0; i != width; ++i)
          target[i] = static_cast<float>(factors[0] * source[i] +
                                         factors[1] * source[i + width] +
                                         factors[2] * source[i + 2 * width]);
      }
  };
  auto weights = cast<BlockArgument>(ConvOp(plan.op).getWeights());
  packFloats(kernel, weights.getArgNumber(), size * size * count * in * width,
             [&](ArrayRef<float> from, MutableArrayRef<float> to) {
               for (int64_t panel = 0; panel != count; ++panel)
                 for (int64_t channel = 0; channel != in; ++channel)
                   packPanel(from, to, panel, channel);
             });
}

} // namespace tenon::cpu
