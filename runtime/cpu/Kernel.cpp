//===- Kernel.cpp - Decoding descriptors ---------------------------------===//

#include "runtime/cpu/Kernel.h"

#include <algorithm>
#include <cstring>

using namespace tenon::onednn;
using dnnl::algorithm;
using dnnl::memory;

bool Tensor::isEmpty() const {
  return std::find(dims.begin(), dims.end(), 0) != dims.end();
}

void Tensor::padRank(int wanted) {
  while (rank() < wanted) {
    int64_t size = 1;
    for (int i = 0; i < rank(); ++i)
      size = std::max(size, dims[i] * strides[i]);
    dims.insert(dims.begin(), 1);
    strides.insert(strides.begin(), size);
  }
}

void Tensor::merge(int i) {
  if (dims[i + 1] == 1)
    strides[i + 1] = strides[i];
  dims[i + 1] *= dims[i];
  dims.erase(dims.begin() + i);
  strides.erase(strides.begin() + i);
}

std::string Tensor::format() const {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text.empty() ? "scalar" : text;
}

/// Reads the words of a descriptor, never beyond its end.
class Kernel::Reader {
public:
  explicit Reader(const TenonLibraryKernel &kernel)
      : kernel(kernel), next(kernel.descriptor),
        end(kernel.descriptor + kernel.descriptorSize) {}

  int64_t word() {
    if (next == end)
      fail("it ends too early");
    return *next++;
  }
  double real() {
    int64_t bits = word();
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  int64_t inRange(int64_t low, int64_t high, const char *what) {
    int64_t value = word();
    if (value < low || value > high)
      fail(std::string(what) + " is " + std::to_string(value));
    return value;
  }
  memory::dims words(int count, int64_t low, const char *what) {
    memory::dims values;
    for (int i = 0; i < count; ++i)
      values.push_back(inRange(low, INT32_MAX, what));
    return values;
  }
  bool isAt(const int64_t *place) const { return next == place; }
  [[noreturn]] void fail(const std::string &what) const {
    throw ProviderFailure{TENON_ERROR_INVALID,
                          "damaged model: the descriptor of library kernel '" +
                              std::string(kernel.name) + "' is wrong: " + what};
  }

private:
  const TenonLibraryKernel &kernel;
  const int64_t *next, *end;
};

static memory::data_type toDataType(int64_t dtype, const char *name) {
  switch (dtype) {
  case TENON_F32:
    return memory::data_type::f32;
  case TENON_BF16:
    return memory::data_type::bf16;
  case TENON_I8:
    return memory::data_type::s8;
  case TENON_U8:
    return memory::data_type::u8;
  case TENON_I32:
    return memory::data_type::s32;
  }
  throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                        "library kernel '" + std::string(name) +
                            "' has an element type that oneDNN does not have "
                            "(TenonDType " +
                            std::to_string(dtype) + ")"};
}

static algorithm toEltwise(int64_t which) {
  static const algorithm table[] = {
      algorithm::eltwise_relu,      algorithm::eltwise_tanh,
      algorithm::eltwise_elu,       algorithm::eltwise_square,
      algorithm::eltwise_abs,       algorithm::eltwise_sqrt,
      algorithm::eltwise_linear,    algorithm::eltwise_clip,
      algorithm::eltwise_logistic,  algorithm::eltwise_exp,
      algorithm::eltwise_log,       algorithm::eltwise_pow,
      algorithm::eltwise_gelu_erf,  algorithm::eltwise_gelu_tanh,
      algorithm::eltwise_swish,     algorithm::eltwise_hardswish,
      algorithm::eltwise_soft_relu, algorithm::eltwise_mish,
      algorithm::eltwise_round};
  static_assert(sizeof table / sizeof *table == TENON_ONEDNN_ROUND);
  return table[which - 1];
}

static algorithm toBinary(int64_t which) {
  static const algorithm table[] = {
      algorithm::binary_add, algorithm::binary_sub, algorithm::binary_mul,
      algorithm::binary_div, algorithm::binary_max, algorithm::binary_min};
  static_assert(sizeof table / sizeof *table == TENON_ONEDNN_MIN);
  return table[which - 1];
}

