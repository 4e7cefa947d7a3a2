//===- ConvEmitter.cpp - Direct convolution -------------------------------===//

#include "codegen/cpu/ConvEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

/// How much of the weights a unit works on, in bytes.
static constexpr int64_t kGroupBytes = 256 << 10;
/// About how many pixels of a row a unit has.
static constexpr int64_t kBlockPixels = 128;
/// Windows at a border are copied if they take no more stack than this.
static constexpr int64_t kMaxWindowBytes = 512 << 10;

namespace {

class ConvEmitter {
public:
  ConvEmitter(KernelFunction &function, const ConvPlan &plan);
  Value emitUnits();
  void emitBody();

private:
  /// Where a tile finds its inputs: in the input itself or in a copied window.
  struct Window {
    Value buffer;
    /// Tap 0 of all axes for the first pixel, channel 0.
    Dim origin;
    /// For each axis, how far the next tap is, and which taps exist.
    SmallVector<Dim> tapStrides, lowers, uppers;
  };

  void emitUnit(OpBuilder &builder, Dim unit);
  /// The pixels from `pixel` of the current row and phase on.
  void emitPixels(OpBuilder &builder, Dim pixel, int64_t height);
  void emitPanels(OpBuilder &builder, Dim pixel, int64_t height,
                  const Window &window);
  /// Copies the window of `height` pixels, with zeros where the input ends.
  void copyWindow(OpBuilder &builder, const Window &from, Dim firstInput,
                  int64_t height);
  /// Computes the inputs of `height` pixels, if they are none of the kernel's.
  void computeInput(OpBuilder &builder, Dim pixel, int64_t height);
  SmallVector<LaneIndex> getIndex(OpBuilder &builder, Dim pixel, Dim column);
  /// The weights' position of a panel, and how far the next tap of each axis
  /// is.
  Dim getPanelBegin(OpBuilder &builder, Dim panel, Dim column);
  Dim lookup(OpBuilder &builder, Dim index, ArrayRef<int64_t> values);
  int64_t getSpan(int64_t height) const;
  int64_t getWindowSize(int64_t height) const;

  KernelFunction &function;
  const ConvPlan &plan;
  Location loc;
  Panels panels;
  bool packed;
  bool isComputed; ///< The input, by other operations of the kernel.
  bool isOnce;     ///< The result may stand where an operand of the tail does.
  AnchorTail tail;
  unsigned last; ///< The axis that rows run along.
  Dim batch;
  SmallVector<Dim> inSizes, outSizes, flatShape;
  /// Distances in the input.
  SmallVector<Dim> inStrides;
  Dim channelStride, imageSize;
  int64_t pixelChannels;
  Dim numGroups, numBlocks;
  int64_t panelsPerGroup, numPanels;
  Value input, weights, bias, windowScratch;

  // Of the unit being emitted.
  SmallVector<Dim> phase, pads, numTaps, outer;
  Dim image, phaseBegin, panelTaps, firstPanel, lastPanel;
  // Of the tile being emitted: its first pixel that is to be stored.
  Dim firstPixel = 0;
};

} // namespace

/// Whether what tiles have in common can be stored once.
static bool hasSingleStores(const ConvPlan &plan) {
  return isa<ConvOp>(plan.op) && !plan.axes.back().mayLeave &&
         plan.outChannels % plan.tile.getColumns() == 0;
}

