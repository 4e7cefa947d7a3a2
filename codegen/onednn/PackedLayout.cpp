//===- PackedLayout.cpp - The layout of a packed constant -----------------===//

#include "codegen/onednn/PackedLayout.h"

#include "runtime/cpu/OneDnnAbi.h"

using namespace mlir;

namespace tenon::onednn {

/// Takes words off the front of a descriptor.
static ArrayRef<int64_t> take(ArrayRef<int64_t> &words, int64_t count) {
  ArrayRef<int64_t> taken = words.take_front(count);
  words = words.drop_front(count);
  return taken;
}

/// The permutations of the args. Leaves in `words` what is behind post-ops.
static SmallVector<ArrayRef<int64_t>>
takePermutations(ArrayRef<int64_t> &words) {
  ArrayRef<int64_t> header = take(words, TENON_ONEDNN_HEADER_WORDS);
  SmallVector<ArrayRef<int64_t>> permutations;
  for (int64_t arg = 0; arg != header[2]; ++arg) {
    int64_t rank = take(words, 2)[1];
    permutations.push_back(take(words, rank));
  }
  words = words.drop_front(header[4] + TENON_ONEDNN_POST_OP_WORDS * header[5]);
  return permutations;
}

std::optional<BlockedLayout> getPackedLayout(ArrayRef<int64_t> plain,
                                             ArrayRef<int64_t> packed,
                                             unsigned arg) {
  ArrayRef<int64_t> permutation = takePermutations(plain)[arg];
  takePermutations(packed);
  while (!packed.empty()) {
    ArrayRef<int64_t> head = take(packed, 3);
    int64_t rank = head[1], numBlocks = head[2];
    ArrayRef<int64_t> dims = take(packed, rank),
                      paddedDims = take(packed, rank),
                      strides = take(packed, rank),
                      sizes = take(packed, numBlocks),
                      blockDims = take(packed, numBlocks);
    if (head[0] != arg)
      continue;
    // Groups are a dimension of the library alone.
    if (rank != int64_t(permutation.size()))
      return std::nullopt;
    BlockedLayout layout;
    for (SmallVector<int64_t> *list :
         {&layout.dims, &layout.paddedDims, &layout.strides})
      list->resize(rank);
    for (auto [dim, stored] : llvm::enumerate(permutation)) {
      layout.dims[stored] = dims[dim];
      layout.paddedDims[stored] = paddedDims[dim];
      layout.strides[stored] = strides[dim];
    }
    for (auto [size, dim] : llvm::zip_equal(sizes, blockDims))
      layout.blocks.push_back({size, permutation[dim]});
    return layout;
  }
  return std::nullopt;
}

} // namespace tenon::onednn
