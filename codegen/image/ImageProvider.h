//===- ImageProvider.h - Kernels that read images ---------------*- C++ -*-===//

#ifndef TENON_CODEGEN_IMAGE_IMAGEPROVIDER_H
#define TENON_CODEGEN_IMAGE_IMAGEPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon {

/// The provider `image`: decoding of images, by a library that the runtime
/// loads for models that do (runtime/image). Nothing else can run it.
std::unique_ptr<Provider> createImageProvider();

} // namespace tenon

#endif // TENON_CODEGEN_IMAGE_IMAGEPROVIDER_H