ConvEmitter::ConvEmitter(KernelFunction &function, const ConvPlan &plan)
    : function(function), plan(plan), loc(function.getLoc()),
      panels(plan.getPanels()),
      packed(isPacked(function.getKernel(), plan.weights)),
      isComputed(plan.input.getDefiningOp() &&
                 !plan.input.getDefiningOp<ConstantOp>()),
      isOnce(hasSingleStores(plan) &&
             mayTailOverwriteAny(function.getKernel())),
      tail(function, plan.op), last(plan.axes.size() - 1) {
  IndexBuilder index(function.getBuilder(), loc, 1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> in = function.getShape(plan.input);
  SmallVector<Dim> out = function.getShape(plan.op->getResult(0));
  pixelChannels = plan.groups * plan.inChannels;
  batch = out[0];
  if (plan.isFlat) {
    flatShape.assign(out.begin(), out.end() - 1);
    inSizes = outSizes = {index.product(flatShape)};
    batch = 1;
  } else {
    unsigned first = plan.channelsLast ? 1 : 2;
    inSizes.append(in.begin() + first, in.begin() + first + last + 1);
    outSizes.append(out.begin() + first, out.begin() + first + last + 1);
  }
  Dim stride = plan.channelsLast ? Dim(pixelChannels) : Dim(1);
  inStrides.resize(last + 1);
  for (int64_t axis = last; axis >= 0; --axis) {
    inStrides[axis] = stride;
    stride = dims.mul(stride, inSizes[axis]);
  }
  channelStride = plan.channelsLast ? Dim(1) : stride;
  imageSize = plan.channelsLast ? stride : dims.mul(stride, pixelChannels);

  numPanels = plan.groups * panels.getCount();
  int64_t mostTaps = 1;
  for (const ConvAxis &axis : plan.axes)
    mostTaps *= std::max<int64_t>(axis.getMaxTaps(), 1);
  int64_t panelBytes = mostTaps * plan.inChannels * panels.width *
                       plan.accumulator.getIntOrFloatBitWidth() / 8;
  panelsPerGroup =
      std::max<int64_t>(kGroupBytes / std::max<int64_t>(panelBytes, 1), 1);
  numGroups = llvm::divideCeil(numPanels, panelsPerGroup);
  Dim perPhase = emitCeilDiv(function.getBuilder(), loc, outSizes[last],
                             int64_t(plan.axes[last].phases.size()));
  numBlocks = emitCeilDiv(function.getBuilder(), loc, perPhase, kBlockPixels);
}

/// The shape of the space of units.
static SmallVector<Dim> getUnitShape(OpBuilder &builder, Location loc,
                                     const ConvPlan &plan, Dim numGroups,
                                     Dim batch, ArrayRef<Dim> outSizes,
                                     Dim numBlocks) {
  SmallVector<Dim> shape = {plan.getNumPhases(), numGroups, batch};
  for (auto [axis, size] :
       llvm::zip(ArrayRef<ConvAxis>(plan.axes).drop_back(), outSizes))
    shape.push_back(
        emitCeilDiv(builder, loc, size, int64_t(axis.phases.size())));
  shape.push_back(numBlocks);
  return shape;
}

Value ConvEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(
      index.product(getUnitShape(function.getBuilder(), loc, plan, numGroups,
                                 batch, outSizes, numBlocks)));
}

int64_t ConvEmitter::getSpan(int64_t height) const {
  const ConvAxis &axis = plan.axes[last];
  return (height - 1) * axis.inStep +
         (std::max<int64_t>(axis.getMaxTaps(), 1) - 1) * axis.tapStep + 1;
}

int64_t ConvEmitter::getWindowSize(int64_t height) const {
  int64_t size = getSpan(height) * pixelChannels;
  for (const ConvAxis &axis : ArrayRef<ConvAxis>(plan.axes).drop_back())
    size *= std::max<int64_t>(axis.getMaxTaps(), 1);
  return size;
}

