//===- MergeProducts.cpp - Products of one tensor become one --------------===//

#include "dialects/tenon/TenonAttention.h"
#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/Evaluate.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace tenon {
#define GEN_PASS_DEF_MERGEPRODUCTS
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The only operation that reads the elements of `value`, or null. Sizes are
/// computed without them.
static Operation *getOnlyReader(Value value) {
  Operation *reader = nullptr;
  for (OpOperand &use : value.getUses()) {
    if (isa<tensor::DimOp>(use.getOwner()))
      continue;
    if (reader)
      return nullptr;
    reader = use.getOwner();
  }
  return reader;
}

/// The size of the heads as which `value` is read: its last dimension becomes
/// two, and nobody reads these but a transpose that keeps each head's elements
/// together. Whoever moves heads takes them from a larger tensor as well, so
/// that a slice before the transpose costs nothing.
static std::optional<int64_t> getHeadSize(Value value) {
  auto reshape = dyn_cast_if_present<ReshapeOp>(getOnlyReader(value));
  if (!reshape || !isViewOfLines(dyn_cast_if_present<TransposeOp>(
                      getOnlyReader(reshape.getOutput()))))
    return std::nullopt;
  ArrayRef<int64_t> shape = getType(reshape.getOutput()).getShape();
  if (shape.size() < 2 || ShapedType::isDynamicShape(shape.take_back(2)) ||
      shape[shape.size() - 2] * shape.back() !=
          getType(value).getShape().back())
    return std::nullopt;
  return shape.back();
}

namespace {

/// How many operands have each constant value, which stands in memory once.
using ReaderCounts = llvm::DenseMap<Attribute, int64_t>;

/// A product with constant weights of its own, whose result is read as heads.
struct Projection {
  /// Nothing if `product` is none.
  static std::optional<Projection> get(MatMulOp product,
                                       const ReaderCounts &readers);
  bool canJoin(Projection &other);
  int64_t getColumns() { return getType(result).getShape().back(); }
  /// The dimension of the weights that has the columns.
  int64_t getColumnDim() { return product.getTransposeB() ? 0 : 1; }

  MatMulOp product;
  /// What is added: one value for each column, or one for all, or null.
  Value bias;
  /// The sum, or else the product.
  Value result;
  int64_t headSize = 0;

  /// Gives readers `value` instead, and drops what computed the result.
  void replaceWith(Value value);

private:
  void takeBias();
};

} // namespace

std::optional<Projection> Projection::get(MatMulOp product,
                                          const ReaderCounts &readers) {
  Projection found;
  found.product = product;
  found.result = product.getOutput();
  std::optional<ConstantView> weights = ConstantView::get(product.getRhs());
  // A splat has no memory, and would get one.
  if (!weights || weights->isSplat() || weights->getType().getRank() != 2 ||
      readers.lookup(weights->getAttribute()) != 1)
    return std::nullopt;
  found.takeBias();
  std::optional<int64_t> headSize = getHeadSize(found.result);
  if (!headSize)
    return std::nullopt;
  found.headSize = *headSize;
  return found;
}

void Projection::takeBias() {
  auto sum = dyn_cast_if_present<AddOp>(getOnlyReader(result));
  if (!sum || sum.getType() != result.getType())
    return;
  Value summand = sum.getLhs() == result ? sum.getRhs() : sum.getLhs();
  RankedTensorType type = getType(summand);
  bool isUniform = type.getRank() == 0 && getUniformConstant(summand);
  bool isOfColumns = type.getRank() == getType(result).getRank() &&
                     llvm::all_of(type.getShape().drop_back(),
                                  [](int64_t size) { return size == 1; }) &&
                     type.getShape().back() == getColumns() &&
                     ConstantView::get(summand);
  if (!isUniform && !isOfColumns)
    return;
  bias = summand;
  result = sum.getOutput();
}

void Projection::replaceWith(Value value) {
  SmallVector<Operation *> dropped;
  if (bias)
    dropped = {result.getDefiningOp(), bias.getDefiningOp()};
  dropped.append({product, product.getRhs().getDefiningOp()});
  result.replaceAllUsesWith(value);
  // Sizes may have been asked of it.
  product.getOutput().replaceUsesWithIf(
      value, [](OpOperand &use) { return isa<tensor::DimOp>(use.getOwner()); });
  for (Operation *op : dropped)
    if (op->use_empty())
      op->erase();
}

/// Whether both can be columns of one product.
bool Projection::canJoin(Projection &other) {
  return product->getBlock() == other.product->getBlock() &&
         product.getLhs() == other.product.getLhs() &&
         product->getAttrDictionary() == other.product->getAttrDictionary() &&
         getElementTypeOrSelf(result) == getElementTypeOrSelf(other.result) &&
         headSize == other.headSize;
}

