//===- Target.cpp - The processor that code is made for -------------------===//

#include "lib/target/Target.h"

#include "mlir/IR/Builders.h"
#include "runtime/cuda/Architectures.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace tenon {
namespace {

/// Extensions of x86-64 that make a difference to generated kernels, each with
/// the first level that has it (5: none has). `native` uses those that the
/// processor has; the runtime checks at load that they are there, but for
/// amx-bf16, which says only what libraries are fast at.
struct Extension {
  StringLiteral name;
  unsigned level;
};
constexpr Extension kX86Extensions[] = {
    {"sse3", 2},       {"ssse3", 2},      {"sse4.1", 2},     {"sse4.2", 2},
    {"popcnt", 2},     {"cx16", 2},       {"avx", 3},        {"avx2", 3},
    {"bmi", 3},        {"bmi2", 3},       {"f16c", 3},       {"fma", 3},
    {"lzcnt", 3},      {"movbe", 3},      {"avx512f", 4},    {"avx512bw", 4},
    {"avx512cd", 4},   {"avx512dq", 4},   {"avx512vl", 4},   {"avx512vnni", 5},
    {"avx512bf16", 5}, {"avx512fp16", 5}, {"avx512vbmi", 5}, {"amx-bf16", 5}};

/// All LLVM targets, once for the process.
void initializeTargets() {
  static bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)once;
}

TargetAttr makeX86Target(MLIRContext &context, StringRef triple,
                         function_ref<bool(const Extension &)> has,
                         ArrayAttr providers, ArrayAttr gpus) {
  SmallVector<std::string> features;
  unsigned vectorBits = 128;
  for (const Extension &extension : kX86Extensions) {
    if (!has(extension))
      continue;
    features.push_back(("+" + extension.name).str());
    if (extension.name == "avx2")
      vectorBits = 256;
    if (extension.name == "avx512vl")
      vectorBits = 512;
  }
  return TargetAttr::get(&context, triple, "x86-64", llvm::join(features, ","),
                         vectorBits, providers, gpus);
}

/// The providers of each kind of target; x86 has all that there are for
/// processors.
constexpr StringRef kX86Providers[] = {"onednn", "codegen", "winograd"};
constexpr StringRef kOtherProviders[] = {"codegen", "winograd"};
/// Every target has this one, and nobody chooses it: what it runs, no other
/// provider can.
constexpr StringRef kImageProvider = "image";
/// Where there is a GPU, the libraries first.
constexpr StringRef kGpuProviders[] = {"cublaslt", "cudnn", "cuda"};

/// A list of targets, taken apart.
struct TargetNames {
  /// The processors that are to run models without a GPU: at most one.
  SmallVector<StringRef> processors;
  /// The architectures, the oldest first.
  SmallVector<StringRef> gpus;
};

llvm::Expected<TargetNames> takeApart(StringRef name) {
  TargetNames names;
  SmallVector<StringRef> parts;
  name.split(parts, ',');
  for (StringRef part : parts) {
    if (!part.consume_front("cuda:")) {
      names.processors.push_back(part);
      continue;
    }
    if (!llvm::is_contained(cuda::architectures, part))
      return llvm::createStringError(
          "unknown GPU '" + part.str() + "': expected " +
          llvm::join(ArrayRef(cuda::architectures), ", "));
    if (!llvm::is_contained(names.gpus, part))
      names.gpus.push_back(part);
  }
  llvm::sort(names.gpus, [](StringRef a, StringRef b) {
    return llvm::find(cuda::architectures, a) <
           llvm::find(cuda::architectures, b);
  });
  return names;
}

/// What is wrong with a triple that LLVM knows, called `name`.
llvm::Error checkTriple(StringRef name, const llvm::Triple &triple) {
  if (!triple.isLittleEndian() || !triple.isArch64Bit())
    return llvm::createStringError(
        "target '" + name.str() +
        "' is not supported: expected a 64-bit little-endian processor");
  if (!triple.isOSBinFormatELF())
    return llvm::createStringError("target '" + name.str() +
                                   "' is not supported: expected a system "
                                   "whose libraries are ELF files");
  return llvm::Error::success();
}

