//===- Kernel.h - A decoded oneDNN kernel --------------------------------===//

#ifndef TENON_RUNTIME_CPU_KERNEL_H
#define TENON_RUNTIME_CPU_KERNEL_H

#include "runtime/core/ProviderGuard.h"
#include "runtime/cpu/OneDnnAbi.h"

#include <dnnl.hpp>
#include <string>
#include <vector>

namespace tenon::onednn {

using runtime::ProviderFailure;

/// A tensor in the order of a kernel's logical dimensions; strides in elements.
struct Tensor {
  dnnl::memory::dims dims, strides;
  dnnl::memory::data_type type;

  int rank() const { return static_cast<int>(dims.size()); }
  bool isEmpty() const;
  dnnl::memory::desc desc() const { return {dims, type, strides}; }
  /// The same dimensions with any layout that the library likes.
  dnnl::memory::desc anyDesc() const {
    return {dims, type, dnnl::memory::format_tag::any};
  }
  /// Adds leading dimensions of 1 up to `rank`.
  void padRank(int rank);
  /// Makes one dimension of i and i + 1.
  void merge(int i);
  /// "1x3x?": for messages.
  std::string format() const;
};

struct PostOp {
  bool isBinary;
  dnnl::algorithm algorithm;
  double alpha, beta;
  int arg;
};

/// A kernel as its descriptor says it; see OneDnnAbi.h.
class Kernel {
public:
  /// Decodes and checks. `weights` are the model's. Throws ProviderFailure.
  Kernel(const TenonLibraryKernel &source, const uint8_t *weights);

  /// An arg at the dimensions of a call (all args' stored dimensions, flat).
  Tensor getTensor(int arg, const int64_t *dims) const;
  bool isConstant(int arg) const { return source->constants[arg] >= 0; }
  const uint8_t *getConstant(int arg) const {
    return weights + source->constants[arg];
  }
  /// Whether an arg is a factor of products whose sums may be over nothing.
  bool isFactor(int arg) const {
    return arg < 2 &&
           (kind == TENON_ONEDNN_MATMUL || kind == TENON_ONEDNN_CONV ||
            kind == TENON_ONEDNN_DECONV);
  }
  /// The layout of a packed arg, over the library's dimensions; else null.
  const dnnl::memory::desc *getLayout(int arg) const {
    return args[arg].isPacked ? &args[arg].layout : nullptr;
  }
  /// Throws ProviderFailure if a packed arg does not have the elements of its
  /// layout in a call.
  void checkPacked(const int64_t *dims) const;
  /// About how long a call takes on one thread, in nanoseconds.
  double estimateTime(const int64_t *dims) const;
  int getRank(int arg) const { return args[arg].rank(); }
  /// Where a logical dimension of an arg that is not packed stands among the
  /// dimensions of a call.
  int getDimIndex(int arg, int logical) const {
    return args[arg].firstDim + args[arg].permutation[logical];
  }
  int numArgs() const { return static_cast<int>(args.size()); }
  int result() const { return numArgs() - 1; }

  const TenonLibraryKernel *source;
  const uint8_t *weights;
  TenonOneDnnKind kind;
  int bias;
  /// Of conv, deconv and pools, per spatial dimension.
  int numSpatial = 0;
  int64_t groups = 1;
  dnnl::memory::dims window, strides, padsBegin, padsEnd, dilations;
  bool countsPadding = false;
  /// Of softmax.
  int axis = 0;
  bool isLogarithm = false;
  /// Of attention.
  double scale = 1;
  int mask = -1;
  std::vector<PostOp> postOps;
  /// Values that a call passes.
  int numDims = 0;

private:
  double countProducts(const int64_t *dims) const;
  struct Arg {
    dnnl::memory::data_type type;
    std::vector<int> permutation;
    int firstDim;
    /// Of a packed arg: its layout and its logical dimensions.
    bool isPacked = false;
    dnnl::memory::desc layout{};
    dnnl::memory::dims dims{};
    int rank() const {
      return static_cast<int>(isPacked ? dims.size() : permutation.size());
    }
  };
  class Reader;
  void readAttributes(Reader &reader);
  PostOp readPostOp(Reader &reader);
  void readLayout(Reader &reader);
  void check() const;

  std::vector<Arg> args;
};

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_KERNEL_H
