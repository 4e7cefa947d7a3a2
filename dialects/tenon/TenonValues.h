//===- TenonValues.h - Inputs and outputs that are no tensors -------------===//
//
// A model's sequences and optionals are several arguments or results of main,
// tensors that stand together and have one `tenon.name`:
//
//   flag       tensor<i1>       of an optional: whether it holds anything
//   elements   tensor<?xT>      the elements of all tensors, one after another
//   table      tensor<?x?xi64>  a row for each tensor: where its elements
//   start,
//                               how many they are, and its dimensions; filled
//                               up with -1 where ranks differ
//
// An optional tensor is one of at most one.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONVALUES_H
#define TENON_DIALECTS_TENON_TENONVALUES_H

#include "llvm/ADT/StringRef.h"

namespace tenon {

/// Attributes on arguments and results. What the whole is:
inline constexpr llvm::StringLiteral kValueAttr = "tenon.value";
inline constexpr llvm::StringLiteral kSequence = "sequence",
                                     kOptional = "optional",
                                     kOptionalSequence = "optional_sequence";
/// Which of its tensors this is:
inline constexpr llvm::StringLiteral kPartAttr = "tenon.part";
inline constexpr llvm::StringLiteral kFlagPart = "flag",
                                     kElementsPart = "elements",
                                     kTablePart = "table";
/// The type of its tensors, ranked or not.
inline constexpr llvm::StringLiteral kElementAttr = "tenon.element";

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONVALUES_H
