//===- DescribeModel.cpp - tenon-describe-model ---------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/ElementTypes.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonValues.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_DESCRIBEMODEL
#include "codegen/common/Passes.h.inc"

namespace {

// The tables below are written member by member in the header's order.
static_assert(sizeof(TenonModelDesc) == 27 * 8, "describe the new members");
static_assert(sizeof(TenonTensorDesc) == 48 && sizeof(TenonKernel) == 80 &&
                  sizeof(TenonLibraryKernel) == 72 &&
                  sizeof(TenonBufferDesc) == 24 &&
                  sizeof(TenonDeviceImage) == 24 &&
                  sizeof(TenonWeightRange) == 24,
              "describe the new members");

/// A member of a constant: a number, the address of a symbol, or null.
struct Member {
  Member(uint64_t number, unsigned bits) : number(number), bits(bits) {}
  Member(StringRef symbol) : symbol(symbol.str()), bits(0) {}
  uint64_t number = 0;
  std::string symbol;
  unsigned bits;
};
Member i32(uint64_t number) { return Member(number, 32); }
Member i64(uint64_t number) { return Member(number, 64); }

/// The members of structures one after another.
using Table = SmallVector<SmallVector<Member>>;

/// Makes constants of the llvm dialect at the end of a module.
class ConstantBuilder {
public:
  explicit ConstantBuilder(ModuleOp module)
      : builder(ImplicitLocOpBuilder::atBlockEnd(module.getLoc(),
                                                 module.getBody())) {}

  /// An array of structures. Empty arrays have no address.
  Member makeArray(StringRef name, ArrayRef<SmallVector<Member>> elements,
                   LLVM::Linkage linkage = LLVM::Linkage::Internal) {
    if (elements.empty())
      return Member("");
    SmallVector<Type> members;
    for (const Member &member : elements.front())
      members.push_back(getType(member));
    Type element = members.front();
    if (members.size() > 1)
      element = LLVM::LLVMStructType::getLiteral(builder.getContext(), members);
    Type type = elements.size() == 1 && linkage == LLVM::Linkage::External
                    ? element
                    : LLVM::LLVMArrayType::get(element, elements.size());
    auto global = LLVM::GlobalOp::create(builder, type, /*isConstant=*/true,
                                         linkage, name, Attribute(),
                                         /*alignment=*/8);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(
        &global.getInitializerRegion().emplaceBlock());
    Value whole = LLVM::PoisonOp::create(builder, type);
    for (auto [i, values] : llvm::enumerate(elements))
      for (auto [j, member] : llvm::enumerate(values)) {
        SmallVector<int64_t> position;
        if (isa<LLVM::LLVMArrayType>(type))
          position.push_back(i);
        if (members.size() > 1)
          position.push_back(j);
        whole = LLVM::InsertValueOp::create(builder, whole, getValue(member),
                                            position);
      }
    LLVM::ReturnOp::create(builder, whole);
    return Member(name);
  }

  Member makeNumbers(StringRef name, ArrayRef<int64_t> numbers) {
    if (numbers.empty())
      return Member("");
    LLVM::GlobalOp::create(
        builder, LLVM::LLVMArrayType::get(builder.getI64Type(), numbers.size()),
        /*isConstant=*/true, LLVM::Linkage::Internal, name,
        builder.getI64TensorAttr(numbers), /*alignment=*/8);
    return Member(name);
  }

  /// Equal strings are one.
  Member makeString(StringRef text) {
    std::string &name = strings[text];
    if (name.empty()) {
      name = "str" + std::to_string(strings.size() - 1);
      SmallVector<char> bytes(text.begin(), text.end());
      bytes.push_back(0);
      LLVM::GlobalOp::create(
          builder, LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
          /*isConstant=*/true, LLVM::Linkage::Internal, name,
          builder.getStringAttr(StringRef(bytes.data(), bytes.size())));
    }
    return Member(name);
  }

private:
  Type getType(const Member &member) {
    if (member.bits == 0)
      return LLVM::LLVMPointerType::get(builder.getContext());
    return builder.getIntegerType(member.bits);
  }
  Value getValue(const Member &member) {
    Type type = getType(member);
    if (member.bits != 0)
      return LLVM::ConstantOp::create(
          builder, type,
          builder.getIntegerAttr(type, APInt(member.bits, member.number)));
    if (member.symbol.empty())
      return LLVM::ZeroOp::create(builder, type);
    return LLVM::AddressOfOp::create(builder, type, member.symbol);
  }

