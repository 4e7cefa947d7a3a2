//===- OpsControlFlow.cpp - Conditions ------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"

#include "llvm/ADT/SetVector.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// One branch that is known to be taken stands in place of the node.
static LogicalResult importBranch(NodeContext &node,
                                  const onnx::GraphProto &graph) {
  FailureOr<SmallVector<Value>> results = node.importGraph(graph);
  if (failed(results))
    return failure();
  return node.setOutputs(*results);
}

/// A branch in a region of its own.
static FailureOr<SmallVector<Value>>
importRegion(NodeContext &node, const onnx::GraphProto &graph, Region &region) {
  OpBuilder &builder = node.getBuilder();
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&region);
  return node.importGraph(graph);
}

/// Ranks have to be static, but exporters write "squeeze this dimension" as
///   if (dim == 1) squeeze(x, dim) else x
/// where the size of the dimension is dynamic. The rest of such a model works
/// with the squeezed rank only, so the condition is taken to hold; the squeeze
/// says that the dimension is 1. `squeezed` and `other` are the results.
static bool isSqueezeOfOne(NodeContext &node, Value condition, Value squeezed,
                           Value other) {
  while (Operation *op = condition.getDefiningOp()) {
    if (!isa<SqueezeOp, ReshapeOp, CastOp>(op))
      break;
    condition = op->getOperand(0);
  }
  auto equal = condition.getDefiningOp<EqualOp>();
  auto squeeze = squeezed.getDefiningOp<SqueezeOp>();
  if (!equal || !squeeze || squeeze.getInput() != other ||
      squeeze.getAxes().size() != 1)
    return false;
  bool isOne = false, isDim = false;
  for (Value side : equal->getOperands()) {
    const std::optional<Elements> &elements =
        node.getKnownValues().getElements(side);
    if (!elements || elements->size() != 1)
      return false;
    const Element &element = elements->front();
    isOne |= element.constant == 1;
    isDim |= element.isDim() && element.tensor == other &&
             element.dim == squeeze.getAxes()[0];
  }
  return isOne && isDim;
}

/// The inputs of the model that `value` is computed from.
static std::string listInputs(Value value) {
  llvm::SetVector<Value> work;
  work.insert(value);
  std::string names;
  for (size_t i = 0; i != work.size(); ++i) {
    if (Operation *op = work[i].getDefiningOp()) {
      work.insert(op->operand_begin(), op->operand_end());
      continue;
    }
    if (auto name = dyn_cast<NameLoc>(work[i].getLoc()))
      names += (names.empty() ? "" : ", ") + quote(name.getName());
  }
  return names;
}

/// The forms that the results of both branches can take.
static FailureOr<SmallVector<Form>> joinForms(NodeContext &node,
                                              Value condition,
                                              ArrayRef<Value> thenResults,
                                              ArrayRef<Value> elseResults) {
  SmallVector<Form> forms;
  for (auto [i, a, b] : llvm::enumerate(thenResults, elseResults)) {
    if (!a || !b) // After an unsupported node.
      return failure();
    Form::Difference why;
    std::optional<Form> form = Form::join(Form::get(a), Form::get(b), why);
    if (!form && isTensor(a) && isTensor(b) &&
        getElementTypeOrSelf(a) == getElementTypeOrSelf(b))
      return node.unsupported(
          "output " + Twine(i) + " has rank " + Twine(getType(a).getRank()) +
          " in one branch and " + Twine(getType(b).getRank()) +
          " in the other, and the condition is not constant; fix the shape or "
          "the value of what it depends on: " +
          listInputs(condition));
    if (!form)
      return node.invalid("output " + Twine(i) + " is " + why.first +
                          " in one branch and " + why.second + " in the other");
    forms.push_back(*form);
  }
  return forms;
}

