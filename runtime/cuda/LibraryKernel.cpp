//===- LibraryKernel.cpp - What a kernel says that a library can run -----===//

#include "runtime/cuda/LibraryKernel.h"

#include "runtime/core/Quote.h"
#include "runtime/cuda/Driver.h"

#include <algorithm>
#include <cmath>

using namespace tenon::cuda;

static std::vector<Tensor> readTensors(const TenonKernel &kernel) {
  std::vector<Tensor> tensors;
  if (kernel.argsSize < 2)
    return tensors;
  const int64_t *word = kernel.args + 2, *end = kernel.args + kernel.argsSize;
  while (end - word >= 2) {
    int64_t type = *word++, rank = *word++;
    if (rank < 0 || rank > end - word)
      break;
    tensors.push_back({type, {word, word + rank}});
    word += rank;
  }
  return tensors;
}

std::vector<Tensor> tenon::cuda::getTensors(const TenonKernel &kernel,
                                            const int64_t *dims) {
  std::vector<Tensor> tensors = readTensors(kernel);
  for (Tensor &tensor : tensors)
    for (int64_t &dim : tensor.dims)
      if (dim < 0)
        dim = *dims++;
  return tensors;
}

int64_t tenon::cuda::multiply(const int64_t *begin, const int64_t *end) {
  int64_t product = 1;
  for (; begin != end; ++begin)
    if (__builtin_mul_overflow(product, *begin, &product))
      return -1;
  return product;
}

namespace {

/// Throws where a kernel's words for a library, and its tensors, don't fit.
class Checker {
public:
  explicit Checker(const TenonKernel &kernel);
  void check();

private:
  [[noreturn]] void fail(const char *what);
  template <typename Words> const Words &read();
  void check(const TenonLibraryMatmul &matmul);
  void check(const TenonLibraryConv &conv);
  void check(const TenonLibraryAttention &attention);
  bool isInput(int64_t i, size_t minRank) const {
    return i >= 0 && i < int64_t(tensors.size()) - 1 &&
           tensors[i].dims.size() >= minRank;
  }
  static bool isFloat(int64_t type) {
    return type == TENON_F32 || type == TENON_F16 || type == TENON_BF16;
  }
  static bool isFlag(int64_t value) { return value == 0 || value == 1; }
  /// Whether two inputs can be multiplied for the result.
  bool areFactors(int64_t lhs, int64_t rhs) const {
    int64_t type = tensors[lhs].type;
    return isFloat(type) && tensors[rhs].type == type &&
           (result.type == type || result.type == TENON_F32);
  }
  bool isResidual(int64_t i) const {
    return i == -1 ||
           (isInput(i, result.dims.size()) && tensors[i].type == result.type);
  }

  const TenonKernel &kernel;
  std::vector<Tensor> tensors;
  Tensor result;
};

} // namespace

void Checker::fail(const char *what) {
  throw ProviderFailure{TENON_ERROR_INVALID,
                        "damaged model: the library's part of nodes " +
                            tenon::runtime::quote(kernel.name) + " has " +
                            what};
}

Checker::Checker(const TenonKernel &kernel)
    : kernel(kernel), tensors(readTensors(kernel)) {
  constexpr const char *wrong = "tensors that are not the kernel's";
  if (tensors.size() != kernel.numArgs || tensors.empty())
    fail(wrong);
  uint32_t numDims = 0; // that a run takes from those it is given
  for (const Tensor &tensor : tensors)
    for (int64_t dim : tensor.dims)
      if (dim < -1 || (dim == -1 && ++numDims > kernel.numDims))
        fail(wrong);
  result = tensors.back();
}

template <typename Words> const Words &Checker::read() {
  if (kernel.librarySize != sizeof(Words) / sizeof(int64_t))
    fail("an unknown form");
  return getWords<Words>(kernel);
}