  ImplicitLocOpBuilder builder;
  llvm::StringMap<std::string> strings;
};

/// The features that the runtime checks: those switched on, without signs. Not
/// those for tiles, which no generated code has: libraries look for themselves.
std::string getRequiredFeatures(StringRef features) {
  SmallVector<StringRef> parts, required;
  features.split(parts, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef part : parts)
    if (part.consume_front("+") && !part.starts_with("amx-"))
      required.push_back(part);
  return llvm::join(required, ",");
}

class DescribeModelPass : public impl::DescribeModelBase<DescribeModelPass> {
public:
  using DescribeModelBase::DescribeModelBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto run = module.lookupSymbol<LLVM::LLVMFuncOp>(kRunName);
    auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
    if (!run || !target) {
      module.emitError("expected @run in the llvm dialect and a target");
      return signalPassFailure();
    }
    hideSymbols();
    ConstantBuilder constants(module);
    auto inputs = makeTensors(constants, run, kInputsAttr, "inputs");
    auto outputs = makeTensors(constants, run, kOutputsAttr, "outputs");
    if (failed(inputs) || failed(outputs))
      return signalPassFailure();
    describe(constants, run, target, *inputs, *outputs);
  }

private:
  /// Only the description is visible from outside.
  void hideSymbols() {
    ModuleOp module = getOperation();
    // What is hidden is called by what LLVM generates.
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal() &&
          function.getVisibility_() != LLVM::Visibility::Hidden)
        function.setLinkage(LLVM::Linkage::Internal);
    for (StringRef table : {StringRef(kKernelTable), StringRef(kLibraryTable)})
      if (Operation *declaration = module.lookupSymbol(table))
        declaration->erase();
  }

  static Table makeSymbols(ConstantBuilder &constants, LLVM::LLVMFuncOp run) {
    Table symbols;
    for (auto name :
         run->getAttrOfType<ArrayAttr>(kSymbolsAttr).getAsRange<StringAttr>())
      symbols.push_back({constants.makeString(name.getValue())});
    return symbols;
  }

  static Table makeKernels(ConstantBuilder &constants, LLVM::LLVMFuncOp run) {
    Table kernels;
    for (auto kernel : run->getAttrOfType<ArrayAttr>(kKernelsAttr)
                           .getAsRange<DictionaryAttr>()) {
      auto args = kernel.getAs<DenseI64ArrayAttr>("args");
      std::string argsName = "args" + std::to_string(kernels.size());
      auto entry = kernel.getAs<StringAttr>("entry");
      auto symbol = kernel.getAs<StringAttr>("symbol");
      auto getNumber = [&](StringRef name) {
        auto number = kernel.getAs<IntegerAttr>(name);
        return number ? number.getInt() : 0;
      };
      auto words = kernel.getAs<DenseI64ArrayAttr>("library");
      ArrayRef<int64_t> library = words ? words : ArrayRef<int64_t>();
      kernels.push_back(
          {Member(entry ? entry.getValue() : ""),
           constants.makeString(kernel.getAs<StringAttr>("name").getValue()),
           constants.makeString(
               kernel.getAs<StringAttr>("provider").getValue()),
           constants.makeNumbers(argsName, args), i64(args.size()),
           symbol ? constants.makeString(symbol.getValue()) : Member(""),
           i32(kernel.getAs<IntegerAttr>("num_args").getInt()),
           i32(kernel.getAs<IntegerAttr>("num_dims").getInt()),
           i32(getNumber("block_size")), i32(getNumber("unit_threads")),
           constants.makeNumbers("library" + std::to_string(kernels.size()),
                                 library),
           i64(library.size())});
    }
    return kernels;
  }

  static Table makeLibraryKernels(ConstantBuilder &constants,
                                  LLVM::LLVMFuncOp run) {
    Table libraryKernels;
    for (auto kernel : run->getAttrOfType<ArrayAttr>(kLibraryKernelsAttr)
                           .getAsRange<DictionaryAttr>()) {
      size_t index = libraryKernels.size();
      auto words = kernel.getAs<DenseI64ArrayAttr>("descriptor");
      auto places = kernel.getAs<DenseI64ArrayAttr>("constants");
      auto args = kernel.getAs<DenseI64ArrayAttr>("args");
      libraryKernels.push_back(
          {constants.makeString(
               kernel.getAs<StringAttr>("provider").getValue()),
           constants.makeString(kernel.getAs<StringAttr>("name").getValue()),
           i32(index), i32(places.size()),
           constants.makeNumbers("descriptor" + std::to_string(index), words),
           i64(words.size()),
           constants.makeNumbers("constants" + std::to_string(index), places),
           i64(kernel.getAs<IntegerAttr>("dims").getInt()),
           constants.makeNumbers("library.args" + std::to_string(index), args),
           i64(args.size())});
    }
    return libraryKernels;
  }

  static Table makeBuffers(ConstantBuilder &constants, LLVM::LLVMFuncOp run) {
    Table buffers;
    auto ranges = run->getAttrOfType<DenseI64ArrayAttr>(kBuffersAttr);
    auto names = run->getAttrOfType<ArrayAttr>(kBufferNamesAttr);
    for (auto [i, name] : llvm::enumerate(names.getAsRange<StringAttr>()))
      buffers.push_back(
          {constants.makeString(name.getValue()), i32(ranges[kBufferWords * i]),
           i32(ranges[kBufferWords * i + 1]), i32(ranges[kBufferWords * i + 2]),
           i32(ranges[kBufferWords * i + 3])});
    return buffers;
  }

  /// The description itself, and all that it refers to.
  void describe(ConstantBuilder &constants, LLVM::LLVMFuncOp run,
                TargetAttr target, ArrayRef<SmallVector<Member>> inputs,
                ArrayRef<SmallVector<Member>> outputs) {
    ModuleOp module = getOperation();
    Table symbols = makeSymbols(constants, run);
    Table kernels = makeKernels(constants, run);
    Table libraryKernels = makeLibraryKernels(constants, run);
    Table buffers = makeBuffers(constants, run);
    Table images = makeImages(constants);

    uint64_t weightsSize = rt::getWeightsSize(module), deviceWeightsSize = 0;
    if (weightsSize != 0)
      declareHidden(kWeightsSymbol, weightsSize, TENON_BUFFER_ALIGNMENT);
    Table deviceRanges = makeRanges(deviceWeightsSize);
    StringRef deviceModel;
    if (module->hasAttr(kHasDeviceModelAttr)) {
      deviceModel = kDeviceModelSymbol;
      declareHidden(deviceModel, sizeof(TenonModelDesc),
                    alignof(TenonModelDesc));
    }

    auto name = module->getAttrOfType<StringAttr>(kNameAttr);
    SmallVector<Member> description = {
        i64(TENON_MODEL_MAGIC),
        i32(TENON_ABI_VERSION),
        i32(sizeof(TenonModelDesc)),
        constants.makeString(name ? name.strref() : "model"),
        constants.makeString(target.getTriple()),
        constants.makeString(getRequiredFeatures(target.getFeatures())),
        constants.makeString("tenon " TENON_VERSION),
        i32(inputs.size()),
        i32(outputs.size()),
        constants.makeArray("inputs", inputs),
        constants.makeArray("outputs", outputs),
        i32(symbols.size()),
        i32(buffers.size()),
        constants.makeArray("symbols", symbols),
        constants.makeArray("buffers", buffers),
        i32(kernels.size()),
        i32(libraryKernels.size()),
        constants.makeArray(kKernelTable, kernels),
        constants.makeArray(kLibraryTable, libraryKernels),
        Member(weightsSize == 0 ? StringRef() : StringRef(kWeightsSymbol)),
        i64(weightsSize),
        i32(run->getAttrOfType<IntegerAttr>(kNumSlotsAttr).getInt()),
        i32(images.size()),
        images.empty() ? Member("") : constants.makeString("cuda"),
        constants.makeArray("images", images),
        i64(run->hasAttr(kReplayableAttr) ? TENON_MODEL_IS_REPLAYABLE : 0),
        constants.makeArray("device.ranges", deviceRanges),
        i64(deviceRanges.size()),
        i64(deviceWeightsSize),
        Member(deviceModel),
        Member(kPlanEntryName),
        Member(kRunName)};
    constants.makeArray(TENON_MODEL_SYMBOL, {description},
                        LLVM::Linkage::External);
  }

  /// Bytes that the linker finds in what it joins.
  void declareHidden(StringRef name, uint64_t size, unsigned alignment) {
    ModuleOp module = getOperation();
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    LLVM::GlobalOp::create(builder, module.getLoc(),
                           LLVM::LLVMArrayType::get(builder.getI8Type(), size),
                           /*isConstant=*/true, LLVM::Linkage::External, name,
                           Attribute(), alignment)
        .setVisibility_(LLVM::Visibility::Hidden);
  }

  /// The weights on the device. Those that are neighbours in both memories are
  /// copied at once.
  Table makeRanges(uint64_t &deviceSize) {
    SmallVector<rt::WeightOp> weights;
    for (auto weight : getOperation().getOps<rt::WeightOp>())
      if (weight.getDeviceOffset() && weight.getBytes() != 0)
        weights.push_back(weight);
    llvm::sort(weights, [](rt::WeightOp a, rt::WeightOp b) {
      return *a.getDeviceOffset() < *b.getDeviceOffset();
    });
    SmallVector<TenonWeightRange> ranges;
    for (rt::WeightOp weight : weights) {
      TenonWeightRange range = {weight.getOffset(), *weight.getDeviceOffset(),
                                weight.getBytes()};
      deviceSize = std::max(deviceSize, range.deviceOffset + range.size);
      if (!ranges.empty()) {
        TenonWeightRange &last = ranges.back();
        uint64_t next = llvm::alignTo(last.size, TENON_BUFFER_ALIGNMENT);
        if (range.offset == last.offset + next &&
            range.deviceOffset == last.deviceOffset + next) {
          last.size = next + range.size;
          continue;
        }
      }
      ranges.push_back(range);
    }
    Table members;
    for (const TenonWeightRange &range : ranges)
      members.push_back(
          {i64(range.offset), i64(range.deviceOffset), i64(range.size)});
    return members;
  }

  /// The code of the device's kernels, for each of its architectures.
  Table makeImages(ConstantBuilder &constants) {
    Table images;
    for (auto binary :
         llvm::make_early_inc_range(getOperation().getOps<gpu::BinaryOp>())) {
      for (auto object : binary.getObjects().getAsRange<gpu::ObjectAttr>()) {
        StringRef chip =
            cast<NVVM::NVVMTargetAttr>(object.getTarget()).getChip();
        StringRef code = object.getObject().getValue();
        bool isText = object.getFormat() == gpu::CompilationTarget::Assembly;
        Member data = constants.makeString(code);
        std::string architecture = chip.str();
        if (isText)
          architecture = ("compute_" + chip.drop_front(strlen("sm_"))).str();
        images.push_back({constants.makeString(architecture), data,
                          i64(code.size() + isText)});
      }
      binary.erase();
    }
    return images;
  }

  /// Which part of what a tensor is.
  static void describePart(ConstantBuilder &constants, DictionaryAttr tensor,
                           StringRef name, SmallVectorImpl<Member> &members) {
    auto get = [&](StringRef attribute) {
      auto text = tensor.getAs<StringAttr>(attribute);
      return text ? text.getValue() : StringRef();
    };
    StringRef value = get(kValueAttr), part = get(kPartAttr);
    members.push_back(i32(value == kSequence           ? TENON_SEQUENCE
                          : value == kOptional         ? TENON_OPTIONAL
                          : value == kOptionalSequence ? TENON_OPTIONAL_SEQUENCE
                                                       : TENON_TENSOR));
    members.push_back(i32(part == kFlagPart       ? TENON_PART_FLAG
                          : part == kElementsPart ? TENON_PART_ELEMENTS
                          : part == kTablePart    ? TENON_PART_TABLE
                                                  : TENON_PART_WHOLE));
    auto element = tensor.getAs<TypeAttr>(kElementAttr);
    auto type =
        element ? dyn_cast<RankedTensorType>(element.getValue()) : nullptr;
    SmallVector<int64_t> dims;
    if (type)
      for (int64_t dim : type.getShape())
        dims.push_back(ShapedType::isDynamic(dim) ? -1 : dim);
    members.push_back(i32(type ? dims.size() : element ? -1 : 0));
    members.push_back(i32(0));
    members.push_back(constants.makeNumbers(name, dims));
  }

  static FailureOr<Table> makeTensors(ConstantBuilder &constants,
                                      LLVM::LLVMFuncOp run, StringRef attribute,
                                      StringRef prefix) {
    Table tensors;
    for (auto tensor : run->getAttrOfType<ArrayAttr>(attribute)
                           .getAsRange<DictionaryAttr>()) {
      auto dims = tensor.getAs<DenseI64ArrayAttr>("dims");
      StringRef name = tensor.getAs<StringAttr>("name").getValue();
      Type type = tensor.getAs<TypeAttr>("type").getValue();
      int32_t dtype = getDType(type);
      if (dtype == 0)
        return run.emitError("element type ")
               << type << " of '" << name << "' can't be an input or an output";
      std::string suffix = std::to_string(tensors.size());
      tensors.push_back(
          {constants.makeString(name), i32(dtype), i32(dims.size()),
           constants.makeNumbers((prefix + ".dims" + suffix).str(), dims)});
      describePart(constants, tensor, (prefix + ".element" + suffix).str(),
                   tensors.back());
    }
    return tensors;
  }
};

} // namespace
} // namespace tenon::codegen
