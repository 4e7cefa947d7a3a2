//===- OpTable.h - Which operators are imported, and how ------------------===//
//
// A new operator, or a new version of one, is an entry in the table of its
// family. A version whose meaning differs is told apart in the converter.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_OPTABLE_H
#define TENON_LIB_IMPORT_ONNX_OPTABLE_H

#include "lib/import/onnx/NodeContext.h"

#include <climits>

namespace tenon::onnx_import {

using Converter = mlir::LogicalResult (*)(NodeContext &node);

struct OpEntry {
  llvm::StringLiteral name;
  /// The operator set versions at which the operator was introduced or changed,
  /// ascending; the first is the one in force at the oldest supported set.
  llvm::ArrayRef<int64_t> versions;
  Converter convert;
  unsigned minInputs = 1;
  unsigned maxInputs = 1;
  llvm::StringLiteral domain = "";
  /// Whether inputs may also be sequences and optionals.
  bool takesAnyValues = false;
};

/// For operators of any number of inputs.
inline constexpr unsigned kVariadic = UINT_MAX;
/// For operators of sequences and optionals.
inline constexpr bool kAnyValues = true;

// The families, each in a file of its own.
llvm::ArrayRef<OpEntry> getElementwiseOps();
llvm::ArrayRef<OpEntry> getArithmeticOps();
llvm::ArrayRef<OpEntry> getConvolutionOps();
llvm::ArrayRef<OpEntry> getMatMulOps();
llvm::ArrayRef<OpEntry> getNormOps();
llvm::ArrayRef<OpEntry> getLossOps();
llvm::ArrayRef<OpEntry> getSelectOps();
llvm::ArrayRef<OpEntry> getWindowOps();
llvm::ArrayRef<OpEntry> getQuantizeOps();
llvm::ArrayRef<OpEntry> getQuantizeContribOps();
llvm::ArrayRef<OpEntry> getContribOps();
llvm::ArrayRef<OpEntry> getEinsumOps();
llvm::ArrayRef<OpEntry> getBitOps();
llvm::ArrayRef<OpEntry> getArrayOps();
llvm::ArrayRef<OpEntry> getReduceOps();
llvm::ArrayRef<OpEntry> getShapeOps();
llvm::ArrayRef<OpEntry> getMovementOps();
llvm::ArrayRef<OpEntry> getResizeOps();
llvm::ArrayRef<OpEntry> getRecurrentOps();
llvm::ArrayRef<OpEntry> getControlFlowOps();
llvm::ArrayRef<OpEntry> getLoopOps();
llvm::ArrayRef<OpEntry> getDynamicOps();
llvm::ArrayRef<OpEntry> getIndexedOps();
llvm::ArrayRef<OpEntry> getSamplingOps();
llvm::ArrayRef<OpEntry> getRandomOps();
llvm::ArrayRef<OpEntry> getSignalOps();
llvm::ArrayRef<OpEntry> getAttentionOps();
llvm::ArrayRef<OpEntry> getMicrosoftOps();
llvm::ArrayRef<OpEntry> getPackedWeightOps();
llvm::ArrayRef<OpEntry> getTrainingOps();
llvm::ArrayRef<OpEntry> getSequenceOps();
llvm::ArrayRef<OpEntry> getOptionalOps();

/// What an operator set says of an operator.
struct OpLookup {
  /// Null if there is no such operator at that version.
  const OpEntry *entry = nullptr;
  /// The version in force.
  int64_t version = 0;
  /// Whether the operator exists at another version.
  bool isOtherVersion = false;
};

OpLookup findOp(llvm::StringRef domain, llvm::StringRef name, int64_t opset);

/// All entries, by domain and name.
llvm::SmallVector<const OpEntry *> getAllOps();

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_OPTABLE_H
