//===- LstmKernel.cpp - Kernels of one LSTM layer -------------------------===//
//
// A unit is a direction and a batch element: steps follow each other, so they
// can't be shared out. The input's part of the gates is computed for some steps
// at a time, which reads its weights once; the state's part is a product of a
// row with a matrix. Constant weights are packed into panels of gates.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/PackWeights.h"
#include "codegen/cpu/SequentialCode.h"
#include "codegen/cpu/TileEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

/// Steps for which the input's part is computed at a time.
static constexpr int64_t kBlockSteps = 8;
/// The state is kept on the stack.
static constexpr int64_t kMaxHidden = 8192;

namespace {

/// What is decided about a layer before any code is emitted.
struct LstmPlan {
  LstmPlan(LstmOp op, unsigned vectorBits);

  Type element;
  int64_t directions, inputSize, hidden;
  /// Vectors of gates in a panel, and of the state.
  TileShape panel;
  int64_t stateLanes;

  int64_t getNumGates() const { return 4 * hidden; }
  int64_t getNumPanels() const { return getNumGates() / panel.getColumns(); }
};

class LstmEmitter {
public:
  explicit LstmEmitter(KernelFunction &function);
  Value emitUnits();
  void emitBody();

private:
  void emitUnit(OpBuilder &builder, Dim unit);
  /// Adds to (or, with `bias`, stores in) `rows` rows of `gates` the product of
  /// rows of `lhs` with a weight matrix.
  void emitProduct(OpBuilder &builder, Value tensor, Value lhs, Dim lhsBegin,
                   Dim lhsRowStride, int64_t depth, Dim gateRow, int64_t rows,
                   bool withBias);
  void emitDots(OpBuilder &builder, Value tensor, Value lhs, Dim lhsBegin,
                int64_t depth, Dim gateRow, bool withBias);
  Value getBias(OpBuilder &builder, Dim gate, int64_t lanes);
  /// The step `step` (in the order of the direction), whose gates are in row
  /// `gateRow`.
  void emitStep(OpBuilder &builder, Dim step, Dim gateRow);
  void emitOverState(OpBuilder &builder,
                     function_ref<void(OpBuilder &, Dim)> body);
  /// Writes to the outputs that are result `result` of the operation.
  void storeResult(OpBuilder &builder, unsigned result, Dim begin, Dim at,
                   Value value);
  Value emitSigmoid(OpBuilder &builder, Value x);

  Value load(OpBuilder &builder, Value buffer, Dim at, int64_t lanes) {
    return emitLoad(builder, loc, buffer,
                    IndexBuilder(builder, loc, 1).value(at), lanes,
                    plan.element);
  }
  void store(OpBuilder &builder, Value value, Value buffer, Dim at) {
    emitStore(builder, loc, value, buffer,
              IndexBuilder(builder, loc, 1).value(at));
  }

  KernelFunction &function;
  LstmOp op;
  Location loc;
  LstmPlan plan;
  Dim numSteps, numBatches;
  Value input, bias, gates, state, cell;
  // Of the unit being emitted.
  Dim direction, batch;
  /// The time of step 0, and how far the next one is.
  Dim firstTime, timeStep;
};

} // namespace

LstmPlan::LstmPlan(LstmOp op, unsigned vectorBits) {
  ArrayRef<int64_t> weights = getType(op.getWeights()).getShape();
  element = getAccumulatorType(getType(op.getInput()).getElementType());
  directions = weights[0];
  hidden = weights[1] / 4;
  inputSize = weights[2];
  int64_t lanes =
      std::max<int64_t>(1, vectorBits / element.getIntOrFloatBitWidth());
  stateLanes = getDivisor(hidden, lanes);
  panel.lanes = getDivisor(4 * hidden, lanes);
  int64_t vectors = 4 * hidden / panel.lanes;
  // A row alone needs several sums to hide the latency of each.
  panel.vectors = 1;
  for (int64_t v : {8, 6, 5, 4, 3, 2})
    if (vectors % v == 0) {
      panel.vectors = v;
      break;
    }
}

LstmEmitter::LstmEmitter(KernelFunction &function)
    : function(function), op(getOnlyOp<LstmOp>(function.getKernel())),
      loc(function.getLoc()), plan(op, function.getVectorBits()) {
  SmallVector<Dim> shape = function.getShape(op.getInput());
  numSteps = shape[0];
  numBatches = shape[1];
}