void ConvEmitter::emitBody() {
  if (isComputed) {
    // An odd number of lines: rows that are a power of two apart would share
    // the same few of a cache.
    constexpr int64_t kLine = 16;
    inStrides[last] = llvm::alignTo(plan.inChannels, kLine) | kLine;
    input =
        emitScratch(function, plan.tile.rows * inStrides[last].getConstant(),
                    getMemoryType(getType(plan.input).getElementType()));
  } else {
    input = function.getFlat(plan.input);
  }
  weights = function.getFlat(plan.weights);
  if (plan.bias)
    bias = function.getFlat(plan.bias);
  Type element = cast<MemRefType>(input.getType()).getElementType();
  int64_t windowSize = getWindowSize(plan.tile.rows);
  if (plan.axes[last].mayLeave && plan.channelsLast && plan.tile.rows > 1 &&
      windowSize * element.getIntOrFloatBitWidth() / 8 <= kMaxWindowBytes)
    windowScratch = emitScratch(function, windowSize, element);
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

/// `values[index]`, by comparing.
Dim ConvEmitter::lookup(OpBuilder &builder, Dim index,
                        ArrayRef<int64_t> values) {
  DimBuilder dims(builder, loc);
  Dim result = values.back();
  for (int64_t i = values.size() - 2; i >= 0; --i)
    result = dims.selectLess(index, i + 1, values[i], result);
  return result;
}

void ConvEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> position =
      index.delinearize(unit, getUnitShape(builder, loc, plan, numGroups, batch,
                                           outSizes, numBlocks));
  SmallVector<Dim> phaseShape;
  for (const ConvAxis &axis : plan.axes)
    phaseShape.push_back(int64_t(axis.phases.size()));
  phase = index.delinearize(position[0], phaseShape);
  firstPanel = dims.mul(position[1], panelsPerGroup);
  lastPanel = dims.min(dims.add(firstPanel, panelsPerGroup), numPanels);
  image = position[2];

  // Where the weights of each phase begin.
  SmallVector<int64_t> begins, taps;
  int64_t begin = 0;
  for (int64_t p = 0; p != plan.getNumPhases(); ++p) {
    begins.push_back(begin);
    taps.push_back(plan.getNumTaps(p));
    begin += taps.back() * plan.inChannels * panels.width * numPanels;
  }
  phaseBegin = lookup(builder, position[0], begins);
  panelTaps = lookup(builder, position[0], taps);
  pads.clear();
  numTaps.clear();
  for (auto [axis, p] : llvm::zip_equal(plan.axes, phase)) {
    SmallVector<int64_t> axisPads, axisTaps;
    for (const ConvAxis::Phase &axisPhase : axis.phases) {
      axisPads.push_back(axisPhase.pad);
      axisTaps.push_back(axisPhase.taps.size());
    }
    pads.push_back(lookup(builder, p, axisPads));
    numTaps.push_back(lookup(builder, p, axisTaps));
  }
  outer.assign(position.begin() + 3, position.end() - 1);

  auto emitRow = [&](OpBuilder &b) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    int64_t step = plan.axes[last].phases.size();
    int64_t fixed = outSizes[last].getStatic();
    Dim count = outSizes[last];
    if (step > 1) {
      if (!ShapedType::isDynamic(fixed) && fixed % step == 0)
        count = fixed / step;
      else
        count =
            index.div(dims.sub(dims.add(count, step - 1), phase[last]), step);
    }
    // Blocks of equal size, so that none is much shorter than a tile.
    Dim begin = index.div(dims.mul(position.back(), count), numBlocks);
    Dim end =
        index.div(dims.mul(dims.add(position.back(), 1), count), numBlocks);
    if (numBlocks.isConstant() && numBlocks.getConstant() == 1) {
      begin = 0;
      end = count;
    }
    int64_t minimum = 0;
    if (!ShapedType::isDynamic(fixed))
      minimum = std::min(fixed / step, kBlockPixels / 2);
    SmallVector<int64_t> tiles = {plan.tile.rows};
    if (minimum < plan.tile.rows && plan.tile.rows > 1)
      tiles.push_back(1);
    emitTiles(b, loc, dims.sub(end, begin), minimum, tiles,
              [&](OpBuilder &nested, Dim pixel, int64_t height, Dim firstNew) {
                if (isOnce)
                  firstPixel = firstNew;
                emitPixels(nested, DimBuilder(nested, loc).add(begin, pixel),
                           height);
              });
  };

  // The last phases may have one pixel less than the first.
  Value exists;
  for (unsigned axis = 0; axis != last; ++axis) {
    int64_t step = plan.axes[axis].phases.size();
    Dim size = outSizes[axis];
    if (step == 1 || (size.isConstant() && size.getConstant() % step == 0))
      continue;
    Dim at = dims.add(dims.mul(outer[axis], step), phase[axis]);
    Value isInside = index.less(at, size);
    exists =
        exists
            ? arith::AndIOp::create(builder, loc, exists, isInside).getResult()
            : isInside;
  }
  if (!exists)
    return emitRow(builder);
  scf::IfOp::create(builder, loc, exists, [&](OpBuilder &nested, Location) {
    emitRow(nested);
    scf::YieldOp::create(nested, loc);
  });
}

