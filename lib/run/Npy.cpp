//===- Npy.cpp - NumPy's file formats ------------------------------------===//
//
// The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//

#include "lib/run/Array.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <zip.h>

using namespace tenon::run;

namespace {

constexpr char magic[] = "\x93NUMPY";
constexpr size_t magicSize = sizeof magic - 1;

struct DTypeCode {
  const char *code; // without the byte order
  TenonDType dtype;
};
/// NumPy has no bfloat16; packages that add it write it as two opaque bytes,
/// and elements of at most eight bits as one.
const DTypeCode dtypeCodes[] = {
    {"f4", TENON_F32},  {"f8", TENON_F64}, {"f2", TENON_F16},
    {"i1", TENON_I8},   {"i2", TENON_I16}, {"i4", TENON_I32},
    {"i8", TENON_I64},  {"u1", TENON_U8},  {"u2", TENON_U16},
    {"u4", TENON_U32},  {"u8", TENON_U64}, {"b1", TENON_BOOL},
    {"V2", TENON_BF16}, {"V1", TENON_U8}};

/// Reads the header, a Python dictionary of three known keys.
class HeaderParser {
public:
  HeaderParser(const std::string &text, const std::string &path)
      : text(text), path(path) {}

  std::string dtypeCode;
  bool isFortranOrder = false;
  std::vector<int64_t> dims;

  void parse() {
    expect('{');
    while (!take('}')) {
      std::string key = readString();
      expect(':');
      if (key == "descr")
        dtypeCode = readString();
      else if (key == "fortran_order")
        isFortranOrder = readBool();
      else if (key == "shape")
        readDims();
      else
        failHeader("an unknown key");
      take(',');
    }
    if (dtypeCode.empty())
      failHeader("no element type");
  }

private:
  void skipSpace() {
    while (next < text.size() &&
           isspace(static_cast<unsigned char>(text[next])))
      ++next;
  }
  bool take(char c) {
    skipSpace();
    if (next == text.size() || text[next] != c)
      return false;
    ++next;
    return true;
  }
  void expect(char c) {
    if (!take(c))
      failHeader("a wrong header");
  }
  std::string readString() {
    skipSpace();
    char quote = next < text.size() ? text[next] : ' ';
    if (quote != '\'' && quote != '"')
      failHeader("elements that are not plain numbers");
    size_t end = text.find(quote, next + 1);
    if (end == std::string::npos)
      failHeader("a wrong header");
    std::string value = text.substr(next + 1, end - next - 1);
    next = end + 1;
    return value;
  }
  bool readBool() {
    skipSpace();
    for (bool value : {false, true}) {
      const char *word = value ? "True" : "False";
      if (text.compare(next, strlen(word), word) == 0) {
        next += strlen(word);
        return value;
      }
    }
    failHeader("a wrong header");
  }
  void readDims() {
    expect('(');
    while (!take(')')) {
      skipSpace();
      int64_t value = 0;
      size_t start = next;
      while (next < text.size() && text[next] >= '0' && text[next] <= '9')
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[next++] - '0', &value))
          failHeader("a dimension that is too large");
      if (next == start || dims.size() == 32)
        failHeader("wrong dimensions");
      dims.push_back(value);
      take(',');
    }
  }
  [[noreturn]] void failHeader(const char *what) {
    fail(TENON_ERROR_INVALID, "'%s' is no array of numbers: it has %s",
         path.c_str(), what);
  }

  const std::string &text;
  const std::string &path;
  size_t next = 0;
};

} // namespace