Value LstmEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product({Dim(plan.directions), numBatches}));
}

void LstmEmitter::emitBody() {
  input = function.getFlat(op.getInput());
  bias = function.getFlat(op.getBias());
  gates = emitScratch(function, kBlockSteps * plan.getNumGates(), plan.element);
  state = emitScratch(function, plan.hidden, plan.element);
  cell = emitScratch(function, plan.hidden, plan.element);
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void LstmEmitter::emitOverState(OpBuilder &builder,
                                function_ref<void(OpBuilder &, Dim)> body) {
  IndexBuilder index(builder, loc, 1);
  emitLoop(builder, loc, index.value(0),
           index.value(plan.hidden / plan.stateLanes),
           [&](OpBuilder &nested, Value i) {
             body(nested, DimBuilder(nested, loc).mul(i, plan.stateLanes));
           });
}

void LstmEmitter::storeResult(OpBuilder &builder, unsigned result, Dim begin,
                              Dim at, Value value) {
  for (auto [i, yielded] :
       llvm::enumerate(function.getKernel().getYield().getOperands()))
    if (cast<OpResult>(yielded).getResultNumber() == result)
      store(builder, value, function.getFlatOutput(i),
            DimBuilder(builder, loc).add(begin, at));
}

void LstmEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> position =
      index.delinearize(unit, {Dim(plan.directions), numBatches});
  direction = position[0];
  batch = position[1];
  Dim last = dims.sub(numSteps, 1);
  switch (op.getDirection()) {
  case Direction::Forward:
    firstTime = 0;
    timeStep = 1;
    break;
  case Direction::Reverse:
    firstTime = last;
    timeStep = -1;
    break;
  case Direction::Bidirectional:
    firstTime = dims.selectLess(direction, 1, 0, last);
    timeStep = dims.selectLess(direction, 1, 1, -1);
    break;
  }

  Dim stateBegin =
      dims.mul(dims.add(dims.mul(direction, numBatches), batch), plan.hidden);
  emitOverState(builder, [&](OpBuilder &nested, Dim at) {
    DimBuilder dims(nested, loc);
    Dim from = dims.add(stateBegin, at);
    store(nested,
          load(nested, function.getFlat(op.getInitialState()), from,
               plan.stateLanes),
          state, at);
    store(nested,
          load(nested, function.getFlat(op.getInitialCell()), from,
               plan.stateLanes),
          cell, at);
  });

  Dim inputStride = dims.mul(numBatches, plan.inputSize);
  Dim rowStride = dims.mul(timeStep, inputStride);
  emitLoop(
      builder, loc, index.value(0),
      index.value(emitCeilDiv(builder, loc, numSteps, kBlockSteps)),
      [&](OpBuilder &nested, Value block) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        Dim first = dims.mul(block, kBlockSteps);
        Dim count = dims.min(kBlockSteps, dims.sub(numSteps, first));
        Dim time = dims.add(firstTime, dims.mul(first, timeStep));
        Dim begin = dims.add(dims.mul(time, inputStride),
                             dims.mul(batch, plan.inputSize));
        emitDisjointTiles(
            nested, loc, count, ArrayRef<int64_t>{kBlockSteps, 1},
            [&](OpBuilder &inner, Dim row, int64_t rows) {
              DimBuilder dims(inner, loc);
              emitProduct(inner, op.getWeights(), input,
                          dims.add(begin, dims.mul(row, rowStride)), rowStride,
                          plan.inputSize, row, rows, /*withBias=*/true);
            });
        emitLoop(nested, loc, index.value(0), index.value(count),
                 [&](OpBuilder &inner, Value i) {
                   emitStep(inner, DimBuilder(inner, loc).add(first, i), i);
                 });
      });

  emitOverState(builder, [&](OpBuilder &nested, Dim at) {
    storeResult(nested, 1, stateBegin, at,
                load(nested, state, at, plan.stateLanes));
    storeResult(nested, 2, stateBegin, at,
                load(nested, cell, at, plan.stateLanes));
  });
}

Value LstmEmitter::getBias(OpBuilder &builder, Dim gate, int64_t lanes) {
  DimBuilder dims(builder, loc);
  Dim at = dims.add(dims.mul(direction, 2 * plan.getNumGates()), gate);
  Value ofInput = load(builder, bias, at, lanes);
  Value ofState = load(builder, bias, dims.add(at, plan.getNumGates()), lanes);
  return arith::AddFOp::create(builder, loc, ofInput, ofState);
}

