//===- EntryFunctions.cpp - Functions with the ABI's signatures -----------===//

#include "codegen/common/EntryFunctions.h"

#include "codegen/common/AbiBuilder.h"
#include "codegen/common/ModelAttributes.h"
#include "codegen/common/Passes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonNarrowTypes.h"
#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tenon::codegen {

void makeKernelEntry(func::FuncOp kernel, const LLVMTypeConverter &types) {
  OpBuilder at(kernel);
  at.setInsertionPointAfter(kernel);
  Type pointer = LLVM::LLVMPointerType::get(kernel.getContext());
  Type i64 = at.getI64Type();
  auto entry = func::FuncOp::create(
      at, kernel.getLoc(), getEntryName(kernel.getName()),
      at.getFunctionType({pointer, pointer, i64, i64}, i64));
  entry.setPrivate();
  Block *block = entry.addEntryBlock();
  at.setInsertionPointToEnd(block);
  auto end = func::ReturnOp::create(at, kernel.getLoc());
  AbiBuilder builder(kernel.getLoc(), end, types);
  SmallVector<Value> arguments;
  int64_t nextPointer = 0, nextDim = 0;
  for (Type type : kernel.getArgumentTypes().drop_back(2)) {
    auto memory = dyn_cast<MemRefType>(type);
    if (!memory) {
      arguments.push_back(builder.loadIndex(block->getArgument(1), nextDim++));
      continue;
    }
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < int64_t(memory.getNumDynamicDims()); ++i)
      sizes.push_back(builder.loadIndex(block->getArgument(1), nextDim++));
    arguments.push_back(builder.makeMemRef(
        memory, builder.loadPointer(block->getArgument(0), nextPointer++),
        sizes));
  }
  for (unsigned i : {2, 3})
    arguments.push_back(arith::IndexCastOp::create(
        builder, builder.getIndexType(), block->getArgument(i)));
  end->setOperands(
      func::CallOp::create(builder, kernel, arguments).getResults());
}

namespace {

/// Makes the entries of a model.
class ModelEntries {
public:
  ModelEntries(func::FuncOp main, func::FuncOp plan,
               const LLVMTypeConverter &types)
      : main(main), plan(plan), types(types), at(main), loc(main.getLoc()),
        pointer(LLVM::LLVMPointerType::get(main.getContext())),
        numInputs(main->getAttrOfType<IntegerAttr>(kNumInputsAttr).getInt()),
        numTensors(main.getNumArguments() - 1), inputSymbols(numInputs) {}

  func::FuncOp makeRun();
  void makePlan();

private:
  MemRefType getType(int64_t tensor) {
    return cast<MemRefType>(main.getArgument(tensor).getType());
  }
  func::FuncOp begin(StringRef name, ArrayRef<Type> arguments,
                     ArrayRef<Type> results);
  StringAttr getName(int64_t tensor);
  StringRef getDeclaredDim(int64_t tensor, int64_t index);
  void findSymbols();
  void findCopiedDims();
  SmallVector<int64_t> describeOutputDims(int64_t tensor, int64_t &nextDim);
  DictionaryAttr describe(int64_t tensor, ArrayRef<int64_t> dims);
  /// The dimensions of an input that are symbols, of which `values` holds the
  /// values.
  SmallVector<Value> loadSizes(AbiBuilder &builder, Value values,
                               int64_t input);

  func::FuncOp main, plan;
  const LLVMTypeConverter &types;
  OpBuilder at;
  Location loc;
  Type pointer;
  int64_t numInputs, numTensors;
  /// The distinct names of dynamic dimensions of the inputs.
  llvm::SetVector<StringRef> symbols;
  /// Of each dimension of each input, the symbol, or -1.
  SmallVector<SmallVector<int64_t>> inputSymbols;
  /// Of the outputs' dimensions, counted over all of them, those that plan
  /// copies from an input, and the symbol.
  llvm::DenseMap<int64_t, int64_t> copiedDims;
};

} // namespace

