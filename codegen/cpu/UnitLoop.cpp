//===- UnitLoop.cpp - The loop over a kernel's units of work --------------===//

#include "codegen/cpu/UnitLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

Value emitUnitCount(KernelFunction &function, ArrayRef<Dim> shape) {
  IndexBuilder indices(function.getBuilder(), function.getLoc(), 1);
  return indices.value(indices.product(shape));
}

/// Keeps LLVM from trying to vectorize `loop`. A unit is written in vectors as
/// far as it can be. And where the loops in it are unrolled to a chain of
/// choices, such as that of the place of the largest of 17 elements, each of
/// which uses the one before more than once, the time of LLVM's loop vectorizer
/// doubles with each link.
static void forbidVectorizing(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto vectorize = LLVM::LoopVectorizeAttr::get(
      context, /*disable=*/BoolAttr::get(context, true),
      /*predicateEnable=*/{}, /*scalableEnable=*/{}, /*width=*/{},
      /*followupVectorized=*/{}, /*followupEpilogue=*/{}, /*followupAll=*/{});
  // The conversions hand it on to the loop's branch.
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, /*disableNonforced=*/{}, vectorize,
                    /*interleave=*/{}, /*unroll=*/{}, /*unrollAndJam=*/{},
                    /*licm=*/{}, /*distribute=*/{}, /*pipeline=*/{},
                    /*peeled=*/{}, /*unswitch=*/{}, /*mustProgress=*/{},
                    /*isVectorized=*/{}, /*startLoc=*/{}, /*endLoc=*/{},
                    /*parallelAccesses=*/{}));
}

void emitUnitLoop(KernelFunction &function, ArrayRef<Dim> shape,
                  llvm::function_ref<void(OpBuilder &, ArrayRef<Dim>)> body) {
  OpBuilder &builder = function.getBuilder();
  Location loc = function.getLoc();
  OpBuilder::InsertionGuard guard(builder);
  IndexBuilder indices(builder, loc, 1);

  // The sizes must be there before the loop in which they are used.
  SmallVector<Dim> first = indices.delinearize(Dim(function.getBegin()), shape);
  SmallVector<Value> carried;
  SmallVector<int64_t> position(shape.size(), -1);
  for (auto [i, index] : llvm::enumerate(first)) {
    if (index.isConstant())
      continue; // a dimension of size 1
    position[i] = carried.size();
    carried.push_back(index.getValue());
  }
  auto loop = scf::ForOp::create(builder, loc, function.getBegin(),
                                 function.getEnd(), indices.value(1), carried);
  forbidVectorizing(loop);
  Block *block = loop.getBody();
  if (!block->empty())
    block->back().erase();
  builder.setInsertionPointToEnd(block);
  SmallVector<Dim> index = first;
  for (auto [i, p] : llvm::enumerate(position))
    if (p >= 0)
      index[i] = Dim(Value(loop.getRegionIterArg(p)));
  body(builder, index);

  // Count up, from the innermost dimension outwards.
  builder.setInsertionPointToEnd(block);
  SmallVector<Value> next(carried.size());
  Dim carry = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    if (position[i] < 0)
      continue;
    Value sum = indices.value(indices.uniform().add(index[i], carry));
    if (position[i] == 0) {
      next[0] = sum; // the outermost never wraps within the range
      break;
    }
    Value wraps = indices.lessEqual(shape[i], Dim(sum));
    next[position[i]] =
        arith::SelectOp::create(builder, loc, wraps, indices.value(0), sum);
    carry = Dim(arith::SelectOp::create(builder, loc, wraps, indices.value(1),
                                        indices.value(0))
                    .getResult());
  }
  scf::YieldOp::create(builder, loc, next);
}

Chunks getChunks(OpBuilder &builder, Location loc, Dim rowSize,
                 int64_t chunkSize) {
  return {chunkSize, DimBuilder(builder, loc).ceilDiv(rowSize, chunkSize)};
}

std::pair<Dim, Dim> Chunks::getRange(OpBuilder &builder, Location loc, Dim i,
                                     Dim rowSize) const {
  DimBuilder dims(builder, loc);
  // A single chunk is the row.
  if (count.isConstant() && count.getConstant() <= 1)
    return {0, rowSize};
  Dim begin = dims.mul(i, size);
  return {begin, dims.min(dims.add(begin, size), rowSize)};
}

} // namespace tenon::cpu