PostOp Kernel::readPostOp(Reader &reader) {
  PostOp op{};
  op.isBinary = reader.inRange(TENON_ONEDNN_ELTWISE, TENON_ONEDNN_BINARY,
                               "the kind of a post-op") == TENON_ONEDNN_BINARY;
  const char *what = "the algorithm of a post-op";
  op.algorithm =
      op.isBinary
          ? toBinary(reader.inRange(TENON_ONEDNN_ADD, TENON_ONEDNN_MIN, what))
          : toEltwise(
                reader.inRange(TENON_ONEDNN_RELU, TENON_ONEDNN_ROUND, what));
  op.alpha = reader.real();
  op.beta = reader.real();
  op.arg = static_cast<int>(reader.inRange(op.isBinary ? 0 : -1,
                                           op.isBinary ? result() - 1 : -1,
                                           "the arg of a post-op"));
  return op;
}

void Kernel::readAttributes(Reader &reader) {
  switch (kind) {
  case TENON_ONEDNN_CONV:
  case TENON_ONEDNN_DECONV:
  case TENON_ONEDNN_AVERAGE_POOL: {
    bool isConv = kind == TENON_ONEDNN_CONV || kind == TENON_ONEDNN_DECONV;
    numSpatial = static_cast<int>(
        reader.inRange(1, 3, "the number of spatial dimensions"));
    if (isConv)
      groups = reader.inRange(1, INT32_MAX, "the number of groups");
    else
      window = reader.words(numSpatial, 1, "a kernel size");
    strides = reader.words(numSpatial, 1, "a stride");
    padsBegin = reader.words(numSpatial, 0, "a pad");
    padsEnd = reader.words(numSpatial, 0, "a pad");
    dilations = reader.words(numSpatial, 1, "a dilation");
    if (kind == TENON_ONEDNN_AVERAGE_POOL)
      countsPadding = reader.inRange(0, 1, "the count of padding");
    return;
  }
  case TENON_ONEDNN_MATMUL:
    return;
  case TENON_ONEDNN_SOFTMAX:
    axis = static_cast<int>(
        reader.inRange(0, TENON_ONEDNN_MAX_RANK - 1, "the axis"));
    isLogarithm = reader.inRange(0, 1, "the logarithm");
    return;
  case TENON_ONEDNN_ATTENTION:
    scale = reader.real();
    mask = static_cast<int>(
        reader.inRange(-1, result() - 1, "the arg of the mask"));
    return;
  }
}

void Kernel::readLayout(Reader &reader) {
  bool isConv = kind == TENON_ONEDNN_CONV;
  if (!isConv && kind != TENON_ONEDNN_MATMUL)
    reader.fail("its kind has no packed argument");
  Arg &arg = args[reader.inRange(1, 1, "a packed argument")];
  if (arg.isPacked || arg.permutation.size() != 1)
    reader.fail("a packed argument has several dimensions or layouts");
  bool isGrouped = isConv && groups > 1;
  int rank = isConv ? numSpatial + 2 + isGrouped : 2;
  reader.inRange(rank, rank, "the rank of a packed argument");
  int numBlocks = static_cast<int>(
      reader.inRange(0, DNNL_MAX_NDIMS, "the number of blocks"));

  // The structure of oneDNN 2 is public; its C++ interface can't make blocks.
  dnnl_memory_desc_t desc{};
  desc.ndims = rank;
  desc.data_type = memory::convert_to_c(arg.type);
  desc.format_kind = dnnl_blocked;
  dnnl_blocking_desc_t &blocking = desc.format_desc.blocking;
  blocking.inner_nblks = numBlocks;
  auto read = [&](dnnl_dim_t *values, int count, int64_t low, int64_t high,
                  const char *what) {
    for (int i = 0; i < count; ++i)
      values[i] = reader.inRange(low, high, what);
  };
  read(desc.dims, rank, 1, INT32_MAX, "a dimension of a layout");
  read(desc.padded_dims, rank, 1, INT32_MAX, "a padded dimension of a layout");
  read(blocking.strides, rank, 1, INT64_MAX, "a stride of a layout");
  read(blocking.inner_blks, numBlocks, 1, INT32_MAX, "a block of a layout");
  read(blocking.inner_idxs, numBlocks, 0, rank - 1, "a dimension of a block");
  arg.isPacked = true;
  arg.layout = memory::desc(desc);
  arg.dims.assign(desc.dims + isGrouped, desc.dims + rank);
  if (isGrouped)
    arg.dims[0] *= desc.dims[0];
}

void Kernel::checkPacked(const int64_t *dims) const {
  for (const Arg &arg : args)
    if (arg.isPacked && dims[arg.firstDim] * memory::data_type_size(arg.type) !=
                            arg.layout.get_size())
      throw ProviderFailure{
          TENON_ERROR_INVALID,
          "damaged model: library kernel '" + std::string(source->name) +
              "' has a packed argument of " +
              std::to_string(dims[arg.firstDim]) + " elements"};
}

