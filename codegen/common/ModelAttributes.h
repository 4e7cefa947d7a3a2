//===- ModelAttributes.h - What lowering tells of a model -----------------===//
//
// Symbols and attributes by which passes of lowering, and the emitter, know
// the parts of a model.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_MODELATTRIBUTES_H
#define TENON_CODEGEN_COMMON_MODELATTRIBUTES_H

#include "runtime/core/ModelAbi.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace tenon::codegen {

/// The function that runs the model, and the one that computes sizes.
inline constexpr llvm::StringLiteral kMainName = "main";
inline constexpr llvm::StringLiteral kPlanName = "plan";
/// On main, later on @run: first and last step, TenonSpace and tensor of every
/// buffer, flat; see TenonBufferDesc.
inline constexpr llvm::StringLiteral kBuffersAttr = "tenon_rt.buffers";
inline constexpr int64_t kBufferWords = 4;
/// On main, later on @run: how many slots of `tenon_rt.allocate` there are.
inline constexpr llvm::StringLiteral kNumSlotsAttr = "tenon_rt.num_slots";
/// On main: number of inputs. The arguments are inputs, outputs, frame.
inline constexpr llvm::StringLiteral kNumInputsAttr = "tenon_rt.num_inputs";

/// Functions with the ABI's signatures.
inline constexpr llvm::StringLiteral kRunName = "run";
inline constexpr llvm::StringLiteral kPlanEntryName = "plan.entry";
inline std::string getEntryName(llvm::StringRef kernel) {
  return (kernel + ".entry").str();
}

/// The function that counts the units of a kernel.
inline std::string getUnitsName(llvm::StringRef kernel) {
  return (kernel + ".units").str();
}

/// The tables of generated and of library kernels.
inline constexpr llvm::StringLiteral kKernelTable = "kernels";
inline constexpr llvm::StringLiteral kLibraryTable = "library_kernels";

/// On the function of a generated kernel: its provider.
inline constexpr llvm::StringLiteral kKernelProviderAttr = "tenon.provider";

/// On the function of a generated kernel that runs on the device.
inline constexpr llvm::StringLiteral kOnDeviceAttr = "tenon.on_device";
/// How many threads of it do a unit together: 1 if it isn't there, those of a
/// warp, or all of a block.
inline constexpr llvm::StringLiteral kUnitThreadsAttr = "tenon.unit_threads";
/// The words of TenonKernel::library, if there are any.
inline constexpr llvm::StringLiteral kLibraryAttr = "tenon.library";
/// How many threads a block has, if they don't do one unit together.
inline constexpr int64_t kBlockSize = 256;
inline int64_t getBlockSize(int64_t unitThreads) {
  return unitThreads > TENON_WARP_SIZE ? unitThreads : kBlockSize;
}
/// On the function of a generated kernel: pairs of an output and an input, by
/// their numbers, that may be one memory.
inline constexpr llvm::StringLiteral kOverwritableAttr = "tenon.overwritable";
/// The module that has all kernels of the device.
inline constexpr llvm::StringLiteral kDeviceModuleName = "device";

/// Attributes on @run. Inputs and outputs: arrays of {name, type, dims}, dims
/// encoded as in TenonTensorDesc, and what TenonValues.h lists of parts.
inline constexpr llvm::StringLiteral kInputsAttr = "tenon_rt.inputs";
inline constexpr llvm::StringLiteral kOutputsAttr = "tenon_rt.outputs";
inline constexpr llvm::StringLiteral kSymbolsAttr = "tenon_rt.symbols";
/// The node names of each buffer.
inline constexpr llvm::StringLiteral kBufferNamesAttr = "tenon_rt.buffer_names";
/// Arrays of the members of TenonKernel, of which those that are zero may not
/// be there, and of TenonLibraryKernel.
inline constexpr llvm::StringLiteral kKernelsAttr = "tenon_rt.kernels";
inline constexpr llvm::StringLiteral kLibraryKernelsAttr =
    "tenon_rt.library_kernels";

/// Whether the model can be replayed.
inline constexpr llvm::StringLiteral kReplayableAttr = "tenon_rt.replayable";

/// On the module: what tenon-measure-arena found, a dictionary. Either the
/// bytes, or sums of bytes and what the sizes in them are; and how many blocks
/// there are beside the arena for what has a size that depends on data.
inline constexpr llvm::StringLiteral kArenaAttr = "tenon_rt.arena";
/// The same for buffers in the device's memory, if there are any.
inline constexpr llvm::StringLiteral kDeviceArenaAttr = "tenon_rt.device_arena";
inline constexpr llvm::StringLiteral kArenaBytesAttr = "bytes";
inline constexpr llvm::StringLiteral kArenaSumsAttr = "sums";
inline constexpr llvm::StringLiteral kArenaDefinitionsAttr = "definitions";
inline constexpr llvm::StringLiteral kArenaSlotsAttr = "slots";

/// On the module: another one, with the description kDeviceModelSymbol, is the
/// same model for a device.
inline constexpr llvm::StringLiteral kHasDeviceModelAttr =
    "tenon_rt.has_device_model";
inline constexpr llvm::StringLiteral kDeviceModelSymbol =
    "tenon_model_on_device";

/// The bytes of all weights, which the emitter defines.
inline constexpr llvm::StringLiteral kWeightsSymbol = "tenon_weights";

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_MODELATTRIBUTES_H