func::FuncOp ModelEntries::begin(StringRef name, ArrayRef<Type> arguments,
                                 ArrayRef<Type> results) {
  at.setInsertionPointToEnd(main->getBlock());
  auto function = func::FuncOp::create(at, loc, name,
                                       at.getFunctionType(arguments, results));
  at.setInsertionPointToEnd(function.addEntryBlock());
  SmallVector<Value> values;
  if (!results.empty())
    values.push_back(
        arith::ConstantOp::create(at, loc, at.getI32IntegerAttr(TENON_OK)));
  func::ReturnOp::create(at, loc, values);
  return function;
}

StringAttr ModelEntries::getName(int64_t tensor) {
  if (auto name = main.getArgAttrOfType<StringAttr>(tensor, kNameAttr))
    return name;
  bool isInput = tensor < numInputs;
  return at.getStringAttr((isInput ? "input" : "output") +
                          Twine(isInput ? tensor : tensor - numInputs));
}

/// The name that the model gives a dimension, or "".
StringRef ModelEntries::getDeclaredDim(int64_t tensor, int64_t index) {
  auto dims = main.getArgAttrOfType<ArrayAttr>(tensor, kDimsAttr);
  return dims && size_t(index) < dims.size()
             ? cast<StringAttr>(dims[index]).getValue()
             : "";
}

void ModelEntries::findSymbols() {
  for (int64_t i = 0; i != numInputs; ++i) {
    MemRefType type = getType(i);
    for (int64_t d = 0; d != type.getRank(); ++d) {
      if (!type.isDynamicDim(d)) {
        inputSymbols[i].push_back(-1);
        continue;
      }
      StringRef symbol = getDeclaredDim(i, d);
      if (symbol.empty())
        symbol = at.getStringAttr(getName(i).getValue() + ".dim" + Twine(d))
                     .getValue();
      symbols.insert(symbol);
      inputSymbols[i].push_back(llvm::find(symbols, symbol) - symbols.begin());
    }
  }
}

void ModelEntries::findCopiedDims() {
  Value dims = plan.getArgument(numInputs + 1);
  for (Operation *user : dims.getUsers()) {
    auto store = dyn_cast<memref::StoreOp>(user);
    if (!store)
      continue;
    Value size = store.getValueToStore();
    if (auto cast = size.getDefiningOp<arith::IndexCastOp>())
      size = cast.getIn();
    auto dim = size.getDefiningOp<memref::DimOp>();
    auto source =
        dim ? dyn_cast<BlockArgument>(dim.getSource()) : BlockArgument();
    std::optional<int64_t> index =
        source ? dim.getConstantIndex() : std::nullopt;
    std::optional<int64_t> position =
        getConstantIntValue(store.getIndices().front());
    if (index && position && source.getArgNumber() < numInputs)
      copiedDims[*position] = inputSymbols[source.getArgNumber()][*index];
  }
}

/// The dimensions of an output as TenonTensorDesc has them.
SmallVector<int64_t> ModelEntries::describeOutputDims(int64_t tensor,
                                                      int64_t &nextDim) {
  MemRefType type = getType(tensor);
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d != type.getRank(); ++d, ++nextDim) {
    if (!type.isDynamicDim(d)) {
      dims.push_back(type.getDimSize(d));
      continue;
    }
    // What the size is tells more than what the model calls it.
    if (auto copied = copiedDims.find(nextDim);
        copied != copiedDims.end() && copied->second >= 0) {
      dims.push_back(TENON_DIM_SYMBOL(copied->second));
      continue;
    }
    auto found = llvm::find(symbols, getDeclaredDim(tensor, d));
    dims.push_back(found == symbols.end()
                       ? TENON_DIM_COMPUTED
                       : TENON_DIM_SYMBOL(found - symbols.begin()));
  }
  return dims;
}

DictionaryAttr ModelEntries::describe(int64_t tensor, ArrayRef<int64_t> dims) {
  // What the model has in the bytes of such a tensor.
  auto element = main.getArgAttrOfType<TypeAttr>(tensor, kElementTypeAttr);
  NamedAttrList description;
  description.append("dims", at.getDenseI64ArrayAttr(dims));
  description.append("name", getName(tensor));
  description.append("type",
                     element ? element
                             : TypeAttr::get(getType(tensor).getElementType()));
  for (StringRef attribute : {kValueAttr, kPartAttr, kElementAttr})
    if (Attribute value = main.getArgAttr(tensor, attribute))
      description.append(attribute, value);
  return description.getDictionary(main.getContext());
}

