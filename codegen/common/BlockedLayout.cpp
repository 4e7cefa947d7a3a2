//===- BlockedLayout.cpp - Tensors in blocks ------------------------------===//

#include "codegen/common/BlockedLayout.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace tenon {

SmallVector<int64_t> BlockedLayout::getCounts() const {
  SmallVector<int64_t> counts(paddedDims);
  for (const Block &block : blocks)
    counts[block.dim] /= block.size;
  return counts;
}

SmallVector<int64_t> BlockedLayout::getOrder() const {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::pair(-strides[a], a) < std::pair(-strides[b], b);
  });
  return order;
}

bool BlockedLayout::isDense(int64_t size) const {
  SmallVector<int64_t> counts = getCounts();
  int64_t next = 1;
  for (const Block &block : blocks)
    next *= block.size;
  for (int64_t dim : llvm::reverse(getOrder())) {
    // One that is not counted stands anywhere.
    if (counts[dim] != 1 && strides[dim] != next)
      return false;
    next *= counts[dim];
  }
  return next == size;
}

static Value buildSizes(OpBuilder &builder, Location loc,
                        ArrayRef<int64_t> sizes) {
  return ConstantOp::create(builder, loc, builder.getI64TensorAttr(sizes));
}

static Value buildReshape(OpBuilder &builder, Location loc, Value input,
                          ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(input.getType());
  return ReshapeOp::create(builder, loc, type.clone(shape), input,
                           buildSizes(builder, loc, shape));
}

Value BlockedLayout::buildPlain(OpBuilder &builder, Location loc,
                                Value packed) const {
  auto type = cast<RankedTensorType>(packed.getType());
  assert(isDense(type.getNumElements()) && "elements stand elsewhere");
  int64_t rank = dims.size();
  SmallVector<int64_t> counts = getCounts(), order = getOrder();
  SmallVector<int64_t> stored = applyPermutation<int64_t>(counts, order);
  for (const Block &block : blocks)
    stored.push_back(block.size);
  // In the plain order each dimension is its count and then its blocks.
  SmallVector<int64_t> permutation;
  for (int64_t dim = 0; dim != rank; ++dim) {
    permutation.push_back(llvm::find(order, dim) - order.begin());
    for (auto [i, block] : llvm::enumerate(blocks))
      if (block.dim == dim)
        permutation.push_back(rank + i);
  }

  Value plain = buildReshape(builder, loc, packed, stored);
  Type transposed = type.clone(applyPermutation<int64_t>(stored, permutation));
  plain = TransposeOp::create(builder, loc, transposed, plain, permutation);
  plain = buildReshape(builder, loc, plain, paddedDims);
  if (dims == paddedDims)
    return plain;
  SmallVector<int64_t> begins(rank, 0), steps(rank, 1);
  return SliceOp::create(builder, loc, type.clone(dims), plain,
                         buildSizes(builder, loc, begins),
                         buildSizes(builder, loc, dims),
                         llvm::to_vector(llvm::seq<int64_t>(0, rank)), steps);
}

} // namespace tenon
