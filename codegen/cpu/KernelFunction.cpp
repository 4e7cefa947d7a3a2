//===- KernelFunction.cpp - The function that a kernel becomes ------------===//

#include "codegen/cpu/KernelFunction.h"

#include "codegen/common/ModelAttributes.h"
#include "codegen/cpu/DecomposeOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA1.h"

using namespace mlir;

namespace tenon::cpu {

/// Names the function that counts the units of a kernel's function.
static constexpr llvm::StringLiteral kUnitsAttr = "tenon.units";
/// What a kernel's function was generated from.
static constexpr llvm::StringLiteral kKeyAttr = "tenon.key";

Type getMemoryType(Type type) {
  if (type.isInteger(1))
    return IntegerType::get(type.getContext(), 8);
  return getSignless(type);
}

int64_t getVectorWidth(Type type, int64_t vectorBits) {
  int64_t bits = getMemoryType(type).getIntOrFloatBitWidth();
  return std::max<int64_t>(1, vectorBits / bits);
}

static MemRefType getMemRefType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(),
                         getMemoryType(tensor.getElementType()));
}

//===----------------------------------------------------------------------===//
// KernelFunction
//===----------------------------------------------------------------------===//

KernelFunction::KernelFunction(KernelOp kernel, const Collapses &collapses,
                               func::FuncOp func, bool hasRange,
                               unsigned vectorBits)
    : kernel(kernel), collapses(collapses), func(func), vectorBits(vectorBits),
      builder(OpBuilder::atBlockBegin(&func.getBody().front())) {
  Block &entry = func.getBody().front();
  unsigned numInputs = kernel.getInputs().size();
  unsigned numOutputs = kernel.getNumResults();
  for (unsigned i = 0; i != numInputs; ++i)
    memrefs[getRegion().getArgument(i)] = entry.getArgument(i);
  for (unsigned i = 0; i != numOutputs; ++i)
    outputs.push_back(entry.getArgument(numInputs + i));
  flatOutputs.resize(numOutputs);
  for (unsigned i = 0, e = kernel.getScalars().size(); i != e; ++i)
    scalars[getRegion().getArgument(numInputs + i)] =
        entry.getArgument(numInputs + numOutputs + i);
  if (hasRange) {
    begin = entry.getArgument(entry.getNumArguments() - 2);
    end = entry.getArgument(entry.getNumArguments() - 1);
  }
  // A mark that separates what is computed once from the work.
  entryEnd = arith::ConstantIndexOp::create(builder, getLoc(), 0);
}

OpBuilder KernelFunction::getEntryBuilder() { return OpBuilder(entryEnd); }

/// Constants with more than one value are globals beside the function.
static Value buildGlobal(OpBuilder &builder, ConstantOp constant,
                         func::FuncOp func) {
  auto type = cast<RankedTensorType>(constant.getType());
  MemRefType memref = getMemRefType(type);
  auto module = func->getParentOfType<ModuleOp>();
  auto tensor = RankedTensorType::get(type.getShape(), memref.getElementType());
  ElementsAttr value;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    if (type.getElementType().isInteger(1)) {
      SmallVector<int8_t> bytes;
      for (bool element : dense.getValues<bool>())
        bytes.push_back(element);
      value = DenseElementsAttr::get(tensor, ArrayRef<int8_t>(bytes));
    } else {
      value = DenseElementsAttr::getFromRawBuffer(tensor, dense.getRawData());
    }
  } else {
    value = DenseElementsAttr::getFromRawBuffer(
        tensor, getRawBytes(constant.getValue()));
  }
  std::string name;
  for (unsigned i = 0;; ++i) {
    name = (func.getName() + ".constant" + Twine(i)).str();
    if (!module.lookupSymbol(name))
      break;
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(func);
  memref::GlobalOp::create(builder, constant.getLoc(), name,
                           builder.getStringAttr("private"), memref, value,
                           /*constant=*/true, /*alignment=*/
                           builder.getI64IntegerAttr(64));
  OpBuilder entry = OpBuilder::atBlockBegin(&func.getBody().front());
  return memref::GetGlobalOp::create(entry, constant.getLoc(), memref, name);
}

