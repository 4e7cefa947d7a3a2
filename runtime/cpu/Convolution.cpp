//===- Convolution.cpp - Convolution, its transpose, and pooling ---------===//

#include "runtime/cpu/ProgramBuilder.h"

#include <algorithm>

using namespace tenon::onednn;
using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

/// oneDNN counts a dense window as dilation 0.
static memory::dims getDilations(const Kernel &kernel) {
  memory::dims dilations = kernel.dilations;
  for (int64_t &dilation : dilations)
    --dilation;
  return dilations;
}

/// Brings weights into the library's order, [groups,] out, in, kernel. The
/// model has [out, in/groups, kernel], or [in, out/groups, kernel] if
/// transposed.
static Tensor arrangeWeights(const Kernel &kernel, Tensor weights) {
  bool isTransposed = kernel.kind == TENON_ONEDNN_DECONV;
  if (kernel.groups > 1) {
    int64_t perGroup = weights.dims[0] / kernel.groups;
    weights.dims[0] = perGroup;
    weights.dims.insert(weights.dims.begin(), kernel.groups);
    weights.strides.insert(weights.strides.begin(),
                           weights.strides[0] * perGroup);
  }
  if (isTransposed) {
    int first = kernel.groups > 1;
    std::swap(weights.dims[first], weights.dims[first + 1]);
    std::swap(weights.strides[first], weights.strides[first + 1]);
  }
  return weights;
}

static void checkConvolution(ProgramBuilder &builder, const Tensor &src,
                             const Tensor &weights, const Tensor &dst) {
  const Kernel &kernel = builder.kernel;
  bool isTransposed = kernel.kind == TENON_ONEDNN_DECONV;
  int64_t in = weights.dims[isTransposed ? 0 : 1];
  int64_t out = weights.dims[isTransposed ? 1 : 0];
  (isTransposed ? out : in) *= kernel.groups;
  bool fits = src.dims[1] == in && dst.dims[1] == out &&
              src.dims[0] == dst.dims[0] && in % kernel.groups == 0 &&
              out % kernel.groups == 0;
  for (int i = 0; i < kernel.numSpatial && fits; ++i) {
    int64_t large = src.dims[2 + i], small = dst.dims[2 + i];
    if (isTransposed)
      std::swap(large, small);
    int64_t window = kernel.dilations[i] * (weights.dims[2 + i] - 1) + 1;
    int64_t room = large + kernel.padsBegin[i] + kernel.padsEnd[i] - window;
    fits = room >= 0 && room / kernel.strides[i] + 1 == small;
  }
  if (!fits)
    builder.fail("input " + src.format() + " and weights " + weights.format() +
                 " in " + std::to_string(kernel.groups) +
                 " groups do not give " + dst.format());
}

/// Makes a convolution of zeros of one over no channels or no places but
/// padding, which the library does not compute.
static void fillWithZeros(const Kernel &kernel, Tensor &src, Tensor &weights,
                          memory::dims &padsBegin, memory::dims &padsEnd) {
  bool isTransposed = kernel.kind == TENON_ONEDNN_DECONV;
  if (src.dims[1] == 0) {
    src.dims[1] = kernel.groups;
    weights.dims[isTransposed ? 0 : 1] = isTransposed ? kernel.groups : 1;
  }
  for (int i = 0; i < kernel.numSpatial; ++i) {
    if (src.dims[2 + i] != 0)
      continue;
    src.dims[2 + i] = 1;
    // The result stays as large.
    if (isTransposed)
      padsEnd[i] += kernel.strides[i];
    else
      --(padsEnd[i] > 0 ? padsEnd : padsBegin)[i];
  }
  int64_t stride = 1;
  for (int i = weights.rank() - 1; i >= 0; stride *= weights.dims[i--])
    weights.strides[i] = stride;
}

