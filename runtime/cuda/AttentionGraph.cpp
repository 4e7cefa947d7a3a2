//===- AttentionGraph.cpp - Attention as a graph of cuDNN ----------------===//
//
//   S = scale * Q K^T + mask
//   P = exp(S - max(S)) / sum(exp(S - max(S)))       of each row
//   O = P V
//
// as the library knows it. What it knows it computes in one kernel.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/AttentionGraph.h"

#include <utility>

using namespace tenon::cuda;

using Dims = DnnGraphBuilder::Dims;

/// Up to so many queries are a step of a text that is continued. Each step has
/// one key more, and for each number of keys the library makes a plan, which
/// takes longer than the step does.
static constexpr int64_t fewQueries = 8;

/// How far the elements of a tensor are apart.
static Dims getStrides(const Dims &dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size() - 1; i--;)
    strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

namespace {

/// Heads with all dimensions known.
struct Heads {
  /// False if they are not within the tensor.
  bool find(const TenonLibraryHeads &heads, const std::vector<Tensor> &tensors);

  int64_t arg;
  Dims dims, strides;
  int64_t begin = 0;
};

/// The sizes of attention with all dimensions known.
struct AttentionShape {
  /// False if the tensors of a run don't fit together.
  bool find(const TenonLibraryAttention &attention,
            const std::vector<Tensor> &tensors);

  Heads query, key, value, result;
  Dims scores, rows; // [B, H, S, T] and [B, H, S, 1]
  Dims mask;         // of rank 4; empty if there is none
};

} // namespace

bool Heads::find(const TenonLibraryHeads &heads,
                 const std::vector<Tensor> &tensors) {
  arg = heads.arg;
  const Dims &whole = tensors[arg].dims;
  int64_t count = multiply(whole.data(), whole.data() + whole.size());
  if (count < 1 || count > INT32_MAX)
    return false;
  Dims apart = getStrides(whole);
  for (int i = 0; i < 3; ++i) {
    int64_t axis = heads.axes[i];
    int64_t size = heads.sizes[i] == -1 ? whole[axis] : heads.sizes[i];
    if (heads.begins[i] + size > whole[axis])
      return false;
    dims.push_back(size);
    strides.push_back(apart[axis]);
    begin += heads.begins[i] * apart[axis];
  }
  dims.push_back(whole[3]);
  strides.push_back(1);
  return true;
}

bool AttentionShape::find(const TenonLibraryAttention &attention,
                          const std::vector<Tensor> &tensors) {
  if (!query.find(attention.query, tensors) ||
      !key.find(attention.key, tensors) ||
      !value.find(attention.value, tensors) ||
      !result.find(attention.result, tensors))
    return false;
  const Dims &q = query.dims, &k = key.dims, &v = value.dims;
  if (k != Dims{q[0], q[1], k[2], q[3]} || v != Dims{q[0], q[1], k[2], v[3]} ||
      result.dims != Dims{q[0], q[1], q[2], v[3]})
    return false;
  scores = {q[0], q[1], q[2], k[2]};
  rows = {q[0], q[1], q[2], 1};
  // A grid of blocks has no more in its second and third dimension.
  constexpr int64_t maxGrid = 65535;
  if (multiply(scores.data(), scores.data() + scores.size()) < 1 ||
      q[0] > maxGrid || q[1] > maxGrid)
    return false;
  if (attention.mask == -1)
    return true;
  mask = tensors[attention.mask].dims;
  mask.insert(mask.begin(), 4 - mask.size(), 1);
  for (size_t i = 0; i < 4; ++i)
    if (mask[i] != 1 && mask[i] != scores[i])
      return false;
  return true;
}

static void addProduct(DnnGraphBuilder &builder, DnnDescriptor lhs,
                       DnnDescriptor rhs, DnnDescriptor result) {
  DnnDescriptors &descriptors = builder.getDescriptors();
  DnnDescriptor what = descriptors.make(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  descriptors.set(what, CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                  int(CUDNN_DATA_FLOAT));
  descriptors.finalize(what);
  DnnDescriptor operation =
      descriptors.make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_MATMUL_ADESC, lhs);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_MATMUL_BDESC, rhs);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_MATMUL_CDESC, result);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_MATMUL_DESC, what);
  builder.add(operation);
}