Array tenon::run::parseNpy(const std::string &bytes, const std::string &path) {
  auto invalid = [&](const char *what) {
    fail(TENON_ERROR_INVALID, "'%s' is no array of NumPy: %s", path.c_str(),
         what);
  };
  if (bytes.size() < magicSize + 4 || bytes.compare(0, magicSize, magic) != 0)
    invalid("it does not begin as one");
  auto byteAt = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  unsigned major = byteAt(magicSize);
  size_t lengthSize = major == 1 ? 2 : 4, start = magicSize + 2 + lengthSize;
  if (major < 1 || major > 3 || bytes.size() < start)
    invalid("an unknown version");
  size_t length = 0;
  for (size_t i = 0; i < lengthSize; ++i)
    length |= size_t(byteAt(magicSize + 2 + i)) << (8 * i);
  if (length > bytes.size() - start)
    invalid("it ends in its header");
  std::string text = bytes.substr(start, length);
  HeaderParser header(text, path);
  header.parse();

  char order = header.dtypeCode[0];
  bool hasOrder = strchr("<>=|", order);
  std::string code = header.dtypeCode.substr(hasOrder ? 1 : 0);
  const DTypeCode *known =
      std::find_if(std::begin(dtypeCodes), std::end(dtypeCodes),
                   [&](const DTypeCode &entry) { return code == entry.code; });
  if (known == std::end(dtypeCodes))
    fail(TENON_ERROR_UNSUPPORTED, "'%s' has elements of type '%s'",
         path.c_str(), header.dtypeCode.c_str());

  // The dimensions are checked against the file before anything is allocated.
  TenonTensor tensor{nullptr, nullptr, known->dtype,
                     static_cast<int32_t>(header.dims.size()),
                     header.dims.data()};
  size_t size = tenon_tensor_bytes(&tensor),
         given = bytes.size() - start - length;
  if (size != given)
    fail(TENON_ERROR_INVALID,
         "'%s' has %zu bytes of elements, which does not fit its header",
         path.c_str(), given);
  Array array = Array::make(known->dtype, header.dims);
  if (size)
    memcpy(array.bytes.data(), bytes.data() + start + length, size);
  size_t element = tenon_dtype_size(known->dtype);
  if (order == '>')
    for (size_t i = 0; i + element <= size; i += element)
      std::reverse(array.bytes.begin() + i, array.bytes.begin() + i + element);
  if (!header.isFortranOrder)
    return array;
  // The first dimension is the fastest: it is the last of another array.
  std::vector<size_t> reversed(array.dims.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  std::reverse(array.dims.begin(), array.dims.end());
  return array.transpose(reversed);
}

void tenon::run::writeNpy(const std::string &path, const Array &array) {
  const char *code = hasSignedBytes(array.dtype) ? "i1" : "u1";
  for (const DTypeCode &entry : dtypeCodes)
    if (entry.dtype == array.dtype && entry.code[0] != 'V')
      code = entry.code;
  if (array.dtype == TENON_BF16)
    code = "V2";
  std::string header = "{'descr': '";
  header += tenon_dtype_size(array.dtype) == 1 ? "|" : "<";
  header += std::string(code) + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : array.dims)
    header += std::to_string(dim) + ", ";
  if (array.dims.size() > 1)
    header.resize(header.size() - 2); // one dimension keeps its comma
  header += "), }";
  // Magic, version, length and header together are a multiple of 64 bytes.
  header.append(63 - (magicSize + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::string start(magic, magicSize);
  start += {1, 0, static_cast<char>(header.size() & 255),
            static_cast<char>(header.size() >> 8)};

  FILE *file = fopen(path.c_str(), "wb");
  bool isWritten =
      file && fwrite(start.data(), 1, start.size(), file) == start.size() &&
      fwrite(header.data(), 1, header.size(), file) == header.size() &&
      fwrite(array.bytes.data(), 1, array.bytes.size(), file) ==
          array.bytes.size();
  int problem = errno;
  if (file && fclose(file)) {
    isWritten = false;
    problem = errno;
  }
  if (!isWritten)
    fail(TENON_ERROR_SYSTEM, "can't write '%s': %s", path.c_str(),
         strerror(problem));
}

std::vector<Array> tenon::run::readNpz(const std::string &path) {
  int code = 0;
  std::unique_ptr<zip_t, void (*)(zip_t *)> archive(
      zip_open(path.c_str(), ZIP_RDONLY, &code), &zip_discard);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail(code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS ? TENON_ERROR_INVALID
                                                       : TENON_ERROR_SYSTEM,
         "can't read '%s': %s", path.c_str(), text.c_str());
  }
  std::vector<Array> arrays;
  for (zip_int64_t i = 0, count = zip_get_num_entries(archive.get(), 0);
       i < count; ++i) {
    zip_stat_t status;
    std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(
        zip_fopen_index(archive.get(), i, 0), &zip_fclose);
    if (!file || zip_stat_index(archive.get(), i, 0, &status) ||
        !(status.valid & ZIP_STAT_SIZE) || !(status.valid & ZIP_STAT_NAME))
      fail(TENON_ERROR_INVALID, "can't read '%s': %s", path.c_str(),
           zip_strerror(archive.get()));
    // Read in pieces: the archive's word for the size is not to be trusted.
    std::string bytes, piece(1 << 20, '\0');
    zip_int64_t got;
    while ((got = zip_fread(file.get(), piece.data(), piece.size())) > 0)
      bytes.append(piece, 0, got);
    if (got < 0)
      fail(TENON_ERROR_INVALID, "can't read '%s' in '%s': %s", status.name,
           path.c_str(), zip_file_strerror(file.get()));
    std::string name = status.name;
    Array array = parseNpy(bytes, path + "/" + name);
    if (name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0)
      name.resize(name.size() - 4);
    array.name = name;
    arrays.push_back(std::move(array));
  }
  return arrays;
}
