//===- Array.h - Tensors in memory and in files --------------------------===//
//
// Part of the tools that run models: plain C++, exceptions are tenon::Error.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_RUN_ARRAY_H
#define TENON_LIB_RUN_ARRAY_H

#include "tenon/tenon.hpp"

#include <string>
#include <vector>

namespace tenon::run {

/// A tensor with its memory: contiguous, row-major. Or a sequence or an
/// optional of such, whose type is TENON_TENSORS.
struct Array {
  TenonDType dtype = TENON_F32;
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;
  std::string name;            // "" if it has none
  std::vector<Array> elements; // of a sequence; of an optional one or none

  bool isTensor() const { return dtype != TENON_TENSORS; }
  /// Zeros. Throws if the size is impossible.
  static Array make(TenonDType dtype, std::vector<int64_t> dims);
  static Array makeSequence(std::vector<Array> elements);
  /// A copy of what a session keeps.
  static Array copy(const TenonTensor &tensor);
  int64_t size() const;
  /// Valid as long as this object does not change, until the next call.
  TenonTensor view();
  /// An element as a number.
  double at(int64_t index) const;
  /// Stores a number as an element; what an integer can't be is the nearest
  /// that it can.
  void set(int64_t index, double value);
  std::string formatDims() const;
  /// "f32 2x3", "sequence of 2", or "nothing".
  std::string formatType() const;
  /// The same numbers as elements of another type; each becomes the nearest,
  /// of two floats of 16 bits the even one.
  Array convert(TenonDType to) const;
  /// Makes of what a file has what a model wants, where that is clear: files
  /// have no name for narrow types, whose bytes they hold, nor for bf16, whose
  /// bits may be called u16; floats of 16 and 32 bits are converted.
  void adopt(TenonDType wanted);
  /// With dimension order[i] as the i-th.
  Array transpose(const std::vector<size_t> &order) const;

private:
  std::vector<TenonTensor> views;
};

/// Whether one type is f32 and the other f16 or bf16, whose numbers it has.
bool areF32AndHalf(TenonDType a, TenonDType b);
/// Whether a type is one of those of which each element is a byte that is not
/// its number (see tenon/types.h).
bool isNarrow(TenonDType dtype);
/// Whether bytes of it are signed integers.
bool hasSignedBytes(TenonDType dtype);
/// How many bits of a byte are the element.
unsigned getNarrowBits(TenonDType dtype);
/// The number that a byte of a narrow type is.
double decodeNarrow(TenonDType dtype, uint8_t code);
/// The byte whose number is nearest.
uint8_t encodeNarrow(TenonDType dtype, double value);
/// A byte of which only the element's own bits count, as it is in memory.
uint8_t extendNarrow(TenonDType dtype, uint8_t byte);

/// printf into a tenon::Error.
[[noreturn]] __attribute__((format(printf, 2, 3))) void
fail(TenonErrorCode code, const char *format, ...);

/// Reads all arrays of a file by its ending: .npy (one without a name), .npz
/// (by member), .pb (an ONNX TensorProto, by its name). Throws SYSTEM if it
/// can't be read, INVALID if it is damaged, UNSUPPORTED for a kind that is not
/// known.
std::vector<Array> readArrays(const std::string &path);

/// Throws SYSTEM if a file can't be written there, which is tried. What is
/// there stays as it is.
void checkWritable(const std::string &path);

/// A folder for outputs, which is made if there is none, and goes again if it
/// stays empty.
class OutputFolder {
public:
  /// Throws SYSTEM if nothing can be written there. No path is no folder.
  explicit OutputFolder(const std::string &path);
  ~OutputFolder();
  OutputFolder(const OutputFolder &) = delete;

private:
  std::string path;
  bool isNew = false;
};

/// Writes an array in NumPy's format. Throws SYSTEM.
void writeNpy(const std::string &path, const Array &array);

// The formats, from the bytes of a file; `path` is for messages.
Array parseNpy(const std::string &bytes, const std::string &path);
Array parseTensorProto(const std::string &bytes, const std::string &path);
std::vector<Array> readNpz(const std::string &path);

} // namespace tenon::run

#endif // TENON_LIB_RUN_ARRAY_H