void LstmEmitter::emitProduct(OpBuilder &builder, Value tensor, Value lhs,
                              Dim lhsBegin, Dim lhsRowStride, int64_t depth,
                              Dim gateRow, int64_t rows, bool withBias) {
  IndexBuilder index(builder, loc, 1);
  if (!isPacked(function.getKernel(), tensor)) {
    emitLoop(builder, loc, index.value(0), index.value(rows),
             [&](OpBuilder &nested, Value i) {
               DimBuilder dims(nested, loc);
               emitDots(nested, tensor, lhs,
                        dims.add(lhsBegin, dims.mul(i, lhsRowStride)), depth,
                        dims.add(gateRow, i), withBias);
             });
    return;
  }
  Value weights = function.getFlat(tensor);
  // A few rows leave registers for fewer vectors: 8 x 2.
  TileShape shape = plan.panel;
  shape.rows = rows;
  int64_t parts = 1;
  if (rows > 1)
    for (int64_t v : {2, 1})
      if (plan.panel.vectors % v == 0) {
        parts = plan.panel.vectors / v;
        shape.vectors = v;
        break;
      }
  int64_t width = plan.panel.getColumns();
  emitLoop(
      builder, loc, index.value(0), index.value(plan.getNumPanels() * parts),
      [&](OpBuilder &nested, Value i) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        Dim panel = index.div(Dim(i), parts);
        Dim column = dims.mul(index.rem(Dim(i), parts), shape.getColumns());
        Dim gate = dims.add(dims.mul(panel, width), column);
        SmallVector<Value> initial;
        SmallVector<Dim> positions;
        for (int64_t r = 0; r != rows; ++r)
          for (int64_t v = 0; v != shape.vectors; ++v) {
            Dim at = dims.add(gate, v * shape.lanes);
            positions.push_back(dims.add(
                dims.mul(dims.add(gateRow, r), plan.getNumGates()), at));
            initial.push_back(
                withBias ? getBias(nested, at, shape.lanes)
                         : load(nested, gates, positions.back(), shape.lanes));
          }
        TileOperands operands;
        operands.lhs = lhs;
        operands.lhsOffset = lhsBegin;
        operands.lhsRowStride = lhsRowStride;
        operands.rhs = weights;
        Dim panelBegin =
            dims.add(dims.mul(direction, plan.getNumPanels()), panel);
        operands.rhsOffset =
            dims.add(dims.mul(panelBegin, depth * width), column);
        SmallVector<Value> products =
            emitTile(nested, loc, shape, operands,
                     ReductionLoop{0, depth, 1, width}, plan.element, initial);
        for (auto [product, at] : llvm::zip_equal(products, positions))
          store(nested, product, gates, at);
      });
}

void LstmEmitter::emitDots(OpBuilder &builder, Value tensor, Value lhs,
                           Dim lhsBegin, int64_t depth, Dim gateRow,
                           bool withBias) {
  Value weights = function.getFlat(tensor);
  int64_t lanes = getDivisor(
      depth, std::max<int64_t>(1, function.getVectorBits() /
                                      plan.element.getIntOrFloatBitWidth()));
  IndexBuilder index(builder, loc, 1);
  emitLoop(
      builder, loc, index.value(0), index.value(plan.getNumGates()),
      [&](OpBuilder &nested, Value gate) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        Dim row = dims.add(dims.mul(direction, plan.getNumGates()), gate);
        Dim begin = dims.mul(row, depth);
        Value zero = emitBroadcast(
            nested, loc, buildConstant(nested, loc, plan.element, 0), lanes);
        auto loop = scf::ForOp::create(
            nested, loc, index.value(0), index.value(depth / lanes),
            index.value(1), zero,
            [&](OpBuilder &inner, Location, Value i, ValueRange so) {
              DimBuilder dims(inner, loc);
              Dim at = dims.mul(i, lanes);
              Value next = emitMultiplyAdd(
                  inner, loc, load(inner, lhs, dims.add(lhsBegin, at), lanes),
                  load(inner, weights, dims.add(begin, at), lanes), so[0]);
              scf::YieldOp::create(inner, loc, next);
            });
        Value dot = loop.getResult(0);
        if (lanes > 1)
          dot = vector::ReductionOp::create(nested, loc,
                                            vector::CombiningKind::ADD, dot,
                                            arith::FastMathFlags::reassoc);
        Dim at = dims.add(dims.mul(gateRow, plan.getNumGates()), gate);
        Value so =
            withBias ? getBias(nested, gate, 1) : load(nested, gates, at, 1);
        store(nested, arith::AddFOp::create(nested, loc, dot, so), gates, at);
      });
}

