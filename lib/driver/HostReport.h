//===- HostReport.h - What of a GPU's model runs on the processor ---------===//

#ifndef TENON_LIB_DRIVER_HOSTREPORT_H
#define TENON_LIB_DRIVER_HOSTREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace tenon {

/// Which kernels of a module, at the end of assign, run on the processor though
/// its target has a GPU, for people; "" if there are none.
std::string describeHostKernels(mlir::ModuleOp module);

} // namespace tenon

#endif // TENON_LIB_DRIVER_HOSTREPORT_H