Value KernelFunction::getMemRef(Value tensor) {
  Value &memref = memrefs[tensor];
  if (memref)
    return memref;
  if (auto constant = tensor.getDefiningOp<ConstantOp>())
    return memref = buildGlobal(builder, constant, func);
  emitError(tensor.getDefiningOp() ? tensor.getDefiningOp() : kernel,
            "its result is not in memory");
  return {};
}

Value KernelFunction::flatten(Value memref, ArrayRef<Dim> shape) {
  auto type = cast<MemRefType>(memref.getType());
  if (type.getRank() == 1)
    return memref;
  OpBuilder entry = getEntryBuilder();
  IndexBuilder indices(entry, getLoc(), 1);
  Dim size = indices.product(shape);
  auto flat = MemRefType::get({size.getStatic()}, type.getElementType());
  OpFoldResult sizeResult =
      size.isConstant() ? OpFoldResult(entry.getIndexAttr(size.getConstant()))
                        : OpFoldResult(size.getValue());
  return memref::ReinterpretCastOp::create(
      entry, getLoc(), flat, memref, OpFoldResult(entry.getIndexAttr(0)),
      ArrayRef<OpFoldResult>(sizeResult),
      ArrayRef<OpFoldResult>(OpFoldResult(entry.getIndexAttr(1))));
}

Value KernelFunction::getFlat(Value tensor) {
  if (Value flat = flats.lookup(tensor))
    return flat;
  Value memref = getMemRef(tensor);
  if (!memref)
    return {};
  Value flat = flatten(memref, getShape(tensor));
  flats[tensor] = flat;
  return flat;
}

Value KernelFunction::getFlatOutput(unsigned i) {
  if (!flatOutputs[i])
    flatOutputs[i] = flatten(outputs[i], getShape(getYielded(i)));
  return flatOutputs[i];
}

Value KernelFunction::allocate(int64_t size, Type type) {
  OpBuilder entry = getEntryBuilder();
  return memref::AllocaOp::create(entry, getLoc(),
                                  MemRefType::get({size}, type),
                                  entry.getI64IntegerAttr(64));
}

SmallVector<Dim> KernelFunction::getArgumentShape(BlockArgument argument) {
  Value memref = memrefs.lookup(argument);
  auto type = cast<MemRefType>(memref.getType());
  OpBuilder entry = getEntryBuilder();
  IndexBuilder indices(entry, getLoc(), 1);
  SmallVector<Dim> shape;
  for (ArrayRef<int64_t> group : collapses[argument.getArgNumber()]) {
    SmallVector<Dim> factors;
    for (int64_t dim : group)
      factors.push_back(
          type.isDynamicDim(dim)
              ? Dim(memref::DimOp::create(entry, getLoc(), memref, dim))
              : Dim(type.getDimSize(dim)));
    shape.push_back(indices.product(factors));
  }
  return shape;
}

SmallVector<Dim> KernelFunction::getShape(Value tensor) {
  if (auto known = shapes.find(tensor); known != shapes.end())
    return known->second;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Dim> shape;
  if (type.hasStaticShape()) {
    for (int64_t size : type.getShape())
      shape.push_back(size);
  } else if (isa<BlockArgument>(tensor)) {
    shape = getArgumentShape(cast<BlockArgument>(tensor));
  } else {
    Operation *op = tensor.getDefiningOp();
    // The sizes are computed in the region, where shape arithmetic belongs, and
    // then taken over like any scalar.
    ReifiedRankedShapedTypeDims reified;
    OpBuilder regionBuilder(op);
    if (mlir::failed(reifyResultShapes(regionBuilder, op, reified))) {
      emitError(op, "the shape of its result is not known");
      return SmallVector<Dim>(type.getRank(), Dim(1));
    }
    for (OpFoldResult size :
         reified[cast<OpResult>(tensor).getResultNumber()]) {
      if (auto constant = getConstantIntValue(size))
        shape.push_back(*constant);
      else
        shape.push_back(getScalar(Dim(cast<Value>(size))));
    }
  }
  shapes[tensor] = shape;
  return shape;
}

