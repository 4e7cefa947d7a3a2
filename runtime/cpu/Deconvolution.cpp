//===- Deconvolution.cpp - Transposed convolution as matrix products -----===//

#include "runtime/cpu/ProgramBuilder.h"

#include <algorithm>

using namespace tenon::onednn;
using dnnl::memory;

/// Whether the windows lie side by side, channels are innermost everywhere, and
/// the products below can read the weights in place.
static bool isTiled(const Kernel &kernel, const Tensor &src,
                    const Tensor &weights, const Tensor &dst) {
  if (kernel.numSpatial != 2 || kernel.groups != 1 || !kernel.isConstant(1) ||
      (kernel.bias >= 0 && !kernel.isConstant(kernel.bias)))
    return false;
  for (int i = 0; i < 2; ++i)
    if (kernel.strides[i] != weights.dims[2 + i] || kernel.padsBegin[i] ||
        kernel.padsEnd[i] ||
        (weights.dims[2 + i] != 1 && kernel.dilations[i] != 1) ||
        dst.dims[2 + i] != src.dims[2 + i] * kernel.strides[i])
      return false;
  auto isNhwc = [](const Tensor &tensor) {
    int64_t channels = tensor.dims[1], width = tensor.dims[3];
    return tensor.strides[1] == 1 && tensor.strides[3] == channels &&
           tensor.strides[2] == width * channels &&
           tensor.strides[0] == tensor.dims[2] * width * channels;
  };
  return isNhwc(src) && isNhwc(dst) &&
         weights.strides[3] == weights.dims[1] * weights.strides[1];
}

/// Where kernel and stride are equal, each input pixel makes a tile of its own:
///
///   dst[n, h * KH + i, w * KW + j, m] = sum over c of
///       src[n, h, w, c] * weights[c, m, i, j]
///
/// For each row i of the kernel that is one product for each input row,
/// [W, C] x [C, KW * M], which fills a row of dst. The library's own code
/// spends most of its time on scattering instead.
bool tenon::onednn::buildTiledDeconvolution(
    ProgramBuilder &builder, const std::vector<Tensor> &operands) {
  const Kernel &kernel = builder.kernel;
  Tensor src = builder.getTensor(0), weights = builder.getTensor(1);
  Tensor dst = builder.getTensor(kernel.result());
  if (!isTiled(kernel, src, weights, dst))
    return false;

  int64_t rows = src.dims[0] * src.dims[2], width = src.dims[3];
  int64_t in = src.dims[1], out = dst.dims[1];
  int64_t kernelHeight = weights.dims[2], kernelWidth = weights.dims[3];
  int64_t tile = kernelWidth * out;
  auto type = src.type;
  Tensor lhs{{rows, width, in}, {width * in, in, 1}, type};
  Tensor rhs{{1, in, tile},
             {weights.strides[2], weights.strides[0], weights.strides[1]},
             type};
  Tensor product{
      {rows, width, tile}, {kernelHeight * width * tile, tile, 1}, dst.type};
  Tensor bias{{1, 1, tile}, {tile, tile, 1}, type};
  if (kernel.bias >= 0)
    bias.type = builder.getTensor(kernel.bias).type;

  bool isFused = std::none_of(kernel.postOps.begin(), kernel.postOps.end(),
                              [](const PostOp &op) { return op.isBinary; });
  dnnl::primitive_attr attributes =
      builder.makeAttributes(operands, isFused ? kernel.postOps.size() : 0);
  size_t element = memory::data_type_size(type);
  size_t dstElement = memory::data_type_size(dst.type);
  for (int64_t i = 0; i < kernelHeight; ++i) {
    uint64_t weightsOffset = i * weights.strides[2] * element;
    uint64_t dstOffset = i * width * tile * dstElement;
    memory::desc rhsDesc = rhs.anyDesc();
    using Desc = dnnl::matmul::primitive_desc;
    Desc desc = kernel.bias >= 0
                    ? Desc({lhs.desc(), rhsDesc, bias.desc(), product.desc()},
                           attributes, builder.context.engine)
                    : Desc({lhs.desc(), rhsDesc, product.desc()}, attributes,
                           builder.context.engine);
    std::vector<Binding> bindings{
        builder.bindReordered(DNNL_ARG_WEIGHTS, 1, rhs.desc(),
                              desc.weights_desc(), weightsOffset),
        builder.bindArg(DNNL_ARG_SRC, 0, lhs.desc()),
        builder.bindArg(DNNL_ARG_DST, kernel.result(), product.desc(),
                        dstOffset)};
    if (kernel.bias >= 0)
      bindings.push_back(builder.bindRepeated(DNNL_ARG_BIAS, kernel.bias,
                                              kernelWidth, bias.desc()));
    builder.addStep<dnnl::matmul>(desc, std::move(bindings));
  }
  if (!isFused)
    for (size_t i = 0; i < kernel.postOps.size(); ++i)
      builder.addPostOpStep(kernel.postOps[i], dst, operands[i]);
  return true;
}
