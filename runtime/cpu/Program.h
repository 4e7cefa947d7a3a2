//===- Program.h - A kernel at some sizes, ready to run ------------------===//

#ifndef TENON_RUNTIME_CPU_PROGRAM_H
#define TENON_RUNTIME_CPU_PROGRAM_H

#include "runtime/core/Memory.h"
#include "runtime/cpu/Kernel.h"

#include <memory>

namespace tenon::onednn {

/// A constant in the layout that a primitive prefers.
struct PackedConstant {
  int arg;
  uint64_t offset; // of the part that it is, in bytes
  dnnl::memory::desc desc;
  tenon::runtime::Memory memory;
};

/// Where a memory of a primitive is.
enum class Place { Arg, Packed, Scratch };

struct Binding {
  int role; // DNNL_ARG_...
  Place place;
  int index;       // of the arg
  uint64_t offset; // in the arg or in the scratch memory, in bytes
  std::shared_ptr<PackedConstant> packed;
  dnnl::memory::desc desc;
};

/// Softmax of rows in place in the scratch memory, scaled and masked first; see
/// Softmax.h.
struct RowSoftmax {
  uint64_t offset;        // of the scores in the scratch memory
  int64_t outer[2], rows; // batch, heads, rows of each
  int64_t columns;
  float scale;
  int mask;               // arg, or -1
  int64_t maskStrides[4]; // of batch, head, row, column; 0 where it broadcasts
};

/// One primitive, or a row softmax if `primitive` is empty.
struct Step {
  dnnl::primitive primitive;
  std::vector<Binding> bindings;
  RowSoftmax softmax{};
};

/// What runs a kernel at some sizes. It never changes; sessions share it.
struct Program {
  std::vector<Step> steps;
  uint64_t scratchBytes = 0;
  std::string implementation;
};

/// What a program is made from.
struct BuildContext {
  const dnnl::engine &engine;
  const Kernel &kernel;
  const int64_t *dims;
  /// The kernel's packed constants that programs use; new ones are added.
  std::vector<std::weak_ptr<PackedConstant>> &packed;
};

/// Makes the program for a call, for as many threads as OpenMP now gives.
/// Throws ProviderFailure and dnnl::error.
std::shared_ptr<const Program> buildProgram(const BuildContext &context);

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_PROGRAM_H