/// Of the dimensions that the result has not.
static void addReduction(DnnGraphBuilder &builder, int kind,
                         DnnDescriptor input, DnnDescriptor result) {
  DnnDescriptors &descriptors = builder.getDescriptors();
  DnnDescriptor what = descriptors.make(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  descriptors.set(what, CUDNN_ATTR_REDUCTION_OPERATOR,
                  CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, kind);
  descriptors.set(what, CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                  int(CUDNN_DATA_FLOAT));
  descriptors.finalize(what);
  DnnDescriptor operation =
      descriptors.make(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_REDUCTION_XDESC,
                         input);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_REDUCTION_YDESC,
                         result);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_REDUCTION_DESC, what);
  builder.add(operation);
}

bool tenon::cuda::makeAttentionGraph(DnnGraphBuilder &builder,
                                     const TenonLibraryAttention &attention) {
  AttentionShape shape;
  if (!shape.find(attention, builder.getTensors()) ||
      shape.query.dims[2] <= fewQueries)
    return false;
  // Which of the mask's dimensions are broadcast may be in what is compiled.
  std::vector<int64_t> fixedSizes{shape.query.dims[3], shape.value.dims[3]};
  for (size_t i = 0; i < shape.mask.size(); ++i)
    fixedSizes.push_back(shape.mask[i] != shape.scores[i]);
  builder.setForAllSizes(std::move(fixedSizes));
  auto makeHeads = [&](const Heads &heads) {
    return builder.makeOperand(heads.arg, heads.dims, heads.strides,
                               DnnOperand::AsItIs, heads.begin);
  };
  auto makeVirtual = [&](const Dims &dims, int64_t typeOf = -1) {
    return builder.makeVirtual(dims, getStrides(dims), typeOf);
  };
  // The library multiplies with the keys' transpose.
  Heads key = shape.key;
  std::swap(key.dims[2], key.dims[3]);
  std::swap(key.strides[2], key.strides[3]);
  DnnDescriptor scores = makeVirtual(shape.scores);
  addProduct(builder, makeHeads(shape.query), makeHeads(key), scores);
  auto addStep = [&](int mode, DnnDescriptor second, int64_t typeOf = -1) {
    DnnDescriptor result = makeVirtual(shape.scores, typeOf);
    builder.addPointwise(mode, scores, result, second);
    scores = result;
  };
  addStep(CUDNN_POINTWISE_MUL,
          builder.makeNumber(attention.scale, shape.scores.size()));
  if (attention.mask != -1)
    addStep(CUDNN_POINTWISE_ADD, builder.makeOperand(attention.mask, shape.mask,
                                                     getStrides(shape.mask)));
  DnnDescriptor most = makeVirtual(shape.rows), sum = makeVirtual(shape.rows);
  addReduction(builder, CUDNN_REDUCE_TENSOR_MAX, scores, most);
  addStep(CUDNN_POINTWISE_SUB, most);
  addStep(CUDNN_POINTWISE_EXP, nullptr);
  addReduction(builder, CUDNN_REDUCE_TENSOR_ADD, scores, sum);
  // Nobody reads the logarithm of all that the exponentials sum to, but only
  // with it the library takes the operations for attention.
  DnnDescriptor logarithm = makeVirtual(shape.rows);
  builder.addPointwise(CUDNN_POINTWISE_LOG, sum, logarithm, nullptr);
  builder.addPointwise(CUDNN_POINTWISE_ADD, most, makeVirtual(shape.rows),
                       logarithm);
  // What the values are multiplied with is of their type.
  addStep(CUDNN_POINTWISE_DIV, sum, shape.value.arg);
  addProduct(builder, scores, makeHeads(shape.value), makeHeads(shape.result));
  return true;
}