Value KernelFunction::getScalar(Value value) {
  if (Value known = scalars.lookup(value))
    return known;
  Operation *op = value.getDefiningOp();
  Value result;
  OpBuilder entry = getEntryBuilder();
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (index) {
      Dim size = getShape(dim.getSource())[*index];
      OpBuilder entry = getEntryBuilder();
      result = IndexBuilder(entry, getLoc(), 1).value(size);
    }
  } else if (auto extract = dyn_cast_or_null<tensor::ExtractOp>(op)) {
    Value tensor = extract.getTensor();
    SmallVector<Value> indices;
    for (Value index : extract.getIndices())
      indices.push_back(getScalar(index));
    if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>()) {
      int64_t i = 0;
      if (indices.empty() ||
          (indices.size() == 1 && getConstantIntValue(extract.getIndices()[0])))
        i = indices.empty() ? 0 : *getConstantIntValue(extract.getIndices()[0]);
      result = getScalar(elements.getElements()[i]);
    } else if (Value memref = getMemRef(tensor)) {
      result = memref::LoadOp::create(entry, getLoc(), memref, indices);
    }
  } else if (op && isa<arith::ArithDialect>(op->getDialect()) &&
             op->getNumResults() == 1) {
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      Value scalar = getScalar(operand);
      if (!scalar)
        return {};
      mapping.map(operand, scalar);
    }
    OpBuilder entry = getEntryBuilder();
    result = entry.clone(*op, mapping)->getResult(0);
  }
  if (!result) {
    emitError(op ? op : kernel,
              "its result has to be known before the kernel runs");
    result = arith::ConstantIndexOp::create(entry, getLoc(), 1);
  }
  scalars[value] = result;
  return result;
}

Dim KernelFunction::getScalar(Dim dim) {
  if (!dim.getValue())
    return dim;
  if (auto constant = getConstantIntValue(dim.getValue()))
    return *constant;
  return getScalar(dim.getValue());
}

Dim KernelFunction::getShapeElement(Value tensor, int64_t i) {
  OpBuilder regionBuilder(kernel.getYield());
  if (Operation *op = tensor.getDefiningOp())
    regionBuilder.setInsertionPointAfter(op);
  return getScalar(DimBuilder(regionBuilder, getLoc()).element(tensor, i));
}

/// `status` with what is wrong beside it, if that fits.
static Value addNumber(OpBuilder &builder, Location loc,
                       TenonKernelStatus status,
                       KernelFunction::WrongNumber wrong) {
  constexpr int64_t half = int64_t(1) << (TENON_KERNEL_NUMBER_BITS - 1);
  auto constant = [&](int64_t value) {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  };
  auto isBelow = [&](Value value, int64_t limit) {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, value,
                                 constant(limit));
  };
  auto shift = [&](Value value, int64_t bits) {
    return arith::ShLIOp::create(builder, loc, value, constant(bits));
  };
  Type i64 = builder.getI64Type();
  Value number = arith::IndexCastOp::create(builder, loc, i64, wrong.number);
  Value limit = arith::IndexCastOp::create(builder, loc, i64, wrong.limit);
  Value fits = arith::AndIOp::create(
      builder, loc,
      isBelow(arith::AddIOp::create(builder, loc, number, constant(half)),
              2 * half),
      isBelow(limit, int64_t(1) << TENON_KERNEL_LIMIT_BITS));
  Value all = arith::OrIOp::create(builder, loc,
                                   shift(number, TENON_KERNEL_NUMBER_SHIFT),
                                   shift(limit, TENON_KERNEL_LIMIT_SHIFT));
  all = arith::OrIOp::create(builder, loc, all,
                             constant(TENON_KERNEL_TELLS_NUMBER | status));
  return arith::SelectOp::create(builder, loc, fits, all, constant(status));
}

