//===- TenonOps.cpp - Builders, printers and verifiers of tenon ops -------===//
//
// What concerns shapes is checked where shapes are computed (TenonOpShapes.cpp,
// TenonNNShapes.cpp): type inference is a part of verification. Here is the
// rest: element types, regions, structure.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"

#include "dialects/tenon/TenonFloatTypes.h"

using namespace mlir;
using namespace tenon;

#define GET_OP_CLASSES
#include "dialects/tenon/TenonOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// Checks that `value`, if there is one, has the element type of `reference`.
static LogicalResult verifyElementType(Operation *op, StringRef name,
                                       Value value, Value reference) {
  if (!value)
    return success();
  Type expected = getElementTypeOrSelf(reference);
  Type actual = getElementTypeOrSelf(value);
  if (actual == expected)
    return success();
  return op->emitOpError() << "expects " << name << " to have element type "
                           << expected << ", but it has " << actual;
}

/// Checks that only factors of f16 or bf16 are summed in a wider type.
static LogicalResult verifyWide(Operation *op, bool isWide, Value factor) {
  Type type = getElementTypeOrSelf(factor);
  if (!isWide || isHalf(type))
    return success();
  return op->emitOpError() << "expects factors of f16 or bf16 where it is "
                              "'wide', but they have element type "
                           << type;
}

/// Checks a convolution's types: the bias has that of the sums.
template <typename OpTy> static LogicalResult verifyConv(OpTy op) {
  return success(
      succeeded(verifyWide(op, op.getWide(), op.getInput())) &&
      succeeded(
          verifyElementType(op, "weights", op.getWeights(), op.getInput())) &&
      succeeded(verifyElementType(op, "bias", op.getBias(), op.getOutput())));
}

LogicalResult ConvOp::verify() { return verifyConv(*this); }

LogicalResult ConvTransposeOp::verify() { return verifyConv(*this); }

LogicalResult MatMulOp::verify() {
  return verifyWide(*this, getWide(), getLhs());
}

LogicalResult BatchNormOp::verify() {
  for (auto [name, value] :
       {std::pair("scale", getScale()), std::pair("bias", getBias()),
        std::pair("mean", getMean()), std::pair("variance", getVariance())})
    if (failed(verifyElementType(*this, name, value, getInput())))
      return failure();
  return success();
}

LogicalResult LayerNormOp::verify() {
  return success(
      succeeded(verifyElementType(*this, "scale", getScale(), getInput())) &&
      succeeded(verifyElementType(*this, "bias", getBias(), getInput())));
}

LogicalResult ReduceOp::verify() {
  Type type = getElementTypeOrSelf(getInput());
  if (type.isInteger(1))
    return emitOpError("expects numbers, but its input has element type i1");
  bool needsFloat = getKind() == ReduceKind::LogSum ||
                    getKind() == ReduceKind::LogSumExp ||
                    getKind() == ReduceKind::L2;
  if (needsFloat && !isa<FloatType>(type))
    return emitOpError() << "expects a floating-point input for kind "
                         << stringifyReduceKind(getKind())
                         << ", but it has element type " << type;
  return success();
}

LogicalResult AttentionOp::verify() {
  return success(
      succeeded(verifyWide(*this, getWide(), getQuery())) &&
      succeeded(verifyElementType(*this, "key", getKey(), getQuery())) &&
      succeeded(verifyElementType(*this, "value", getValue(), getQuery())) &&
      succeeded(verifyElementType(*this, "mask", getMask(), getOutput())));
}

LogicalResult LstmOp::verify() {
  for (auto [name, value] :
       {std::pair("weights", getWeights()),
        std::pair("recurrence", getRecurrence()), std::pair("bias", getBias()),
        std::pair("initial_state", getInitialState()),
        std::pair("initial_cell", getInitialCell())})
    if (failed(verifyElementType(*this, name, value, getInput())))
      return failure();
  return success();
}

LogicalResult ConcatOp::verify() {
  for (Value input : getInputs())
    if (failed(verifyElementType(*this, "every input", input,
                                 getInputs().front())))
      return failure();
  return success();
}

LogicalResult PadOp::verify() {
  return verifyElementType(*this, "value", getValue(), getInput());
}

LogicalResult ResizeOp::verify() {
  Type type = getElementTypeOrSelf(getInput());
  if (getMode() != ResizeMode::Nearest && !isa<FloatType>(type))
    return emitOpError() << "expects a floating-point input for mode "
                         << stringifyResizeMode(getMode())
                         << ", but it has element type " << type;
  return success();
}

LogicalResult RangeOp::verify() {
  return success(
      succeeded(verifyElementType(*this, "limit", getLimit(), getStart())) &&
      succeeded(verifyElementType(*this, "step", getStep(), getStart())));
}

