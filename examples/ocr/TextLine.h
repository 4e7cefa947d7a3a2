//===- TextLine.h - What the text recogniser takes and gives --------------===//
//
// Turns a picture into the recogniser's input, and its output into text.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_EXAMPLES_OCR_TEXTLINE_H
#define TENON_EXAMPLES_OCR_TEXTLINE_H

#include "Picture.h"

#include <string>
#include <vector>

namespace ocr {

/// The height of text lines that PP-OCRv4 was trained on.
constexpr size_t lineHeight = 48;

/// The recogniser's input for a picture: 1×3×48×W, from -1 to 1.
std::vector<float> makeInput(const Picture &picture, size_t &width);

/// The characters by index: the blank, the lines of the keys file, the space.
/// Throws std::system_error if the file cannot be opened, std::runtime_error if
/// there is nothing in it.
std::vector<std::string> readKeys(const std::string &path);

/// The text of `steps` × `keys.size()` probabilities: the most probable index
/// of each step, without repetitions, then without blanks.
std::string readText(const float *probabilities, size_t steps,
                     const std::vector<std::string> &keys);

} // namespace ocr

#endif // TENON_EXAMPLES_OCR_TEXTLINE_H