void ConvEmitter::emitPixels(OpBuilder &builder, Dim pixel, int64_t height) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  Window window;
  window.buffer = input;
  window.origin = dims.mul(image, imageSize);
  // The input that tap 0 of the first pixel reads, for each axis.
  SmallVector<Dim> firstInputs;
  for (auto [i, axis] : llvm::enumerate(plan.axes)) {
    Dim number = i == last ? pixel : outer[i];
    Dim first = dims.sub(dims.mul(number, axis.inStep), pads[i]);
    firstInputs.push_back(first);
    window.origin = dims.add(window.origin, dims.mul(first, inStrides[i]));
    window.tapStrides.push_back(dims.mul(inStrides[i], axis.tapStep));
    Dim lower = 0, upper = numTaps[i];
    if (axis.mayLeave && i != last) {
      lower = emitCeilDiv(builder, loc, dims.sub(0, first), axis.tapStep);
      Dim end =
          emitCeilDiv(builder, loc, dims.sub(inSizes[i], first), axis.tapStep);
      upper = dims.min(upper, dims.max(end, lower));
    }
    window.lowers.push_back(lower);
    window.uppers.push_back(upper);
  }
  if (isComputed) {
    computeInput(builder, pixel, height);
    window.origin = 0;
  }
  const ConvAxis &axis = plan.axes[last];
  if (!axis.mayLeave)
    return emitPanels(builder, pixel, height, window);

  Dim first = firstInputs[last];
  auto clampTaps = [&](OpBuilder &b, Window pixelWindow, Dim pixelFirst) {
    DimBuilder dims(b, loc);
    Dim lower = emitCeilDiv(b, loc, dims.sub(0, pixelFirst), axis.tapStep);
    Dim end =
        emitCeilDiv(b, loc, dims.sub(inSizes[last], pixelFirst), axis.tapStep);
    pixelWindow.lowers[last] = lower;
    pixelWindow.uppers[last] = dims.min(numTaps[last], dims.max(end, lower));
    return pixelWindow;
  };
  if (height == 1)
    return emitPanels(builder, pixel, 1, clampTaps(builder, window, first));

  Dim reach = dims.add(first, (height - 1) * axis.inStep);
  reach = dims.add(reach, dims.mul(dims.sub(numTaps[last], 1), axis.tapStep));
  Value isInside =
      arith::AndIOp::create(builder, loc, index.lessEqual(Dim(0), first),
                            index.less(reach, inSizes[last]));
  if (!windowScratch) {
    scf::IfOp::create(
        builder, loc, isInside,
        [&](OpBuilder &nested, Location) {
          emitPanels(nested, pixel, height, window);
          scf::YieldOp::create(nested, loc);
        },
        [&](OpBuilder &nested, Location) {
          IndexBuilder index(nested, loc, 1);
          emitLoop(
              nested, loc, index.value(0), index.value(height),
              [&](OpBuilder &inner, Value i) {
                DimBuilder dims(inner, loc);
                Dim ahead = dims.mul(i, axis.inStep);
                Window moved = window;
                moved.origin =
                    dims.add(moved.origin, dims.mul(ahead, inStrides[last]));
                emitPanels(inner, dims.add(pixel, i), 1,
                           clampTaps(inner, moved, dims.add(first, ahead)));
              });
          scf::YieldOp::create(nested, loc);
        });
    return;
  }

  // At a border the window is copied, with its padding, and then all is as
  // inside: distances between pixels are the same.
  Value one = arith::ConstantIntOp::create(builder, loc, 1, 1);
  Value isBorder = arith::XOrIOp::create(builder, loc, isInside, one);
  scf::IfOp::create(builder, loc, isBorder, [&](OpBuilder &nested, Location) {
    copyWindow(nested, window, first, height);
    scf::YieldOp::create(nested, loc);
  });
  auto select = [&](Dim inside, Dim border) {
    return Dim(arith::SelectOp::create(
        builder, loc, isInside, index.value(inside), index.value(border)));
  };
  auto anySize =
      MemRefType::get({ShapedType::kDynamic},
                      cast<MemRefType>(input.getType()).getElementType());
  auto cast = [&](Value buffer) -> Value {
    if (buffer.getType() == anySize)
      return buffer;
    return memref::CastOp::create(builder, loc, anySize, buffer);
  };
  window.buffer = arith::SelectOp::create(builder, loc, isInside, cast(input),
                                          cast(windowScratch));
  window.origin = select(window.origin, 0);
  int64_t stride = getSpan(height) * pixelChannels;
  for (int64_t i = int64_t(last) - 1; i >= 0; --i) {
    window.tapStrides[i] = select(window.tapStrides[i], stride);
    stride *= std::max<int64_t>(plan.axes[i].getMaxTaps(), 1);
  }
  emitPanels(builder, pixel, height, window);
}

