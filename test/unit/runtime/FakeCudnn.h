//===- FakeCudnn.h - cuDNN's descriptors without a device ----------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKECUDNN_H
#define TENON_TEST_UNIT_RUNTIME_FAKECUDNN_H

#include "runtime/cuda/Cudnn.h"
#include "tenon/types.h"

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tenon::test::cuda {

struct Descriptor;

/// The bytes of an element of a cudnnBackendAttributeType_t.
size_t getSizeOfType(int type);

/// What was set.
struct Attribute {
  int type;
  int64_t count;
  std::vector<char> bytes;

  template <typename T> std::vector<T> getAll() const {
    std::vector<T> values(count);
    memcpy(values.data(), bytes.data(),
           std::min(bytes.size(), count * sizeof(T)));
    return values;
  }
  std::vector<Descriptor *> getDescriptors() const {
    return getAll<Descriptor *>();
  }
};

/// What cudnnBackendDescriptor_t points at.
struct Descriptor {
  int type = -1;
  bool isFinalized = false;
  std::map<int, Attribute> attributes;
  void *real = nullptr; // that of a real library
  // Of engines, and what is made of them.
  int64_t engine = -1;
  const Descriptor *graph = nullptr;
  std::set<int64_t> compiled; // of a cache

  bool has(int attribute) const { return attributes.count(attribute); }
  template <typename T> T get(int attribute) const {
    auto found = attributes.find(attribute);
    return found == attributes.end() ? T() : found->second.getAll<T>()[0];
  }
  /// Of a tensor.
  bool isVirtual() const {
    return get<char>(tenon::cuda::CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  }
  bool isByValue() const {
    return get<char>(tenon::cuda::CUDNN_ATTR_TENSOR_IS_BY_VALUE);
  }
  int getInt(int attribute) const { return get<int>(attribute); }
  const Descriptor *getDescriptor(int attribute) const {
    return get<Descriptor *>(attribute);
  }
  std::vector<int64_t> getInts(int attribute) const {
    auto found = attributes.find(attribute);
    return found == attributes.end() ? std::vector<int64_t>()
                                     : found->second.getAll<int64_t>();
  }
};

/// Whether a descriptor has what the documentation wants of it, and all fits
/// together.
bool isComplete(const Descriptor &descriptor);

/// "f16 1x64x56x56 * 64x64x3x3 + 1x64x1x1, mode 100" of a finalized graph.
std::string describeGraph(const Descriptor &graph);

/// A run of a graph, with copies of all that it was given.
class GraphRun {
public:
  /// False if something has no place.
  bool read(const Descriptor &graph, const Descriptor &pack);
  std::vector<uint64_t> getAddresses() const;
  void compute() const;

private:
  struct Tensor {
    int64_t id;
    TenonDType type;
    std::vector<int64_t> dims, strides;
    uint64_t address; // 0 if it is not in the device's memory
    double number;    // what it is if it is given by value
  };
  struct Step {
    int type, mode;
    size_t input, second, result; // tensors; `second` may be the input again
    bool hasSecond;
    std::vector<int64_t> strides, dilations, pads;
    double limit;
  };
  using Values = std::vector<double>;
  size_t addTensor(const Descriptor &tensor);
  void convolve(const Step &step, const Values &input, const Values &weights,
                Values &result) const;
  void multiply(const Step &step, const Values &lhs, const Values &rhs,
                Values &result) const;
  void reduce(const Step &step, const Values &input, Values &result) const;
  void apply(const Step &step, const Values &input, const Values &second,
             Values &result) const;

  std::vector<Tensor> tensors;
  std::vector<Step> steps;
  std::map<int64_t, uint64_t> places;
};

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_FAKECUDNN_H
