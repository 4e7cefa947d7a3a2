//===- OneDnnProvider.h - Kernels that oneDNN runs --------------*- C++ -*-===//

#ifndef TENON_CODEGEN_ONEDNN_ONEDNNPROVIDER_H
#define TENON_CODEGEN_ONEDNN_ONEDNNPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon {

/// The provider `onednn`: convolutions and matmuls with post-operations, of f32
/// or with factors of bf16, poolings, softmax and attention. The compiler needs
/// no oneDNN: it writes descriptors (runtime/cpu/OneDnnAbi.h) that the runtime
/// turns into primitives.
std::unique_ptr<Provider> createOneDnnProvider();

} // namespace tenon

#endif // TENON_CODEGEN_ONEDNN_ONEDNNPROVIDER_H
