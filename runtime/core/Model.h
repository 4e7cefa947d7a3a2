//===- Model.h - A loaded model ------------------------------------------===//

#ifndef TENON_RUNTIME_CORE_MODEL_H
#define TENON_RUNTIME_CORE_MODEL_H

#include "runtime/core/Device.h"
#include "runtime/core/Error.h"
#include "runtime/core/ModelAbi.h"
#include "runtime/core/Provider.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace tenon::runtime {

/// Checks everything in a description that can be checked without running it:
/// version, pointers, names, ranks, dimensions, the processor. So for the
/// model for a device, if it names one.
Error checkModel(const TenonModelDesc &desc);

/// What of a library runs, and on what.
struct Choice {
  const TenonModelDesc *model = nullptr;
  std::string device = "cpu"; // as TenonModelOptions::device names it
  int32_t ordinal = 0;        // which of the machine's devices
  std::string devices;        // what there is code for: "cpu,cuda"
  /// Why it is the processor where there is code for both and nothing was asked
  /// for.
  std::string problem;
  /// Behind errors of the device: what there is instead.
  const char *advice = "";
};

/// Chooses between a checked model and the one for a device that it names, by
/// TenonModelOptions::device.
Error chooseModel(const TenonModelDesc &desc, const char *device,
                  Choice &choice);

/// Opens a shared library with a compiled model in it, and finds its
/// description. `handle` is for dlclose().
Error openModelFile(const char *path, void **handle,
                    const TenonModelDesc **desc);

/// Loads the library of a provider, which stays loaded until the process ends.
Error loadProvider(const char *name, const TenonProvider **provider);
/// The same for a device.
Error loadDevice(const char *name, const TenonDevice **device);

/// What the library of a provider or of a device said of an error.
inline Error makeError(int32_t code, const TenonProviderError &problem) {
  return makeError(static_cast<TenonErrorCode>(code), "%s", problem.message);
}

} // namespace tenon::runtime

/// The public model object. Callers and sessions each hold one reference. Once
/// it is made nothing of it changes, but that the first session opens the
/// device.
struct TenonModel {
  /// A library that the model uses, and what it keeps for the model.
  struct Library {
    const TenonProvider *provider;
    void *model;
  };
  /// The device that the model runs on.
  struct Device {
    const TenonDevice *library = nullptr;
    void *model = nullptr;            // once it is open
    const uint8_t *weights = nullptr; // in its memory
  };

  static tenon::runtime::Error create(const TenonModelDesc *desc,
                                      const TenonModelOptions &options,
                                      void (*release)(void *), void *context,
                                      TenonModel **model);
  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void drop();
  /// Finds the device that the model runs on, if it has one, and loads code and
  /// weights there, unless that is done. From any thread.
  tenon::runtime::Error openDevice();
  /// What `release` is to be called with, if it is this one.
  void *getContext(void (*release)(void *)) const {
    return release == this->release ? context : nullptr;
  }

  const TenonModelDesc *desc;
  tenon::runtime::Choice choice;
  /// Of each tensor of the description.
  std::vector<TenonTensorInfo> inputs, outputs;
  std::vector<TenonKernelInfo> kernels;
  /// Of each input and output, several tensors if it is not one.
  std::vector<TenonTensorInfo> inputValues, outputValues;
  /// Where the tensors of each begin in the description, and their number.
  std::vector<uint32_t> inputParts, outputParts;
  /// Whether each input and each output is a tensor.
  bool hasTensorInputs = true, hasTensorOutputs = true;
  std::vector<Library> libraries;
  /// For each library kernel its position in `libraries`.
  std::vector<uint32_t> kernelLibraries;
  Device device;
  /// For each output, where its dimensions begin in plan()'s outputDims.
  std::vector<uint32_t> outputDimOffsets;
  uint32_t numOutputDims = 0;

private:
  TenonModel(const TenonModelDesc *desc, void (*release)(void *),
             void *context);
  ~TenonModel();

  void describe(const TenonTensorDesc *descs, uint32_t count,
                std::vector<TenonTensorInfo> &infos);
  void describeValues(const TenonTensorDesc *descs,
                      const std::vector<TenonTensorInfo> &parts,
                      std::vector<TenonTensorInfo> &values,
                      std::vector<uint32_t> &firstParts);
  tenon::runtime::Error loadLibraries();

  void (*release)(void *);
  void *context;
  std::atomic<int> references{1};
  std::mutex deviceMutex;
  /// What the infos point to.
  std::vector<std::vector<int64_t>> dims;
  std::vector<std::vector<const char *>> dimNames;
};

#endif // TENON_RUNTIME_CORE_MODEL_H
