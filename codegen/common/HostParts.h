//===- HostParts.h - What is left to the processor in a run --------------===//
//
// Asked of @main on memory, before the operations of tenon_rt are lowered.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_HOSTPARTS_H
#define TENON_CODEGEN_COMMON_HOSTPARTS_H

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tenon::codegen {

/// What `memory` is a view of, where each view is one of all of it.
mlir::Value stripWholeViews(mlir::Value memory);

/// Whether what `memory` is a view of is on the device.
bool isOnDevice(mlir::Value memory);

/// Whether the processor neither writes what a copy reads from its memory, nor
/// reads what the copy writes there, before the run is over: the copy need not
/// be waited for. So it is with inputs, and with outputs that nothing else
/// uses.
bool isStable(rt::TransferOp op);

/// Which of the caller's tensors memory of the device is the copy of, and may
/// be itself where that is on the device: TenonBufferDesc::tensor. 0 if it is
/// of none, or if anything but kernels of the device and the one copy uses
/// either.
int64_t findTensor(mlir::Value memory);

/// Whether the processor only passes work to the device, the same in each run
/// with the same dimensions (TENON_MODEL_IS_REPLAYABLE).
bool isReplayable(mlir::func::FuncOp main);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_HOSTPARTS_H
