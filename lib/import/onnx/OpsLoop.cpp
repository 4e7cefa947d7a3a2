//===- OpsLoop.cpp - Loops ------------------------------------------------===//
//
// Loop and Scan become tenon.loop. The types of carried values are those at the
// beginning, until the body turns out to change a dimension: then the body is
// imported again with that dimension dynamic.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/Loops.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// A loop that counts to a constant of so many nodes in all is written out.
static constexpr int64_t kMaxUnrolledNodes = 64;
/// With the graphs within its body, and with all copies that the loops around
/// make of it.
static constexpr int64_t kMaxNestedNodes = 4096;

/// A scalar out of a tensor of one element; null after an error.
static Value getScalar(NodeContext &node, Value value, Type elementType,
                       const Twine &what) {
  if (!value || node.failed())
    return {};
  if (!isTensor(value)) {
    node.invalid("expected " + what + " to be a tensor, found " +
                 describeKind(value));
    return {};
  }
  RankedTensorType type = getType(value);
  if (type.getElementType() != elementType ||
      (type.hasStaticShape() && type.getNumElements() != 1)) {
    node.invalid("expected " + what + " to be one " + getTypeName(elementType) +
                 ", found " + getTypeName(type.getElementType()) + " of rank " +
                 Twine(type.getRank()));
    return {};
  }
  if (type.getRank() == 0)
    return value;
  return node.squeeze(value,
                      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
}

/// Checks what the body gives, and makes the condition a scalar.
static LogicalResult checkBody(NodeContext &node, const LoopParts &parts,
                               FailureOr<SmallVector<Value>> &results) {
  if (failed(results))
    return failure();
  if (llvm::is_contained(*results, Value())) { // After an unsupported node.
    node.getKnownValues().clear();
    return failure();
  }
  results->front() = getScalar(node, results->front(),
                               node.getBuilder().getI1Type(), "the condition");
  if (!results->front())
    return failure();
  for (auto [i, init] : llvm::enumerate(parts.inits)) {
    Form first = Form::get(init), next = Form::get((*results)[1 + i]);
    Form::Difference why;
    if (Form::join(first, next, why))
      continue;
    if (first.elementType == next.elementType && isTensor(init) &&
        isTensor((*results)[1 + i]))
      return node.unsupported(
          "carried value " + Twine(i) + " has rank " +
          Twine(getType(init).getRank()) + " at first and " +
          Twine(getType((*results)[1 + i]).getRank()) + " then");
    return node.invalid("carried value " + Twine(i) + " is " + why.first +
                        " at first and " + why.second + " then");
  }
  for (Value slice : ArrayRef(*results).drop_front(1 + parts.inits.size()))
    if (!isTensor(slice))
      return node.invalid("what the loop joins is " + describeKind(slice) +
                          ", expected a tensor");
  return success();
}

/// Makes each form one that the value of the next turn has too. Whether they
/// were that already.
static bool joinForms(MutableArrayRef<Form> forms, ArrayRef<Value> next) {
  bool isStable = true;
  for (auto [form, value] : llvm::zip_equal(forms, next)) {
    Form::Difference why;
    Form joined = *Form::join(form, Form::get(value), why);
    isStable &= joined == form;
    form = std::move(joined);
  }
  return isStable;
}

FailureOr<SmallVector<Value>>
createLoop(NodeContext &node, const LoopParts &parts, BodyFn importBody) {
  OpBuilder &builder = node.getBuilder();
  Location loc = node.getLoc();
  SmallVector<Form> forms;
  for (Value init : parts.inits)
    forms.push_back(Form::get(init));
  (void)joinForms(forms, parts.inits);
  size_t numInits = forms.size();
  // Each time a dimension more is dynamic, or it is the last time.
  while (true) {
    Region region;
    SmallVector<Value> slices;
    {
      OpBuilder::InsertionGuard guard(builder);
      SmallVector<Type> argumentTypes = {
          RankedTensorType::get({}, builder.getI64Type())};
      for (const Form &form : forms)
        llvm::append_range(argumentTypes, form.getTypes(node.getContext()));
      Block *block =
          builder.createBlock(&region, {}, argumentTypes,
                              SmallVector<Location>(argumentTypes.size(), loc));
      SmallVector<Value> arguments(block->getArguments().drop_front());
      FailureOr<SmallVector<Value>> made = importBody(
          block->getArgument(0), putTogether(node, forms, arguments));
      if (failed(checkBody(node, parts, made)))
        return failure();
      auto next = ArrayRef(*made).slice(1, numInits);
      if (!joinForms(forms, next)) {
        // The region goes, and with it what is known of its values.
        node.getKnownValues().clear();
        continue;
      }
      SmallVector<Value> yielded = {made->front()};
      for (auto [form, value] : llvm::zip_equal(forms, next))
        llvm::append_range(yielded, form.takeApart(node, value));
      llvm::append_range(slices, ArrayRef(*made).drop_front(1 + numInits));
      llvm::append_range(yielded, slices);
      if (node.failed()) {
        node.getKnownValues().clear();
        return failure();
      }
      YieldOp::create(builder, loc, yielded);
    }
    OperationState state(loc, LoopOp::getOperationName());
    SmallVector<Type> resultTypes;
    SmallVector<Value> inits;
    for (auto [form, init] : llvm::zip_equal(forms, parts.inits)) {
      llvm::append_range(resultTypes, form.getTypes(node.getContext()));
      llvm::append_range(inits, form.takeApart(node, init));
    }
    if (node.failed())
      return failure();
    size_t numParts = inits.size();
    for (Value slice : slices) {
      SmallVector<int64_t> shape = {ShapedType::kDynamic};
      llvm::append_range(shape, getType(slice).getShape());
      resultTypes.push_back(
          RankedTensorType::get(shape, getType(slice).getElementType()));
    }
    LoopOp::build(builder, state, resultTypes, parts.tripCount, parts.condition,
                  inits);
    state.regions.front()->takeBody(region);
    Operation *op = node.insert(state);
    if (!op)
      return failure();
    SmallVector<Value> made(op->getResults());
    SmallVector<Value> results =
        putTogether(node, forms, ArrayRef(made).take_front(numParts));
    llvm::append_range(results, ArrayRef(made).drop_front(numParts));
    return results;
  }
}

/// The nodes of a graph and of those within it, up to a limit.
static int64_t countNodes(const onnx::GraphProto &graph) {
  int64_t count = graph.node_size();
  for (const onnx::NodeProto &node : graph.node())
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        count += countNodes(attribute.g());
  return std::min<int64_t>(count, kMaxNestedNodes + 1);
}

/// How often a loop runs, if that is a constant and the loop is small enough to
/// be written out.
static std::optional<int64_t> getSmallCount(NodeContext &node,
                                            const LoopParts &parts,
                                            const onnx::GraphProto &body) {
  auto getConstant = [&](Value value) -> std::optional<int64_t> {
    std::optional<SmallVector<int64_t>> known =
        node.getKnownValues().getConstants(value);
    return known && known->size() == 1 ? std::optional((*known)[0])
                                       : std::nullopt;
  };
  if (!parts.tripCount ||
      (parts.condition && getConstant(parts.condition) != 1))
    return std::nullopt;
  std::optional<int64_t> count = getConstant(parts.tripCount);
  // What is joined of nothing has dimensions all the same.
  if (!count || *count > kMaxUnrolledNodes ||
      *count * body.node_size() > kMaxUnrolledNodes ||
      *count * node.getNumCopies() * countNodes(body) > kMaxNestedNodes ||
      (*count <= 0 && parts.numScans != 0))
    return std::nullopt;
  return std::max<int64_t>(*count, 0);
}

/// The same, written out `count` times. Returns no values, and leaves what it
/// has made to be dropped, if it turns out that the condition is not known.
static FailureOr<SmallVector<Value>> unrollLoop(NodeContext &node,
                                                const LoopParts &parts,
                                                int64_t count,
                                                BodyFn importBody) {
  SmallVector<Value> carried = parts.inits;
  SmallVector<SmallVector<Value>> slices(parts.numScans);
  for (int64_t i = 0; i != count; ++i) {
    Value iteration = node.createScalar(node.getBuilder().getI64Type(), i);
    FailureOr<SmallVector<Value>> results = importBody(iteration, carried);
    if (failed(results) || failed(checkBody(node, parts, results)))
      return failure();
    auto next = ArrayRef(*results).drop_front();
    carried.assign(next.begin(), next.begin() + parts.inits.size());
    for (auto [all, slice] :
         llvm::zip_equal(slices, next.drop_front(parts.inits.size())))
      all.push_back(node.unsqueeze(slice, {int64_t(0)}));
    std::optional<SmallVector<int64_t>> goesOn =
        node.getKnownValues().getConstants(results->front());
    if (!goesOn)
      return SmallVector<Value>();
    if (goesOn->front() == 0)
      break;
  }
  for (SmallVector<Value> &all : slices)
    carried.push_back(
        all.size() == 1 ? all[0] : node.create<ConcatOp>(all, uint64_t(0)));
  if (node.failed())
    return failure();
  return carried;
}

FailureOr<SmallVector<Value>> importLoop(NodeContext &node,
                                         const LoopParts &parts,
                                         const onnx::GraphProto &body,
                                         BodyFn importBody) {
  if (std::optional<int64_t> count = getSmallCount(node, parts, body)) {
    int64_t &numCopies = node.getNumCopies();
    int64_t outside = numCopies;
    numCopies *= std::max<int64_t>(*count, 1);
    FailureOr<SmallVector<Value>> results =
        unrollLoop(node, parts, *count, importBody);
    numCopies = outside;
    if (failed(results) || !results->empty())
      return results;
  }
  return createLoop(node, parts, importBody);
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

static LogicalResult convertLoop(NodeContext &node) {
  const onnx::GraphProto *body = node.getGraph("body");
  if (!body)
    return failure();
  OpBuilder &builder = node.getBuilder();
  LoopParts parts;
  if (node.hasInput(0))
    parts.tripCount = getScalar(node, node.getInput(0), builder.getI64Type(),
                                "the trip count");
  if (node.hasInput(1))
    parts.condition =
        getScalar(node, node.getInput(1), builder.getI1Type(), "the condition");
  for (unsigned i = 2; i < node.getNumInputs(); ++i)
    parts.inits.push_back(node.getInput(i));
  if (node.failed())
    return failure();
  int64_t numCarried = parts.inits.size();
  parts.numScans = body->output_size() - 1 - numCarried;
  if (body->input_size() != 2 + numCarried || parts.numScans < 0)
    return node.invalid("expected a body of " + Twine(2 + numCarried) +
                        " inputs and at least " + Twine(1 + numCarried) +
                        " outputs, found " + Twine(body->input_size()) +
                        " and " + Twine(body->output_size()));
  if (int64_t(node.getNumOutputs()) > numCarried + parts.numScans)
    return node.invalid("expected at most " +
                        Twine(numCarried + parts.numScans) +
                        " outputs, found " + Twine(node.getNumOutputs()));

  // Where the body runs the condition holds.
  auto importBody =
      [&](Value iteration,
          ArrayRef<Value> carried) -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> inputs = {iteration,
                                 node.createScalar(builder.getI1Type(), 1)};
    llvm::append_range(inputs, carried);
    return node.importGraph(*body, inputs);
  };
  FailureOr<SmallVector<Value>> results =
      importLoop(node, parts, *body, importBody);
  if (failed(results))
    return failure();
  return node.setOutputs(*results);
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

namespace {

/// What a Scan goes over and how.
struct ScanParts {
  const onnx::GraphProto *body;
  SmallVector<Value> states, sequences;
  /// For each sequence and each result that is joined.
  SmallVector<int64_t> inputAxes, outputAxes;
  SmallVector<bool> inputReversed, outputReversed;
};

} // namespace

/// Slice `index` (tensor<i64>) of `value` along `axis`.
static Value takeSlice(NodeContext &node, Value value, Value index,
                       int64_t axis) {
  return node.create<GatherOp>(value, index, axis);
}

static FailureOr<SmallVector<Value>> createScan(NodeContext &node,
                                                const ScanParts &scan) {
  Type i64 = node.getBuilder().getI64Type();
  LoopParts parts;
  parts.inits = scan.states;
  parts.numScans = scan.outputAxes.size();
  parts.tripCount =
      node.squeeze(node.getDim(scan.sequences.front(), scan.inputAxes.front()),
                   {int64_t(0)});
  auto importBody =
      [&](Value iteration,
          ArrayRef<Value> carried) -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> inputs(carried);
    for (auto [sequence, axis, isReversed] :
         llvm::zip_equal(scan.sequences, scan.inputAxes, scan.inputReversed)) {
      Value index = iteration;
      if (isReversed)
        index = node.create<SubOp>(
            node.create<SubOp>(parts.tripCount, node.createScalar(i64, 1)),
            iteration);
      inputs.push_back(takeSlice(node, sequence, index, axis));
    }
    if (node.failed())
      return failure();
    FailureOr<SmallVector<Value>> results =
        node.importGraph(*scan.body, inputs);
    if (succeeded(results))
      results->insert(results->begin(),
                      node.createScalar(node.getBuilder().getI1Type(), 1));
    return results;
  };
  FailureOr<SmallVector<Value>> results =
      node.failed() ? FailureOr<SmallVector<Value>>(failure())
                    : createLoop(node, parts, importBody);
  if (failed(results))
    return failure();
  for (auto [result, axis, isReversed] :
       llvm::zip_equal(MutableArrayRef(*results).drop_front(parts.inits.size()),
                       scan.outputAxes, scan.outputReversed)) {
    int64_t rank = getType(result).getRank();
    if (isReversed)
      result = node.sliceAxis(result, 0, node.createInts(-1),
                              node.createInts(-INT32_MAX), -1);
    int64_t place = node.normalizeAxis(axis, rank);
    if (!result || node.failed())
      return failure();
    if (place == 0)
      continue;
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(1, rank));
    permutation.insert(permutation.begin() + place, 0);
    result = node.transpose(result, permutation);
  }
  return results;
}

