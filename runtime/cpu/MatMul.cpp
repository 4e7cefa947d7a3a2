//===- MatMul.cpp - Matrix products, softmax and attention ---------------===//

#include "runtime/cpu/ProgramBuilder.h"

#include <algorithm>

using namespace tenon::onednn;
using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

/// Whether dimensions i and i + 1 of a tensor can become one, given the full
/// dimensions of the result: it has both, with strides that fit, or broadcasts
/// along both.
static bool canMerge(const Tensor &tensor, int i, int64_t outer,
                     int64_t inner) {
  if (tensor.dims[i] == 1 && tensor.dims[i + 1] == 1)
    return true;
  return tensor.dims[i] == outer && tensor.dims[i + 1] == inner &&
         (outer == 1 || inner == 1 ||
          tensor.strides[i] == tensor.strides[i + 1] * inner);
}

namespace {

/// A product with its operands at one rank.
struct Product {
  Tensor lhs, rhs, dst;
  std::vector<Tensor> operands; // of post-ops; rank 0 for eltwise ones

  /// Makes leading dimensions fewer: the library is at its best with two.
  void simplify() {
    while (dst.rank() > 2 && mergeIntoRows())
      ;
    for (int i = dst.rank() - 4; i >= 0; --i)
      mergeBatches(i);
    spreadColumn(lhs);
    spreadColumn(rhs);
  }

private:
  /// A matrix of one column has rows one element apart, which the library takes
  /// for a transposed matrix and then finds its columns too near to each other.
  /// The stride of its only column can be anything.
  static void spreadColumn(Tensor &matrix) {
    int column = matrix.rank() - 1, row = column - 1;
    if (matrix.dims[column] == 1)
      matrix.strides[column] =
          std::max<int64_t>(1, matrix.dims[row] * matrix.strides[row]);
  }

  bool canMergeOperands(int i, int64_t outer, int64_t inner) const {
    return std::all_of(
        operands.begin(), operands.end(), [&](const Tensor &tensor) {
          return tensor.dims.empty() || canMerge(tensor, i, outer, inner);
        });
  }
  void mergeOperands(int i) {
    for (Tensor &tensor : operands)
      if (!tensor.dims.empty())
        tensor.merge(i);
  }

  /// Rows of all batches that share a right-hand side are rows of one product.
  bool mergeIntoRows() {
    int i = dst.rank() - 3;
    int64_t outer = dst.dims[i], inner = dst.dims[i + 1];
    if (rhs.dims[i] != 1 || lhs.dims[i] != outer ||
        !canMerge(lhs, i, outer, inner) || !canMerge(dst, i, outer, inner) ||
        !canMergeOperands(i, outer, inner))
      return false;
    // A broadcast operand of several batches must not become rows of one.
    lhs.merge(i);
    dst.merge(i);
    mergeOperands(i);
    rhs.dims.erase(rhs.dims.begin() + i);
    rhs.strides.erase(rhs.strides.begin() + i);
    return true;
  }

  void mergeBatches(int i) {
    int64_t outer = dst.dims[i], inner = dst.dims[i + 1];
    for (const Tensor *tensor : {&lhs, &rhs, &dst})
      if (!canMerge(*tensor, i, outer, inner))
        return;
    if (!canMergeOperands(i, outer, inner))
      return;
    for (Tensor *tensor : {&lhs, &rhs, &dst})
      tensor->merge(i);
    mergeOperands(i);
  }
};

} // namespace

/// Makes a product of zeros of one over no columns and rows, which the library
/// does not compute.
static void fillWithZeros(Product &product) {
  int rank = product.dst.rank();
  product.lhs.dims[rank - 1] = product.rhs.dims[rank - 2] = 1;
  for (Tensor *factor : {&product.lhs, &product.rhs}) {
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; stride *= factor->dims[i--])
      factor->strides[i] = stride;
  }
}