namespace {

struct MergeProducts : tenon::impl::MergeProductsBase<MergeProducts> {
  void runOnOperation() override {
    ConstantTracker tracked(getOperation());
    tracker = &tracked;
    ReaderCounts readers;
    getOperation().walk([&](ConstantOp op) {
      readers[op.getValue()] += llvm::range_size(op->getUses());
    });
    llvm::MapVector<Value, SmallVector<Projection>> byFactor;
    getOperation().walk([&](MatMulOp op) {
      if (std::optional<Projection> found = Projection::get(op, readers))
        byFactor[op.getLhs()].push_back(*found);
    });
    for (auto &[factor, rest] : byFactor)
      while (rest.size() > 1) {
        SmallVector<Projection> joined, others;
        for (Projection &each : rest)
          (each.canJoin(rest.front()) ? joined : others).push_back(each);
        if (joined.size() > 1)
          merge(joined);
        rest = std::move(others);
      }
    tracker = nullptr;
  }

private:
  void merge(MutableArrayRef<Projection> parts);
  Value join(OpBuilder &builder, Location loc, ArrayRef<Value> constants,
             int64_t dim);
  Value joinBiases(OpBuilder &builder, Location loc,
                   MutableArrayRef<Projection> parts);

  ConstantTracker *tracker = nullptr;
};

} // namespace

/// One constant of several; those that nobody reads go.
Value MergeProducts::join(OpBuilder &builder, Location loc,
                          ArrayRef<Value> constants, int64_t dim) {
  RankedTensorType type = getType(constants.front());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = 0;
  for (Value constant : constants)
    shape[dim] += getType(constant).getDimSize(dim);
  auto concat =
      ConcatOp::create(builder, loc, type.clone(shape), constants, dim);
  ElementsAttr value = evaluate(concat);
  tracker->note(value);
  concat.erase();
  for (Value constant : constants)
    if (constant.use_empty())
      constant.getDefiningOp()->erase();
  return ConstantOp::create(builder, loc, value);
}

/// What is added to each column; 0 where a part has no bias.
Value MergeProducts::joinBiases(OpBuilder &builder, Location loc,
                                MutableArrayRef<Projection> parts) {
  SmallVector<Value> biases;
  for (Projection &part : parts) {
    if (part.bias && getType(part.bias).getRank() != 0) {
      biases.push_back(part.bias);
      continue;
    }
    SmallVector<int64_t> shape(getType(part.result).getRank(), 1);
    shape.back() = part.getColumns();
    double value = part.bias ? *getUniformConstant(part.bias) : 0;
    biases.push_back(ConstantOp::create(
        builder, loc,
        cast<ElementsAttr>(makeSplat(
            RankedTensorType::get(shape, getElementTypeOrSelf(part.result)),
            value))));
  }
  return join(builder, loc, biases, getType(biases.front()).getRank() - 1);
}

/// The columns of `whole` that are a tensor like `part`. Their node is the one
/// that reads them, as that of `part` is the product's.
static Value createSlice(OpBuilder &builder, Value part, Value whole,
                         int64_t begin, int64_t end) {
  Location loc = getOnlyReader(part)->getLoc();
  auto bound = [&](int64_t column) {
    return createShapeOperand(builder, loc,
                              OpFoldResult(builder.getI64IntegerAttr(column)));
  };
  RankedTensorType type = getType(part);
  return SliceOp::create(builder, loc, type, whole, bound(begin), bound(end),
                         builder.getDenseI64ArrayAttr(type.getRank() - 1),
                         builder.getDenseI64ArrayAttr(1));
}

void MergeProducts::merge(MutableArrayRef<Projection> parts) {
  // The first of them is before all that reads one.
  MatMulOp first = parts.front().product;
  OpBuilder builder(first);
  SmallVector<Location> locs;
  SmallVector<Value> weights;
  bool hasBias = false;
  for (Projection &part : parts) {
    locs.append({part.product.getLoc(), part.result.getLoc()});
    weights.push_back(part.product.getRhs());
    hasBias |= bool(part.bias);
  }
  Location loc = builder.getFusedLoc(locs);
  Value joined = join(builder, loc, weights, parts.front().getColumnDim());
  SmallVector<int64_t> shape(first.getType().getShape());
  shape.back() = getType(joined).getDimSize(parts.front().getColumnDim());
  Value whole = MatMulOp::create(builder, loc, first.getType().clone(shape),
                                 first.getLhs(), joined, first.getTransposeA(),
                                 first.getTransposeB(), first.getWide());
  if (hasBias)
    whole = AddOp::create(builder, loc, whole.getType(), whole,
                          joinBiases(builder, loc, parts));
  SmallVector<Value> slices;
  int64_t begin = 0;
  for (Projection &part : parts) {
    int64_t end = begin + part.getColumns();
    slices.push_back(createSlice(builder, part.result, whole, begin, end));
    begin = end;
  }
  for (auto [part, slice] : llvm::zip_equal(parts, slices))
    part.replaceWith(slice);
  numMerged += parts.size();
  bytesFreed += tracker->freeDead();
}
