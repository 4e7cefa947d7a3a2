//===- ModelDevice.cpp - Which device a model runs on ---------------------===//

#include "runtime/core/Model.h"

#include <cstdlib>
#include <cstring>

using namespace tenon::runtime;

namespace {

/// "cuda:1", taken apart.
struct DeviceName {
  std::string name;
  int32_t ordinal = 0;
};

Error parseDevice(const char *text, DeviceName &device) {
  const char *colon = strchr(text, ':');
  device.name.assign(text, colon ? colon - text : strlen(text));
  size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
  bool isGood = device.name == "cuda" || (device.name == "cpu" && !colon);
  if (colon)
    isGood &= digits >= 1 && digits <= 4 && !colon[1 + digits];
  if (!isGood)
    return makeError(TENON_ERROR_USAGE,
                     "device %s: expected cpu, cuda or cuda:N",
                     quote(text).c_str());
  device.ordinal = colon ? atoi(colon + 1) : 0;
  return nullptr;
}

/// Whether the machine has such a device: `missing` tells what it lacks, or is
/// empty.
Error findDevice(const char *name, std::string &missing) {
  const TenonDevice *library;
  if (Error error = loadDevice(name, &library))
    return error;
  TenonProviderError problem{};
  int32_t count = 0;
  if (int32_t code = library->countDevices(&count, &problem))
    return makeError(code, problem);
  if (count == 0)
    missing = problem.message;
  return nullptr;
}

} // namespace

Error tenon::runtime::chooseModel(const TenonModelDesc &desc,
                                  const char *device, Choice &choice) {
  const TenonModelDesc *plain = desc.device ? nullptr : &desc;
  const TenonModelDesc *onDevice = desc.device ? &desc : desc.onDevice;
  if (onDevice && !onDevice->device) // It has no kernel for one.
    onDevice = nullptr;
  choice.model = plain ? plain : onDevice;
  if (plain)
    choice.devices = "cpu";
  if (onDevice)
    choice.devices += (plain ? "," : "") + std::string(onDevice->device);
  if (device && *device) {
    DeviceName wanted;
    if (Error error = parseDevice(device, wanted))
      return error;
    choice.ordinal = wanted.ordinal;
    choice.model = wanted.name == "cpu" ? plain : onDevice;
    if (!choice.model ||
        (choice.model->device && wanted.name != choice.model->device))
      return makeError(TENON_ERROR_UNSUPPORTED,
                       "this model has no code for the device %s, only for "
                       "%s; a model for both is compiled with a target such "
                       "as native,cuda:sm_90",
                       quote(wanted.name.c_str()).c_str(),
                       quote(choice.model ? choice.model->device
                             : plain      ? "cpu"
                                          : onDevice->device)
                           .c_str());
  } else if (plain && onDevice) {
    choice.advice = "; the device 'cpu' can be asked for instead";
    if (Error error = findDevice(onDevice->device, choice.problem)) {
      error->message += choice.advice;
      return error;
    }
    if (choice.problem.empty())
      choice.model = onDevice;
  }
  if (choice.model->device)
    choice.device = choice.model->device;
  if (choice.ordinal)
    choice.device += ":" + std::to_string(choice.ordinal);
  return nullptr;
}

Error TenonModel::openDevice() {
  if (!desc->device)
    return nullptr;
  std::lock_guard<std::mutex> lock(deviceMutex);
  if (device.model)
    return nullptr;
  if (Error error = loadDevice(desc->device, &device.library))
    return error;
  TenonProviderError problem{};
  void *opened = nullptr;
  if (int32_t code = device.library->createModel(desc, choice.ordinal, &opened,
                                                 &device.weights, &problem))
    return makeError(code, problem);
  device.model = opened;
  return nullptr;
}
