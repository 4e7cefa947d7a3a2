//===- Sequences.h - Inputs and outputs that are no tensors --------------===//
//
// A model's code knows tensors only: a sequence or an optional is several of
// them (TenonPart). Here the caller's become these, and the model's become the
// caller's.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CORE_SEQUENCES_H
#define TENON_RUNTIME_CORE_SEQUENCES_H

#include "runtime/core/Memory.h"
#include "runtime/core/Model.h"

#include <functional>
#include <vector>

namespace tenon::runtime {

/// The inputs of a model as the tensors of its description. Tensors are handed
/// on, what sequences hold is copied.
class SequenceInputs {
public:
  explicit SequenceInputs(const TenonModel &model);

  /// `values` are the caller's, `positions` tells where each of the model's is.
  /// Without `withData` only sizes matter.
  Error pack(const TenonTensor *values, const std::vector<uint32_t> &positions,
             bool withData);
  const std::vector<TenonTensor> &getParts() const { return parts; }
  uint64_t size() const;

private:
  struct Packed {
    Memory elements;
    std::vector<int64_t> table;
    int64_t numElements = 0, tableDims[2] = {0, 0};
    char flag = 0;
  };
  Error packValue(uint32_t index, const TenonTensor &value, bool withData);

  const TenonModel &model;
  std::vector<Packed> packed;
  std::vector<TenonTensor> parts;
};

/// The outputs of a model that are sequences or optionals.
class SequenceOutputs {
public:
  explicit SequenceOutputs(const TenonModel &model);

  void clear();
  /// Reads the tensors of the description after a run.
  void unpack(const std::function<TenonTensor(uint32_t)> &getPart);
  /// Output `index`, which is not a tensor.
  TenonTensor get(size_t index) const;

private:
  struct Unpacked {
    std::vector<TenonTensor> elements;
    int64_t numElements = 0;
    bool isThere = false;
  };
  const TenonModel &model;
  std::vector<Unpacked> unpacked;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_SEQUENCES_H
