//===- Inputs.cpp - Inputs from files and random ones --------------------===//

#include "lib/run/RunCommand.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace tenon::run;

/// Takes "key=value" apart at the first '='.
static std::pair<std::string, std::string> split(const std::string &text,
                                                 const char *option) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0)
    fail(TENON_ERROR_USAGE, "%s %s: expected NAME=VALUE", option, text.c_str());
  return {text.substr(0, at), text.substr(at + 1)};
}

static int64_t parseNumber(const std::string &text, const std::string &option) {
  char *end;
  errno = 0;
  long long value = strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value < 0)
    fail(TENON_ERROR_USAGE, "%s: '%s' is no size", option.c_str(),
         text.c_str());
  return value;
}

void RunCommand::readInputs(Runner &runner) const {
  for (const std::string &text : inputs) {
    size_t at = text.find('=');
    std::string name = at == std::string::npos ? "" : text.substr(0, at);
    std::string path = at == std::string::npos ? text : text.substr(at + 1);
    std::vector<Array> arrays = readArrays(path);
    if (name.empty()) {
      for (Array &array : arrays) {
        if (array.name.empty())
          fail(TENON_ERROR_USAGE,
               "--input %s: its array has no name; write NAME=%s", path.c_str(),
               path.c_str());
        size_t index = runner.findInput(array.name);
        runner.setInput(index, std::move(array));
      }
      continue;
    }
    Array *chosen = arrays.size() == 1 ? &arrays[0] : nullptr;
    for (Array &array : arrays)
      if (array.name == name)
        chosen = &array;
    if (!chosen)
      fail(TENON_ERROR_INVALID, "'%s' has no array '%s'", path.c_str(),
           name.c_str());
    runner.setInput(runner.findInput(name), std::move(*chosen));
  }
}

std::vector<int64_t> RunCommand::chooseDims(const TenonTensorInfo &info) const {
  std::vector<int64_t> dims(info.dims, info.dims + info.rank);
  for (const std::string &text : shapes) {
    auto [name, value] = split(text, "--shape");
    if (name != info.name)
      continue;
    dims.clear();
    for (size_t start = 0; start <= value.size();) {
      size_t end = std::min(value.find('x', start), value.size());
      dims.push_back(
          parseNumber(value.substr(start, end - start), "--shape " + text));
      start = end + 1;
    }
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] >= 0)
      continue;
    const char *symbol = info.dim_names[i];
    for (const std::string &text : symbols)
      if (auto [name, value] = split(text, "--dim"); name == symbol)
        dims[i] = parseNumber(value, "--dim " + text);
    if (dims[i] < 0)
      fail(TENON_ERROR_USAGE,
           "input '%s': dimension %zu (%s) is not known; give --shape %s=... "
           "or --dim %s=...",
           info.name, i, symbol, info.name, symbol);
  }
  return dims;
}

/// IEEE 754 half precision of a number of moderate size, rounded towards zero.
static uint16_t toHalf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  int exponent = static_cast<int>(bits >> 23 & 255) - 112;
  uint16_t sign = bits >> 16 & 0x8000;
  if (exponent <= 0)
    return sign;
  return sign | std::min(exponent, 30) << 10 | (bits >> 13 & 1023);
}

template <typename T> static void store(Array &array, int64_t i, T value) {
  memcpy(&array.bytes[i * sizeof value], &value, sizeof value);
}

/// Stores a number as the array's element type.
static void setElement(Array &array, int64_t i, double value) {
  auto whole = static_cast<int64_t>(std::floor(value));
  switch (array.dtype) {
  case TENON_F32:
    return store(array, i, static_cast<float>(value));
  case TENON_F64:
    return store(array, i, value);
  case TENON_F16:
    return store(array, i, toHalf(static_cast<float>(value)));
  case TENON_BF16: {
    auto number = static_cast<float>(value);
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return store(array, i, static_cast<uint16_t>(bits >> 16));
  }
  case TENON_BOOL:
    return store(array, i, static_cast<uint8_t>(whole != 0));
  case TENON_U8:
  case TENON_I8:
    return store(array, i, static_cast<uint8_t>(whole));
  case TENON_U16:
  case TENON_I16:
    return store(array, i, static_cast<uint16_t>(whole));
  case TENON_U32:
  case TENON_I32:
    return store(array, i, static_cast<uint32_t>(whole));
  case TENON_U64:
  case TENON_I64:
    return store(array, i, whole);
  }
}

void RunCommand::fillRandomly(Runner &runner) const {
  const Model &model = runner.getModel();
  for (size_t i = 0; i < model.numInputs(); ++i) {
    if (runner.getInput(i))
      continue;
    const TenonTensorInfo &info = model.input(i);
    bool isFloat = info.dtype == TENON_F32 || info.dtype == TENON_F64 ||
                   info.dtype == TENON_F16 || info.dtype == TENON_BF16;
    // Integers are indices mostly: 0 and 1 fit nearly every table.
    double low = isFloat ? -1 : 0, high = isFloat ? 1 : 2;
    for (const std::string &text : ranges) {
      auto [name, value] = split(text, "--range");
      if (name != info.name)
        continue;
      if (sscanf(value.c_str(), "%lf:%lf", &low, &high) != 2 || !(low < high))
        fail(TENON_ERROR_USAGE, "--range %s: expected NAME=LOW:HIGH",
             text.c_str());
    }
    Array array = Array::make(info.dtype, chooseDims(info));
    // The standard fixes this generator: equal seeds give equal inputs on every
    // machine. Each input has its own, so that none depends on the others.
    std::mt19937_64 generator(seed * 1000003 + i);
    for (int64_t j = 0, count = array.size(); j < count; ++j) {
      double unit = static_cast<double>(generator() >> 11) * 0x1p-53;
      setElement(array, j, low + unit * (high - low));
    }
    runner.setInput(i, std::move(array));
  }
}