Kernel::Kernel(const TenonLibraryKernel &source, const uint8_t *weights)
    : source(&source), weights(weights) {
  Reader reader(source);
  reader.inRange(TENON_ONEDNN_VERSION, TENON_ONEDNN_VERSION, "its version");
  kind = static_cast<TenonOneDnnKind>(
      reader.inRange(TENON_ONEDNN_CONV, TENON_ONEDNN_ATTENTION, "its kind"));
  int count =
      static_cast<int>(reader.inRange(2, 64, "the number of arguments"));
  if (static_cast<uint32_t>(count) != source.numArgs)
    reader.fail("the number of arguments is " + std::to_string(count) +
                ", expected " + std::to_string(source.numArgs));
  bias = static_cast<int>(reader.inRange(-1, count - 2, "the arg of the bias"));
  int64_t numAttributes =
      reader.inRange(0, INT32_MAX, "the number of attributes");
  int64_t numPostOps =
      reader.inRange(0, TENON_ONEDNN_MAX_POST_OPS, "the number of post-ops");
  for (int i = 0; i < count; ++i) {
    Arg arg{toDataType(reader.word(), source.name), {}, numDims};
    int rank =
        static_cast<int>(reader.inRange(0, TENON_ONEDNN_MAX_RANK, "a rank"));
    unsigned seen = 0;
    for (int d = 0; d < rank; ++d) {
      int axis = static_cast<int>(
          reader.inRange(0, rank - 1, "a dimension of a permutation"));
      arg.permutation.push_back(axis);
      seen |= 1u << axis;
    }
    if (seen != (1u << rank) - 1)
      reader.fail("a permutation has a dimension twice");
    numDims += rank;
    args.push_back(std::move(arg));
  }
  if (static_cast<uint64_t>(numDims) != source.numDims)
    reader.fail("its arguments have " + std::to_string(numDims) +
                " dimensions, expected " + std::to_string(source.numDims));
  const int64_t *before =
      source.descriptor + TENON_ONEDNN_HEADER_WORDS + 2 * count + numDims;
  readAttributes(reader);
  for (int64_t i = 0; i < numPostOps; ++i)
    postOps.push_back(readPostOp(reader));
  if (!reader.isAt(before + numAttributes +
                   numPostOps * TENON_ONEDNN_POST_OP_WORDS))
    reader.fail("it has " + std::to_string(numAttributes) +
                " attributes, and its length does not fit its kind");
  while (!reader.isAt(source.descriptor + source.descriptorSize))
    readLayout(reader);
  check();
}

/// Checks the ranks and places of the args, which no call changes.
void Kernel::check() const {
  auto fail = [&](const std::string &what) {
    throw ProviderFailure{TENON_ERROR_INVALID,
                          "damaged model: library kernel '" +
                              std::string(source->name) + "': " + what};
  };
  auto rank = [&](int arg) { return args[arg].rank(); };
  auto expectRank = [&](int arg, int expected) {
    if (rank(arg) != expected)
      fail("argument " + std::to_string(arg) + " has rank " +
           std::to_string(rank(arg)) + ", expected " +
           std::to_string(expected));
  };
  bool isConv = kind == TENON_ONEDNN_CONV || kind == TENON_ONEDNN_DECONV;
  bool isAttention = kind == TENON_ONEDNN_ATTENTION;
  bool takesBias = isConv || kind == TENON_ONEDNN_MATMUL;
  bool takesPostOps = !isAttention && kind != TENON_ONEDNN_SOFTMAX;
  int operands = takesBias ? 2 : isAttention ? 3 : 1;
  int dst = result();
  // In this order: operands, bias or mask, those of post-ops, dst.
  int next = operands;
  if (bias >= 0 && (!takesBias || bias != next++))
    fail("a wrong bias");
  if (mask >= 0 && mask != next++)
    fail("a wrong mask");
  if (!takesPostOps && !postOps.empty())
    fail("its kind takes no post-ops");
  for (const PostOp &op : postOps)
    if (op.isBinary && op.arg < next)
      fail("a wrong argument of a post-op");
  if (dst < next || (dst > next && !takesPostOps))
    fail("it has " + std::to_string(numArgs()) + " arguments, expected " +
         std::to_string(next + 1));

  switch (kind) {
  case TENON_ONEDNN_CONV:
  case TENON_ONEDNN_DECONV:
    for (int arg : {0, 1, dst})
      expectRank(arg, numSpatial + 2);
    break;
  case TENON_ONEDNN_MATMUL:
    if (rank(0) < 2 || rank(1) < 2 || rank(dst) < rank(0) ||
        rank(dst) < rank(1))
      fail("wrong ranks for a matmul");
    break;
  case TENON_ONEDNN_AVERAGE_POOL:
    expectRank(0, numSpatial + 2);
    expectRank(dst, numSpatial + 2);
    break;
  case TENON_ONEDNN_SOFTMAX:
    expectRank(dst, rank(0));
    if (axis >= rank(0))
      fail("its axis is beyond its rank");
    break;
  case TENON_ONEDNN_ATTENTION:
    for (int arg : {0, 1, 2, dst})
      expectRank(arg, 4);
    if (mask >= 0 && rank(mask) > 4)
      fail("a wrong mask");
    for (const Arg &arg : args)
      if (arg.type != memory::data_type::f32)
        throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                              "library kernel '" + std::string(source->name) +
                                  "': attention is for f32 only"};
    break;
  }
  if (bias >= 0)
    expectRank(bias, 1);
  for (size_t i = 0; i < postOps.size(); ++i) {
    const PostOp &op = postOps[i];
    if (op.isBinary && rank(op.arg) > rank(dst))
      fail("a post-op reads an argument of a higher rank");
    for (size_t j = 0; j < i && !op.isBinary; ++j)
      if (!postOps[j].isBinary && op.algorithm == postOps[j].algorithm &&
          (op.alpha != postOps[j].alpha || op.beta != postOps[j].beta))
        fail("one algorithm is in two post-ops with different parameters");
  }
}

