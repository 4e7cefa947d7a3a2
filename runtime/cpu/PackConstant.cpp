//===- PackConstant.cpp - Constants packed by the compiler ---------------===//

#include "runtime/cpu/PackConstant.h"

#include "runtime/cpu/Program.h"

#include <algorithm>

using namespace tenon::onednn;
using dnnl::memory;

namespace {

/// Fills in the dimensions that are not known.
class DimGuesser {
public:
  DimGuesser(const Kernel &kernel, const int64_t *dims)
      : kernel(kernel), dims(dims, dims + kernel.numDims) {}

  /// False if there are some that nothing can be said of.
  bool guess() {
    if (kernel.kind == TENON_ONEDNN_CONV)
      guessConvolution();
    else
      guessProduct();
    int result = kernel.result();
    for (const PostOp &op : kernel.postOps) {
      if (!op.isBinary)
        continue;
      int lead = kernel.getRank(result) - kernel.getRank(op.arg);
      for (int i = 0; i < kernel.getRank(op.arg); ++i)
        setUnknown(op.arg, i, at(result, lead + i));
    }
    return std::find(dims.begin(), dims.end(), -1) == dims.end();
  }
  const int64_t *get() const { return dims.data(); }

private:
  int64_t &at(int arg, int logical) {
    return dims[kernel.getDimIndex(arg, logical)];
  }
  void setUnknown(int arg, int logical, int64_t size) {
    int64_t &dim = at(arg, logical);
    if (dim < 0)
      dim = size;
  }

  /// Feature maps are the smaller, the more channels they have: those of the
  /// usual networks for pictures of 224 x 224 have about these sides. Between
  /// pointwise convolutions there are four times as many channels.
  void guessConvolution() {
    int result = kernel.result();
    setUnknown(0, 0, 1);
    setUnknown(result, 0, 1);
    int64_t places = 1;
    for (int i = 0; i < kernel.numSpatial; ++i)
      places *= at(1, 2 + i);
    int64_t sideTimesChannels = places == 1 ? 14336 : 3584;
    int64_t channels = std::max(at(0, 1), at(result, 1));
    int64_t side = std::clamp<int64_t>(
        sideTimesChannels / std::max<int64_t>(channels, 1), 7, 112);
    for (int i = 0; i < kernel.numSpatial; ++i) {
      int64_t window = kernel.dilations[i] * (at(1, 2 + i) - 1) + 1;
      int64_t pads = kernel.padsBegin[i] + kernel.padsEnd[i];
      int64_t known = at(result, 2 + i);
      setUnknown(0, 2 + i,
                 known < 0
                     ? std::max(side * kernel.strides[i], window)
                     : std::max<int64_t>(
                           (known - 1) * kernel.strides[i] + window - pads, 1));
      setUnknown(result, 2 + i,
                 std::max<int64_t>(at(0, 2 + i) + pads - window, 0) /
                         kernel.strides[i] +
                     1);
    }
  }

  /// Rows of a sentence; one of everything around them. With a right-hand side
  /// of two dimensions, the others have the same rows.
  void guessProduct() {
    int result = kernel.result();
    for (int i = 2; i <= kernel.getRank(result); ++i) {
      int inResult = kernel.getRank(result) - i, inLhs = kernel.getRank(0) - i;
      int64_t known = inLhs < 0 ? 1 : at(0, inLhs);
      setUnknown(result, inResult, known >= 0 ? known : i == 2 ? 128 : 1);
      if (inLhs >= 0)
        setUnknown(0, inLhs, at(result, inResult));
    }
  }

  const Kernel &kernel;
  std::vector<int64_t> dims;
};

} // namespace

