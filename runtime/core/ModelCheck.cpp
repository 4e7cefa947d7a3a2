//===- ModelCheck.cpp - Checks of a model's description ------------------===//

#include "runtime/core/CpuFeatures.h"
#include "runtime/core/Model.h"

#include <cstring>
#include <unordered_set>

using namespace tenon::runtime;

namespace {

/// No sensible model has more of anything.
constexpr uint32_t maxCount = 1 << 24;

Error invalid(const std::string &what) {
  return makeError(TENON_ERROR_INVALID, "damaged model: %s", what.c_str());
}

template <typename T>
Error checkArray(const T *array, uint64_t count, const char *what) {
  if (count > maxCount)
    return invalid(std::to_string(count) + " " + what);
  if (count && !array)
    return invalid(std::string("no table of ") + what);
  return nullptr;
}

/// Whether a tensor goes on with the input or output of the one before it.
bool isNextPart(const TenonTensorDesc *tensors, uint32_t index) {
  int32_t part = tensors[index].part;
  return part == TENON_PART_TABLE ||
         (part == TENON_PART_ELEMENTS && tensors[index].kind != TENON_SEQUENCE);
}

/// Checks that the parts of a sequence or an optional stand together, and what
/// each of them is.
Error checkPart(const TenonTensorDesc *tensors, uint32_t index, uint32_t count,
                const std::string &what) {
  const TenonTensorDesc &tensor = tensors[index];
  if (tensor.part < TENON_PART_WHOLE || tensor.part > TENON_PART_TABLE ||
      tensor.kind < TENON_TENSOR || tensor.kind > TENON_OPTIONAL_SEQUENCE ||
      (tensor.part == TENON_PART_WHOLE) != (tensor.kind == TENON_TENSOR))
    return invalid(what + " is part " + std::to_string(tensor.part) +
                   " of kind " + std::to_string(tensor.kind));
  if (tensor.part == TENON_PART_WHOLE)
    return nullptr;
  bool follows = isNextPart(tensors, index);
  const TenonTensorDesc *before = index ? &tensors[index - 1] : nullptr;
  bool isGood = follows ? before && before->part == tensor.part - 1 &&
                              before->kind == tensor.kind && before->name &&
                              strcmp(before->name, tensor.name) == 0
                        : tensor.part == (tensor.kind == TENON_SEQUENCE
                                              ? TENON_PART_ELEMENTS
                                              : TENON_PART_FLAG);
  if (tensor.part != TENON_PART_TABLE)
    isGood &= index + 1 < count && tensors[index + 1].part == tensor.part + 1;
  if (tensor.part == TENON_PART_FLAG)
    isGood &= tensor.dtype == TENON_BOOL && tensor.rank == 0;
  else if (tensor.part == TENON_PART_ELEMENTS)
    isGood &= tensor.rank == 1;
  else
    isGood &= tensor.dtype == TENON_I64 && tensor.rank == 2;
  isGood &= tensor.elementRank >= -1 &&
            tensor.elementRank <= TENON_MAX_RANK - TENON_TABLE_DIMS &&
            (tensor.elementRank <= 0 || tensor.elementDims);
  return isGood ? nullptr : invalid(what + " has parts that don't fit");
}

Error checkTensors(const TenonModelDesc &desc, bool isInput,
                   std::vector<bool> &seenSymbols) {
  const char *kind = isInput ? "input" : "output";
  uint32_t count = isInput ? desc.numInputs : desc.numOutputs;
  const TenonTensorDesc *tensors = isInput ? desc.inputs : desc.outputs;
  std::unordered_set<std::string> names;
  for (uint32_t i = 0; i < count; ++i) {
    const TenonTensorDesc &tensor = tensors[i];
    std::string what = std::string(kind) + " " + std::to_string(i);
    if (!tensor.name)
      return invalid(what + " has no name");
    what = std::string(kind) + " " + quote(tensor.name);
    if (!isNextPart(tensors, i) && !names.insert(tensor.name).second)
      return invalid(what + " is there twice");
    if (Error error = checkPart(tensors, i, count, what))
      return error;
    if (!tenon_dtype_size(static_cast<TenonDType>(tensor.dtype)))
      return invalid(what + " has element type " +
                     std::to_string(tensor.dtype));
    if (tensor.rank < 0 || tensor.rank > TENON_MAX_RANK)
      return invalid(what + " has rank " + std::to_string(tensor.rank));
    if (tensor.rank && !tensor.dims)
      return invalid(what + " has no dimensions");
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      int64_t dim = tensor.dims[axis];
      if (dim >= 0 || (dim == TENON_DIM_COMPUTED && !isInput))
        continue;
      if (dim == TENON_DIM_COMPUTED || -1 - dim >= desc.numSymbols)
        return invalid(what + " has a wrong dimension " + std::to_string(axis));
      if (isInput)
        seenSymbols[-1 - dim] = true;
    }
  }
  return nullptr;
}

