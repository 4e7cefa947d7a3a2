//===- Array.cpp - Tensors in memory -------------------------------------===//

#include "lib/run/Array.h"

#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace tenon::run;

void tenon::run::fail(TenonErrorCode code, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  throw Error(code, text);
}

void tenon::run::checkWritable(const std::string &path) {
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file >= 0) {
    close(file);
    unlink(path.c_str());
    return;
  }
  bool isWritable = false;
  if (errno == EEXIST) {
    struct stat info;
    if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) &&
        !S_ISDIR(info.st_mode)) {
      // To open and close a FIFO would end its reader.
      isWritable = access(path.c_str(), W_OK) == 0;
    } else {
      file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
      // A link to nothing: what it names is made later.
      isWritable = file >= 0 || errno == ENOENT;
      if (file >= 0)
        close(file);
    }
  }
  if (!isWritable)
    fail(TENON_ERROR_SYSTEM, "can't write '%s': %s", path.c_str(),
         strerror(errno));
}

OutputFolder::OutputFolder(const std::string &path) : path(path) {
  if (path.empty())
    return;
  std::error_code problem;
  isNew = std::filesystem::create_directories(path, problem);
  if (problem)
    fail(TENON_ERROR_SYSTEM, "can't make the folder '%s': %s", path.c_str(),
         problem.message().c_str());
  checkWritable(path + "/output_0.npy");
}

OutputFolder::~OutputFolder() {
  std::error_code isFull;
  if (isNew)
    std::filesystem::remove(path, isFull);
}

Array Array::make(TenonDType dtype, std::vector<int64_t> dims) {
  Array array;
  array.dtype = dtype;
  array.dims = std::move(dims);
  TenonTensor tensor{nullptr, nullptr, dtype,
                     static_cast<int32_t>(array.dims.size()),
                     array.dims.data()};
  size_t bytes = tenon_tensor_bytes(&tensor);
  if (bytes == SIZE_MAX)
    fail(TENON_ERROR_INVALID, "an array of impossible size: %s",
         array.formatDims().c_str());
  try {
    array.bytes.resize(bytes);
  } catch (const std::exception &) { // not enough, or more than there can be
    fail(TENON_ERROR_SYSTEM, "not enough memory: %s takes %zu bytes",
         array.formatType().c_str(), bytes);
  }
  return array;
}

Array Array::makeSequence(std::vector<Array> elements) {
  Array array;
  array.dtype = TENON_TENSORS;
  array.dims = {static_cast<int64_t>(elements.size())};
  array.elements = std::move(elements);
  return array;
}

Array Array::copy(const TenonTensor &tensor) {
  Array array;
  std::vector<int64_t> dims(tensor.dims, tensor.dims + tensor.rank);
  if (tensor.dtype == TENON_TENSORS) {
    auto *tensors = static_cast<const TenonTensor *>(tensor.data);
    for (int64_t i = 0; !dims.empty() && i < dims[0]; ++i)
      array.elements.push_back(copy(tensors[i]));
    array.dtype = TENON_TENSORS;
    array.dims = std::move(dims);
  } else {
    array = make(tensor.dtype, std::move(dims));
    if (!array.bytes.empty())
      memcpy(array.bytes.data(), tensor.data, array.bytes.size());
  }
  array.name = tensor.name ? tensor.name : "";
  return array;
}

