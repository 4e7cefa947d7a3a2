//===- ImageHeader.cpp - What an image says of itself --------------------===//
//
// Leptonica reads the headers. Where it reads more than it should, or too
// little to know what its decoder would make of the image, this looks itself.
//
//===----------------------------------------------------------------------===//

#include "runtime/image/Image.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <leptonica/allheaders.h>
#include <optional>

using namespace tenon::image;

std::string ImageHeader::describe() const {
  return std::string("a ") + name + " of " + std::to_string(width) + "x" +
         std::to_string(height) + " pixels";
}

/// The name of a format that ONNX knows, or null.
static const char *getName(int format) {
  switch (format) {
  case IFF_BMP:
    return "BMP";
  case IFF_JFIF_JPEG:
    return "JPEG";
  case IFF_JP2:
    return "JPEG 2000";
  case IFF_PNG:
    return "PNG";
  case IFF_WEBP:
    return "WebP";
  case IFF_PNM:
    return "PNM";
  case IFF_TIFF:
  case IFF_TIFF_PACKBITS:
  case IFF_TIFF_RLE:
  case IFF_TIFF_G3:
  case IFF_TIFF_G4:
  case IFF_TIFF_LZW:
  case IFF_TIFF_ZIP:
  case IFF_TIFF_JPEG:
    return "TIFF";
  default:
    return nullptr;
  }
}

[[noreturn]] static void failDamaged(const char *name) {
  throw ProviderFailure{
      TENON_ERROR_INVALID,
      std::string("its input is no image that can be read: a ") + name +
          " whose header is damaged"};
}

[[noreturn]] static void failUnsupported(const char *name,
                                         const std::string &what) {
  throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                        std::string("its input is a ") + name + " " + what};
}

namespace {

/// Numbers at any place of a file; there are none behind its end.
class Numbers {
public:
  Numbers(Bytes bytes, bool isBigEndian)
      : bytes(bytes), isBigEndian(isBigEndian) {}

  std::optional<uint32_t> get(uint64_t offset, unsigned count) const {
    if (offset > bytes.size || count > bytes.size - offset)
      return std::nullopt;
    uint32_t result = 0;
    for (unsigned i = 0; i != count; ++i)
      result |= uint32_t(bytes.data[offset + i])
                << 8 * (isBigEndian ? count - 1 - i : i);
    return result;
  }

private:
  Bytes bytes;
  bool isBigEndian;
};

} // namespace

/// Leptonica would decode the pixels to find their number.
static void readBmpHeader(Bytes bytes, ImageHeader &header) {
  Numbers numbers(bytes, /*isBigEndian=*/false);
  std::optional<uint32_t> size = numbers.get(14, 4);
  std::optional<uint32_t> width = numbers.get(18, 4);
  std::optional<uint32_t> height = numbers.get(22, 4);
  if (!size || !width || !height)
    failDamaged(header.name);
  if (*size < 40)
    failUnsupported(header.name, "of OS/2, which is not read");
  header.width = static_cast<int32_t>(*width);
  // Rows of a negative height stand from top to bottom.
  header.height = std::abs(int64_t(static_cast<int32_t>(*height)));
}

/// Where the value of a tag stands in the first directory of a TIFF; 0 if it is
/// not there.
static uint64_t findTiffTag(const Numbers &numbers, uint32_t wanted) {
  uint64_t directory = numbers.get(4, 4).value_or(UINT32_MAX);
  uint32_t count = numbers.get(directory, 2).value_or(0);
  for (uint32_t i = 0; i != count; ++i) {
    uint64_t entry = directory + 2 + 12 * uint64_t(i);
    if (numbers.get(entry, 2) == wanted && numbers.get(entry + 8, 2))
      return entry + 8;
  }
  return 0;
}