SmallVector<Value> ModelEntries::loadSizes(AbiBuilder &builder, Value values,
                                           int64_t input) {
  SmallVector<Value> sizes;
  for (int64_t symbol : inputSymbols[input])
    if (symbol >= 0)
      sizes.push_back(builder.loadIndex(values, symbol));
  return sizes;
}

func::FuncOp ModelEntries::makeRun() {
  findSymbols();
  findCopiedDims();
  func::FuncOp run = begin(kRunName, {pointer}, {at.getI32Type()});
  AbiBuilder builder(loc, run.front().getTerminator(), types);
  Value frame = run.getArgument(0);
  Value inputs = builder.loadPointer(frame, TENON_FRAME_SLOT(inputs));
  Value outputs = builder.loadPointer(frame, TENON_FRAME_SLOT(outputs));
  Value values = builder.loadPointer(frame, TENON_FRAME_SLOT(symbols));
  Value outputDims = builder.loadPointer(frame, TENON_FRAME_SLOT(outputDims));
  SmallVector<Attribute> inputAttrs, outputAttrs;
  SmallVector<Value> arguments;
  for (int64_t i = 0; i != numInputs; ++i) {
    MemRefType type = getType(i);
    arguments.push_back(builder.makeMemRef(type, builder.loadPointer(inputs, i),
                                           loadSizes(builder, values, i)));
    SmallVector<int64_t> dims(type.getShape());
    for (auto [dim, symbol] : llvm::zip_equal(dims, inputSymbols[i]))
      if (symbol >= 0)
        dim = TENON_DIM_SYMBOL(symbol);
    inputAttrs.push_back(describe(i, dims));
  }
  int64_t nextDim = 0;
  for (int64_t i = numInputs; i != numTensors; ++i) {
    MemRefType type = getType(i);
    SmallVector<Value> sizes;
    for (int64_t d = 0; d != type.getRank(); ++d)
      if (type.isDynamicDim(d))
        sizes.push_back(builder.loadIndex(outputDims, nextDim + d));
    arguments.push_back(builder.makeMemRef(
        type, builder.loadPointer(outputs, i - numInputs), sizes));
    outputAttrs.push_back(describe(i, describeOutputDims(i, nextDim)));
  }
  arguments.push_back(frame);
  func::CallOp::create(builder, main, arguments);
  run->setAttr(kInputsAttr, at.getArrayAttr(inputAttrs));
  run->setAttr(kOutputsAttr, at.getArrayAttr(outputAttrs));
  run->setAttr(kSymbolsAttr, at.getStrArrayAttr(symbols.getArrayRef()));
  return run;
}

/// After makeRun, which finds the symbols.
void ModelEntries::makePlan() {
  func::FuncOp entry =
      begin(kPlanEntryName, {pointer, pointer, pointer, pointer}, {});
  AbiBuilder builder(loc, entry.front().getTerminator(), types);
  Value null = LLVM::ZeroOp::create(builder, pointer);
  SmallVector<Value> arguments;
  for (int64_t i = 0; i != numInputs; ++i)
    arguments.push_back(builder.makeMemRef(
        getType(i), null, loadSizes(builder, entry.getArgument(0), i)));
  // The length of the arrays does not matter to stores into them.
  Value length = arith::ConstantIndexOp::create(builder, 0);
  auto type = MemRefType::get({ShapedType::kDynamic}, at.getI64Type());
  for (unsigned i : {1, 2, 3})
    arguments.push_back(builder.makeMemRef(type, entry.getArgument(i), length));
  func::CallOp::create(builder, plan, arguments);
}

func::FuncOp makeModelEntries(func::FuncOp main, func::FuncOp plan,
                              const LLVMTypeConverter &types) {
  ModelEntries entries(main, plan, types);
  func::FuncOp run = entries.makeRun();
  entries.makePlan();
  return run;
}

} // namespace tenon::codegen
