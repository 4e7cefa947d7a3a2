//===- OneDnnKernel.h - One kernel as a model, and its slow twin ---------===//

#ifndef TENON_TEST_UNIT_RUNTIME_ONEDNNKERNEL_H
#define TENON_TEST_UNIT_RUNTIME_ONEDNNKERNEL_H

#include "runtime/core/ModelAbi.h"
#include "runtime/cpu/OneDnnAbi.h"
#include "test/unit/runtime/ApiTest.h"

#include <functional>

namespace tenon::test {

using Dims = std::vector<int64_t>;

/// An argument with its dimensions in the kernel's logical order, stored in the
/// order that the permutation says.
struct TestArg {
  Dims dims;        // logical
  Dims permutation; // empty: identity
  bool isConstant = false;
  std::vector<float> data{}; // stored

  void fill(unsigned seed);
  Dims storedDims() const;
  /// The position of a logical index in `data`; dimensions of 1 and missing
  /// leading ones broadcast.
  size_t offset(const Dims &index) const;
  float at(const Dims &index) const { return data[offset(index)]; }
};

struct TestPostOp {
  int kind, algorithm;
  double alpha, beta;
  int arg;
};

/// A kernel with the words of its descriptor.
struct TestKernel {
  TenonOneDnnKind kind;
  std::vector<TestArg> args; // the last is the result
  int bias = -1;
  std::vector<int64_t> attributes;
  std::vector<TestPostOp> postOps;
  /// Instead of what follows from the rest.
  std::vector<int64_t> descriptor{};

  /// Fills the args with small random numbers.
  void fill();
  std::vector<int64_t> makeDescriptor() const;

  /// Runs the kernel by libtenon into the result; returns "ok" or the error.
  /// `implementation` tells how.
  std::string run(int threads = 1, std::string *implementation = nullptr);
  /// The same kernel with its constant arg 1 packed as the compiler does it,
  /// for these stored dimensions of all args, -1 where they are not known;
  /// without args if it is not packed.
  TestKernel pack(const Dims &dims) const;
  /// The stored dimensions of all args.
  Dims allDims() const;
  /// Computes the result by definition, in double.
  std::vector<double> computeReference() const;
  /// Runs at one and at two threads and compares.
  void check(const std::string &what, double tolerance = 2e-5);
};

int64_t bitsOf(double value);
/// Calls `visit` with each index below `dims`.
void forEachIndex(const Dims &dims,
                  const std::function<void(const Dims &)> &visit);

/// A model of one library kernel whose args' dimensions are all symbols; it
/// outlives what is made from it.
class KernelModel {
public:
  explicit KernelModel(const TestKernel &kernel);
  ~KernelModel();
  KernelModel(const KernelModel &) = delete;
  const TenonModelDesc &getDesc() const;
  TenonError *bind(TenonSession *session, TestKernel &kernel) {
    return call(session, kernel, /*runs=*/false);
  }
  TenonError *run(TenonSession *session, TestKernel &kernel) {
    return call(session, kernel, /*runs=*/true);
  }

private:
  TenonError *call(TenonSession *session, TestKernel &kernel, bool runs);
  struct State;
  std::unique_ptr<State> state;
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_ONEDNNKERNEL_H
