//===- KernelChecker.cpp - Generated kernels against the reference --------===//

#include "KernelChecker.h"
#include "GuardedBuffer.h"
#include "JitModule.h"

#include "codegen/common/ModelAttributes.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelFunction.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <chrono>
#include <random>

using namespace mlir;

namespace tenon::test {

CompiledKernel::CompiledKernel(StringRef function, unsigned vectorBits,
                               bool keepAssembly, ArrayRef<unsigned> constants,
                               StringRef emitter) {
  registerKernelDialects(context);
  if (!build(function, vectorBits, keepAssembly, constants, emitter))
    ADD_FAILURE() << "no kernel from\n" << function.str();
}

CompiledKernel::~CompiledKernel() = default;

/// Moves the body of the module's function into a kernel in another one.
static KernelOp makeKernel(ModuleOp module) {
  auto function = *module.getOps<func::FuncOp>().begin();
  Location loc = function.getLoc();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types(function.getArgumentTypes());
  unsigned numArguments = types.size();
  for (Type type : function.getResultTypes())
    types.append(cast<RankedTensorType>(type).getNumDynamicDims(),
                 builder.getIndexType());
  auto host = func::FuncOp::create(
      builder, loc, "host",
      builder.getFunctionType(types, function.getResultTypes()));
  Block *entry = host.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  SmallVector<Value> inputs, scalars, dims;
  for (auto [i, argument] : llvm::enumerate(entry->getArguments()))
    (i >= numArguments                    ? dims
     : isa<IndexType>(argument.getType()) ? scalars
                                          : inputs)
        .push_back(argument);
  auto kernel = KernelOp::create(builder, loc, function.getResultTypes(),
                                 inputs, scalars, dims, StringAttr());
  func::ReturnOp::create(builder, loc, kernel.getResults());
  kernel.getBody().takeBody(function.getBody());
  Operation *terminator = kernel.getBody().front().getTerminator();
  builder.setInsertionPoint(terminator);
  YieldOp::create(builder, loc, terminator->getOperands());
  terminator->erase();
  function.erase();
  return kernel;
}

static Tensor makeInput(Type type, ArrayRef<int64_t> shape,
                        const RunOptions &options, unsigned number);

/// Makes input `number` of the kernel a constant.
static Tensor makeConstant(KernelOp kernel, unsigned number) {
  auto type = cast<RankedTensorType>(kernel.getInputs()[number].getType());
  RunOptions options;
  options.low = -1;
  options.high = 1;
  Tensor tensor =
      makeInput(type.getElementType(), type.getShape(), options, number);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      getBytesOf(tensor.elementType) * tensor.size(), /*align=*/64);
  writeElements(tensor, blob.getMutableData().data());
  OpBuilder builder(kernel);
  auto constant = ConstantOp::create(
      builder, kernel.getLoc(),
      DenseResourceElementsAttr::get(type, "constant", std::move(blob)));
  kernel.getInputsMutable()[number].set(constant);
  return tensor;
}

/// The function that takes words; null after a failure.
static int64_t (*lookUp(llvm::orc::LLJIT &jit,
                        StringRef symbol))(const int64_t *) {
  auto address = jit.lookup(getPackedName(symbol));
  if (!address) {
    ADD_FAILURE() << llvm::toString(address.takeError());
    return nullptr;
  }
  return address->toPtr<int64_t (*)(const int64_t *)>();
}

bool CompiledKernel::build(StringRef function, unsigned vectorBits,
                           bool keepAssembly, ArrayRef<unsigned> numbers,
                           StringRef wanted) {
  ParserConfig config(&context);
  source = parseSourceString<ModuleOp>(function, config);
  auto module = parseSourceString<ModuleOp>(function, config);
  if (!source || !module)
    return false;
  body = &(*source->getOps<func::FuncOp>().begin()).getBody().front();
  KernelOp kernel = makeKernel(*module);
  for (unsigned number : numbers)
    constants[number].tensor = makeConstant(kernel, number);
  if (failed(verify(*module)))
    return false;
  const cpu::KernelEmitter *found = cpu::findKernelEmitter(kernel);
  for (const cpu::KernelEmitter *other :
       {&cpu::kWinograd2Emitter, &cpu::kWinograd4Emitter})
    if (wanted == other->name)
      found = other;
  if (!found || !found->matches(kernel))
    return false;
  emitter = found->name;
  FailureOr<func::FuncOp> generated =
      cpu::emitKernelFunctions(*found, kernel, *module, vectorBits);
  if (failed(generated))
    return false;
  std::string name = generated->getName().str();
  for (auto &[number, constant] : constants) {
    auto op = kernel.getInputs()[number].getDefiningOp<ConstantOp>();
    ArrayRef<char> bytes = getRawBytes(op.getValue());
    constant.bytes.assign(bytes.begin(), bytes.end());
    constant.shape =
        SmallVector<int64_t>(cast<ShapedType>(op.getType()).getShape());
  }
  kernel->getParentOfType<func::FuncOp>().erase();
  for (auto func : module->getOps<func::FuncOp>()) {
    func.setPublic();
    func->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                  UnitAttr::get(&context));
  }
  llvm::raw_string_ostream(code) << *module;
  if (failed(verify(*module))) {
    ADD_FAILURE() << code;
    return false;
  }
  if (auto pairs = generated->getOperation()->getAttrOfType<DenseI64ArrayAttr>(
          codegen::kOverwritableAttr))
    overwritable.assign(pairs.asArrayRef().begin(), pairs.asArrayRef().end());
  return compileInPlace(*module, name) && compile(*module, name, keepAssembly);
}