LogicalResult WhereOp::verify() {
  return verifyElementType(*this, "rhs", getRhs(), getLhs());
}

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  if (!adaptor.getValueAttr())
    return emitOptionalError(location, "a constant needs a value");
  types.push_back(adaptor.getValue().getShapedType());
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor adaptor) { return getValue(); }

//===----------------------------------------------------------------------===//
// IfOp
//===----------------------------------------------------------------------===//

LogicalResult IfOp::verifyRegions() {
  for (auto [name, region] : {std::pair("then", &getThenRegion()),
                              std::pair("else", &getElseRegion())}) {
    auto yield = cast<YieldOp>(region->front().getTerminator());
    if (yield.getNumOperands() != getNumResults())
      return emitOpError() << "expects its " << name << " region to yield "
                           << getNumResults() << " values, but it yields "
                           << yield.getNumOperands();
    for (auto [i, yielded, result] :
         llvm::enumerate(yield.getValues().getTypes(), getResultTypes()))
      if (!detail::areCompatibleTypes(yielded, result))
        return emitOpError()
               << "expects its " << name << " region to yield " << result
               << " as value " << i << ", but it yields " << yielded;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// LoopOp
//===----------------------------------------------------------------------===//

YieldOp LoopOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

Value LoopOp::getYieldedCondition() { return getYield().getOperand(0); }

ValueRange LoopOp::getYieldedCarried() {
  return getYield().getOperands().slice(1, getNumCarried());
}

ValueRange LoopOp::getYieldedScans() {
  return getYield().getOperands().drop_front(1 + getNumCarried());
}

bool LoopOp::isCounted() {
  auto isTrue = [](Value condition) {
    std::optional<double> value = getConstantScalar(condition);
    return value && *value != 0;
  };
  return getTripCount() && (!getCondition() || isTrue(getCondition())) &&
         isTrue(getYieldedCondition());
}

LogicalResult LoopOp::verifyRegions() {
  unsigned numCarried = getNumCarried();
  Block &block = getBody().front();
  if (block.getNumArguments() != 1 + numCarried)
    return emitOpError() << "expects " << 1 + numCarried
                         << " arguments of its region, an iteration and the "
                            "carried values, but there are "
                         << block.getNumArguments();
  MLIRContext *context = getContext();
  auto scalar = [&](unsigned bits) {
    return RankedTensorType::get({}, IntegerType::get(context, bits));
  };
  if (block.getArgument(0).getType() != scalar(64))
    return emitOpError() << "expects the first argument of its region to be "
                         << scalar(64) << ", but it is "
                         << block.getArgument(0).getType();
  YieldOp yield = getYield();
  if (yield.getNumOperands() != 1 + getNumResults() ||
      getNumResults() < numCarried)
    return emitOpError() << "expects its region to yield a condition and "
                         << getNumResults() << " values, at least "
                         << numCarried << ", but it yields "
                         << yield.getNumOperands();
  if (getYieldedCondition().getType() != scalar(1))
    return emitOpError() << "expects its region to yield " << scalar(1)
                         << " first, but it yields "
                         << getYieldedCondition().getType();
  for (unsigned i = 0; i != numCarried; ++i) {
    auto argument = dyn_cast<RankedTensorType>(getCarried()[i].getType());
    for (auto [what, value] :
         {std::pair("initial value", getInits()[i]),
          std::pair("result", getResult(i)),
          std::pair("yielded value", getYieldedCarried()[i])})
      if (!argument || !detail::areCompatibleTypes(argument, value.getType()))
        return emitOpError()
               << "expects " << what << " " << i << " to have the type of the "
               << "argument of its region, " << getCarried()[i].getType()
               << ", but it has " << value.getType();
  }
  for (auto [i, slice, result] : llvm::enumerate(
           getYieldedScans(), getResults().drop_front(numCarried))) {
    auto type = dyn_cast<RankedTensorType>(slice.getType());
    auto joined = cast<RankedTensorType>(result.getType());
    if (!type || joined.getRank() != type.getRank() + 1 ||
        joined.getElementType() != type.getElementType() ||
        failed(verifyCompatibleShape(joined.getShape().drop_front(),
                                     type.getShape())))
      return emitOpError() << "expects result " << numCarried + i
                           << " to join values of type " << slice.getType()
                           << ", but it has type " << result.getType();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// KernelOp
//===----------------------------------------------------------------------===//

void KernelOp::build(OpBuilder &builder, OperationState &state,
                     TypeRange outputs, ValueRange inputs, ValueRange scalars,
                     ValueRange dims) {
  OpBuilder::InsertionGuard guard(builder);
  build(builder, state, outputs, inputs, scalars, dims,
        /*provider=*/StringAttr());
  Block *block = builder.createBlock(state.regions.front().get());
  for (Value value : inputs)
    block->addArgument(value.getType(), value.getLoc());
  for (Value value : scalars)
    block->addArgument(value.getType(), value.getLoc());
}

YieldOp KernelOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

SmallVector<OpFoldResult> KernelOp::getResultSizes(unsigned index) {
  // The dynamic dimensions of the results before this one come first.
  unsigned next = 0;
  for (Type type : TypeRange(getResultTypes()).take_front(index))
    next += cast<RankedTensorType>(type).getNumDynamicDims();
  SmallVector<OpFoldResult> sizes;
  Builder builder(getContext());
  for (int64_t size :
       cast<RankedTensorType>(getResult(index).getType()).getShape())
    if (ShapedType::isDynamic(size))
      sizes.push_back(getDims()[next++]);
    else
      sizes.push_back(builder.getIndexAttr(size));
  return sizes;
}

LogicalResult KernelOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  for (unsigned i = 0, e = getNumResults(); i != e; ++i)
    shapes.push_back(getResultSizes(i));
  return success();
}

/// kernel ::= `(` (arg `=` value),* `)` (`scalars` `(` (arg `=` value),* `)`)?
///            (`dims` `(` values `)`)? attr-dict? `:` function-type region
ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments, scalarArguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs, scalars, dims;
  if (parser.parseAssignmentList(arguments, inputs))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("scalars")) &&
      parser.parseAssignmentList(scalarArguments, scalars))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("dims")) &&
      parser.parseOperandList(dims, OpAsmParser::Delimiter::Paren))
    return failure();
  FunctionType type;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type))
    return failure();
  Type index = parser.getBuilder().getIndexType();
  if (parser.resolveOperands(inputs, type.getInputs(), location,
                             result.operands) ||
      parser.resolveOperands(scalars, index, result.operands) ||
      parser.resolveOperands(dims, index, result.operands))
    return failure();
  for (auto [argument, argumentType] :
       llvm::zip_equal(arguments, type.getInputs()))
    argument.type = argumentType;
  for (OpAsmParser::Argument &argument : scalarArguments)
    argument.type = index;
  arguments.append(scalarArguments);
  result.addTypes(type.getResults());
  auto &properties = result.getOrAddProperties<Properties>();
  llvm::copy(ArrayRef<int32_t>({int32_t(inputs.size()), int32_t(scalars.size()),
                                int32_t(dims.size())}),
             properties.operandSegmentSizes.begin());
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  auto printAssignments = [&](ValueRange arguments, ValueRange values) {
    printer << '(';
    llvm::interleaveComma(
        llvm::zip_equal(arguments, values), printer, [&](auto pair) {
          printer << std::get<0>(pair) << " = " << std::get<1>(pair);
        });
    printer << ')';
  };
  ValueRange arguments = getBody().getArguments();
  printer << ' ';
  printAssignments(arguments.take_front(getInputs().size()), getInputs());
  if (!getScalars().empty()) {
    printer << " scalars";
    printAssignments(arguments.drop_front(getInputs().size()), getScalars());
  }
  if (!getDims().empty())
    printer << " dims(" << getDims() << ')';
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getOperandSegmentSizeAttr()});
  printer << " : ";
  printer.printFunctionalType(getInputs().getTypes(), getResultTypes());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/true);
}

