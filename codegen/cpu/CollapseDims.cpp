//===- CollapseDims.cpp - Fewer dimensions in a kernel --------------------===//
//
// Each tensor of rank r has r - 1 boundaries between neighbouring dimensions.
// An operation ties boundaries of its operands to those of its result, and
// closes the ones that it needs. What is open in the end falls, everywhere at
// once.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CollapseDims.h"

#include "codegen/cpu/KernelShape.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class Collapser {
public:
  explicit Collapser(KernelOp kernel)
      : kernel(kernel), root(getRootConcat(kernel)) {}

  Collapses run();

private:
  /// Boundary `i` of a tensor stands behind its dimension `i`.
  using Boundary = std::pair<void *, int64_t>;
  /// How an operation treats a dimension; neighbours must agree to be merged.
  /// Dimensions of size 1 take part in whatever stands before them.
  using Kinds = SmallVector<int>;
  static constexpr int kNeutral = -1;

  static RankedTensorType getType(Value tensor) {
    return cast<RankedTensorType>(tensor.getType());
  }
  Boundary boundary(Value tensor, int64_t i) {
    return {tensor.getAsOpaquePointer(), i};
  }
  void close(Value tensor, int64_t i) {
    closed.push_back(boundary(tensor, i));
    classes.insert(boundary(tensor, i));
  }
  void closeAll(Value tensor) {
    if (isa<RankedTensorType>(tensor.getType()))
      for (int64_t i = 0; i + 1 < getType(tensor).getRank(); ++i)
        close(tensor, i);
  }
  void tie(Value a, int64_t i, Value b, int64_t j) {
    classes.unionSets(boundary(a, i), boundary(b, j));
  }
  /// Ties all boundaries of two tensors of one rank.
  void tieAll(Value a, Value b) {
    for (int64_t i = 0; i + 1 < getType(a).getRank(); ++i)
      tie(a, i, b, i);
  }
  /// Closes the boundaries where kinds differ.
  void closeByKind(Value tensor, Kinds kinds);
  /// Kinds of a tensor's dimensions: in `axes` or not.
  Kinds getKinds(Value tensor, ArrayRef<int64_t> axes);

  void visit(Operation *op);
  void rewrite(Operation *op);
  bool isOpen(Value tensor, int64_t i) {
    return !closedLeaders.contains(classes.getLeaderValue(boundary(tensor, i)));
  }
  SmallVector<SmallVector<int64_t, 2>> getGroups(Value tensor);
  int64_t getGroup(Value tensor, int64_t dim);
  SmallVector<int64_t> getGroups(Value tensor, ArrayRef<int64_t> dims);

  KernelOp kernel;
  ConcatOp root;
  llvm::EquivalenceClasses<Boundary> classes;
  SmallVector<Boundary> closed;
  llvm::DenseSet<Boundary> closedLeaders;
};

} // namespace

void Collapser::closeByKind(Value tensor, Kinds kinds) {
  int last = kNeutral;
  for (auto [i, kind] : llvm::enumerate(kinds)) {
    if (kind == kNeutral)
      continue;
    if (last != kNeutral && last != kind)
      close(tensor, i - 1);
    last = kind;
  }
}

Collapser::Kinds Collapser::getKinds(Value tensor, ArrayRef<int64_t> axes) {
  Kinds kinds;
  for (auto [i, size] : llvm::enumerate(getType(tensor).getShape()))
    kinds.push_back(size == 1 ? kNeutral
                              : int(llvm::is_contained(axes, int64_t(i))));
  return kinds;
}

void Collapser::visit(Operation *op) {
  auto reduceAxes = [&](Value input, Value output, ArrayRef<int64_t> axes) {
    tieAll(input, output);
    closeByKind(input, getKinds(input, axes));
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](ElementwiseOpInterface) {
        Value output = op->getResult(0);
        for (Value operand : op->getOperands()) {
          if (getType(operand).getRank() == 0)
            continue;
          tieAll(operand, output);
          Kinds kinds;
          for (auto [in, out] : llvm::zip_equal(getType(operand).getShape(),
                                                getType(output).getShape()))
            kinds.push_back(out == 1 ? kNeutral : int(in == 1));
          closeByKind(operand, kinds);
        }
      })
      .Case([&](ReduceOp reduce) {
        reduceAxes(reduce.getInput(), reduce.getOutput(), reduce.getAxes());
      })
      .Case<SoftmaxOp, LogSoftmaxOp>([&](auto softmax) {
        int64_t axis = softmax.getAxis();
        Value input = softmax.getInput();
        reduceAxes(input, softmax.getOutput(), axis);
        // `axis` must not come to mean its neighbours if its size is 1.
        if (axis > 0)
          close(input, axis - 1);
        if (axis + 1 < getType(input).getRank())
          close(input, axis);
      })
      .Case([&](LayerNormOp norm) {
        int64_t axis = norm.getAxis();
        auto axes = llvm::to_vector(
            llvm::seq<int64_t>(axis, getType(norm.getInput()).getRank()));
        reduceAxes(norm.getInput(), norm.getOutput(), axes);
        // A merge across `axis` would change what `axis` names.
        if (axis > 0)
          close(norm.getInput(), axis - 1);
        for (Value operand : llvm::drop_begin(op->getOperands()))
          for (int64_t i = 0; i + 1 < getType(operand).getRank(); ++i)
            tie(operand, i, norm.getInput(), axis + i);
      })
      .Case([&](TransposeOp transpose) {
        ArrayRef<int64_t> permutation = transpose.getPermutation();
        SmallVector<bool> isTied(permutation.size(), false);
        for (size_t i = 0; i + 1 < permutation.size(); ++i) {
          if (permutation[i] + 1 == permutation[i + 1]) {
            tie(transpose.getOutput(), i, transpose.getInput(), permutation[i]);
            isTied[permutation[i]] = true;
          } else {
            close(transpose.getOutput(), i);
          }
        }
        for (size_t i = 0; i + 1 < permutation.size(); ++i)
          if (!isTied[i])
            close(transpose.getInput(), i);
      })
      .Case([&](ConcatOp concat) {
        int64_t axis = concat.getAxis();
        for (Value operand : concat.getInputs())
          tieAll(operand, concat.getOutput());
        if (axis > 0)
          close(concat.getOutput(), axis - 1);
        // At the root there is a loop for each operand. Elsewhere which of them
        // it is had better be the same for all lanes.
        auto behind =
            getType(concat.getOutput()).getShape().drop_front(axis + 1);
        if (concat != root &&
            llvm::any_of(behind, [](int64_t size) { return size != 1; }))
          close(concat.getOutput(), axis);
      })
      .Case([&](ConstantOp constant) {
        if (!constant.getValue().isSplat())
          closeAll(constant);
      })
      .Case([&](tensor::FromElementsOp elements) {
        if (elements.getElements().size() != 1)
          closeAll(elements);
      })
      .Case([&](YieldOp) {})
      .Default([&](Operation *) {
        for (Value operand : op->getOperands())
          closeAll(operand);
        for (Value result : op->getResults())
          closeAll(result);
      });
}

