//===- BlockCode.cpp - Code of threads that work together -----------------===//

#include "codegen/cuda/BlockCode.h"

#include "codegen/cpu/Arithmetic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cuda {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Value BlockCode::constant(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}
Value BlockCode::value(Dim dim) {
  return dim.isConstant() ? constant(dim.getConstant()) : dim.getValue();
}
Value BlockCode::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value BlockCode::mul(Value a, Value b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, b);
}
Value BlockCode::div(Value a, Value b) {
  return builder.createOrFold<arith::DivUIOp>(loc, a, b);
}
Value BlockCode::rem(Value a, Value b) {
  return builder.createOrFold<arith::RemUIOp>(loc, a, b);
}
Value BlockCode::exclusiveOr(Value a, Value b) {
  return builder.createOrFold<arith::XOrIOp>(loc, a, b);
}
Value BlockCode::min(Value a, Value b) { return choose(less(a, b), a, b); }
Value BlockCode::less(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, a,
                                             b);
}
Value BlockCode::isWithin(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ult, a,
                                             b);
}
Value BlockCode::isZero(Value a) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, a,
                                             constant(0));
}
Value BlockCode::both(Value a, Value b) {
  return builder.createOrFold<arith::AndIOp>(loc, a, b);
}
Value BlockCode::choose(Value condition, Value a, Value b) {
  return builder.createOrFold<arith::SelectOp>(loc, condition, a, b);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

BlockCode::Values
BlockCode::loop(Value lower, Value upper, Value step, ValueRange carried,
                llvm::function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(builder, loc, lower, upper, step, carried);
  Block *block = loop.getBody();
  // Without carried values it has its terminator already.
  if (!block->empty())
    block->back().erase();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(block);
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, next);
  return Values(loop.getResults());
}

void BlockCode::loop(Value lower, Value upper, Value step,
                     llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return Values();
  });
}

void BlockCode::smallLoop(Value lower, Value upper, Value step,
                          llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, body);
  MLIRContext *context = builder.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/BoolAttr::get(context, true), /*count=*/{},
      /*runtimeDisable=*/{}, /*full=*/{}, /*followupUnrolled=*/{},
      /*followupRemainder=*/{}, /*followupAll=*/{});
  // The conversions hand it on to the loop's branch.
  std::prev(builder.getInsertionPoint())
      ->setAttr("llvm.loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, /*disableNonforced=*/{}, /*vectorize=*/{},
                    /*interleave=*/{}, unroll, /*unrollAndJam=*/{},
                    /*licm=*/{}, /*distribute=*/{}, /*pipeline=*/{},
                    /*peeled=*/{}, /*unswitch=*/{}, /*mustProgress=*/{},
                    /*isVectorized=*/{}, /*startLoc=*/{}, /*endLoc=*/{},
                    /*parallelAccesses=*/{}));
}

void BlockCode::branch(Value condition, llvm::function_ref<void()> then,
                       llvm::function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(builder, loc, condition,
                                  /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(branch.thenYield());
  then();
  if (!otherwise)
    return;
  builder.setInsertionPoint(branch.elseYield());
  otherwise();
}

Value BlockCode::choose(Value condition, Type type,
                        llvm::function_ref<Value()> then,
                        llvm::function_ref<Value()> otherwise) {
  auto branch = scf::IfOp::create(builder, loc, TypeRange(type), condition,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(builder, loc, then());
  builder.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(builder, loc, otherwise());
  return branch.getResult(0);
}

//===----------------------------------------------------------------------===//
// Threads and memory
//===----------------------------------------------------------------------===//

Value BlockCode::thread() {
  return gpu::ThreadIdOp::create(builder, loc, gpu::Dimension::x);
}

/// The function that `builder` builds.
static func::FuncOp getFunction(OpBuilder &builder) {
  Operation *parent = builder.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<func::FuncOp>(parent);
  return function ? function : parent->getParentOfType<func::FuncOp>();
}

void BlockCode::setBlocksAtOnce(int64_t count) {
  getFunction(builder)->setAttr(kBlocksAtOnceAttr,
                                builder.getI32IntegerAttr(count));
}

void BlockCode::barrier() { gpu::BarrierOp::create(builder, loc); }

static unsigned getBytes(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * getBytes(vector.getElementType());
  return type.getIntOrFloatBitWidth() / 8;
}

int64_t getChunkElements(Type element) {
  return kChunkBytes / getBytes(element);
}

static Value getPointer(OpBuilder &builder, Location loc, Value memref,
                        unsigned space) {
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, memref);
  address =
      arith::IndexCastOp::create(builder, loc, builder.getI64Type(), address);
  return LLVM::IntToPtrOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), space),
      address);
}