LogicalResult KernelOp::verifyRegions() {
  SmallVector<Type> expected(getInputs().getTypes());
  llvm::append_range(expected, getScalars().getTypes());
  TypeRange actual = getBody().getArgumentTypes();
  if (actual.size() != expected.size())
    return emitOpError() << "expects an argument of its region for each of its "
                         << expected.size()
                         << " inputs and scalars, but it has " << actual.size();
  for (auto [i, want, have] : llvm::enumerate(expected, actual))
    if (want != have)
      return emitOpError() << "expects argument " << i
                           << " of its region to have type " << want
                           << ", but it has " << have;
  TypeRange yielded = getYield().getValues().getTypes();
  if (yielded.size() != getNumResults())
    return emitOpError() << "expects its region to yield " << getNumResults()
                         << " values, but it yields " << yielded.size();
  size_t numDynamic = 0;
  for (auto [i, have, want] : llvm::enumerate(yielded, getResultTypes())) {
    if (want != have)
      return emitOpError() << "expects its region to yield " << want
                           << " as value " << i << ", but it yields " << have;
    numDynamic += cast<RankedTensorType>(want).getNumDynamicDims();
  }
  if (getDims().size() != numDynamic)
    return emitOpError() << "expects a size in 'dims' for each of the "
                         << numDynamic
                         << " dynamic dimensions of its results, but there are "
                         << getDims().size();
  return success();
}
