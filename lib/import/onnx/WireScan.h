//===- WireScan.h - Model files without their payloads --------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_WIRESCAN_H
#define TENON_LIB_IMPORT_ONNX_WIRESCAN_H

#include "llvm/Support/Error.h"

#include <string>

namespace tenon::onnx_import {

/// Graphs within graphs deeper than this are refused.
inline constexpr unsigned kMaxGraphDepth = 32;

/// Rewrites a serialised ModelProto without what a parser would copy in vain:
/// the payloads of large tensors become the offset and the length of their
/// bytes in `data` (fields `mapped_offset` and `mapped_length`), and fields
/// that onnx.proto doesn't describe are dropped. Fails on bytes that are no
/// protobuf message and on graphs nested deeper than kMaxGraphDepth.
llvm::Expected<std::string> extractSkeleton(llvm::StringRef data);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_WIRESCAN_H