/// The same code as tenon-write-in-place leaves it for each of the pairs.
bool CompiledKernel::compileInPlace(ModuleOp module, StringRef name) {
  int64_t firstOutput =
      llvm::count_if(body->getArgumentTypes(), llvm::IsaPred<RankedTensorType>);
  for (size_t i = 0; i != overwritable.size(); i += 2) {
    OwningOpRef<ModuleOp> copy(cast<ModuleOp>(module->clone()));
    auto function = copy->lookupSymbol<func::FuncOp>(name);
    for (int64_t argument :
         {overwritable[i + 1], firstOutput + overwritable[i]})
      function.removeArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName());
    jitsInPlace.push_back(compileInProcess(*copy, name, nullptr));
    if (!jitsInPlace.back())
      return false;
    runsInPlace.push_back(lookUp(*jitsInPlace.back(), name));
    if (!runsInPlace.back())
      return false;
  }
  return true;
}

bool CompiledKernel::compile(ModuleOp module, StringRef name,
                             bool keepAssembly) {
  std::string units = (name + ".units").str();
  jit = compileInProcess(module, {name, units},
                         keepAssembly ? &assembly : nullptr);
  if (!jit)
    return false;
  run = lookUp(*jit, name);
  countUnits = lookUp(*jit, units);
  return run && countUnits;
}

std::vector<SmallVector<int64_t>> CompiledKernel::getStaticShapes() {
  std::vector<SmallVector<int64_t>> shapes;
  for (Value argument : body->getArguments())
    if (auto type = dyn_cast<RankedTensorType>(argument.getType()))
      shapes.emplace_back(type.getShape());
  return shapes;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// The memory and arguments of a call.
struct CompiledKernel::Call {
  std::vector<std::unique_ptr<GuardedBuffer>> buffers;
  std::vector<std::unique_ptr<std::vector<int64_t>>> descriptors;
  std::vector<int64_t> words;
  unsigned firstOutput = 0;
  std::vector<Tensor> expected;
  int64_t bytes = 0;

  void add(const Tensor &tensor, bool isOutput) {
    buffers.push_back(std::make_unique<GuardedBuffer>(
        getBytesOf(tensor.elementType) * tensor.size()));
    if (!isOutput)
      writeElements(tensor, buffers.back()->data());
    addDescriptor(tensor.shape);
  }

  void add(const Constant &constant) {
    buffers.push_back(std::make_unique<GuardedBuffer>(constant.bytes.size()));
    llvm::copy(constant.bytes, buffers.back()->data());
    addDescriptor(constant.shape);
  }

  /// Gives an output the memory of an input.
  void overwrite(int64_t output, int64_t input) {
    std::vector<int64_t> &descriptor = *descriptors[firstOutput + output];
    descriptor[0] = descriptor[1] =
        reinterpret_cast<int64_t>(buffers[input]->data());
  }
  const char *getOutput(int64_t output) const {
    return reinterpret_cast<const char *>(
        (*descriptors[firstOutput + output])[1]);
  }

  /// Describes the last buffer.
  void addDescriptor(ArrayRef<int64_t> shape) {
    int64_t rank = shape.size();
    auto address = reinterpret_cast<int64_t>(buffers.back()->data());
    bytes += buffers.back()->size();
    auto descriptor = std::make_unique<std::vector<int64_t>>(
        std::vector<int64_t>{address, address, 0});
    descriptor->insert(descriptor->end(), shape.begin(), shape.end());
    std::vector<int64_t> strides(rank, 1);
    for (int64_t i = rank - 2; i >= 0; --i)
      strides[i] = strides[i + 1] * shape[i + 1];
    descriptor->insert(descriptor->end(), strides.begin(), strides.end());
    words.push_back(reinterpret_cast<int64_t>(descriptor->data()));
    descriptors.push_back(std::move(descriptor));
  }
};

static Tensor makeInput(Type type, ArrayRef<int64_t> shape,
                        const RunOptions &options, unsigned number) {
  Tensor tensor(type, shape);
  std::mt19937 generator(number + 1);
  auto given = options.elements.find(number);
  for (int64_t i = 0; i != tensor.size(); ++i) {
    double random = std::uniform_real_distribution<double>(
        options.low, options.high)(generator);
    if (type.isInteger(1))
      random = random > (options.low + options.high) / 2;
    else if (isa<IntegerType>(type))
      random = type.isUnsignedInteger() ? std::abs(std::trunc(random))
                                        : std::trunc(random);
    double value = given == options.elements.end() ? random : given->second[i];
    tensor.elements[i] = roundTo(type, value);
  }
  return tensor;
}

void CompiledKernel::prepare(Call &call, const RunOptions &options,
                             Evaluator *evaluator) {
  unsigned numTensors = 0, numScalars = 0;
  Evaluator own;
  Evaluator &values = evaluator ? *evaluator : own;
  for (Value argument : body->getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type) {
      values.set(argument, options.scalars.at(numScalars++));
      continue;
    }
    if (auto constant = constants.find(numTensors);
        constant != constants.end()) {
      call.add(constant->second);
      values.set(argument, constant->second.tensor);
      ++numTensors;
      continue;
    }
    Tensor input =
        makeInput(type.getElementType(), options.shapes.at(numTensors), options,
                  numTensors);
    call.add(input, /*isOutput=*/false);
    values.set(argument, input);
    ++numTensors;
  }
  ASSERT_TRUE(values.run(*body));
  call.firstOutput = call.buffers.size();
  for (Value result : body->getTerminator()->getOperands()) {
    call.expected.push_back(values.get(result));
    call.add(values.get(result), /*isOutput=*/true);
  }
  call.words.insert(call.words.end(), options.scalars.begin(),
                    options.scalars.end());
}