Value allocateShared(OpBuilder &builder, Location loc, int64_t count,
                     Type type) {
  [[maybe_unused]] constexpr int64_t kMaxSharedBytes = 48 << 10;
  assert(count * getBytes(type) <= kMaxSharedBytes && "asks for too much");
  // Where the function begins, as all memory that is made once.
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&getFunction(builder).front());
  auto space = gpu::AddressSpaceAttr::get(
      builder.getContext(), gpu::GPUDialect::getWorkgroupAddressSpace());
  return memref::AllocaOp::create(
      builder, loc,
      MemRefType::get({count}, type, MemRefLayoutAttrInterface(), space),
      builder.getI64IntegerAttr(kChunkBytes));
}

Value BlockCode::allocateShared(int64_t bytes) {
  return getPointer(
      builder, loc,
      cuda::allocateShared(builder, loc, bytes, builder.getI8Type()),
      static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared));
}

Value BlockCode::getGlobal(Value memref) {
  return getPointer(builder, loc, memref,
                    static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
}

Value BlockCode::advance(Value pointer, Value bytes) {
  Value offset =
      arith::IndexCastOp::create(builder, loc, builder.getI64Type(), bytes);
  return LLVM::GEPOp::create(builder, loc, pointer.getType(),
                             builder.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>(offset));
}

Value BlockCode::load(Type type, Value pointer) {
  return LLVM::LoadOp::create(builder, loc, type, pointer, getBytes(type));
}

void BlockCode::store(Value value, Value pointer) {
  LLVM::StoreOp::create(builder, loc, value, pointer,
                        getBytes(value.getType()));
}

BlockCode::Values BlockCode::loadFloats(Value memref, Value position,
                                        int64_t count) {
  Type f32 = builder.getF32Type();
  if (count == 1)
    return {cpu::convertFloat(
        builder, loc, memref::LoadOp::create(builder, loc, memref, position),
        f32)};
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value loaded =
      load(VectorType::get({count}, element),
           advance(getGlobal(memref), mul(position, getBytes(element))));
  loaded = cpu::convertFloat(builder, loc, loaded, f32);
  return Values(
      vector::ToElementsOp::create(builder, loc, loaded).getElements());
}

void BlockCode::copyAsync(Value shared, Value global, int64_t bytes,
                          Value isValid) {
  auto i32 = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 32);
  };
  // Chunks from L2 only, since a block reads them once. Neighbouring threads
  // find what is less in the same line of L1.
  auto cache = bytes == kChunkBytes ? NVVM::LoadCacheModifierKind::CG
                                    : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(
      builder, loc, shared, global, builder.getI32IntegerAttr(bytes),
      NVVM::LoadCacheModifierKindAttr::get(builder.getContext(), cache),
      choose(isValid, i32(bytes), i32(0)));
}

void BlockCode::commitCopies() {
  NVVM::CpAsyncCommitGroupOp::create(builder, loc);
}

void BlockCode::awaitCopies(int64_t numPending) {
  NVVM::CpAsyncWaitGroupOp::create(builder, loc,
                                   builder.getI32IntegerAttr(numPending));
}

} // namespace tenon::cuda