static void checkProduct(ProgramBuilder &builder, const Tensor &lhs,
                         const Tensor &rhs, const Tensor &dst) {
  int rank = dst.rank();
  bool fits = lhs.dims[rank - 1] == rhs.dims[rank - 2] &&
              lhs.dims[rank - 2] == dst.dims[rank - 2] &&
              rhs.dims[rank - 1] == dst.dims[rank - 1];
  for (int i = 0; i < rank - 2 && fits; ++i) {
    int64_t a = lhs.dims[i], b = rhs.dims[i];
    fits = (a == b || a == 1 || b == 1) && dst.dims[i] == (a == 1 ? b : a);
  }
  if (!fits)
    builder.fail("matrices " + lhs.format() + " and " + rhs.format() +
                 " do not give " + dst.format());
}

void tenon::onednn::buildMatMul(ProgramBuilder &builder) {
  const Kernel &kernel = builder.kernel;
  Product product{builder.getTensor(0),
                  builder.getTensor(1),
                  builder.getTensor(kernel.result()),
                  {}};
  int rank = product.dst.rank();
  product.lhs.padRank(rank);
  product.rhs.padRank(rank);
  checkProduct(builder, product.lhs, product.rhs, product.dst);
  bool isZero = product.lhs.dims[rank - 1] == 0;
  if (isZero)
    fillWithZeros(product);
  product.operands = builder.getPostOpTensors(product.dst);
  product.simplify();

  rank = product.dst.rank();
  Tensor bias{};
  if (kernel.bias >= 0) {
    bias = builder.getTensor(kernel.bias);
    if (bias.dims[0] != product.dst.dims[rank - 1])
      builder.fail("the bias has " + bias.format() + " values, expected " +
                   std::to_string(product.dst.dims[rank - 1]));
    bias.padRank(rank);
  }
  memory::desc rhsDesc = kernel.isConstant(1) && !isZero ? product.rhs.anyDesc()
                                                         : product.rhs.desc();
  using Desc = dnnl::matmul::primitive_desc;
  auto makeDesc = [&](const dnnl::primitive_attr &attributes) {
    if (kernel.bias >= 0)
      return Desc(
          {product.lhs.desc(), rhsDesc, bias.desc(), product.dst.desc()},
          attributes, builder.context.engine, /*allow_empty=*/true);
    return Desc({product.lhs.desc(), rhsDesc, product.dst.desc()}, attributes,
                builder.context.engine, /*allow_empty=*/true);
  };
  auto makeBindings = [&](const Desc &desc) {
    std::vector<Binding> bindings{
        builder.bindArg(DNNL_ARG_DST, kernel.result(), product.dst.desc())};
    if (isZero) {
      bindings.push_back(
          builder.bindZeros(DNNL_ARG_WEIGHTS, product.rhs.desc()));
      bindings.push_back(builder.bindZeros(DNNL_ARG_SRC, product.lhs.desc()));
    } else {
      bindings.push_back(builder.bindReordered(
          DNNL_ARG_WEIGHTS, 1, product.rhs.desc(), desc.weights_desc()));
      bindings.push_back(builder.bindArg(DNNL_ARG_SRC, 0, product.lhs.desc()));
    }
    if (kernel.bias >= 0)
      bindings.push_back(
          builder.bindArg(DNNL_ARG_BIAS, kernel.bias, bias.desc()));
    return bindings;
  };
  builder.addWithPostOps<dnnl::matmul>(product.dst, product.operands, makeDesc,
                                       makeBindings);
}

void tenon::onednn::buildSoftmax(ProgramBuilder &builder) {
  const Kernel &kernel = builder.kernel;
  Tensor src = builder.getTensor(0), dst = builder.getTensor(1);
  if (src.dims != dst.dims)
    builder.fail("input " + src.format() + " does not give " + dst.format());
  using Desc = dnnl::softmax_v2_forward::primitive_desc;
  Desc desc({prop_kind::forward_inference,
             kernel.isLogarithm ? algorithm::softmax_log
                                : algorithm::softmax_accurate,
             src.desc(), dst.desc(), kernel.axis},
            builder.makeAttributes({}, 0), builder.context.engine,
            /*allow_empty=*/true);
  if (!desc)
    builder.failUnimplemented();
  builder.addStep<dnnl::softmax_v2_forward>(
      desc, {builder.bindArg(DNNL_ARG_SRC, 0, src.desc()),
             builder.bindArg(DNNL_ARG_DST, 1, dst.desc())});
}