/// Ends a branch with its results in these forms.
static LogicalResult yieldForms(NodeContext &node, Region &region,
                                ArrayRef<Form> forms, ArrayRef<Value> results) {
  OpBuilder &builder = node.getBuilder();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&region.front());
  SmallVector<Value> parts;
  for (auto [form, result] : llvm::zip_equal(forms, results))
    llvm::append_range(parts, form.takeApart(node, result));
  if (node.failed())
    return failure();
  YieldOp::create(builder, node.getLoc(), parts);
  return success();
}

static LogicalResult convertIf(NodeContext &node) {
  Value condition = node.getInput(0);
  const onnx::GraphProto *thenGraph = node.getGraph("then_branch");
  const onnx::GraphProto *elseGraph = node.getGraph("else_branch");
  if (node.failed())
    return failure();
  if (!getElementTypeOrSelf(condition).isInteger(1))
    return node.invalid("expected a condition of bool, found " +
                        getTypeName(getElementTypeOrSelf(condition)));
  for (const onnx::GraphProto *graph : {thenGraph, elseGraph}) {
    if (graph->input_size() != 0)
      return node.invalid("expected branches without inputs, found " +
                          Twine(graph->input_size()));
    if (graph->output_size() != int(node.getNumOutputs()))
      return node.invalid("expected branches of " +
                          Twine(node.getNumOutputs()) + " outputs, found " +
                          Twine(graph->output_size()));
  }
  if (std::optional<SmallVector<int64_t>> known =
          node.getKnownValues().getConstants(condition)) {
    if (known->size() != 1)
      return node.invalid("expected one condition, found " +
                          Twine(known->size()));
    return importBranch(node, (*known)[0] ? *thenGraph : *elseGraph);
  }
  RankedTensorType type = getType(condition);
  if (type.getRank() != 0) {
    SmallVector<int64_t> axes =
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    condition = node.squeeze(condition, axes);
  }
  if (!condition)
    return failure();

  Region thenRegion, elseRegion;
  FailureOr<SmallVector<Value>> thenResults =
      importRegion(node, *thenGraph, thenRegion);
  FailureOr<SmallVector<Value>> elseResults = failure();
  if (succeeded(thenResults))
    elseResults = importRegion(node, *elseGraph, elseRegion);
  if (failed(thenResults) || failed(elseResults)) {
    // Exporters leave branches in a model that its shapes never take.
    if (std::string names = listInputs(condition); !names.empty())
      node.addNote("it is in a branch of " + node.describe() +
                   ", which is left out if the condition is constant; fix the "
                   "shape or the value of what that depends on: " +
                   names);
    return failure();
  }

  OpBuilder &builder = node.getBuilder();
  if (thenResults->size() == 1 && thenResults->front() &&
      elseResults->front() &&
      isSqueezeOfOne(node, condition, thenResults->front(),
                     elseResults->front())) {
    builder.getBlock()->getOperations().splice(
        builder.getInsertionPoint(), thenRegion.front().getOperations());
    node.getKnownValues().clear();
    return node.setOutputs(*thenResults);
  }

  FailureOr<SmallVector<Form>> forms =
      joinForms(node, condition, *thenResults, *elseResults);
  if (failed(forms) ||
      failed(yieldForms(node, thenRegion, *forms, *thenResults)) ||
      failed(yieldForms(node, elseRegion, *forms, *elseResults))) {
    // The regions go, and with them what is known of their values.
    node.getKnownValues().clear();
    return failure();
  }
  OperationState state(node.getLoc(), IfOp::getOperationName());
  state.addOperands(condition);
  for (const Form &form : *forms)
    state.addTypes(form.getTypes(node.getContext()));
  state.addRegion()->takeBody(thenRegion);
  state.addRegion()->takeBody(elseRegion);
  Operation *op = node.insert(state);
  if (!op)
    return failure();
  return node.setOutputs(
      putTogether(node, *forms, SmallVector<Value>(op->getResults())));
}

ArrayRef<OpEntry> getControlFlowOps() {
  static constexpr int64_t ifVersions[] = {1, 11, 13, 16, 19, 21, 23, 24, 25};
  static const OpEntry entries[] = {
      {"If", ifVersions, convertIf},
  };
  return entries;
}

} // namespace tenon::onnx_import
