//===- ProgramBuilder.h - What the kinds of kernels are built with -------===//

#ifndef TENON_RUNTIME_CPU_PROGRAMBUILDER_H
#define TENON_RUNTIME_CPU_PROGRAMBUILDER_H

#include "runtime/cpu/Program.h"

namespace tenon::onednn {

/// Collects the steps of a program.
class ProgramBuilder {
public:
  explicit ProgramBuilder(const BuildContext &context)
      : context(context), kernel(context.kernel),
        program(std::make_shared<Program>()) {}

  Tensor getTensor(int arg) const {
    return kernel.getTensor(arg, context.dims);
  }
  /// The operands of the post-ops at the rank of dst, without dimensions for
  /// eltwise ones. The library wants each dimension to be 1 or that of dst.
  std::vector<Tensor> getPostOpTensors(const Tensor &dst) const;

  /// Attributes with the kernel's first `count` post-ops; `tensors` are the
  /// args of all post-ops (unused for eltwise ones).
  dnnl::primitive_attr makeAttributes(const std::vector<Tensor> &tensors,
                                      size_t count) const;

  Binding bindArg(int role, int arg, const dnnl::memory::desc &desc,
                  uint64_t offset = 0) const {
    return {role, Place::Arg, arg, offset, nullptr, desc};
  }
  Binding bindScratch(int role, uint64_t offset,
                      const dnnl::memory::desc &desc) const {
    return {role, Place::Scratch, -1, offset, nullptr, desc};
  }
  /// Binds an arg whose contents the primitive wants in layout `wanted`, with
  /// dimensions as `plain`: as it is if it stands so, packed now if it is
  /// constant, reordered by a step of its own if it is not. A packed arg stands
  /// as its layout says, any other one as `plain`.
  Binding bindReordered(int role, int arg, const dnnl::memory::desc &plain,
                        const dnnl::memory::desc &wanted, uint64_t offset = 0);
  /// Binds zeros instead of an arg.
  Binding bindZeros(int role, const dnnl::memory::desc &desc) const;

  /// Memory that lives for a run of the program.
  uint64_t allocate(uint64_t bytes);

  /// Adds a primitive; binds its scratchpad.
  template <typename Primitive>
  void addStep(const typename Primitive::primitive_desc &desc,
               std::vector<Binding> bindings) {
    addPrimitive(Primitive(desc), desc.impl_info_str(), desc.scratchpad_desc(),
                 std::move(bindings));
  }
  void addSoftmax(const RowSoftmax &softmax);

  /// Makes a step with the post-ops in it. If the library has only its
  /// reference implementation for that, which is slower by orders of magnitude,
  /// the post-ops that it can't fuse become steps of their own, in place.
  ///   makeDesc(attributes): the primitive's descriptor, empty if there is none
  ///   makeBindings(desc): the bindings without those of post-ops
  template <typename Primitive, typename MakeDesc, typename MakeBindings>
  void addWithPostOps(const Tensor &dst, const std::vector<Tensor> &tensors,
                      MakeDesc makeDesc, MakeBindings makeBindings) {
    size_t all = kernel.postOps.size(), firstBinary = 0;
    while (firstBinary < all && !kernel.postOps[firstBinary].isBinary)
      ++firstBinary;
    for (size_t count : {all, firstBinary, size_t(0)}) {
      auto desc = makeDesc(makeAttributes(tensors, count));
      if (count &&
          (!desc || !isGood(desc.impl_info_str(), count > firstBinary)))
        continue;
      if (!desc)
        failUnimplemented();
      std::vector<Binding> bindings = makeBindings(desc);
      for (size_t i = 0; i < count; ++i)
        if (kernel.postOps[i].isBinary)
          bindings.push_back(
              bindArg(DNNL_ARG_ATTR_MULTIPLE_POST_OP(static_cast<int>(i)) |
                          DNNL_ARG_SRC_1,
                      kernel.postOps[i].arg, tensors[i].desc()));
      addStep<Primitive>(desc, std::move(bindings));
      for (size_t i = count; i < all; ++i)
        addPostOpStep(kernel.postOps[i], dst, tensors[i]);
      return;
    }
  }

  /// Adds a post-op as a step of its own, in place.
  void addPostOpStep(const PostOp &op, const Tensor &dst,
                     const Tensor &operand);

  std::shared_ptr<const Program> finish();
  [[noreturn]] void failUnimplemented() const;
  [[noreturn]] void fail(const std::string &what) const;

  const BuildContext &context;
  const Kernel &kernel;

private:
  /// What an earlier program packed the same way, or null.
  std::shared_ptr<PackedConstant>
  findPacked(int arg, uint64_t offset, const dnnl::memory::desc &desc) const;
  static bool isGood(const std::string &implementation, bool hasBinary);
  void addPrimitive(dnnl::primitive primitive,
                    const std::string &implementation,
                    const dnnl::memory::desc &scratchpad,
                    std::vector<Binding> bindings);
  std::shared_ptr<Program> program;
  /// The primitives' own scratch memory, shared by all, comes after the rest.
  uint64_t scratchpadBytes = 0;
};

void buildConvolution(ProgramBuilder &builder);
void buildPooling(ProgramBuilder &builder);
void buildMatMul(ProgramBuilder &builder);
void buildSoftmax(ProgramBuilder &builder);
void buildAttention(ProgramBuilder &builder);

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_PROGRAMBUILDER_H
