//===- Constants.h - Reading and making the elements of constants ---------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_CONSTANTS_H
#define TENON_TRANSFORMS_SIMPLIFY_CONSTANTS_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/SetVector.h"
#include <memory>
#include <optional>
#include <vector>

namespace tenon {

/// The elements of a constant, read where they stand. A splat, which a constant
/// of one element is too, is seen as one element that repeats. Element types
/// are the floats of 16, 32 and 64 bits and the integers of 1, 8, 16, 32 and 64
/// bits (`i1` is one byte).
class ConstantView {
public:
  /// Nothing if `attribute` has another element type, or bytes that do not fit
  /// its shape.
  static std::optional<ConstantView> get(mlir::ElementsAttr attribute);
  /// Nothing unless `value` is a constant tensor that can be read.
  static std::optional<ConstantView> get(mlir::Value value);

  mlir::RankedTensorType getType() const { return type; }
  mlir::Type getElementType() const { return type.getElementType(); }
  /// A DenseElementsAttr, if this is a splat.
  mlir::ElementsAttr getAttribute() const { return attribute; }
  int64_t getNumElements() const { return type.getNumElements(); }
  bool isSplat() const { return splat; }
  /// All elements, or the one that a splat repeats.
  llvm::ArrayRef<char> getBytes() const { return bytes; }

  double getDouble(int64_t index) const;
  int64_t getInteger(int64_t index) const;
  std::vector<double> getDoubles() const;

private:
  mlir::ElementsAttr attribute;
  mlir::RankedTensorType type;
  llvm::ArrayRef<char> bytes;
  /// Holds `bytes` where the attribute has them in another form.
  std::shared_ptr<std::vector<char>> unpacked;
  bool splat = false;
};

/// The bytes that one element takes in memory, or nothing if the type is not
/// one that constants are read or made of.
std::optional<int64_t> getElementBytes(mlir::Type elementType);

/// Reads or writes element `index` of an array of `elementType`.
double loadDouble(mlir::Type elementType, const char *data, int64_t index);
int64_t loadInteger(mlir::Type elementType, const char *data, int64_t index);
void storeDouble(mlir::Type elementType, char *data, int64_t index,
                 double value);
void storeInteger(mlir::Type elementType, char *data, int64_t index,
                  int64_t value);

/// `value` as it is after rounding to a float type.
double roundTo(mlir::Type floatType, double value);

/// The memory of a constant that is being made.
class ConstantBuffer {
public:
  /// `type` is static and its element type is one that `getElementBytes` knows.
  explicit ConstantBuffer(mlir::RankedTensorType type);
  char *getData() { return data.data(); }
  size_t getSize() const { return data.size(); }
  /// Makes the attribute: a splat if all elements are the same, written out if
  /// there are few, else a resource that takes over the memory.
  mlir::ElementsAttr finish();

private:
  mlir::RankedTensorType type;
  mlir::AsmResourceBlob blob;
  llvm::MutableArrayRef<char> data;
};

/// A constant of floats from doubles, one for each element or one for all.
mlir::ElementsAttr makeFloatConstant(mlir::RankedTensorType type,
                                     llvm::ArrayRef<double> values);
/// A splat of an integer or a float.
mlir::DenseElementsAttr makeSplat(mlir::RankedTensorType type, double value);

/// The bytes that a constant takes (a splat takes one element).
int64_t getStoredBytes(mlir::ElementsAttr attribute);

/// Frees the memory of constants that `ConstantBuffer` made once a module no
/// longer mentions them; constants in the model's file are never touched.
class ConstantTracker {
public:
  /// Notes the constants that `root`, a module, mentions now.
  explicit ConstantTracker(mlir::Operation *root);
  /// Notes a constant made since.
  void note(mlir::Attribute attribute);
  /// Frees every noted constant that `root` doesn't mention now, and returns
  /// the number of bytes.
  int64_t freeDead();

private:
  using Entry = mlir::DialectResourceBlobManager::BlobEntry;
  mlir::Operation *root;
  llvm::SetVector<Entry *> noted;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_CONSTANTS_H
