//===- PackedLayout.h - The layout of a packed constant ---------*- C++ -*-===//

#ifndef TENON_CODEGEN_ONEDNN_PACKEDLAYOUT_H
#define TENON_CODEGEN_ONEDNN_PACKEDLAYOUT_H

#include "codegen/common/BlockedLayout.h"

#include <optional>

namespace tenon::onednn {

/// The layout of argument `arg`, over the dimensions in which a call passes it
/// before it is packed, from the descriptor before, `plain`, and after.
std::optional<BlockedLayout> getPackedLayout(llvm::ArrayRef<int64_t> plain,
                                             llvm::ArrayRef<int64_t> packed,
                                             unsigned arg);

} // namespace tenon::onednn

#endif // TENON_CODEGEN_ONEDNN_PACKEDLAYOUT_H