void KernelFunction::failIf(OpBuilder &builder, Value condition,
                            TenonKernelStatus status, NumberBuilder getNumber) {
  if (!errorFlag) {
    OpBuilder entry = getEntryBuilder();
    errorFlag = memref::AllocaOp::create(
        entry, getLoc(), MemRefType::get({}, entry.getI64Type()));
    Value zero =
        arith::ConstantIntOp::create(entry, getLoc(), TENON_KERNEL_OK, 64);
    memref::StoreOp::create(entry, getLoc(), zero, errorFlag, ValueRange());
  }
  scf::IfOp::create(
      builder, getLoc(), condition, [&](OpBuilder &nested, Location loc) {
        Value told =
            getNumber ? addNumber(nested, loc, status, getNumber(nested))
                      : arith::ConstantIntOp::create(nested, loc, status, 64);
        memref::StoreOp::create(nested, loc, told, errorFlag, ValueRange());
        scf::YieldOp::create(nested, loc);
      });
}

void KernelFunction::finish(Value units) {
  OpBuilder exit = OpBuilder::atBlockEnd(&func.getBody().front());
  Value result = units;
  if (begin) {
    result =
        errorFlag
            ? memref::LoadOp::create(exit, getLoc(), errorFlag).getResult()
            : arith::ConstantIntOp::create(exit, getLoc(), TENON_KERNEL_OK, 64)
                  .getResult();
  }
  func::ReturnOp::create(exit, getLoc(), result);
  entryEnd->erase();
}

void KernelFunction::emitError(Operation *op, const Twine &what) {
  if (!failed)
    mlir::emitError(op->getLoc())
        << "'" << op->getName() << "' can't be generated: " << what;
  failed = true;
}

//===----------------------------------------------------------------------===//
// Functions of a kernel
//===----------------------------------------------------------------------===//

/// What the kernel is about, for people who read names: its first operation
/// that is neither mere arithmetic nor a view, or else its last.
static StringRef getAnchorName(KernelOp kernel) {
  StringRef name = "empty";
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (!isa<TenonDialect>(op.getDialect()) || isa<ConstantOp>(op))
      continue;
    name = op.getName().stripDialect();
    if (!isa<ElementwiseOpInterface, ReshapeOp, SliceOp, TransposeOp>(op))
      break;
  }
  return name;
}

/// The number of kernels that `module` has already.
static unsigned countKernels(ModuleOp module) {
  unsigned count = 0;
  for (auto func : module.getOps<func::FuncOp>())
    count += func->hasAttr(kUnitsAttr);
  return count;
}

/// What two kernels of one function have alike: a digest of all but the names
/// and places of their values.
static StringAttr getKey(KernelOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  // Detached from what they are used on, kernels print alike. All constants
  // count, whatever the user wants to see of them when IR is printed.
  kernel->print(stream,
                OpPrintingFlags().useLocalScope().elideLargeElementsAttrs(
                    std::numeric_limits<int64_t>::max()));
  stream << kernel.getInputs().getTypes();
  llvm::SHA1 hash;
  hash.update(text);
  return StringAttr::get(kernel.getContext(), llvm::toHex(hash.final()));
}

/// The function that was generated for an equal kernel, or null.
static func::FuncOp findKernel(ModuleOp module, StringAttr key) {
  for (auto func : module.getOps<func::FuncOp>())
    if (func->getAttr(kKeyAttr) == key)
      return func;
  return {};
}