/// An attribute of `count` numbers that are `defaultValue` if it is not there.
static SmallVector<int64_t> getInts(NodeContext &node, StringRef name,
                                    int64_t count) {
  SmallVector<int64_t> values =
      node.getInts(name).value_or(SmallVector<int64_t>(count, 0));
  if (int64_t(values.size()) != count)
    node.invalid("expected " + Twine(count) + " numbers in attribute '" + name +
                 "', found " + Twine(values.size()));
  values.resize(count);
  return values;
}

static SmallVector<bool> getDirections(NodeContext &node, StringRef name,
                                       int64_t count) {
  SmallVector<bool> reversed;
  for (int64_t direction : getInts(node, name, count)) {
    if (direction != 0 && direction != 1)
      node.invalid("expected 0 or 1 in attribute '" + name + "', found " +
                   Twine(direction));
    reversed.push_back(direction == 1);
  }
  return reversed;
}

/// The first version runs for each element of a batch, which is dimension 0 of
/// everything.
static FailureOr<SmallVector<Value>> createBatchedScan(NodeContext &node,
                                                       const ScanParts &scan) {
  LoopParts parts;
  parts.numScans = scan.states.size() + scan.outputAxes.size();
  parts.tripCount =
      node.squeeze(node.getDim(scan.sequences.front(), 0), {int64_t(0)});
  auto importBody = [&](Value iteration,
                        ArrayRef<Value>) -> FailureOr<SmallVector<Value>> {
    ScanParts one = scan;
    for (Value &value : one.states)
      value = takeSlice(node, value, iteration, 0);
    for (Value &value : one.sequences)
      value = takeSlice(node, value, iteration, 0);
    if (node.failed())
      return failure();
    FailureOr<SmallVector<Value>> results = createScan(node, one);
    if (succeeded(results))
      results->insert(results->begin(),
                      node.createScalar(node.getBuilder().getI1Type(), 1));
    return results;
  };
  if (node.failed())
    return failure();
  return createLoop(node, parts, importBody);
}

