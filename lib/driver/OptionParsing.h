//===- OptionParsing.h - Options as text ----------------------------------===//

#ifndef TENON_LIB_DRIVER_OPTIONPARSING_H
#define TENON_LIB_DRIVER_OPTIONPARSING_H

#include "lib/driver/Status.h"
#include "lib/import/onnx/OnnxImport.h"

namespace tenon {

/// `x=1x3x640x640`; `?` leaves a dimension as the model has it. Dimensions are
/// not negative. An input may have one shape.
Status parseShape(llvm::StringRef text, OnnxImportOptions &options);

/// `sr=16000`. An input may have one binding.
Status parseBinding(llvm::StringRef text, OnnxImportOptions &options);

/// `bf16` or `fp16`; `fp32` is the precision that the model has, which is "".
Status parsePrecision(llvm::StringRef text, std::string &precision);

/// Names of providers between commas; `auto` means all, which is none named.
std::vector<std::string> parseProviders(llvm::StringRef list);

/// `dir/model.onnx` becomes `model.so`.
std::string getDefaultOutput(llvm::StringRef input);

} // namespace tenon

#endif // TENON_LIB_DRIVER_OPTIONPARSING_H