static func::FuncOp makeFunction(KernelOp kernel, ModuleOp module,
                                 const Twine &name, bool hasRange) {
  MLIRContext *context = module.getContext();
  SmallVector<Type> types;
  for (Type type : kernel.getInputs().getTypes())
    types.push_back(getMemRefType(type));
  for (Type type : kernel.getResultTypes())
    types.push_back(getMemRefType(type));
  unsigned numMemRefs = types.size();
  types.append(kernel.getScalars().size() + (hasRange ? 2 : 0),
               IndexType::get(context));
  Type result = hasRange ? Type(IntegerType::get(context, 64))
                         : Type(IndexType::get(context));
  auto func = func::FuncOp::create(kernel.getLoc(), name.str(),
                                   FunctionType::get(context, types, result));
  func.setPrivate();
  // Nothing that a kernel writes is also read through another argument, which
  // lets loads move out of loops. tenon-write-in-place takes it back where it
  // gives two of them one memory.
  for (unsigned i = 0; i != numMemRefs; ++i)
    func.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                    UnitAttr::get(context));
  func.addEntryBlock();
  module.push_back(func);
  return func;
}

/// The value of kOverwritableAttr for `kernel`, of which `copy` is the
/// collapsed copy.
static SmallVector<int64_t> findOverwritable(const KernelEmitter &emitter,
                                             KernelOp kernel, KernelOp copy,
                                             unsigned vectorBits) {
  SmallVector<int64_t> pairs;
  if (!emitter.mayOverwrite)
    return pairs;
  for (auto [output, result] : llvm::enumerate(kernel.getResultTypes()))
    for (auto [input, operand] : llvm::enumerate(kernel.getInputs().getTypes()))
      if (getMemRefType(result) == getMemRefType(operand) &&
          emitter.mayOverwrite(copy, output, copy.getBody().getArgument(input),
                               vectorBits))
        pairs.append({int64_t(output), int64_t(input)});
  return pairs;
}

const KernelEmitter *findKernelEmitter(KernelOp kernel) {
  for (const KernelEmitter *emitter : getKernelEmitters())
    if (emitter->matches(kernel))
      return emitter;
  return nullptr;
}

FailureOr<func::FuncOp> emitKernelFunctions(const KernelEmitter &emitter,
                                            KernelOp kernel, ModuleOp module,
                                            unsigned vectorBits) {
  if (emitter.prepare)
    emitter.prepare(kernel, vectorBits);
  OwningOpRef<KernelOp> copy(cast<KernelOp>(kernel->clone()));
  StringAttr key = getKey(*copy);
  if (func::FuncOp same = findKernel(module, key))
    return same;
  std::string name =
      ("k" + Twine(countKernels(module)) + "_" + getAnchorName(kernel)).str();
  Collapses collapses =
      emitter.collapses ? collapseDims(*copy) : getIdentityCollapses(*copy);
  if (emitter.collapses)
    decomposeOps(*copy);

  func::FuncOp body = makeFunction(kernel, module, name, /*hasRange=*/true);
  func::FuncOp units =
      makeFunction(kernel, module, name + ".units", /*hasRange=*/false);
  body->setAttr(kUnitsAttr, FlatSymbolRefAttr::get(units));
  body->setAttr(kKeyAttr, key);
  if (emitter.unitThreads != 1)
    body->setAttr(codegen::kUnitThreadsAttr,
                  OpBuilder(body).getI64IntegerAttr(emitter.unitThreads));
  if (SmallVector<int64_t> pairs =
          findOverwritable(emitter, kernel, *copy, vectorBits);
      !pairs.empty())
    body->setAttr(codegen::kOverwritableAttr,
                  OpBuilder(body).getDenseI64ArrayAttr(pairs));
  // Emission adds to the region what computes shapes. Each function has its
  // own, so that both decide alike, such as how much a unit is.
  OwningOpRef<KernelOp> unitsCopy(cast<KernelOp>((*copy)->clone()));
  KernelFunction bodyFunction(*copy, collapses, body, /*hasRange=*/true,
                              vectorBits);
  emitter.emitBody(bodyFunction);
  bodyFunction.finish();
  KernelFunction unitsFunction(*unitsCopy, collapses, units, /*hasRange=*/false,
                               vectorBits);
  unitsFunction.finish(emitter.emitUnits(unitsFunction));
  if (bodyFunction.hasFailed() || unitsFunction.hasFailed()) {
    body.erase();
    units.erase();
    return failure();
  }
  return body;
}

} // namespace tenon::cpu