void Checker::check(const TenonLibraryMatmul &matmul) {
  if (!isInput(matmul.lhs, 2) || !isInput(matmul.rhs, 2) ||
      !areFactors(matmul.lhs, matmul.rhs) || result.dims.size() < 2 ||
      result.dims.size() != std::max(tensors[matmul.lhs].dims.size(),
                                     tensors[matmul.rhs].dims.size()))
    fail("factors that are none");
  if (matmul.bias != -1 &&
      (!isInput(matmul.bias, 0) || tensors[matmul.bias].type != result.type))
    fail("a bias that is none");
  if (!isResidual(matmul.residual))
    fail("a residual that is none");
  if (!isFlag(matmul.transposeLhs) || !isFlag(matmul.transposeRhs) ||
      !isFlag(matmul.tf32) || matmul.activation < 0 ||
      matmul.activation > TENON_LIBRARY_GELU_TANH)
    fail("unknown options");
}

void Checker::check(const TenonLibraryConv &conv) {
  size_t rank = result.dims.size();
  if (rank < 3 || rank > TENON_LIBRARY_MAX_AXES + 2 ||
      !isInput(conv.input, rank) || !isInput(conv.weights, rank) ||
      !areFactors(conv.input, conv.weights) ||
      tensors[conv.input].dims.size() != rank ||
      tensors[conv.weights].dims.size() != rank)
    fail("factors that are none");
  if (conv.bias != -1 &&
      (!isInput(conv.bias, 0) || (tensors[conv.bias].type != result.type &&
                                  tensors[conv.bias].type != TENON_F32)))
    fail("a bias that is none");
  if (!isResidual(conv.residual))
    fail("a residual that is none");
  if (!isFlag(conv.tf32) || conv.activation < 0 ||
      conv.activation > TENON_LIBRARY_CLIP || !std::isfinite(conv.high) ||
      conv.high < 0)
    fail("unknown options");
  auto isWithin = [](int64_t value, int64_t least) {
    return value >= least && value <= INT32_MAX;
  };
  bool isGeometry = isWithin(conv.groups, 1);
  for (size_t axis = 0; axis < rank - 2; ++axis)
    isGeometry = isGeometry && isWithin(conv.strides[axis], 1) &&
                 isWithin(conv.dilations[axis], 1) &&
                 isWithin(conv.padsBefore[axis], 0) &&
                 isWithin(conv.padsAfter[axis], 0);
  if (!isGeometry)
    fail("a window that is none");
}

void Checker::check(const TenonLibraryAttention &attention) {
  auto isOperand = [&](const TenonLibraryHeads &heads) {
    int64_t axes = 0;
    for (int i = 0; i < 3; ++i) {
      if (heads.axes[i] < 0 || heads.axes[i] > 2 || heads.begins[i] < 0 ||
          heads.begins[i] > INT32_MAX || heads.sizes[i] < -1 ||
          heads.sizes[i] > INT32_MAX)
        return false;
      axes |= 1 << heads.axes[i];
    }
    return axes == 7 && heads.arg >= 0 && heads.arg < int64_t(tensors.size()) &&
           tensors[heads.arg].dims.size() == 4 &&
           tensors[heads.arg].type == result.type;
  };
  if ((result.type != TENON_F16 && result.type != TENON_BF16) ||
      !isOperand(attention.query) || !isOperand(attention.key) ||
      !isOperand(attention.value) || !isOperand(attention.result) ||
      attention.result.arg != int64_t(tensors.size()) - 1)
    fail("factors that are none");
  int64_t mask = attention.mask;
  if (mask != -1 &&
      (!isInput(mask, 0) || tensors[mask].dims.size() > 4 ||
       (tensors[mask].type != result.type && tensors[mask].type != TENON_F32)))
    fail("a mask that is none");
  if (!std::isfinite(attention.scale))
    fail("unknown options");
}

void Checker::check() {
  switch (getLibraryKind(kernel)) {
  case TENON_LIBRARY_MATMUL:
    return check(read<TenonLibraryMatmul>());
  case TENON_LIBRARY_CONV:
    return check(read<TenonLibraryConv>());
  case TENON_LIBRARY_ATTENTION:
    return check(read<TenonLibraryAttention>());
  default:
    fail("an unknown form");
  }
}

void tenon::cuda::checkLibraryKernel(const TenonKernel &kernel) {
  if (kernel.librarySize)
    Checker(kernel).check();
}