/// The most threads in a block of a device.
constexpr uint64_t maxBlockSize = 1024;

Error checkDeviceKernel(const TenonModelDesc &desc, const TenonKernel &kernel,
                        const std::string &what) {
  if (kernel.fn && (kernel.symbol || kernel.blockSize || kernel.unitThreads ||
                    kernel.librarySize))
    return invalid(what + " is one of the processor and of a device");
  if (kernel.fn)
    return nullptr;
  if (!desc.device)
    return invalid(what + " is one of a device, but the model has none");
  if (!*kernel.symbol)
    return invalid(what + " has an empty symbol");
  if (kernel.blockSize < 1 || kernel.blockSize > maxBlockSize)
    return invalid(what + " has blocks of " + std::to_string(kernel.blockSize) +
                   " threads");
  if (kernel.unitThreads != 1 && kernel.unitThreads != kernel.blockSize &&
      (kernel.unitThreads != TENON_WARP_SIZE ||
       kernel.blockSize % TENON_WARP_SIZE))
    return invalid(what + " has units of " +
                   std::to_string(kernel.unitThreads) +
                   " threads in blocks of " + std::to_string(kernel.blockSize));
  if (Error error =
          checkArray(kernel.library, kernel.librarySize, "words for a library"))
    return error;
  uint64_t numParameters = uint64_t(kernel.numArgs) + kernel.numDims;
  if (numParameters > TENON_MAX_PARAMETERS)
    return invalid(what + " has " + std::to_string(numParameters) +
                   " arguments");
  return nullptr;
}

/// Whether it is `prefix` with the number of a kind of device behind it.
bool isArchitecture(const char *text, const char *prefix) {
  size_t length = strlen(prefix);
  if (strncmp(text, prefix, length) != 0)
    return false;
  size_t digits = strspn(text + length, "0123456789");
  return digits >= 2 && digits <= 4 && !text[length + digits];
}

Error checkDevice(const TenonModelDesc &desc) {
  if (Error error = checkArray(desc.images, desc.numImages, "images"))
    return error;
  if (Error error = checkArray(desc.deviceRanges, desc.numDeviceRanges,
                               "ranges of its device's weights"))
    return error;
  if (!desc.device)
    return desc.numImages || desc.numDeviceRanges
               ? invalid("it has code or weights for a device, but no device")
               : nullptr;
  if (!desc.numImages)
    return invalid("it has a device, but no code for it");
  for (uint32_t i = 0; i < desc.numImages; ++i) {
    const TenonDeviceImage &image = desc.images[i];
    std::string what = "image " + std::to_string(i);
    if (!image.architecture || !image.data || !image.size)
      return invalid(what + " has no architecture or no code");
    bool isText = isArchitecture(image.architecture, "compute_");
    if (!isText && !isArchitecture(image.architecture, "sm_"))
      return invalid(what + " is for the architecture " +
                     quote(image.architecture));
    if (isText && image.data[image.size - 1])
      return invalid(what + " is a text without an end");
  }
  for (uint64_t i = 0; i < desc.numDeviceRanges; ++i) {
    const TenonWeightRange &range = desc.deviceRanges[i];
    auto isWithin = [&](uint64_t offset, uint64_t size) {
      return offset <= size && range.size <= size - offset;
    };
    if (!range.size || !isWithin(range.offset, desc.weightsSize) ||
        !isWithin(range.deviceOffset, desc.deviceWeightsSize))
      return invalid("range " + std::to_string(i) +
                     " of its device's weights is outside of them");
  }
  return nullptr;
}