Value LstmEmitter::emitSigmoid(OpBuilder &builder, Value x) {
  Value one = buildConstant(builder, loc, x.getType(), 1);
  Value negated = arith::NegFOp::create(builder, loc, x);
  Value exponential = math::ExpOp::create(builder, loc, negated);
  return arith::DivFOp::create(
      builder, loc, one,
      arith::AddFOp::create(builder, loc, one, exponential).getResult());
}

void LstmEmitter::emitStep(OpBuilder &builder, Dim step, Dim gateRow) {
  emitProduct(builder, op.getRecurrence(), state, 0, 0, plan.hidden, gateRow, 1,
              /*withBias=*/false);
  DimBuilder dims(builder, loc);
  Dim time = dims.add(firstTime, dims.mul(step, timeStep));
  Dim outputRow = dims.add(dims.mul(time, plan.directions), direction);
  outputRow = dims.add(dims.mul(outputRow, numBatches), batch);
  Dim outputBegin = dims.mul(outputRow, plan.hidden);
  Dim gateBegin = dims.mul(gateRow, plan.getNumGates());
  emitOverState(builder, [&](OpBuilder &nested, Dim at) {
    DimBuilder dims(nested, loc);
    auto getGate = [&](int64_t i) {
      Dim gate = dims.add(gateBegin, i * plan.hidden);
      return load(nested, gates, dims.add(gate, at), plan.stateLanes);
    };
    Value in = emitSigmoid(nested, getGate(0));
    Value out = emitSigmoid(nested, getGate(1));
    Value forget = emitSigmoid(nested, getGate(2));
    Value candidate = math::TanhOp::create(nested, loc, getGate(3));
    Value kept = arith::MulFOp::create(nested, loc, forget,
                                       load(nested, cell, at, plan.stateLanes));
    Value next = emitMultiplyAdd(nested, loc, in, candidate, kept);
    store(nested, next, cell, at);
    Value shown = arith::MulFOp::create(
        nested, loc, out, math::TanhOp::create(nested, loc, next).getResult());
    store(nested, shown, state, at);
    storeResult(nested, 0, outputBegin, at, shown);
  });
}

static bool matchesLstm(KernelOp kernel) {
  LstmOp op = getOnlyOp<LstmOp>(kernel);
  if (!op)
    return false;
  auto weights = getType(op.getWeights());
  int64_t hidden = getType(op.getRecurrence()).getDimSize(2);
  return weights.hasStaticShape() && !ShapedType::isDynamic(hidden) &&
         hidden > 0 && hidden <= kMaxHidden && weights.getDimSize(2) > 0;
}

static void packLstm(KernelOp kernel, unsigned vectorBits) {
  LstmOp op = getOnlyOp<LstmOp>(kernel);
  LstmPlan plan(op, vectorBits);
  int64_t width = plan.panel.getColumns(), numGates = plan.getNumGates();
  auto pack = [&](Value tensor, int64_t depth) {
    auto argument = dyn_cast<BlockArgument>(tensor);
    if (!argument)
      return;
    packInput(kernel, argument.getArgNumber(),
              plan.directions * numGates * depth, [&](ConstantPacker &packer) {
                for (int64_t d = 0; d != plan.directions; ++d)
                  for (int64_t gate = 0; gate != numGates; gate += width)
                    for (int64_t step = 0; step != depth; ++step)
                      packer.append((d * numGates + gate) * depth + step, width,
                                    depth);
              });
  };
  pack(op.getWeights(), plan.inputSize);
  pack(op.getRecurrence(), plan.hidden);
}

const KernelEmitter kLstmEmitter = {"lstm",
                                    matchesLstm,
                                    /*collapses=*/false,
                                    emitUnitsOf<LstmEmitter>,
                                    emitBodyOf<LstmEmitter>,
                                    packLstm};

} // namespace tenon::cpu
