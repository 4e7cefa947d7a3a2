//===- ConvKernel.cpp - Kernels around a convolution, in tiles ------------===//
//
// A convolution of channels last is a product of matrices: rows are the pixels
// of the result, columns its channels, and the sum is over the taps and the
// input's channels. The weights are the right matrix as they stand. The left
// one is never made: where its elements are in the input is computed when they
// are copied to shared memory, and those outside count as 0.
//
// Where a kernel of one tap has few pixels, such as what scales whole channels,
// it is a product of few rows.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cpu/Arithmetic.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/ProductUnits.h"
#include "dialects/tenon/TenonFloatTypes.h"

using namespace mlir;

namespace tenon::cuda {

/// The convolution that a kernel is about, if it can be done in tiles; else
/// null.
static ConvOp getConvolution(KernelOp kernel) {
  ConvOp op = cpu::getAnchor<ConvOp>(kernel);
  if (!op || op.getLayout() != Layout::NHWC || op.getGroups() != 1)
    return {};
  auto weights = cast<RankedTensorType>(op.getWeights().getType());
  Type element = weights.getElementType();
  return isFloatFactor(element) && weights.hasStaticShape() &&
                 weights.getNumElements() != 0 &&
                 op.getInput().getType().getElementType() == element
             ? op
             : nullptr;
}

/// As of matrix products.
static int64_t chooseThreads(KernelOp kernel) {
  ConvOp op = getConvolution(kernel);
  if (!op)
    return 0;
  TypicalSizes sizes;
  double rows = 1;
  int64_t rank = cast<RankedTensorType>(op.getOutput().getType()).getRank();
  for (int64_t i = 0; i != rank - 1; ++i)
    rows *= sizes.getDim(op.getOutput(), i);
  return isLarge(rows, sizes.getDim(op.getOutput(), rank - 1), /*count=*/1)
             ? 256
             : 128;
}

namespace {

/// Emits one of a kernel's functions.
class ConvEmitter {
public:
  ConvEmitter(cpu::KernelFunction &function, int64_t threads);
  Value emitUnits() { return units->emitCount(); }
  void emitBody() {
    units->emit([&](Dim) { return makeProduct(); });
  }

private:
  bool isFewPixels();
  TileSource getPixels();
  TileProduct makeProduct();