static LogicalResult convertScan(NodeContext &node) {
  bool isBatched = node.getVersion() < 9;
  ScanParts scan;
  scan.body = node.getGraph("body");
  int64_t numSequences = node.getRequiredInt("num_scan_inputs");
  if (node.failed())
    return failure();
  SmallVector<Value> inputs;
  if (isBatched && node.hasInput(0))
    return node.unsupported("sequence_lens is not supported");
  for (unsigned i = isBatched; i < node.getNumInputs(); ++i)
    inputs.push_back(node.getInput(i));
  if (node.failed())
    return failure();
  int64_t numStates = int64_t(inputs.size()) - numSequences;
  int64_t numJoined = scan.body->output_size() - numStates;
  if (numSequences < 1 || numStates < 0 || numJoined < 0 ||
      scan.body->input_size() != int64_t(inputs.size()) ||
      int64_t(node.getNumOutputs()) > numStates + numJoined)
    return node.invalid(
        "expected a body whose inputs are the " + Twine(inputs.size()) +
        " values that the node is given, " + Twine(numSequences) +
        " of them sequences, and whose outputs begin with the others; it has " +
        Twine(scan.body->input_size()) + " inputs and " +
        Twine(scan.body->output_size()) + " outputs");
  scan.states.assign(inputs.begin(), inputs.begin() + numStates);
  scan.sequences.assign(inputs.begin() + numStates, inputs.end());
  scan.outputAxes.assign(numJoined, 0);
  scan.inputAxes.assign(numSequences, 0);
  if (isBatched) {
    scan.inputReversed = getDirections(node, "directions", numSequences);
    scan.outputReversed.assign(numJoined, false);
  } else {
    scan.inputReversed =
        getDirections(node, "scan_input_directions", numSequences);
    scan.outputReversed =
        getDirections(node, "scan_output_directions", numJoined);
    scan.inputAxes = getInts(node, "scan_input_axes", numSequences);
    scan.outputAxes = getInts(node, "scan_output_axes", numJoined);
  }
  int64_t outerRank = isBatched ? 1 : 0;
  for (auto [value, axis] : llvm::zip_equal(scan.sequences, scan.inputAxes)) {
    int64_t rank = getType(value).getRank() - outerRank;
    if (rank < 1)
      return node.invalid("expected sequences of rank " + Twine(1 + outerRank) +
                          " or more, found " + Twine(getType(value).getRank()));
    axis = node.normalizeAxis(axis, rank);
  }
  for (Value value : scan.states)
    if (getType(value).getRank() < outerRank)
      return node.invalid("expected states with a batch dimension");
  if (node.failed())
    return failure();
  FailureOr<SmallVector<Value>> results =
      isBatched ? createBatchedScan(node, scan) : createScan(node, scan);
  if (failed(results))
    return failure();
  return node.setOutputs(*results);
}

ArrayRef<OpEntry> getLoopOps() {
  static constexpr int64_t loop[] = {1, 11, 13, 16, 19, 21, 23, 24, 25},
                           scan[] = {8, 9, 11, 16, 19, 21, 23, 24, 25};
  static const OpEntry entries[] = {
      {"Loop", loop, convertLoop, 2, kVariadic, "", kAnyValues},
      {"Scan", scan, convertScan, 1, kVariadic},
  };
  return entries;
}

} // namespace tenon::onnx_import