void ConvEmitter::copyWindow(OpBuilder &builder, const Window &from,
                             Dim firstInput, int64_t height) {
  int64_t span = getSpan(height);
  int64_t lanes =
      function.getWidth(cast<MemRefType>(input.getType()).getElementType());
  // Inputs `left <= i < right` of the window exist.
  DimBuilder dims(builder, loc);
  Dim left = dims.min(dims.max(dims.sub(0, firstInput), 0), span);
  Dim right =
      dims.max(dims.min(dims.sub(inSizes[last], firstInput), span), left);
  Dim leftEnd = dims.mul(left, pixelChannels);
  Dim rightBegin = dims.mul(right, pixelChannels);
  int64_t rowSize = span * pixelChannels;

  std::function<void(OpBuilder &, unsigned, Dim, Dim)> emitAxis =
      [&](OpBuilder &b, unsigned axis, Dim source, Dim target) {
        if (axis == last) {
          DimBuilder dims(b, loc);
          emitCopy(b, loc, lanes, {}, 0, windowScratch, target, leftEnd);
          emitCopy(b, loc, lanes, input, dims.add(source, leftEnd),
                   windowScratch, dims.add(target, leftEnd),
                   dims.sub(rightBegin, leftEnd));
          emitCopy(b, loc, lanes, {}, 0, windowScratch,
                   dims.add(target, rightBegin), dims.sub(rowSize, rightBegin));
          return;
        }
        int64_t stride = rowSize;
        for (unsigned i = axis + 1; i < last; ++i)
          stride *= std::max<int64_t>(plan.axes[i].getMaxTaps(), 1);
        IndexBuilder index(b, loc, 1);
        emitLoop(
            b, loc, index.value(from.lowers[axis]),
            index.value(from.uppers[axis]), [&](OpBuilder &nested, Value tap) {
              DimBuilder dims(nested, loc);
              emitAxis(nested, axis + 1,
                       dims.add(source, dims.mul(tap, from.tapStrides[axis])),
                       dims.add(target, dims.mul(tap, stride)));
            });
      };
  emitAxis(builder, 0, from.origin, 0);
}

void ConvEmitter::computeInput(OpBuilder &builder, Dim pixel, int64_t height) {
  IndexBuilder index(builder, loc, 1);
  int64_t lanes = function.getWidth(getType(plan.input).getElementType());
  emitLoop(builder, loc, index.value(0), index.value(height),
           [&](OpBuilder &nested, Value row) {
             Dim number = DimBuilder(nested, loc).add(pixel, row);
             SmallVector<LaneIndex> at = getIndex(nested, number, 0);
             emitVectorLoop(
                 nested, loc, 0, plan.inChannels, lanes,
                 [&](OpBuilder &inner, Value channel, Value mask) {
                   DimBuilder dims(inner, loc);
                   ElementEmitter elements(function, inner, lanes, mask);
                   at.back() = LaneIndex(channel, 1);
                   Dim position = dims.mul(number, plan.inChannels);
                   elements.setPosition(
                       plan.input, at,
                       LaneIndex(dims.add(position, channel), 1));
                   Dim to = dims.mul(row, inStrides[last]);
                   emitStore(
                       inner, loc, elements.getVector(plan.input, at), input,
                       IndexBuilder(inner, loc, 1).value(dims.add(to, channel)),
                       mask);
                 });
           });
}

SmallVector<LaneIndex> ConvEmitter::getIndex(OpBuilder &builder, Dim pixel,
                                             Dim column) {
  IndexBuilder index(builder, loc, plan.tile.lanes);
  DimBuilder &dims = index.uniform();
  SmallVector<LaneIndex> result;
  if (plan.isFlat) {
    // The picture first, which is all that most operands ask for.
    Dim pixels = index.product(ArrayRef<Dim>(flatShape).drop_front());
    SmallVector<Dim> outer = index.delinearize(pixel, {flatShape[0], pixels});
    result.push_back(LaneIndex(outer[0]));
    for (Dim i :
         index.delinearize(outer[1], ArrayRef<Dim>(flatShape).drop_front()))
      result.push_back(LaneIndex(i));
    result.push_back(LaneIndex(column, 1));
    return result;
  }
  result.push_back(LaneIndex(image));
  for (unsigned axis = 0; axis <= last; ++axis) {
    Dim number = axis == last ? pixel : outer[axis];
    int64_t step = plan.axes[axis].phases.size();
    result.push_back(LaneIndex(dims.add(dims.mul(number, step), phase[axis])));
  }
  result.insert(plan.channelsLast ? result.end() : result.begin() + 1,
                LaneIndex(column, 1));
  return result;
}