  cpu::KernelFunction &function;
  ConvOp op;
  Location loc;
  SmallVector<Dim> inputShape, outputShape;
  ArrayRef<int64_t> kernel;
  int64_t channels, columns, depth;
  Dim rows;
  std::optional<ProductUnits> units;
};

} // namespace

ConvEmitter::ConvEmitter(cpu::KernelFunction &function, int64_t threads)
    : function(function), op(getConvolution(function.getKernel())),
      loc(function.getLoc()), inputShape(function.getShape(op.getInput())),
      outputShape(function.getShape(op.getOutput())) {
  ArrayRef<int64_t> weights =
      cast<RankedTensorType>(op.getWeights().getType()).getShape();
  kernel = weights.drop_back(2);
  channels = weights.end()[-2];
  columns = weights.back();
  depth = ShapedType::getNumElements(kernel) * channels;
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  rows = index.product(ArrayRef<Dim>(outputShape).drop_back(1));
  // Of pixels there are more than of weights.
  units.emplace(function, op,
                ProductSizes{function.getElementType(op.getWeights()),
                             /*count=*/1, rows, columns, depth},
                threads, ProductUnits::Neighbours::ShareRows);
  if (isFewPixels())
    units->shareFewRows(/*depthInner=*/false);
}

/// Whether there is one tap, which is never outside, and a picture of few
/// pixels.
bool ConvEmitter::isFewPixels() {
  int64_t pixels = 1;
  for (Dim size : ArrayRef<Dim>(outputShape).drop_front().drop_back()) {
    if (!size.isConstant() || size.getConstant() > kFewRows)
      return false;
    pixels *= size.getConstant();
  }
  auto isOne = [](int64_t size) { return size == 1; };
  auto isZero = [](int64_t size) { return size == 0; };
  return pixels <= kFewRows && llvm::all_of(kernel, isOne) &&
         llvm::all_of(op.getPads(), isZero);
}

TileSource ConvEmitter::getPixels() {
  TileSource source;
  source.memory = function.getFlat(op.getInput());
  source.depthInner = true;
  source.line = channels;
  size_t numAxes = kernel.size();
  // Elements from one index of an axis to the next.
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  SmallVector<Dim> strides(numAxes, channels);
  for (size_t i = numAxes; i-- > 1;)
    strides[i - 1] = index.uniform().mul(strides[i], inputShape[i + 1]);
  Dim imageSize = index.uniform().mul(strides[0], inputShape[1]);
  // Of a pixel: where the first of its window is, which may be outside, in
  // elements and on each axis.
  source.prepare = [=](BlockCode &code, Value row) {
    cpu::IndexBuilder index(code.getBuilder(), loc, /*width=*/1);
    DimBuilder &dims = index.uniform();
    SmallVector<Dim> at =
        index.delinearize(Dim(row), ArrayRef<Dim>(outputShape).drop_back(1));
    Dim position = dims.mul(at[0], imageSize);
    BlockCode::Values known(1);
    for (size_t i = 0; i != numAxes; ++i) {
      Dim first =
          dims.sub(dims.mul(at[i + 1], op.getStrides()[i]), op.getPads()[i]);
      position = dims.add(position, dims.mul(first, strides[i]));
      known.push_back(index.value(first));
    }
    known[0] = index.value(position);
    return known;
  };
  // What only depends on the step is the same for all pixels of a thread.
  source.locate = [=](BlockCode &code, ValueRange known, Value row,
                      Value step) {
    Value tap = code.div(step, channels);
    Value further = code.rem(step, channels);
    TileElement element;
    element.isThere = code.both(code.less(row, code.value(rows)),
                                code.less(step, code.constant(depth)));
    for (size_t i = numAxes; i-- != 0;) {
      Value along = code.mul(code.rem(tap, kernel[i]), op.getDilations()[i]);
      tap = code.div(tap, kernel[i]);
      element.isThere = code.both(element.isThere,
                                  code.isWithin(code.add(known[i + 1], along),
                                                code.value(inputShape[i + 1])));
      further = code.add(further, code.mul(along, code.value(strides[i])));
    }
    element.position = code.add(known[0], further);
    return element;
  };
  return source;
}

TileProduct ConvEmitter::makeProduct() {
  TileProduct product;
  product.lhs = getPixels();
  product.rhs =
      getMatrix(function.getFlat(op.getWeights()),
                arith::ConstantIndexOp::create(function.getBuilder(), loc, 0),
                /*depthInner=*/false, /*numLines=*/depth, /*size=*/columns,
                /*stride=*/columns);
  product.element = function.getElementType(op.getWeights());
  product.rows = rows;
  product.columns = columns;
  product.depth = depth;
  product.getRowIndex = [this](OpBuilder &nested, Value row) {
    cpu::IndexBuilder index(nested, loc, /*width=*/1);
    SmallVector<cpu::LaneIndex> at;
    for (Dim i :
         index.delinearize(Dim(row), ArrayRef<Dim>(outputShape).drop_back(1)))
      at.push_back(cpu::LaneIndex(i));
    return at;
  };
  product.isOneMatrix = true;
  if (Value bias = op.getBias())
    product.getBias = [this, bias](OpBuilder &nested, Value column,
                                   int64_t lanes) {
      cpu::ElementEmitter elements(function, nested, lanes);
      elements.alignVectors();
      return cpu::convertFloat(
          nested, loc,
          elements.getVector(bias, cpu::LaneIndex(Dim(column), Dim(1))),
          nested.getF32Type());
    };
  return product;
}

const cpu::KernelEmitter kLargeConvEmitter =
    makeEmitter<ConvEmitter, chooseThreads, 256>("large_conv");
const cpu::KernelEmitter kSmallConvEmitter =
    makeEmitter<ConvEmitter, chooseThreads, 128>("small_conv");

} // namespace tenon::cuda
