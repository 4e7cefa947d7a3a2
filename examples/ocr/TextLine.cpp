//===- TextLine.cpp - What the text recogniser takes and gives ------------===//
//
// Turns a picture into the recogniser's input, and its output into text.
//
//===----------------------------------------------------------------------===//

#include "TextLine.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

using namespace ocr;

std::vector<float> ocr::makeInput(const Picture &picture, size_t &width) {
  Picture line = resizeToHeight(picture, lineHeight);
  width = line.width;
  std::vector<float> input;
  input.reserve(line.values.size());
  for (size_t channel = 0; channel < 3; ++channel)
    for (size_t row = 0; row < line.height; ++row)
      for (size_t column = 0; column < line.width; ++column)
        input.push_back((line.at(row, column, channel) / 255 - 0.5f) / 0.5f);
  return input;
}

std::vector<std::string> ocr::readKeys(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    throw std::system_error(errno, std::generic_category(), path);
  std::vector<std::string> keys = {""};
  for (std::string line; std::getline(file, line);)
    keys.push_back(line);
  if (keys.size() == 1)
    throw std::runtime_error(path + ": no characters in it");
  keys.push_back(" ");
  return keys;
}

std::string ocr::readText(const float *probabilities, size_t steps,
                          const std::vector<std::string> &keys) {
  std::string text;
  size_t previous = 0;
  for (size_t step = 0; step < steps; ++step) {
    const float *row = probabilities + step * keys.size();
    size_t best = std::max_element(row, row + keys.size()) - row;
    if (best != previous)
      text += keys[best];
    previous = best;
  }
  return text;
}
