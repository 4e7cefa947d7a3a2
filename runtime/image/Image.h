//===- Image.h - Encoded images ------------------------------------------===//
//
// Bytes come from anywhere: what they say is checked before it is trusted, and
// the size before anything is decoded. All functions may be called from several
// threads.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_IMAGE_IMAGE_H
#define TENON_RUNTIME_IMAGE_IMAGE_H

#include "runtime/core/ProviderGuard.h"
#include "runtime/image/ImageAbi.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tenon::image {

using runtime::ProviderFailure;

struct Bytes {
  const uint8_t *data;
  size_t size;
};

/// What an image says of itself.
struct ImageHeader {
  int format = 0;             // Leptonica's number
  const char *name = nullptr; // "PNG"
  int64_t width = 0, height = 0;
  /// What to change in the bytes, so that the decoder does right.
  struct Patch {
    size_t offset;
    uint8_t bytes[2];
  };
  std::vector<Patch> patches;
  /// The pixels are then the last first.
  bool isTurned = false;

  /// "a PNG of 17x13 pixels"
  std::string describe() const;
};

/// Throws if this is no image, one of a kind that is not read, or too large.
ImageHeader readHeader(Bytes bytes);

/// Writes the pixels row by row; `height` and `width` are those that the caller
/// has room for. Throws as `readHeader` does, and if the image is damaged or
/// has another size.
void decode(Bytes bytes, TenonPixelFormat format, int64_t height, int64_t width,
            uint8_t *pixels);

} // namespace tenon::image

#endif // TENON_RUNTIME_IMAGE_IMAGE_H
