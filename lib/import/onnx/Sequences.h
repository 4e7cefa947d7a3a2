//===- Sequences.h - Sequences and optionals, made of tensors -------------===//
//
// The dialect knows tensors only. While a model is imported, a value that is a
// sequence or an optional is a `builtin.unrealized_conversion_cast` of the
// tensors that stand for it, and the importer's operators on sequences work on
// these. What is left in the end are the tensors.
//
// - A list is a sequence whose elements are known one by one. Its operators
//   cost nothing.
// - A packed sequence has a length that only the run can tell: all elements one
//   after another in one dimension, and a table with a row for each: where it
//   starts, how many elements it has, its dimensions. Where the elements' ranks
//   differ, rows are filled up with -1.
// - An optional is a flag and a sequence: itself, or, for an optional tensor,
//   one of at most one element.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_SEQUENCES_H
#define TENON_LIB_IMPORT_ONNX_SEQUENCES_H

#include "lib/import/onnx/NodeContext.h"

namespace tenon::onnx_import {

/// The dimensions of all elements of a sequence, dynamic where they are not
/// known or differ; none if the rank is not known or differs.
using ElementDims = std::optional<llvm::SmallVector<int64_t>>;

/// A type as a model declares it.
struct DeclaredType {
  bool isOptional = false, isSequence = false;
  /// Of the tensors; null if it is none that tenon has.
  mlir::Type elementType;
  ElementDims dims;

  bool isTensor() const { return !isOptional && !isSequence; }
};

/// The tensors that a type is made of; null if there are none.
const onnx::TypeProto::Tensor *findTensorType(const onnx::TypeProto &type);
/// For a type of which there are tensors.
DeclaredType readType(mlir::MLIRContext *context, const onnx::TypeProto &type);

struct Sequence {
  mlir::Type elementType;
  bool isPacked = false;
  /// Of a list.
  llvm::SmallVector<mlir::Value> elements;
  /// Of a packed one: tensor<?xT> and tensor<?x?xi64>.
  mlir::Value data, table;
  ElementDims dims;
};

struct OptionalValue {
  mlir::Value flag; // tensor<i1>
  mlir::Value sequence;
  bool holdsTensor = false;
};

/// Columns of the table before the dimensions.
inline constexpr int64_t kStartColumn = 0, kCountColumn = 1, kDimColumns = 2;

inline bool isTensor(mlir::Value value) {
  return llvm::isa<mlir::RankedTensorType>(value.getType());
}
std::optional<Sequence> getSequence(mlir::Value value);
std::optional<OptionalValue> getOptional(mlir::Value value);
/// "a tensor", "a sequence" or "an optional".
llvm::StringRef describeKind(mlir::Value value);

mlir::Value makeList(NodeContext &node, mlir::Type elementType,
                     llvm::ArrayRef<mlir::Value> elements);
mlir::Value makePacked(NodeContext &node, mlir::Type elementType,
                       mlir::Value data, mlir::Value table,
                       const ElementDims &dims);
mlir::Value makeOptional(NodeContext &node, const OptionalValue &optional);

/// The row of a table for an element of `value`'s dimensions that starts at
/// `start` (tensor<1xi64>), filled up to `numColumns`.
mlir::Value makeRow(NodeContext &node, mlir::Value value, mlir::Value start,
                    int64_t numColumns);
/// The packed form of a sequence.
std::optional<Sequence> pack(NodeContext &node, const Sequence &sequence);

/// The only element of a small tensor of integers, if it is constant.
std::optional<int64_t> getConstant(NodeContext &node, mlir::Value value);
/// A number of a row, and the number of elements of a sequence: tensor<1xi64>.
mlir::Value takeNumber(NodeContext &node, mlir::Value row, int64_t column);
mlir::Value getLength(NodeContext &node, const Sequence &sequence);
/// The element at `position` (tensor<1xi64>), which is checked at run time. If
/// the elements differ in rank or theirs is not known, it has rank `rank`; an
/// element of another rank is an error at run time.
mlir::Value takeElement(NodeContext &node, const Sequence &sequence,
                        mlir::Value position,
                        std::optional<int64_t> rank = std::nullopt);
/// `packed` with `value` before `position`, or at the end if there is none.
std::optional<Sequence> insertPacked(NodeContext &node, Sequence packed,
                                     mlir::Value value, mlir::Value position);
/// `packed` without the element at `position`.
std::optional<Sequence> erasePacked(NodeContext &node, Sequence packed,
                                    mlir::Value position);
/// `value` (tensor<1xi64>) if `condition` (tensor<1xi1>) holds; if not, an
/// error of this node when the model runs.
mlir::Value require(NodeContext &node, mlir::Value value,
                    mlir::Value condition);
/// What an optional holds, which has to be there.
mlir::Value takeContents(NodeContext &node, const OptionalValue &optional);

/// The form of a value that several places have to agree on: the branches of a
/// condition, or the turns of a loop.
struct Form {
  enum Kind { Tensor, List, Packed };
  Kind kind = Tensor;
  bool isOptional = false, holdsTensor = false;
  mlir::Type elementType;
  /// Of the tensor, or of the elements of a list.
  llvm::SmallVector<mlir::RankedTensorType> types;
  /// Of a packed sequence.
  ElementDims dims;

  static Form get(mlir::Value value);
  /// That of an input.
  static Form get(const DeclaredType &type);
  /// How two values differ that have no form in common: "of float32" and "of
  /// int64", or "a tensor" and "a sequence".
  using Difference = std::pair<std::string, std::string>;
  /// The form that both can take, or why there is none.
  static std::optional<Form> join(const Form &a, const Form &b,
                                  Difference &why);
  /// The same with a packed sequence.
  static Form getPacked(const Form &form);
  /// The tensors that it is made of.
  llvm::SmallVector<mlir::Type> getTypes(mlir::MLIRContext *context) const;
  bool operator==(const Form &other) const;

  /// The tensors of `value` in this form. None after an error.
  llvm::SmallVector<mlir::Value> takeApart(NodeContext &node,
                                           mlir::Value value) const;
  mlir::Value putTogether(NodeContext &node,
                          llvm::ArrayRef<mlir::Value> parts) const;
};

/// Values in these forms, of the tensors of all of them.
llvm::SmallVector<mlir::Value> putTogether(NodeContext &node,
                                           llvm::ArrayRef<Form> forms,
                                           llvm::ArrayRef<mlir::Value> parts);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_SEQUENCES_H
