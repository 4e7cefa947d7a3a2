//===- Picture.h - PNG pictures as floats ---------------------------------===//
//
// Reads a PNG file and resizes it.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_EXAMPLES_OCR_PICTURE_H
#define TENON_EXAMPLES_OCR_PICTURE_H

#include <cstddef>
#include <string>
#include <vector>

namespace ocr {

/// A picture: rows of pixels, each of three values from 0 to 255 in the order
/// blue, green, red.
struct Picture {
  size_t height = 0;
  size_t width = 0;
  std::vector<float> values;

  float at(size_t row, size_t column, size_t channel) const {
    return values[(row * width + column) * 3 + channel];
  }
};

/// Reads a PNG file of any kind; transparency is laid over white. Throws
/// std::system_error if it cannot be opened, std::runtime_error if it is not
/// one.
Picture readPng(const std::string &path);

/// The picture in proportion at another height, its width rounded up:
/// bilinear, with the centres of pixels at one half, edges repeated.
Picture resizeToHeight(const Picture &picture, size_t height);

} // namespace ocr

#endif // TENON_EXAMPLES_OCR_PICTURE_H