SmallVector<SmallVector<int64_t, 2>> Collapser::getGroups(Value tensor) {
  SmallVector<SmallVector<int64_t, 2>> groups;
  for (int64_t i = 0, e = getType(tensor).getRank(); i != e; ++i) {
    if (i == 0 || !isOpen(tensor, i - 1))
      groups.emplace_back();
    groups.back().push_back(i);
  }
  return groups;
}

int64_t Collapser::getGroup(Value tensor, int64_t dim) {
  int64_t group = 0;
  for (int64_t i = 0; i != dim; ++i)
    group += !isOpen(tensor, i);
  return group;
}

SmallVector<int64_t> Collapser::getGroups(Value tensor,
                                          ArrayRef<int64_t> dims) {
  SmallVector<int64_t> groups;
  for (int64_t dim : dims)
    groups.push_back(getGroup(tensor, dim));
  llvm::sort(groups);
  groups.erase(llvm::unique(groups), groups.end());
  return groups;
}

/// Changes the attributes of `op`, whose tensors still have their old types.
void Collapser::rewrite(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](ReduceOp reduce) {
        // A dimension of size 1 may share a group with what isn't reduced.
        SmallVector<int64_t> axes;
        for (int64_t axis : reduce.getAxes())
          if (getType(reduce.getInput()).getDimSize(axis) != 1 ||
              getGroups(reduce.getInput())[getGroup(reduce.getInput(), axis)]
                      .size() == 1)
            axes.push_back(axis);
        reduce.setAxes(getGroups(reduce.getInput(), axes));
      })
      .Case<SoftmaxOp, LogSoftmaxOp, ConcatOp>([&](auto op) {
        op.setAxis(getGroup(op->getOperand(0), op.getAxis()));
      })
      .Case([&](LayerNormOp norm) {
        norm.setAxis(getGroup(norm.getInput(), norm.getAxis()));
      })
      .Case([&](TransposeOp transpose) {
        SmallVector<int64_t> permutation;
        for (int64_t dim : transpose.getPermutation()) {
          int64_t group = getGroup(transpose.getInput(), dim);
          if (permutation.empty() || permutation.back() != group)
            permutation.push_back(group);
        }
        transpose.setPermutation(permutation);
      });
}

Collapses Collapser::run() {
  Block &body = kernel.getBody().front();
  auto forEachTensor = [&](auto callback) {
    for (Value argument : body.getArguments())
      if (isa<RankedTensorType>(argument.getType()))
        callback(argument);
    for (Operation &op : body)
      for (Value result : op.getResults())
        if (isa<RankedTensorType>(result.getType()))
          callback(result);
  };
  forEachTensor([&](Value tensor) {
    for (int64_t i = 0; i + 1 < getType(tensor).getRank(); ++i)
      classes.insert(boundary(tensor, i));
  });
  for (Operation &op : body)
    visit(&op);
  for (Boundary boundary : closed)
    closedLeaders.insert(classes.getLeaderValue(boundary));

  for (Operation &op : body)
    rewrite(&op);
  Collapses collapses;
  for (Value argument : body.getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      collapses.push_back(getGroups(argument));
  forEachTensor([&](Value tensor) {
    SmallVector<int64_t> shape;
    for (ArrayRef<int64_t> group : getGroups(tensor)) {
      int64_t size = 1;
      for (int64_t dim : group) {
        int64_t dimSize = getType(tensor).getDimSize(dim);
        size = ShapedType::isDynamic(dimSize) || ShapedType::isDynamic(size)
                   ? ShapedType::kDynamic
                   : size * dimSize;
      }
      shape.push_back(size);
    }
    RankedTensorType type = getType(tensor).clone(shape);
    tensor.setType(type);
    if (auto constant = tensor.getDefiningOp<ConstantOp>())
      if (constant.getValue().getShapedType() != type)
        constant.setValueAttr(
            cast<DenseElementsAttr>(constant.getValue()).resizeSplat(type));
  });
  return collapses;
}

Collapses collapseDims(KernelOp kernel) { return Collapser(kernel).run(); }

Collapses getIdentityCollapses(KernelOp kernel) {
  Collapses collapses;
  for (Value input : kernel.getInputs()) {
    auto &groups = collapses.emplace_back();
    for (int64_t i = 0, e = cast<RankedTensorType>(input.getType()).getRank();
         i != e; ++i)
      groups.push_back({i});
  }
  return collapses;
}

} // namespace tenon::cpu