/// The target for code of `processor`, and of `gpus` if there are any.
llvm::Expected<TargetAttr> makeOne(MLIRContext &context, StringRef processor,
                                   ArrayRef<StringRef> gpus,
                                   ArrayRef<std::string> providers) {
  initializeTargets();
  context.getOrLoadDialect<TenonDialect>();
  constexpr StringLiteral kX86Triple = "x86_64-unknown-linux-gnu";
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  bool isNativeX86 = processor == "native" && host.isX86();
  unsigned level = llvm::StringSwitch<unsigned>(processor)
                       .Case("x86-64", 1)
                       .Case("x86-64-v2", 2)
                       .Case("x86-64-v3", 3)
                       .Case("x86-64-v4", 4)
                       .Default(0);

  // IR that was written names them all.
  for (const std::string &provider : providers) {
    bool isOfGpu = llvm::is_contained(kGpuProviders, provider);
    if (isOfGpu && gpus.empty())
      return llvm::createStringError("provider '" + provider +
                                     "' needs a target with a GPU, such as "
                                     "cuda:sm_90");
    if (provider != kImageProvider && !isOfGpu &&
        !llvm::is_contained(kX86Providers, provider))
      return llvm::createStringError(
          "unknown provider '" + provider + "': expected " +
          llvm::join(ArrayRef(kX86Providers), " or ") + " or " +
          llvm::join(ArrayRef(kGpuProviders), " or "));
  }
  Builder builder(&context);
  auto choose = [&](ArrayRef<StringRef> ofProcessor) {
    SmallVector<StringRef> chosen, all(ofProcessor);
    if (!gpus.empty())
      all.insert(all.begin(), std::begin(kGpuProviders),
                 std::end(kGpuProviders));
    if (providers.empty())
      chosen.append(all.begin(), all.end());
    for (const std::string &provider : providers)
      if (llvm::is_contained(all, provider))
        chosen.push_back(provider);
    chosen.push_back(kImageProvider);
    return builder.getStrArrayAttr(chosen);
  };

  ArrayAttr gpuNames =
      gpus.empty() ? ArrayAttr() : builder.getStrArrayAttr(gpus);
  if (isNativeX86) {
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    return makeX86Target(
        context, kX86Triple,
        [&](const Extension &x) { return features.lookup(x.name); },
        choose(kX86Providers), gpuNames);
  }
  if (level != 0)
    return makeX86Target(
        context, kX86Triple,
        [&](const Extension &x) { return x.level <= level; },
        choose(kX86Providers), gpuNames);

  // Another processor: what every one of its kind has.
  llvm::Triple triple(llvm::Triple::normalize(
      processor == "native" ? llvm::sys::getDefaultTargetTriple()
                            : processor.str()));
  std::string error;
  if (triple.getArch() == llvm::Triple::UnknownArch ||
      !llvm::TargetRegistry::lookupTarget(triple, error))
    return llvm::createStringError(
        "unknown target '" + processor.str() +
        "': expected native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, a "
        "triple such as aarch64-linux-gnu, or a GPU such as cuda:sm_90");
  if (llvm::Error problem = checkTriple(processor, triple))
    return problem;
  return TargetAttr::get(&context, triple.str(), "generic",
                         triple.isAArch64() ? "+neon" : "",
                         /*vectorBits=*/128, choose(kOtherProviders), gpuNames);
}

} // namespace

llvm::Expected<SmallVector<TargetAttr, 2>>
makeTargets(MLIRContext &context, StringRef name,
            ArrayRef<std::string> providers) {
  llvm::Expected<TargetNames> names = takeApart(name);
  if (!names)
    return names.takeError();
  SmallVector<TargetAttr, 2> targets;
  ArrayRef<StringRef> processors = names->processors;
  if (processors.size() > 1) {
    for (StringRef processor : processors)
      if (auto known = makeOne(context, processor, {}, {}); !known)
        return known.takeError();
    return llvm::createStringError(
        "target '" + name.str() +
        "' is not supported: expected one processor at most, found '" +
        processors[0].str() + "' and '" + processors[1].str() + "'");
  }
  std::vector<std::string> ofProcessor = providers;
  if (!processors.empty() && !names->gpus.empty() && !providers.empty()) {
    llvm::erase_if(ofProcessor, [](const std::string &provider) {
      return llvm::is_contained(kGpuProviders, provider);
    });
    if (ofProcessor.empty() || ofProcessor.size() == providers.size())
      return llvm::createStringError(
          "target '" + name.str() + "' needs providers of the GPU, such as " +
          "'cuda', and others for the processor alone, found '" +
          llvm::join(providers, ",") + "'");
  }
  if (!processors.empty()) {
    auto target = makeOne(context, processors[0], {}, ofProcessor);
    if (!target)
      return target.takeError();
    targets.push_back(*target);
  }
  if (!names->gpus.empty()) {
    auto target =
        makeOne(context, processors.empty() ? "native" : processors[0],
                names->gpus, providers);
    if (!target)
      return target.takeError();
    // Generated code can run all of a model on the processor, as --bisect asks.
    if (!providers.empty() &&
        llvm::none_of(providers, [](const std::string &provider) {
          return provider == "codegen" ||
                 llvm::is_contained(kGpuProviders, provider);
        }))
      return llvm::createStringError(
          "target '" + name.str() + "' needs a provider of the GPU, such as " +
          "'cuda', found '" + llvm::join(providers, ",") + "'");
    targets.push_back(*target);
  }
  return targets;
}

llvm::Error checkTarget(TargetAttr target) {
  initializeTargets();
  std::string error;
  llvm::Triple triple(target.getTriple());
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return llvm::createStringError(error);
  if (llvm::Error problem = checkTriple(target.getTriple(), triple))
    return problem;
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      llvmTarget->createMCSubtargetInfo(triple, /*CPU=*/"", /*Features=*/""));
  if (!known->isCPUStringValid(target.getCpu()))
    return llvm::createStringError("unknown processor '" +
                                   target.getCpu().str() + "'");
  SmallVector<StringRef> features;
  target.getFeatures().split(features, ',', /*MaxSplit=*/-1,
                             /*KeepEmpty=*/false);
  for (StringRef feature : features) {
    StringRef name = feature;
    if (!name.consume_front("+") ||
        llvm::none_of(known->getAllProcessorFeatures(),
                      [&](const auto &entry) { return name == entry.Key; }))
      return llvm::createStringError("unknown feature '" + feature.str() +
                                     "' of a processor");
  }
  return llvm::Error::success();
}

StringRef getDeviceName(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  return target && target.getGpus() ? "cuda" : "cpu";
}

bool isThisMachine(TargetAttr target) {
  auto native = makeOne(*target.getContext(), "native", {}, {});
  if (!native) {
    llvm::consumeError(native.takeError());
    return false;
  }
  return target.getTriple() == native->getTriple() &&
         target.getFeatures() == native->getFeatures();
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(TargetAttr target) {
  initializeTargets();
  std::string error;
  llvm::Triple triple(target.getTriple());
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return llvm::createStringError(error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(llvmTarget->createTargetMachine(
      triple, target.getCpu(), target.getFeatures(), options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

} // namespace tenon
