//===- ModelSymbols.h - The names in a compiled model ---------------------===//

#ifndef TENON_LIB_DRIVER_MODELSYMBOLS_H
#define TENON_LIB_DRIVER_MODELSYMBOLS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace tenon {

/// What a model's global symbols are called. The defaults are what a loader
/// looks for; models that are linked into one program need names of their own.
struct ModelSymbols {
  std::string description;
  std::string weights;
  /// The description of the model for a device, which the other one names.
  std::string deviceModel;
  /// Whether only code that is linked with it sees the description.
  bool isHidden = false;

  ModelSymbols();
  /// Those of an object at `path`, which is named after the file:
  /// `name` for the description, `<name>_weights` for the constants,
  /// `<name>_on_device` for the model for a device.
  static ModelSymbols ofObject(llvm::StringRef path);
  /// Those of the code of the model for a device.
  ModelSymbols ofDeviceModel() const;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_MODELSYMBOLS_H