int64_t Array::size() const {
  // Before a 0 there may be dimensions whose product is too large.
  uint64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

TenonTensor Array::view() {
  views.clear();
  for (Array &element : elements) {
    views.push_back(element.view());
    views.back().name = nullptr;
  }
  void *data = bytes.data();
  return {name.empty() ? nullptr : name.c_str(),
          isTensor() ? data : views.data(), dtype,
          static_cast<int32_t>(dims.size()), dims.data()};
}

std::string Array::formatDims() const {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text.empty() ? "scalar" : text;
}

std::string Array::formatType() const {
  if (isTensor())
    return std::string(tenon_dtype_name(dtype)) + " " + formatDims();
  return dims.empty() ? "nothing" : "sequence of " + std::to_string(dims[0]);
}

/// IEEE 754 half precision.
static double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = bits & 1023;
  double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                     : exponent == 0
                         ? std::ldexp(fraction, -24)
                         : std::ldexp(fraction + 1024, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

template <typename T>
static T load(const std::vector<uint8_t> &bytes, int64_t index) {
  T value;
  memcpy(&value, bytes.data() + index * sizeof(T), sizeof value);
  return value;
}

double Array::at(int64_t index) const {
  switch (dtype) {
  case TENON_F32:
    return load<float>(bytes, index);
  case TENON_F64:
    return load<double>(bytes, index);
  case TENON_F16:
    return fromHalf(load<uint16_t>(bytes, index));
  case TENON_BF16: {
    uint32_t bits = uint32_t(load<uint16_t>(bytes, index)) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  case TENON_U8:
  case TENON_BOOL:
    return load<uint8_t>(bytes, index);
  case TENON_I8:
    return load<int8_t>(bytes, index);
  case TENON_U16:
    return load<uint16_t>(bytes, index);
  case TENON_I16:
    return load<int16_t>(bytes, index);
  case TENON_U32:
    return load<uint32_t>(bytes, index);
  case TENON_I32:
    return load<int32_t>(bytes, index);
  case TENON_U64:
    return static_cast<double>(load<uint64_t>(bytes, index));
  case TENON_I64:
    return static_cast<double>(load<int64_t>(bytes, index));
  default:
    return decodeNarrow(dtype, load<uint8_t>(bytes, index));
  }
}

/// The nearest number of IEEE 754 half precision; of two the even one.
static uint16_t toHalf(float value) {
  auto sign = static_cast<uint16_t>(std::signbit(value) << 15);
  if (std::isnan(value))
    return sign | 0x7e00;
  float magnitude = std::abs(value);
  if (magnitude >= 65520)
    return sign | 0x7c00;
  // In units of the last place, of which normal numbers have 1024 or more.
  int exponent = std::max(std::ilogb(magnitude), -14);
  auto units = static_cast<uint16_t>(
      std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return sign | ((exponent + 14) * 1024 + units);
}

/// The same of bfloat16.
static uint16_t toBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

template <typename T>
static void store(std::vector<uint8_t> &bytes, int64_t index, T value) {
  memcpy(&bytes[index * sizeof value], &value, sizeof value);
}

void Array::set(int64_t index, double value) {
  // What an integer can't be is the nearest that it can.
  int64_t whole = value >= 0x1p63    ? INT64_MAX
                  : value >= -0x1p63 ? static_cast<int64_t>(std::floor(value))
                                     : INT64_MIN;
  switch (dtype) {
  case TENON_F32:
    return store(bytes, index, static_cast<float>(value));
  case TENON_F64:
    return store(bytes, index, value);
  case TENON_F16:
    return store(bytes, index, toHalf(static_cast<float>(value)));
  case TENON_BF16:
    return store(bytes, index, toBf16(static_cast<float>(value)));
  case TENON_BOOL:
    return store(bytes, index, static_cast<uint8_t>(whole != 0));
  case TENON_U8:
  case TENON_I8:
    return store(bytes, index, static_cast<uint8_t>(whole));
  case TENON_U16:
  case TENON_I16:
    return store(bytes, index, static_cast<uint16_t>(whole));
  case TENON_U32:
  case TENON_I32:
    return store(bytes, index, static_cast<uint32_t>(whole));
  case TENON_U64:
  case TENON_I64:
    return store(bytes, index, whole);
  default:
    return store(bytes, index, encodeNarrow(dtype, value));
  }
}

Array Array::convert(TenonDType to) const {
  Array converted = make(to, dims);
  converted.name = name;
  for (int64_t i = 0, count = size(); i < count; ++i)
    converted.set(i, at(i));
  return converted;
}

void Array::adopt(TenonDType wanted) {
  for (Array &element : elements)
    element.adopt(wanted);
  if (!isTensor() || dtype == wanted)
    return;
  bool isByte = dtype == TENON_U8 || dtype == TENON_I8;
  if ((isNarrow(wanted) && isByte) ||
      (wanted == TENON_BF16 && dtype == TENON_U16))
    dtype = wanted;
  else if (areF32AndHalf(dtype, wanted))
    *this = convert(wanted);
}

bool tenon::run::areF32AndHalf(TenonDType a, TenonDType b) {
  auto isHalf = [](TenonDType dtype) {
    return dtype == TENON_F16 || dtype == TENON_BF16;
  };
  return (isHalf(a) && b == TENON_F32) || (a == TENON_F32 && isHalf(b));
}

Array Array::transpose(const std::vector<size_t> &order) const {
  std::vector<int64_t> turned, strides(dims.size(), 1);
  for (size_t i : order)
    turned.push_back(dims[i]);
  Array result = make(dtype, turned);
  result.name = name;
  if (result.bytes.empty())
    return result;
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  size_t element = tenon_dtype_size(dtype);
  std::vector<int64_t> index(turned.size(), 0);
  for (int64_t i = 0, count = result.size(); i < count; ++i) {
    int64_t source = 0;
    for (size_t d = 0; d < turned.size(); ++d)
      source += index[d] * strides[order[d]];
    memcpy(&result.bytes[i * element], &bytes[source * element], element);
    for (size_t d = turned.size(); d-- > 0 && ++index[d] == turned[d];)
      index[d] = 0;
  }
  return result;
}

std::vector<Array> tenon::run::readArrays(const std::string &path) {
  auto endsWith = [&](const char *suffix) {
    size_t length = strlen(suffix);
    return path.size() >= length &&
           path.compare(path.size() - length, length, suffix) == 0;
  };
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail(TENON_ERROR_SYSTEM, "can't read '%s': %s", path.c_str(),
         strerror(errno));
  if (std::filesystem::is_directory(path))
    fail(TENON_ERROR_SYSTEM, "can't read '%s': it is a folder", path.c_str());
  if (endsWith(".npz"))
    return readNpz(path);
  if (!endsWith(".npy") && !endsWith(".pb"))
    fail(TENON_ERROR_UNSUPPORTED,
         "'%s': unknown kind of file, expected .npy, .npz or .pb",
         path.c_str());
  std::stringstream content;
  content << file.rdbuf();
  if (file.bad() || (content.fail() && !content.str().empty()))
    fail(TENON_ERROR_SYSTEM, "can't read '%s'", path.c_str());
  std::vector<Array> arrays;
  arrays.push_back(endsWith(".npy") ? parseNpy(content.str(), path)
                                    : parseTensorProto(content.str(), path));
  return arrays;
}
