//===- RtBufferize.h - Bufferisation of the runtime's operations ----------===//

#ifndef TENON_DIALECTS_RT_RTBUFFERIZE_H
#define TENON_DIALECTS_RT_RTBUFFERIZE_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::rt {

/// Lets one-shot bufferisation turn tensors of `tenon_rt` operations into
/// memrefs.
void registerBufferizableOpInterfaceModels(mlir::DialectRegistry &registry);

} // namespace tenon::rt

#endif // TENON_DIALECTS_RT_RTBUFFERIZE_H