/// Leptonica takes four channels for three and transparency, blends with black
/// what is transparent, and applies the orientation when it decodes, of which
/// it takes one quarter of a turn for the other.
static void checkTiff(Bytes bytes, ImageHeader &header) {
  constexpr uint32_t magic = 42, photometricTag = 262, orientationTag = 274,
                     extraTag = 338;
  constexpr uint32_t maxPalette = 3, yCbCr = 6, firstTransposed = 5,
                     clockwise = 6, counterclockwise = 8, associated = 1,
                     unassociated = 2;
  bool isBigEndian = bytes.data[0] == 'M';
  Numbers numbers(bytes, isBigEndian);
  auto getTag = [&](uint32_t tag, uint32_t otherwise) {
    uint64_t offset = findTiffTag(numbers, tag);
    return offset ? *numbers.get(offset, 2) : otherwise;
  };
  auto setTag = [&](uint32_t tag, uint8_t value) {
    ImageHeader::Patch patch{findTiffTag(numbers, tag), {}};
    patch.bytes[isBigEndian] = value;
    header.patches.push_back(patch);
  };
  if (numbers.get(2, 2) != magic)
    failUnsupported(header.name, "of 64-bit offsets, which is not read");
  uint32_t photometric = getTag(photometricTag, 0);
  if (photometric > maxPalette && photometric != yCbCr)
    failUnsupported(header.name, "of photometric interpretation " +
                                     std::to_string(photometric) +
                                     ", expected one of grey levels, a "
                                     "palette, RGB or YCbCr");
  uint32_t orientation = getTag(orientationTag, 1);
  if (orientation >= firstTransposed)
    std::swap(header.width, header.height);
  if (orientation == counterclockwise) {
    setTag(orientationTag, clockwise);
    header.isTurned = true;
  }
  if (getTag(extraTag, 0) == unassociated)
    setTag(extraTag, associated);
}

/// The decoder allocates what the codestream says, not the file around it, and
/// Leptonica takes channels for equally large.
static void checkJpeg2000(Bytes bytes, const ImageHeader &header) {
  static constexpr uint8_t begin[] = {0xff, 0x4f, 0xff, 0x51};
  constexpr uint32_t unsigned8 = 7;
  Numbers numbers(bytes, /*isBigEndian=*/true);
  const uint8_t *end = bytes.data + bytes.size, *at = bytes.data;
  bool isFound = false;
  while ((at = std::search(at, end, std::begin(begin), std::end(begin))) !=
         end) {
    isFound = true;
    uint64_t start = at++ - bytes.data;
    int64_t sizes[2];
    for (unsigned i = 0; i != 2; ++i) {
      std::optional<uint32_t> to = numbers.get(start + 8 + 4 * i, 4);
      std::optional<uint32_t> from = numbers.get(start + 16 + 4 * i, 4);
      if (!to || !from)
        failDamaged(header.name);
      sizes[i] = int64_t(*to) - int64_t(*from);
    }
    if (sizes[0] != header.width || sizes[1] != header.height)
      failDamaged(header.name);
    uint32_t channels = numbers.get(start + 40, 2).value_or(0);
    for (uint32_t i = 0; i != channels; ++i) {
      if (numbers.get(start + 42 + 3 * i, 1) != unsigned8)
        failUnsupported(header.name, "whose channels do not have 8 bits");
      if (numbers.get(start + 43 + 3 * i, 2) != 0x0101u)
        failUnsupported(header.name, "whose channels differ in size");
    }
  }
  if (!isFound)
    failDamaged(header.name);
}

ImageHeader tenon::image::readHeader(Bytes bytes) {
  // The library looks at so many bytes whether they are there or not.
  constexpr size_t minSize = 12;
  int format = IFF_UNKNOWN;
  if (bytes.size >= minSize)
    findFileFormatBuffer(bytes.data, &format);
  ImageHeader header;
  header.format = format;
  header.name = getName(format);
  if (!header.name)
    throw ProviderFailure{
        TENON_ERROR_INVALID,
        "its input, " + std::to_string(bytes.size) +
            " bytes, is no image that can be read: expected a BMP, JPEG, JPEG "
            "2000, TIFF, PNG, WebP or PNM file"};
  if (format == IFF_BMP) {
    readBmpHeader(bytes, header);
  } else {
    int width = 0, height = 0;
    if (pixReadHeaderMem(bytes.data, bytes.size, nullptr, &width, &height,
                         nullptr, nullptr, nullptr))
      failDamaged(header.name);
    header.width = width;
    header.height = height;
  }
  if (header.width < 1 || header.height < 1)
    failDamaged(header.name);
  if (header.width > TENON_IMAGE_MAX_PIXELS / header.height)
    throw ProviderFailure{TENON_ERROR_INVALID,
                          "its input is too large: " + header.describe() +
                              ", expected at most " +
                              std::to_string(TENON_IMAGE_MAX_PIXELS)};
  if (!strcmp(header.name, "TIFF"))
    checkTiff(bytes, header);
  if (format == IFF_JP2)
    checkJpeg2000(bytes, header);
  return header;
}