Error checkFlags(const TenonModelDesc &desc) {
  if (desc.flags & ~uint64_t(TENON_MODEL_FLAGS))
    return invalid("it has the flags " + std::to_string(desc.flags));
  if (!(desc.flags & TENON_MODEL_IS_REPLAYABLE))
    return nullptr;
  bool isOnDevice = desc.device && !desc.numLibraryKernels && !desc.numSlots;
  for (uint32_t i = 0; i < desc.numKernels; ++i)
    isOnDevice &= !desc.kernels[i].fn;
  return isOnDevice ? nullptr
                    : invalid("it says that it can be replayed, but the host "
                              "has a part in it");
}

Error checkBuffers(const TenonModelDesc &desc) {
  std::unordered_set<int32_t> tensors;
  for (uint32_t i = 0; i < desc.numBuffers; ++i) {
    const TenonBufferDesc &buffer = desc.buffers[i];
    std::string what = "buffer " + std::to_string(i);
    if (!buffer.name || buffer.firstStep < 0 ||
        buffer.lastStep < buffer.firstStep)
      return invalid(what + " has no name or wrong steps");
    if (buffer.space != TENON_SPACE_HOST && buffer.space != TENON_SPACE_DEVICE)
      return invalid(what + " is in the memory " +
                     std::to_string(buffer.space));
    int64_t tensor = buffer.tensor;
    if (tensor > int64_t(desc.numInputs) ||
        tensor < -int64_t(desc.numOutputs) ||
        (tensor && buffer.space != TENON_SPACE_DEVICE))
      return invalid(what + " is of the tensor " + std::to_string(tensor));
    if (tensor && !tensors.insert(tensor).second)
      return invalid(what + " is of the tensor " + std::to_string(tensor) +
                     ", as one before it");
    if (buffer.space == TENON_SPACE_DEVICE && !desc.device)
      return invalid(what + " is in the memory of a device, but the model has "
                            "none");
  }
  return nullptr;
}

Error checkKernels(const TenonModelDesc &desc) {
  for (uint32_t i = 0; i < desc.numKernels; ++i) {
    const TenonKernel &kernel = desc.kernels[i];
    if ((!kernel.fn && !kernel.symbol) || !kernel.name || !kernel.provider)
      return invalid("kernel " + std::to_string(i) + " has no code or no name");
    if (Error error = checkArray(kernel.args, kernel.argsSize,
                                 "words of a kernel's tensors"))
      return error;
    if (Error error =
            checkDeviceKernel(desc, kernel, "kernel " + quote(kernel.name)))
      return error;
  }
  for (uint32_t i = 0; i < desc.numLibraryKernels; ++i) {
    const TenonLibraryKernel &kernel = desc.libraryKernels[i];
    if (!kernel.provider || !kernel.name || kernel.index != i ||
        kernel.numArgs > maxCount || kernel.descriptorSize > maxCount ||
        (kernel.descriptorSize && !kernel.descriptor) ||
        (kernel.numArgs && !kernel.constants) ||
        kernel.numDims > uint64_t(kernel.numArgs) * TENON_MAX_RANK)
      return invalid("library kernel " + std::to_string(i) +
                     " has a wrong entry");
    if (Error error = checkArray(kernel.args, kernel.argsSize,
                                 "words of a kernel's tensors"))
      return error;
    for (uint32_t arg = 0; arg < kernel.numArgs; ++arg)
      if (kernel.constants[arg] < -1 ||
          (kernel.constants[arg] >= 0 &&
           uint64_t(kernel.constants[arg]) > desc.weightsSize))
        return invalid("library kernel " + std::to_string(i) +
                       " has a constant outside of the weights");
  }
  return nullptr;
}

