//===- Picture.cpp - PNG pictures as floats -------------------------------===//
//
// Reads a PNG file and resizes it.
//
//===----------------------------------------------------------------------===//

#include "Picture.h"

#include <png.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>

using namespace ocr;

/// More pixels than a line of text can have: a limit against hostile files.
static constexpr uint64_t maxPixels = 1u << 26;

Picture ocr::readPng(const std::string &path) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  auto fail = [&](const std::string &reason) -> std::runtime_error {
    png_image_free(&image);
    return std::runtime_error(path + ": " + reason);
  };
  std::unique_ptr<FILE, decltype(&fclose)> file(fopen(path.c_str(), "rb"),
                                                &fclose);
  if (!file)
    throw std::system_error(errno, std::generic_category(), path);
  if (!png_image_begin_read_from_stdio(&image, file.get()))
    throw fail(image.message);
  if (uint64_t(image.width) * image.height > maxPixels)
    throw fail("the picture is too large");
  image.format = PNG_FORMAT_BGR;
  std::vector<uint8_t> bytes(PNG_IMAGE_SIZE(image));
  const png_color white = {255, 255, 255};
  if (!png_image_finish_read(&image, &white, bytes.data(), /*row_stride=*/0,
                             /*colormap=*/nullptr))
    throw fail(image.message);
  return {image.height, image.width, {bytes.begin(), bytes.end()}};
}

namespace {
/// Where a pixel of the result lies between two of the source.
struct Place {
  size_t low, high;
  float share;
};
} // namespace

static std::vector<Place> getPlaces(size_t from, size_t to) {
  std::vector<Place> places(to);
  for (size_t i = 0; i < to; ++i) {
    float at = (float(i) + 0.5f) * float(from) / float(to) - 0.5f;
    at = std::clamp(at, 0.0f, float(from - 1));
    size_t low = size_t(at);
    places[i] = {low, std::min(low + 1, from - 1), at - float(low)};
  }
  return places;
}

Picture ocr::resizeToHeight(const Picture &picture, size_t height) {
  size_t width = (height * picture.width + picture.height - 1) / picture.height;
  std::vector<Place> rows = getPlaces(picture.height, height);
  std::vector<Place> columns = getPlaces(picture.width, width);
  Picture result{height, width, {}};
  result.values.reserve(height * width * 3);
  for (const Place &row : rows)
    for (const Place &column : columns)
      for (size_t channel = 0; channel < 3; ++channel) {
        auto between = [&](size_t r) {
          return picture.at(r, column.low, channel) * (1 - column.share) +
                 picture.at(r, column.high, channel) * column.share;
        };
        result.values.push_back(between(row.low) * (1 - row.share) +
                                between(row.high) * row.share);
      }
  return result;
}
