//===- PackConstant.h - Constants packed by the compiler -----------------===//

#ifndef TENON_RUNTIME_CPU_PACKCONSTANT_H
#define TENON_RUNTIME_CPU_PACKCONSTANT_H

#include "runtime/core/Provider.h"

namespace tenon::onednn {

/// TenonProvider::pack. Dimensions that are not known get usual values: the
/// layout may depend on them, and a run that wants another one makes a copy.
/// Throws ProviderFailure, dnnl::error.
void packConstant(const TenonLibraryKernel &source, const int64_t *dims,
                  int arg, const uint8_t *data, TenonPackReceiver receive,
                  void *context);

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_PACKCONSTANT_H