/// Appends a layout to a descriptor; see OneDnnAbi.h.
static void appendLayout(int arg, const dnnl_memory_desc_t &desc,
                         std::vector<int64_t> &words) {
  const dnnl_blocking_desc_t &blocking = desc.format_desc.blocking;
  auto append = [&](const dnnl_dim_t *values, int count) {
    words.insert(words.end(), values, values + count);
  };
  words.insert(words.end(), {arg, desc.ndims, blocking.inner_nblks});
  append(desc.dims, desc.ndims);
  append(desc.padded_dims, desc.ndims);
  append(blocking.strides, desc.ndims);
  append(blocking.inner_blks, blocking.inner_nblks);
  append(blocking.inner_idxs, blocking.inner_nblks);
}

/// Whether a descriptor's words can say all of a layout.
static bool isBlocked(const dnnl_memory_desc_t &desc) {
  return desc.format_kind == dnnl_blocked && desc.offset0 == 0 &&
         desc.extra.flags == dnnl_memory_extra_flag_none &&
         std::all_of(desc.padded_offsets, desc.padded_offsets + desc.ndims,
                     [](dnnl_dim_t offset) { return offset == 0; });
}

/// The descriptor with one dimension for an arg, and the layout behind it.
static std::vector<int64_t> makeDescriptor(const TenonLibraryKernel &source,
                                           int arg,
                                           const dnnl_memory_desc_t &desc) {
  const int64_t *next = source.descriptor;
  const int64_t *end = next + source.descriptorSize;
  std::vector<int64_t> words(next, next + TENON_ONEDNN_HEADER_WORDS);
  next += TENON_ONEDNN_HEADER_WORDS;
  for (int i = 0; i < arg; ++i) {
    words.insert(words.end(), next, next + 2 + next[1]);
    next += 2 + next[1];
  }
  words.insert(words.end(), {next[0], /*rank=*/1, /*permutation=*/0});
  words.insert(words.end(), next + 2 + next[1], end);
  appendLayout(arg, desc, words);
  return words;
}

void tenon::onednn::packConstant(const TenonLibraryKernel &source,
                                 const int64_t *dims, int arg,
                                 const uint8_t *data, TenonPackReceiver receive,
                                 void *context) {
  // Nothing of the model but this constant.
  TenonLibraryKernel alone = source;
  std::vector<int64_t> constants(source.numArgs, -1);
  constants.at(arg) = 0;
  alone.constants = constants.data();
  Kernel kernel(alone, data);
  // Transposed convolutions have several layouts.
  if (arg != 1 || kernel.getLayout(arg) ||
      (kernel.kind != TENON_ONEDNN_CONV &&
       (kernel.kind != TENON_ONEDNN_MATMUL || kernel.getRank(arg) != 2)))
    return;
  DimGuesser guesser(kernel, dims);
  if (!guesser.guess())
    return;
  for (int i = 0; i < kernel.numArgs(); ++i)
    if (kernel.getTensor(i, guesser.get()).isEmpty())
      return;

  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::vector<std::weak_ptr<PackedConstant>> all;
  auto program = buildProgram({engine, kernel, guesser.get(), all});
  auto packed = all.size() == 1 ? all[0].lock() : nullptr;
  if (!packed || packed->arg != arg)
    return; // it is read as it is
  // A product may have merged dimensions into its rows.
  const dnnl_memory_desc_t &desc = packed->desc.data;
  int groups = kernel.kind == TENON_ONEDNN_CONV && kernel.groups > 1;
  if (!isBlocked(desc) || desc.ndims != kernel.getRank(arg) + groups)
    return;
  // A few columns are padded to many: then a copy is made at load after all.
  constexpr double mostGrowth = 1.25;
  constexpr size_t smallBytes = 64 << 10;
  Tensor plain = kernel.getTensor(arg, guesser.get());
  double plainBytes = memory::data_type_size(plain.type);
  for (memory::dim dim : plain.dims)
    plainBytes *= dim;
  if (packed->desc.get_size() > mostGrowth * plainBytes + smallBytes)
    return;
  std::vector<int64_t> words = makeDescriptor(source, arg, desc);
  receive(context, words.data(), words.size(),
          reinterpret_cast<const uint8_t *>(packed->memory.data()),
          packed->desc.get_size());
}