/// The first elements that differ by more than they may.
static std::string compare(const Tensor &expected, const Tensor &actual,
                           const RunOptions &options) {
  std::string differences;
  llvm::raw_string_ostream stream(differences);
  unsigned count = 0;
  for (int64_t i = 0; i != expected.size(); ++i) {
    double e = expected.elements[i], a = actual.elements[i];
    bool isEqual = e == a || (std::isnan(e) && std::isnan(a)) ||
                   std::abs(e - a) <=
                       options.tolerance * std::max(options.scale, std::abs(e));
    if (!isEqual && ++count <= 5)
      stream << "  element " << i << ": expected " << e << ", got " << a
             << "\n";
  }
  if (count)
    stream << "  " << count << " of " << expected.size() << " differ\n";
  return differences;
}

void CompiledKernel::check() {
  if (!run)
    return;
  RunOptions options;
  options.shapes = getStaticShapes();
  check(options);
}

void CompiledKernel::check(const RunOptions &options) {
  if (!run)
    return;
  Call call;
  Evaluator evaluator;
  prepare(call, options, &evaluator);
  if (::testing::Test::HasFatalFailure())
    return;
  runAndCompare(call, run, options);
  if (options.fails)
    return;
  for (size_t i = 0; i != overwritable.size(); i += 2) {
    SCOPED_TRACE("in place");
    Call inPlace;
    prepare(inPlace, options, nullptr);
    inPlace.overwrite(overwritable[i], overwritable[i + 1]);
    runAndCompare(inPlace, runsInPlace[i / 2], options);
  }
}

/// Runs all units by `function`, and compares what is left in memory.
void CompiledKernel::runAndCompare(Call &call, Function function,
                                   const RunOptions &options) {
  int64_t units = countUnits(call.words.data());
  ASSERT_GE(units, 0);
  // Three ranges, the last one first, and an empty one.
  int64_t bounds[] = {0, units / 3, units * 2 / 3, units};
  bool fails = false;
  std::vector<int64_t> words = call.words;
  words.resize(words.size() + 2);
  auto runRange = [&](int64_t begin, int64_t end) {
    words[words.size() - 2] = begin;
    words[words.size() - 1] = end;
    fails |= function(words.data()) != 0;
  };
  for (int i = 2; i >= 0; --i)
    runRange(bounds[i], bounds[i + 1]);
  runRange(units, units);
  EXPECT_EQ(fails, options.fails);
  for (const auto &buffer : call.buffers)
    EXPECT_TRUE(buffer->isIntact()) << "memory around a tensor was written";
  if (options.fails)
    return;
  for (auto [i, expected] : llvm::enumerate(call.expected)) {
    Tensor actual(expected.elementType, expected.shape);
    readElements(actual, call.getOutput(i));
    std::string differences = compare(expected, actual, options);
    EXPECT_TRUE(differences.empty()) << "result " << i << ":\n" << differences;
  }
}

double CompiledKernel::measure(const RunOptions &options) {
  Call call;
  prepare(call, options, nullptr);
  int64_t units = countUnits(call.words.data());
  std::vector<int64_t> words = call.words;
  words.push_back(0);
  words.push_back(units);
  // Clocks may be coarse: many runs at a time.
  double best = 1e30;
  for (int i = 0; i != 3; ++i) {
    std::chrono::duration<double> time{};
    auto start = std::chrono::steady_clock::now();
    int runs = 0;
    for (; time.count() < 0.03; ++runs) {
      run(words.data());
      time = std::chrono::steady_clock::now() - start;
    }
    best = std::min(best, time.count() / runs);
  }
  return call.bytes / best * 1e-9;
}

} // namespace tenon::test