void ConvEmitter::emitPanels(OpBuilder &builder, Dim pixel, int64_t height,
                             const Window &window) {
  TileShape shape = plan.tile;
  shape.rows = height;
  int64_t width = panels.width;
  const ConvAxis &axis = plan.axes[last];
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();

  // The sum runs over taps, outermost first, and channels. What stands between
  // two steps in the weights:
  Dim stepStride = packed ? width : plan.groups * plan.outChannels;
  SmallVector<Dim> tapSteps(last + 1);
  Dim tapStep = dims.mul(stepStride, plan.inChannels);
  for (int64_t i = last; i >= 0; --i) {
    tapSteps[i] = tapStep;
    tapStep = dims.mul(tapStep, numTaps[i]);
  }
  SmallVector<ReductionLoop> reductions;
  for (unsigned i = 0; i <= last; ++i)
    if (i == last || plan.axes[i].getMaxTaps() > 1 || plan.axes[i].mayLeave ||
        !(numTaps[i].isConstant()))
      reductions.push_back({window.lowers[i], window.uppers[i],
                            window.tapStrides[i], tapSteps[i]});
  if (plan.channelsLast && plan.groups == 1 && axis.tapStep == 1) {
    // Neighbouring pixels follow each other: taps and channels are one loop.
    ReductionLoop &merged = reductions.back();
    merged.lower = dims.mul(merged.lower, plan.inChannels);
    merged.upper = dims.mul(merged.upper, plan.inChannels);
    merged.lhsStride = 1;
    merged.rhsStride = stepStride;
  } else {
    reductions.push_back({0, plan.inChannels, channelStride, stepStride});
    reductions.back().unroll = plan.inChannels <= 4;
  }

  emitLoop(
      builder, loc, index.value(firstPanel), index.value(lastPanel),
      [&](OpBuilder &nested, Value panel) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        Dim group = index.div(Dim(panel), panels.getCount());
        if (plan.groups == 1)
          group = 0;
        Dim inGroup = dims.sub(panel, dims.mul(group, panels.getCount()));
        Dim column =
            dims.min(dims.mul(inGroup, width), plan.outChannels - width);
        column = dims.add(dims.mul(group, plan.outChannels), column);

        TileOperands operands;
        operands.lhs = window.buffer;
        operands.lhsOffset =
            dims.add(window.origin,
                     dims.mul(group, dims.mul(channelStride, plan.inChannels)));
        operands.lhsRowStride = dims.mul(inStrides[last], axis.inStep);
        operands.rhs = weights;
        operands.rhsOffset =
            packed
                ? dims.add(phaseBegin,
                           dims.mul(panel, dims.mul(panelTaps,
                                                    plan.inChannels * width)))
                : column;
        SmallVector<Value> initial;
        if (bias) {
          for (int64_t v = 0; v != shape.vectors; ++v)
            initial.push_back(
                emitLoad(nested, loc, bias,
                         index.value(dims.add(column, v * shape.lanes)),
                         shape.lanes, plan.accumulator));
          for (int64_t i = shape.vectors; i < height * shape.vectors; ++i)
            initial.push_back(initial[i - shape.vectors]);
        } else {
          initial = emitZeroTile(nested, loc, shape, plan.accumulator);
        }
        SmallVector<Value> sums =
            emitTile(nested, loc, shape, operands, reductions, plan.accumulator,
                     initial);
        auto indexOf = [&](OpBuilder &inner, Dim i, Dim j) {
          DimBuilder dims(inner, loc);
          return getIndex(inner, dims.add(pixel, i), dims.add(column, j));
        };
        if (!plan.isFlat)
          return tail.emitTile(nested, shape, sums, indexOf,
                               /*positionOf=*/nullptr, firstPixel);
        tail.emitTile(
            nested, shape, sums, indexOf,
            [&](OpBuilder &inner, Dim i, Dim j) {
              DimBuilder dims(inner, loc);
              Dim row =
                  dims.mul(dims.add(pixel, i), plan.groups * plan.outChannels);
              return dims.add(row, dims.add(column, j));
            },
            firstPixel);
      });
}

bool mayOverwriteConv(KernelOp kernel, BlockArgument input,
                      const ConvPlan &plan) {
  return hasSingleStores(plan) && mayTailOverwrite(kernel, input);
}

Value emitConvUnits(KernelFunction &function, const ConvPlan &plan) {
  return ConvEmitter(function, plan).emitUnits();
}

void emitConvBody(KernelFunction &function, const ConvPlan &plan) {
  ConvEmitter(function, plan).emitBody();
}

} // namespace tenon::cpu