Error checkProcessor(const TenonModelDesc &desc) {
  std::string architecture(desc.triple, strcspn(desc.triple, "-"));
  if (architecture != getHostArchitecture())
    return makeError(TENON_ERROR_UNSUPPORTED,
                     "this model is for %s, but this processor is %s",
                     quote(architecture.c_str()).c_str(),
                     getHostArchitecture());
  std::vector<std::string> missing = findMissingFeatures(desc.cpuFeatures);
  if (missing.empty())
    return nullptr;
  std::string list;
  for (const std::string &name : missing)
    list += (list.empty() ? "" : ", ") + name;
  return makeError(TENON_ERROR_UNSUPPORTED,
                   "this model needs %s, which this processor does not have; "
                   "compile it for this processor or for a lower level",
                   list.c_str());
}

Error checkOne(const TenonModelDesc &desc) {
  if (desc.magic != TENON_MODEL_MAGIC)
    return makeError(TENON_ERROR_INVALID,
                     "not a compiled model: wrong magic number");
  if (desc.abiVersion != TENON_ABI_VERSION)
    return makeError(TENON_ERROR_UNSUPPORTED,
                     "this model has format version %u, but this runtime (%s) "
                     "reads version %u; compile it again",
                     desc.abiVersion, tenon_version_string(),
                     TENON_ABI_VERSION);
  if (desc.structSize != sizeof(TenonModelDesc))
    return invalid("its description has " + std::to_string(desc.structSize) +
                   " bytes, expected " +
                   std::to_string(sizeof(TenonModelDesc)));
  if (!desc.name || !desc.triple || !desc.cpuFeatures || !desc.producer)
    return invalid("no name, target or producer");
  if (!desc.plan || !desc.run)
    return invalid("no entry points");
  if (Error error = checkProcessor(desc))
    return error;

  if (Error error = checkArray(desc.inputs, desc.numInputs, "inputs"))
    return error;
  if (Error error = checkArray(desc.outputs, desc.numOutputs, "outputs"))
    return error;
  if (Error error = checkArray(desc.symbolNames, desc.numSymbols, "symbols"))
    return error;
  if (Error error = checkArray(desc.buffers, desc.numBuffers, "buffers"))
    return error;
  if (desc.numSlots > maxCount)
    return invalid(std::to_string(desc.numSlots) + " blocks of memory");
  if (Error error = checkArray(desc.kernels, desc.numKernels, "kernels"))
    return error;
  if (Error error = checkArray(desc.libraryKernels, desc.numLibraryKernels,
                               "library kernels"))
    return error;

  for (uint32_t i = 0; i < desc.numSymbols; ++i)
    if (!desc.symbolNames[i])
      return invalid("symbol " + std::to_string(i) + " has no name");
  std::vector<bool> seenSymbols(desc.numSymbols);
  if (Error error = checkTensors(desc, /*isInput=*/true, seenSymbols))
    return error;
  if (Error error = checkTensors(desc, /*isInput=*/false, seenSymbols))
    return error;
  for (uint32_t i = 0; i < desc.numSymbols; ++i)
    if (!seenSymbols[i])
      return invalid("no input has the symbol " + quote(desc.symbolNames[i]));
  if (Error error = checkDevice(desc))
    return error;
  if (Error error = checkBuffers(desc))
    return error;
  if (desc.weightsSize && !desc.weights)
    return invalid("it has no weights");
  if (reinterpret_cast<uintptr_t>(desc.weights) % TENON_BUFFER_ALIGNMENT)
    return invalid("its weights are not aligned");
  if (Error error = checkKernels(desc))
    return error;
  return checkFlags(desc);
}

} // namespace

Error tenon::runtime::checkModel(const TenonModelDesc &desc) {
  if (Error error = checkOne(desc))
    return error;
  if (!desc.onDevice)
    return nullptr;
  if (desc.device)
    return invalid("it has a device, and names another model for one");
  if (Error error = checkOne(*desc.onDevice))
    return error;
  return desc.onDevice->onDevice ? invalid("three models are in one") : nullptr;
}
