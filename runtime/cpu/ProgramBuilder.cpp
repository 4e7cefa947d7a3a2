//===- ProgramBuilder.cpp - Steps, packed constants, scratch memory ------===//

#include "runtime/cpu/ProgramBuilder.h"

#include <algorithm>
#include <cstring>

using namespace tenon::onednn;
using dnnl::memory;

/// An offset that says "after everything else" until the program is finished.
static constexpr uint64_t scratchpadOffset = UINT64_MAX;

std::vector<Tensor> ProgramBuilder::getPostOpTensors(const Tensor &dst) const {
  std::vector<Tensor> tensors;
  for (const PostOp &op : kernel.postOps) {
    Tensor tensor{};
    if (op.isBinary) {
      tensor = getTensor(op.arg);
      tensor.padRank(dst.rank());
      for (int i = 0; i < dst.rank(); ++i)
        if (tensor.dims[i] != 1 && tensor.dims[i] != dst.dims[i])
          fail("an operand is " + tensor.format() +
               ", which does not broadcast to the result, " + dst.format());
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

dnnl::primitive_attr
ProgramBuilder::makeAttributes(const std::vector<Tensor> &tensors,
                               size_t count) const {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
  if (!count)
    return attributes;
  dnnl::post_ops ops;
  for (size_t i = 0; i < count; ++i) {
    const PostOp &op = kernel.postOps[i];
    if (op.isBinary)
      ops.append_binary(op.algorithm, tensors[i].desc());
    else
      ops.append_eltwise(/*scale=*/1.0f, op.algorithm,
                         static_cast<float>(op.alpha),
                         static_cast<float>(op.beta));
  }
  attributes.set_post_ops(ops);
  return attributes;
}

static std::shared_ptr<PackedConstant> makePacked(int arg, uint64_t offset,
                                                  const memory::desc &desc) {
  auto packed = std::make_shared<PackedConstant>();
  packed->arg = arg;
  packed->offset = offset;
  packed->desc = desc;
  if (!packed->memory.reserve(std::max<size_t>(desc.get_size(), 1)))
    throw std::bad_alloc();
  return packed;
}

std::shared_ptr<PackedConstant>
ProgramBuilder::findPacked(int arg, uint64_t offset,
                           const memory::desc &desc) const {
  for (const auto &kept : context.packed)
    if (auto packed = kept.lock(); packed && packed->arg == arg &&
                                   packed->offset == offset &&
                                   packed->desc == desc)
      return packed;
  return nullptr;
}

Binding ProgramBuilder::bindZeros(int role, const memory::desc &desc) const {
  // Not kept for other programs: it belongs to these sizes.
  auto zeros = makePacked(/*arg=*/-1, 0, desc);
  memset(zeros->memory.data(), 0, desc.get_size());
  return {role, Place::Packed, -1, 0, zeros, desc};
}

/// Brings a constant into another order. Between two blocked orders the library
/// has its reference code only, which takes a hundred times as long as the way
/// through a plain one.
static void reorder(memory from, memory to) {
  auto isBlocked = [](const memory &memory) {
    dnnl_memory_desc_t desc = memory.get_desc().data;
    return desc.format_kind == dnnl_blocked &&
           desc.format_desc.blocking.inner_nblks > 0;
  };
  dnnl::engine engine = from.get_engine();
  dnnl::stream stream(engine);
  tenon::runtime::Memory plain;
  if (isBlocked(from) && isBlocked(to)) {
    // The first dimension, which blocks divide, is innermost in most of them.
    memory::dims dims = from.get_desc().dims(), strides = dims;
    int64_t size = 1;
    for (size_t i = 0; i < dims.size(); size *= dims[i++])
      strides[i] = size;
    memory::desc desc(dims, from.get_desc().data_type(), strides);
    if (!plain.reserve(desc.get_size()))
      throw std::bad_alloc();
    memory between(desc, engine, plain.data());
    dnnl::reorder(from, between).execute(stream, from, between);
    from = between;
  }
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

Binding ProgramBuilder::bindReordered(int role, int arg,
                                      const memory::desc &plain,
                                      const memory::desc &wanted,
                                      uint64_t part) {
  const memory::desc *layout = kernel.getLayout(arg);
  memory::desc stored = layout ? layout->reshape(plain.dims()) : plain;
  if (stored == wanted)
    return bindArg(role, arg, stored, part);
  if (!kernel.isConstant(arg)) {
    uint64_t offset = allocate(wanted.get_size());
    dnnl::reorder::primitive_desc desc(context.engine, plain, context.engine,
                                       wanted, makeAttributes({}, 0));
    addStep<dnnl::reorder>(desc, {bindArg(DNNL_ARG_FROM, arg, plain, part),
                                  bindScratch(DNNL_ARG_TO, offset, wanted)});
    return bindScratch(role, offset, wanted);
  }
  if (auto packed = findPacked(arg, part, wanted))
    return {role, Place::Packed, arg, 0, packed, wanted};
  auto packed = makePacked(arg, part, wanted);
  // The library reads it only.
  reorder({stored, context.engine,
           const_cast<uint8_t *>(kernel.getConstant(arg)) + part},
          {wanted, context.engine, packed->memory.data()});
  context.packed.push_back(packed);
  return {role, Place::Packed, arg, 0, packed, wanted};
}

uint64_t ProgramBuilder::allocate(uint64_t bytes) {
  uint64_t offset = program->scratchBytes;
  program->scratchBytes +=
      (bytes + TENON_BUFFER_ALIGNMENT - 1) & -uint64_t(TENON_BUFFER_ALIGNMENT);
  return offset;
}

void ProgramBuilder::addPrimitive(dnnl::primitive primitive,
                                  const std::string &implementation,
                                  const memory::desc &scratchpad,
                                  std::vector<Binding> bindings) {
  if (uint64_t bytes = scratchpad.get_size()) {
    scratchpadBytes = std::max(scratchpadBytes, bytes);
    bindings.push_back(
        bindScratch(DNNL_ARG_SCRATCHPAD, scratchpadOffset, scratchpad));
  }
  program->implementation +=
      (program->implementation.empty() ? "" : " + ") + implementation;
  program->steps.push_back({std::move(primitive), std::move(bindings), {}});
}

void ProgramBuilder::addSoftmax(const RowSoftmax &softmax) {
  program->implementation += " + softmax";
  program->steps.push_back({dnnl::primitive(), {}, softmax});
}

/// Whether an implementation is to be used with post-ops. The reference code is
/// slower by orders of magnitude, and convolution by gemm (oneDNN 2.6) gives
/// wrong results for operands that are neither one value per channel nor in the
/// layout of the result.
bool ProgramBuilder::isGood(const std::string &implementation, bool hasBinary) {
  auto has = [&](const char *part) {
    return implementation.find(part) != std::string::npos;
  };
  return !has("ref") && !(hasBinary && has("gemm"));
}

void ProgramBuilder::addPostOpStep(const PostOp &op, const Tensor &dst,
                                   const Tensor &operand) {
  memory::desc desc = dst.desc();
  if (op.isBinary) {
    dnnl::binary::primitive_desc step(
        {op.algorithm, desc, operand.desc(), desc}, makeAttributes({}, 0),
        context.engine);
    addStep<dnnl::binary>(step,
                          {bindArg(DNNL_ARG_SRC_0, kernel.result(), desc),
                           bindArg(DNNL_ARG_SRC_1, op.arg, operand.desc()),
                           bindArg(DNNL_ARG_DST, kernel.result(), desc)});
    return;
  }
  dnnl::eltwise_forward::primitive_desc step(
      {dnnl::prop_kind::forward_inference, op.algorithm, desc,
       static_cast<float>(op.alpha), static_cast<float>(op.beta)},
      makeAttributes({}, 0), context.engine);
  addStep<dnnl::eltwise_forward>(
      step, {bindArg(DNNL_ARG_SRC, kernel.result(), desc),
             bindArg(DNNL_ARG_DST, kernel.result(), desc)});
}

std::shared_ptr<const Program> ProgramBuilder::finish() {
  uint64_t offset = allocate(scratchpadBytes);
  for (Step &step : program->steps)
    for (Binding &binding : step.bindings)
      if (binding.place == Place::Scratch && binding.offset == scratchpadOffset)
        binding.offset = offset;
  return program;
}

void ProgramBuilder::failUnimplemented() const {
  std::string shapes;
  for (int arg = 0; arg < kernel.numArgs(); ++arg)
    shapes += (arg ? ", " : "") + getTensor(arg).format();
  throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                        "oneDNN has no implementation for these arguments: " +
                            shapes};
}

void ProgramBuilder::fail(const std::string &what) const {
  throw ProviderFailure{TENON_ERROR_INVALID, what};
}

std::shared_ptr<const Program>
tenon::onednn::buildProgram(const BuildContext &context) {
  ProgramBuilder builder(context);
  switch (context.kernel.kind) {
  case TENON_ONEDNN_CONV:
  case TENON_ONEDNN_DECONV:
    buildConvolution(builder);
    break;
  case TENON_ONEDNN_MATMUL:
    buildMatMul(builder);
    break;
  case TENON_ONEDNN_AVERAGE_POOL:
    buildPooling(builder);
    break;
  case TENON_ONEDNN_SOFTMAX:
    buildSoftmax(builder);
    break;
  case TENON_ONEDNN_ATTENTION:
    buildAttention(builder);
    break;
  }
  return builder.finish();
}
