//===- ocr.cpp - Reads lines of text with a compiled model ----------------===//
//
// tenon-ocr MODEL.so KEYS.txt PICTURE.png...: a host application of Tenon's
// runtime. It needs the runtime alone: no compiler, no ONNX.
//
//===----------------------------------------------------------------------===//

#include "TextLine.h"

#include "tenon/tenon.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace ocr;

namespace {
/// Time since it was made, in milliseconds.
class Stopwatch {
public:
  double read() const {
    std::chrono::duration<double, std::milli> elapsed = Clock::now() - start;
    return elapsed.count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

/// A loaded recogniser, ready to read pictures one after another.
class Recogniser {
public:
  Recogniser(const std::string &path, std::vector<std::string> keys)
      : keys(std::move(keys)), model(tenon::Model::load(path)), session(model) {
  }

  /// The text of a picture; `milliseconds` is the time of the model alone.
  std::string read(const Picture &picture, double &milliseconds);

private:
  std::vector<std::string> keys;
  tenon::Model model;
  tenon::Session session;
};
} // namespace

std::string Recogniser::read(const Picture &picture, double &milliseconds) {
  size_t width;
  std::vector<float> pixels = makeInput(picture, width);
  tenon::View input =
      tenon::view(pixels.data(), {1, 3, int64_t(lineHeight), int64_t(width)});
  // The input's width decides how many steps come out.
  Stopwatch time;
  std::vector<tenon::Tensor> outputs = session.run({input});
  milliseconds = time.read();
  const std::vector<int64_t> &dims = outputs.at(0).dims();
  if (dims.size() != 3 || dims[2] != int64_t(keys.size()))
    throw std::runtime_error("the model's output does not fit the keys: it is "
                             "no text recogniser, or not with these keys");
  return readText(outputs[0].data<float>(), dims[1], keys);
}

/// The path without its folders.
static std::string getFileName(const std::string &path) {
  return path.substr(path.find_last_of('/') + 1);
}

int main(int argc, char **argv) {
  bool wantsHelp = argc == 2 && std::string(argv[1]) == "--help";
  if (argc < 4) {
    fprintf(wantsHelp ? stdout : stderr,
            "usage: tenon-ocr MODEL.so KEYS.txt PICTURE.png...\n"
            "prints what each picture of a line of text says\n");
    return wantsHelp ? 0 : TENON_ERROR_USAGE;
  }
  try {
    Stopwatch time;
    Recogniser recogniser(argv[1], readKeys(argv[2]));
    fprintf(stderr, "loaded in %.1f ms\n", time.read());
    for (int i = 3; i < argc; ++i) {
      double milliseconds;
      std::string text = recogniser.read(readPng(argv[i]), milliseconds);
      printf("%s\t%s\t%.1f ms\n", getFileName(argv[i]).c_str(), text.c_str(),
             milliseconds);
    }
  } catch (const tenon::Error &error) {
    fprintf(stderr, "tenon-ocr: %s\n", error.what());
    return error.code();
  } catch (const std::system_error &error) {
    fprintf(stderr, "tenon-ocr: %s\n", error.what());
    return TENON_ERROR_SYSTEM;
  } catch (const std::exception &error) {
    fprintf(stderr, "tenon-ocr: %s\n", error.what());
    return TENON_ERROR_INVALID;
  }
  return 0;
}
