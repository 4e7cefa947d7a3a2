//===- Target.cpp - The processor that code is made for -------------------===//

#include "lib/target/Target.h"

#include "mlir/IR/Builders.h"
#include "runtime/cuda/Architectures.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace mlir;

namespace tenon {
namespace {

/// Extensions of x86-64 that make a difference to generated kernels. A target
/// has those that its processor has; the runtime checks at load that they are
/// there, but for amx-bf16, which says only what libraries are fast at.
constexpr StringLiteral kX86Extensions[] = {
    "sse3",       "ssse3",      "sse4.1",     "sse4.2",   "popcnt",
    "cx16",       "avx",        "avx2",       "bmi",      "bmi2",
    "f16c",       "fma",        "lzcnt",      "movbe",    "avx512f",
    "avx512bw",   "avx512cd",   "avx512dq",   "avx512vl", "avx512vnni",
    "avx512bf16", "avx512fp16", "avx512vbmi", "amx-bf16"};

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

/// The features of `processor`, where that is one of x86-64: this machine's, or
/// one that LLVM knows by name, as it does the levels of x86-64.
std::optional<llvm::StringMap<bool>> findX86Features(StringRef processor) {
  if (processor == "native" &&
      llvm::Triple(llvm::sys::getDefaultTargetTriple()).isX86())
    return llvm::sys::getHostCPUFeatures();
  if (llvm::X86::parseArchX86(processor, /*Only64Bit=*/true) ==
      llvm::X86::CK_None)
    return std::nullopt;
  SmallVector<StringRef> names;
  llvm::X86::getFeaturesForCPU(processor, names);
  llvm::StringMap<bool> features;
  for (StringRef name : names) {
    features[name] = true;
    llvm::X86::updateImpliedFeatures(name, /*Enabled=*/true, features);
  }
  return features;
}

TargetAttr makeX86Target(MLIRContext &context,
                         const llvm::StringMap<bool> &available,
                         ArrayAttr providers, ArrayAttr gpus) {
  SmallVector<std::string> features;
  for (StringRef extension : kX86Extensions)
    if (available.lookup(extension))
      features.push_back(("+" + extension).str());
  unsigned vectorBits = available.lookup("avx512vl") ? 512
                        : available.lookup("avx2")   ? 256
                                                     : 128;
  return TargetAttr::get(&context, "x86_64-unknown-linux-gnu", "x86-64",
                         llvm::join(features, ","), vectorBits, providers,
                         gpus);
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
  if (auto features = findX86Features(processor))
    return makeX86Target(context, *features, choose(kX86Providers), gpuNames);

  // Another processor: what every one of its kind has.
  llvm::Triple triple(llvm::Triple::normalize(
      processor == "native" ? llvm::sys::getDefaultTargetTriple()
                            : processor.str()));
  std::string error;
  if (triple.getArch() == llvm::Triple::UnknownArch ||
      !llvm::TargetRegistry::lookupTarget(triple, error))
    return llvm::createStringError(
        "unknown target '" + processor.str() +
        "': expected native, a level from x86-64 to x86-64-v4, a 64-bit "
        "processor of x86 such as sapphirerapids or znver4, a triple such as "
        "aarch64-linux-gnu, or a GPU such as cuda:sm_90");
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