/// Adds a product without post-ops whose operands are bound already.
static void addProduct(ProgramBuilder &builder, Product product, Binding lhs,
                       Binding rhs, Binding dst) {
  product.simplify();
  dnnl::matmul::primitive_desc desc(
      {product.lhs.desc(), product.rhs.desc(), product.dst.desc()},
      builder.makeAttributes({}, 0), builder.context.engine,
      /*allow_empty=*/true);
  if (!desc)
    builder.failUnimplemented();
  lhs.role = DNNL_ARG_SRC;
  lhs.desc = product.lhs.desc();
  rhs.role = DNNL_ARG_WEIGHTS;
  rhs.desc = product.rhs.desc();
  dst.role = DNNL_ARG_DST;
  dst.desc = product.dst.desc();
  builder.addStep<dnnl::matmul>(desc, {lhs, rhs, dst});
}

void tenon::onednn::buildAttention(ProgramBuilder &builder) {
  const Kernel &kernel = builder.kernel;
  Tensor query = builder.getTensor(0), key = builder.getTensor(1);
  Tensor value = builder.getTensor(2);
  Tensor dst = builder.getTensor(kernel.result());
  int64_t batch = query.dims[0], heads = query.dims[1], rows = query.dims[2];
  int64_t columns = key.dims[2], depth = query.dims[3], width = value.dims[3];
  if (key.dims != memory::dims{batch, heads, columns, depth} ||
      value.dims != memory::dims{batch, heads, columns, width} ||
      dst.dims != memory::dims{batch, heads, rows, width})
    builder.fail("query " + query.format() + ", key " + key.format() +
                 " and value " + value.format() + " do not give " +
                 dst.format());

  Tensor scores;
  scores.type = memory::data_type::f32;
  scores.dims = {batch, heads, rows, columns};
  int64_t bytes = sizeof(float);
  for (int64_t dim : scores.dims)
    if (__builtin_mul_overflow(bytes, dim, &bytes))
      builder.fail("the scores, " + scores.format() + ", are too large");
  scores.strides = {heads * rows * columns, rows * columns, columns, 1};
  RowSoftmax softmax{};
  softmax.outer[0] = batch;
  softmax.outer[1] = heads;
  softmax.rows = rows;
  softmax.columns = columns;
  softmax.scale = static_cast<float>(kernel.scale);
  softmax.mask = kernel.mask;
  if (kernel.mask >= 0) {
    Tensor mask = builder.getTensor(kernel.mask);
    mask.padRank(4);
    for (int i = 0; i < 4; ++i) {
      if (mask.dims[i] != 1 && mask.dims[i] != scores.dims[i])
        builder.fail("mask " + mask.format() +
                     " does not broadcast to the scores, " + scores.format());
      softmax.maskStrides[i] = mask.dims[i] == 1 ? 0 : mask.strides[i];
    }
  }
  softmax.offset = builder.allocate(bytes);

  std::swap(key.dims[2], key.dims[3]);
  std::swap(key.strides[2], key.strides[3]);
  Binding scoresBinding = builder.bindScratch(0, softmax.offset, scores.desc());
  addProduct(builder, {query, key, scores, {}},
             builder.bindArg(0, 0, query.desc()),
             builder.bindArg(0, 1, key.desc()), scoresBinding);
  builder.addSoftmax(softmax);
  addProduct(builder, {scores, value, dst, {}}, scoresBinding,
             builder.bindArg(0, 2, value.desc()),
             builder.bindArg(0, kernel.result(), dst.desc()));
}
