//===- Decoder.cpp - The pixels of an encoded image ----------------------===//

#include "runtime/image/Image.h"

#include <algorithm>
#include <leptonica/allheaders.h>
#include <utility>
#include <vector>

using namespace tenon::image;

namespace {

/// An image of Leptonica, or none.
class Picture {
public:
  explicit Picture(PIX *pix) : pix(pix) {}
  Picture(const Picture &) = delete;
  Picture &operator=(const Picture &) = delete;
  ~Picture() { pixDestroy(&pix); }

  void reset(PIX *other) {
    pixDestroy(&pix);
    pix = other;
  }
  explicit operator bool() const { return pix; }
  operator PIX *() const { return pix; }

private:
  PIX *pix;
};

} // namespace

static PIX *read(Bytes bytes, const ImageHeader &header) {
  if (!header.patches.empty()) {
    std::vector<uint8_t> copy(bytes.data, bytes.data + bytes.size);
    for (const ImageHeader::Patch &patch : header.patches)
      std::copy(std::begin(patch.bytes), std::end(patch.bytes),
                copy.begin() + patch.offset);
    return pixReadMem(copy.data(), copy.size());
  }
  if (header.format != IFF_JFIF_JPEG)
    return pixReadMem(bytes.data, bytes.size);
  // Of what is missing in a JPEG its decoder only warns.
  int warnings = 0;
  PIX *pix = pixReadMemJpeg(bytes.data, bytes.size, /*cmflag=*/0,
                            /*reduction=*/1, &warnings, /*hint=*/0);
  if (warnings)
    pixDestroy(&pix);
  return pix;
}

static void writeRow(const uint32_t *source, int64_t width,
                     TenonPixelFormat format, uint8_t *target) {
  for (int64_t i = 0; i != width; ++i) {
    uint32_t red = source[i] >> L_RED_SHIFT & 0xff;
    uint32_t green = source[i] >> L_GREEN_SHIFT & 0xff;
    uint32_t blue = source[i] >> L_BLUE_SHIFT & 0xff;
    if (format == TENON_IMAGE_GRAY) {
      // 0.299, 0.587 and 0.114 as 16-bit fractions, of the sum 1.
      *target++ = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
      continue;
    }
    if (format == TENON_IMAGE_BGR)
      std::swap(red, blue);
    *target++ = red;
    *target++ = green;
    *target++ = blue;
  }
}

void tenon::image::decode(Bytes bytes, TenonPixelFormat format, int64_t height,
                          int64_t width, uint8_t *pixels) {
  ImageHeader header = readHeader(bytes);
  auto fail = [&](const std::string &what) {
    throw ProviderFailure{TENON_ERROR_INVALID,
                          "its input is " + header.describe() + " " + what};
  };
  if (header.width != width || header.height != height)
    fail("where one of " + std::to_string(width) + "x" +
         std::to_string(height) + " is expected");
  Picture picture(read(bytes, header));
  if (!picture)
    fail("that is damaged, or of a kind that cannot be read");
  if (pixGetDepth(picture) != 32 || pixGetColormap(picture))
    picture.reset(pixConvertTo32(picture));
  if (!picture)
    throw ProviderFailure{TENON_ERROR_SYSTEM,
                          "not enough memory for the pixels"};
  if (pixGetWidth(picture) != width || pixGetHeight(picture) != height)
    fail("whose pixels have another size than its header says");
  int64_t channels = format == TENON_IMAGE_GRAY ? 1 : 3;
  if (header.isTurned)
    pixRotate180(picture, picture);
  for (int64_t i = 0; i != height; ++i)
    writeRow(pixGetData(picture) + i * pixGetWpl(picture), width, format,
             pixels + i * width * channels);
}