namespace {

/// The two kinds differ in the library's types only.
template <typename Primitive, algorithm which> struct ConvolutionKind {
  static void build(ProgramBuilder &builder) {
    const Kernel &kernel = builder.kernel;
    Tensor src = builder.getTensor(0);
    Tensor weights = builder.getTensor(1);
    Tensor dst = builder.getTensor(kernel.result());
    checkConvolution(builder, src, weights, dst);
    std::vector<Tensor> operands = builder.getPostOpTensors(dst);
    memory::dims padsBegin = kernel.padsBegin, padsEnd = kernel.padsEnd;
    bool isZero = src.isEmpty();
    if (isZero)
      fillWithZeros(kernel, src, weights, padsBegin, padsEnd);
    weights = arrangeWeights(kernel, weights);
    Tensor bias{};
    if (kernel.bias >= 0) {
      bias = builder.getTensor(kernel.bias);
      if (bias.dims[0] != dst.dims[1])
        builder.fail("the bias has " + bias.format() + " values, expected " +
                     std::to_string(dst.dims[1]));
    }
    memory::desc weightsDesc = weights.anyDesc();
    memory::desc srcDesc = isZero ? src.anyDesc() : src.desc();
    memory::dims dilations = getDilations(kernel);

    auto makeDesc = [&](const dnnl::primitive_attr &attributes) {
      auto kind = prop_kind::forward_inference;
      if (kernel.bias >= 0)
        return typename Primitive::primitive_desc(
            {kind, which, srcDesc, weightsDesc, bias.desc(), dst.desc(),
             kernel.strides, dilations, padsBegin, padsEnd},
            attributes, builder.context.engine, /*allow_empty=*/true);
      return typename Primitive::primitive_desc(
          {kind, which, srcDesc, weightsDesc, dst.desc(), kernel.strides,
           dilations, padsBegin, padsEnd},
          attributes, builder.context.engine, /*allow_empty=*/true);
    };
    auto makeBindings = [&](const typename Primitive::primitive_desc &desc) {
      std::vector<Binding> bindings{
          builder.bindArg(DNNL_ARG_DST, kernel.result(), dst.desc())};
      if (isZero) {
        bindings.push_back(
            builder.bindZeros(DNNL_ARG_WEIGHTS, desc.weights_desc()));
        bindings.push_back(builder.bindZeros(DNNL_ARG_SRC, desc.src_desc()));
      } else {
        bindings.push_back(builder.bindReordered(
            DNNL_ARG_WEIGHTS, 1, weights.desc(), desc.weights_desc()));
        bindings.push_back(builder.bindArg(DNNL_ARG_SRC, 0, src.desc()));
      }
      if (kernel.bias >= 0)
        bindings.push_back(
            builder.bindArg(DNNL_ARG_BIAS, kernel.bias, bias.desc()));
      return bindings;
    };
    builder.addWithPostOps<Primitive>(dst, operands, makeDesc, makeBindings);
  }
};

} // namespace

void tenon::onednn::buildConvolution(ProgramBuilder &builder) {
  if (builder.kernel.kind == TENON_ONEDNN_CONV)
    ConvolutionKind<dnnl::convolution_forward,
                    algorithm::convolution_direct>::build(builder);
  else
    ConvolutionKind<dnnl::deconvolution_forward,
                    algorithm::deconvolution_direct>::build(builder);
}

void tenon::onednn::buildPooling(ProgramBuilder &builder) {
  const Kernel &kernel = builder.kernel;
  Tensor src = builder.getTensor(0);
  Tensor dst = builder.getTensor(kernel.result());
  auto failFit = [&] {
    builder.fail("input " + src.format() + " does not give " + dst.format());
  };
  if (src.dims[0] != dst.dims[0] || src.dims[1] != dst.dims[1])
    failFit();
  memory::dims padsEnd = kernel.padsEnd;
  for (int i = 0; i < kernel.numSpatial; ++i) {
    int64_t window = kernel.dilations[i] * (kernel.window[i] - 1) + 1;
    // The end of the last window, which in ceil mode is beyond the padding.
    int64_t needed = (dst.dims[2 + i] - 1) * kernel.strides[i] + window -
                     src.dims[2 + i] - kernel.padsBegin[i];
    if (needed > padsEnd[i]) {
      if (kernel.countsPadding || needed >= padsEnd[i] + kernel.strides[i])
        failFit();
      padsEnd[i] = needed;
    } else if (padsEnd[i] - needed >= kernel.strides[i]) {
      failFit();
    }
  }
  algorithm which = kernel.countsPadding
                        ? algorithm::pooling_avg_include_padding
                        : algorithm::pooling_avg_exclude_padding;
  memory::dims dilations = getDilations(kernel);
  // The library refuses a window of one place with a distance to the next.
  for (int i = 0; i < kernel.numSpatial; ++i)
    if (kernel.window[i] == 1)
      dilations[i] = 0;
  auto makeDesc = [&](const dnnl::primitive_attr &attributes) {
    return dnnl::pooling_v2_forward::primitive_desc(
        {prop_kind::forward_inference, which, src.desc(), dst.desc(),
         kernel.strides, kernel.window, dilations, kernel.padsBegin, padsEnd},
        attributes, builder.context.engine, /*allow_empty=*/true);
  };
  auto makeBindings = [&](const dnnl::pooling_v2_forward::primitive_desc &) {
    return std::vector<Binding>{
        builder.bindArg(DNNL_ARG_SRC, 0, src.desc()),
        builder.bindArg(DNNL_ARG_DST, kernel.result(), dst.desc())};
  };
  builder.addWithPostOps<dnnl::pooling_v2_forward>(
      dst, builder.getPostOpTensors(dst), makeDesc, makeBindings);
}