Tensor Kernel::getTensor(int index, const int64_t *dims) const {
  const Arg &arg = args[index];
  if (arg.isPacked) {
    // The strides don't count: see ProgramBuilder::bindReordered.
    Tensor tensor{arg.dims, memory::dims(arg.dims.size(), 1), arg.type};
    for (size_t i = arg.dims.size() - 1; i-- > 0;)
      tensor.strides[i] = tensor.strides[i + 1] * arg.dims[i + 1];
    return tensor;
  }
  int rank = static_cast<int>(arg.permutation.size());
  memory::dims storedStrides(rank);
  int64_t size = 1;
  for (int i = rank; i-- > 0;) {
    storedStrides[i] = size;
    size *= std::max<int64_t>(dims[arg.firstDim + i], 1);
  }
  Tensor tensor;
  tensor.type = arg.type;
  for (int axis : arg.permutation) {
    tensor.dims.push_back(dims[arg.firstDim + axis]);
    tensor.strides.push_back(storedStrides[axis]);
  }
  return tensor;
}

static double countElements(const Tensor &tensor) {
  double count = 1;
  for (int64_t dim : tensor.dims)
    count *= static_cast<double>(dim);
  return count;
}

/// How many numbers are multiplied and added; an exponential counts as ten.
double Kernel::countProducts(const int64_t *dims) const {
  Tensor src = getTensor(0, dims), dst = getTensor(result(), dims);
  double results = countElements(dst);
  switch (kind) {
  case TENON_ONEDNN_CONV:
    // Each result meets all weights of its channel, each input those of its
    // own.
    return results * countElements(getTensor(1, dims)) /
           std::max<double>(dst.dims[1], 1);
  case TENON_ONEDNN_DECONV:
    // The library takes a hundred times as long as for a convolution.
    return 100 * countElements(src) * countElements(getTensor(1, dims)) /
           std::max<double>(src.dims[1], 1);
  case TENON_ONEDNN_MATMUL:
    return results * src.dims.back();
  case TENON_ONEDNN_AVERAGE_POOL:
    for (int64_t size : window)
      results *= size;
    return results;
  case TENON_ONEDNN_SOFTMAX:
    return 10 * results;
  case TENON_ONEDNN_ATTENTION: {
    Tensor key = getTensor(1, dims);
    double scores = results / std::max<double>(dst.dims[3], 1) * key.dims[2];
    return scores * (src.dims[3] + dst.dims[3] + 10);
  }
  }
  return 0;
}

/// What small kernels reach with all that they read near: measured with vectors
/// of 512 bits, and by their width for others.
static double getProductsPerNanosecond() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return 50;
  if (__builtin_cpu_supports("avx2"))
    return 25;
#endif
  return 10;
}

double Kernel::estimateTime(const int64_t *dims) const {
  constexpr double bytesPerNanosecond = 40;
  double bytes = 0;
  for (int arg = 0; arg < numArgs(); ++arg) {
    Tensor tensor = getTensor(arg, dims);
    bytes += countElements(tensor) * memory::data_type_size(tensor.type);
  }
  return std::max(countProducts(dims) / getProductsPerNanosecond(),
                  bytes / bytesPerNanosecond);
}
