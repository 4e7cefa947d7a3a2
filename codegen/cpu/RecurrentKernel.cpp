//===- RecurrentKernel.cpp - Kernels of a layer of any recurrent cell -----===//
//
// A unit is a direction and a batch element: its steps follow each other. What
// the input adds to the gates has been computed before; a step multiplies the
// state with the weights, row by row, and applies the cell's functions to
// vectors of the state.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/TileEmitter.h"
#include "codegen/cpu/UnitLoop.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

/// States and gates of one step are kept on the stack.
static constexpr int64_t kMaxHidden = 16384;

namespace {

/// The functions of a cell, on vectors or scalars.
class CellMath {
public:
  CellMath(RecurrentOp op, ElementEmitter &emitter, Type type,
           int64_t direction)
      : op(op), emitter(emitter), builder(emitter.getBuilder()),
        loc(emitter.getLoc()), type(type),
        first(direction * int64_t(op.getActivations().size()) /
              (op.getDirection() == Direction::Bidirectional ? 2 : 1)) {}

  Value constant(double value) {
    return emitter.broadcast(emitter.constant(type, value));
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  /// Activation `i` of the direction, behind the clip.
  Value activate(int64_t i, Value x);

private:
  Value exp(Value x) { return math::ExpOp::create(builder, loc, x); }
  Value tanh(Value x) { return math::TanhOp::create(builder, loc, x); }
  Value div(Value a, Value b) {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value clamp(Value x, double low, double high) {
    Value bounded = arith::MaximumFOp::create(builder, loc, x, constant(low));
    return arith::MinimumFOp::create(builder, loc, bounded, constant(high));
  }
  /// `a` where `x` is above `bound`, else `b`.
  Value ifAbove(Value x, double bound, Value a, Value b) {
    Value isAbove = arith::CmpFOp::create(
        builder, loc, arith::CmpFPredicate::OGT, x, constant(bound));
    return arith::SelectOp::create(builder, loc, isAbove, a, b);
  }

  RecurrentOp op;
  ElementEmitter &emitter;
  OpBuilder &builder;
  Location loc;
  Type type;
  int64_t first;
};

class RecurrentEmitter {
public:
  explicit RecurrentEmitter(KernelFunction &function);
  Value emitUnits() { return emitUnitCount(function, {numDirections, batch}); }
  void emitBody();

private:
  void emitUnit(OpBuilder &builder, Dim direction, Dim batchIndex);
  void emitStep(OpBuilder &builder, int64_t direction, Dim time);
  void emitProduct(OpBuilder &builder, Value vector, int64_t begin,
                   int64_t count, bool addsGates, Dim time);
  void emitCell(ElementEmitter &emitter, CellMath &math, Dim i, Dim gates);
  void emitGruReset(ElementEmitter &emitter, CellMath &math, Dim i);
  /// Calls `body` for vectors of the state.
  void overState(OpBuilder &builder,
                 function_ref<void(ElementEmitter &, Dim)> body);
  Value load(ElementEmitter &emitter, Value flat, Dim at) {
    Type memory = cast<MemRefType>(flat.getType()).getElementType();
    Value value = emitter.load(
        flat, LaneIndex(at, emitter.getWidth() == 1 ? 0 : 1), memory);
    return convertFloat(emitter.getBuilder(), loc, emitter.broadcast(value),
                        type);
  }
  void store(ElementEmitter &emitter, Value flat, Dim at, Value value) {
    Type memory = cast<MemRefType>(flat.getType()).getElementType();
    emitter.store(flat, LaneIndex(at, emitter.getWidth() == 1 ? 0 : 1),
                  convertFloat(emitter.getBuilder(), loc, value, memory));
  }
  void storeResult(ElementEmitter &emitter, unsigned result, Dim begin, Dim i,
                   Value value);
  Dim getGatesBegin(DimBuilder &dims, Dim time);

  KernelFunction &function;
  RecurrentOp op;
  Location loc;
  /// What is computed in.
  Type type;
  int64_t hidden, numGates, width;
  Dim numDirections, numSteps, batch;
  /// The state, its next one, the cell, what the steps put before the gates'
  /// functions, and the reset state.
  Value state, cell, gates, reset;
  // Of the unit being emitted.
  Dim direction, batchIndex;
};

} // namespace

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Value CellMath::activate(int64_t i, Value x) {
  if (double clip = op.getClip().convertToDouble())
    x = clamp(x, -clip, clip);
  StringRef name = cast<StringAttr>(op.getActivations()[first + i]).getValue();
  double alpha = op.getAlpha()[first + i], beta = op.getBeta()[first + i];
  Value zero = constant(0), one = constant(1);
  auto absolute = [&] {
    return math::AbsFOp::create(builder, loc, x).getResult();
  };
  if (name == "tanh")
    return tanh(x);
  if (name == "sigmoid")
    return div(one, add(one, exp(sub(zero, x))));
  if (name == "relu")
    return ifAbove(x, 0, x, zero);
  if (name == "affine")
    return add(mul(constant(alpha), x), constant(beta));
  if (name == "leaky_relu")
    return ifAbove(x, 0, x, mul(constant(alpha), x));
  if (name == "thresholded_relu")
    return ifAbove(x, alpha, x, zero);
  if (name == "scaled_tanh")
    return mul(constant(alpha), tanh(mul(constant(beta), x)));
  if (name == "hard_sigmoid")
    return clamp(add(mul(constant(alpha), x), constant(beta)), 0, 1);
  if (name == "elu")
    return ifAbove(x, 0, x, mul(constant(alpha), sub(exp(x), one)));
  if (name == "softsign")
    return div(x, add(one, absolute()));
  // softplus: what is large is not exponentiated.
  Value shrunk = exp(sub(zero, absolute()));
  return add(ifAbove(x, 0, x, zero),
             math::Log1pOp::create(builder, loc, shrunk));
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

RecurrentEmitter::RecurrentEmitter(KernelFunction &function)
    : function(function), op(getOnlyOp<RecurrentOp>(function.getKernel())),
      loc(function.getLoc()),
      type(getAccumulatorType(function.getElementType(op.getGates()))) {
  SmallVector<Dim> shape = function.getShape(op.getGates());
  numDirections = op.getDirection() == Direction::Bidirectional ? 2 : 1;
  numSteps = shape[1];
  batch = shape[2];
  auto weights = cast<RankedTensorType>(op.getRecurrence().getType());
  hidden = weights.getDimSize(2);
  numGates = op.getCell() == CellKind::Rnn   ? 1
             : op.getCell() == CellKind::Gru ? 3
                                             : 4;
  width = function.getWidth(type);
  while (width > 1 && width / 2 >= hidden)
    width /= 2;
}

void RecurrentEmitter::emitBody() {
  state = emitScratch(function, hidden, type);
  gates = emitScratch(function, numGates * hidden, type);
  if (op.getCell() == CellKind::Lstm)
    cell = emitScratch(function, hidden, type);
  if (op.getCell() == CellKind::Gru)
    reset = emitScratch(function, hidden, type);
  emitUnitLoop(function, {numDirections, batch},
               [&](OpBuilder &builder, ArrayRef<Dim> unit) {
                 emitUnit(builder, unit[0], unit[1]);
               });
}

void RecurrentEmitter::overState(
    OpBuilder &builder, function_ref<void(ElementEmitter &, Dim)> body) {
  emitVectorLoop(builder, loc, 0, hidden, width,
                 [&](OpBuilder &nested, Value i, Value mask) {
                   ElementEmitter emitter(function, nested, width, mask);
                   body(emitter, Dim(i));
                 });
}

void RecurrentEmitter::storeResult(ElementEmitter &emitter, unsigned result,
                                   Dim begin, Dim i, Value value) {
  DimBuilder &dims = emitter.getIndices().uniform();
  for (auto [output, yielded] :
       llvm::enumerate(function.getKernel().getYield().getOperands()))
    if (cast<OpResult>(yielded).getResultNumber() == result)
      store(emitter, function.getFlatOutput(output), dims.add(begin, i), value);
}

Dim RecurrentEmitter::getGatesBegin(DimBuilder &dims, Dim time) {
  Dim row = dims.add(dims.mul(direction, numSteps), time);
  row = dims.add(dims.mul(row, batch), batchIndex);
  return dims.mul(row, numGates * hidden);
}

void RecurrentEmitter::emitUnit(OpBuilder &builder, Dim unitDirection,
                                Dim unitBatch) {
  direction = unitDirection;
  batchIndex = unitBatch;
  IndexBuilder indices(builder, loc, 1);
  DimBuilder &dims = indices.uniform();
  Dim stateBegin =
      dims.mul(dims.add(dims.mul(direction, batch), batchIndex), hidden);
  overState(builder, [&](ElementEmitter &emitter, Dim i) {
    Dim at = emitter.getIndices().uniform().add(stateBegin, i);
    store(emitter, state, i,
          load(emitter, function.getFlat(op.getInitialState()), at));
    if (cell)
      store(emitter, cell, i,
            load(emitter, function.getFlat(op.getInitialCell()), at));
  });

  Dim length = numSteps;
  if (Value lengths = op.getLengths()) {
    ElementEmitter emitter(function, builder, 1);
    Value given = emitter.load(function.getFlat(lengths), LaneIndex(batchIndex),
                               function.getElementType(lengths));
    given =
        arith::IndexCastOp::create(builder, loc, builder.getIndexType(), given);
    length = dims.max(dims.min(Dim(given), numSteps), 0);
    Value limit = indices.value(numSteps);
    Value isWrong = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::ne, indices.value(length), given);
    function.failIf(
        builder, isWrong, TENON_KERNEL_SIZE_OUT_OF_RANGE,
        [&](OpBuilder &) { return KernelFunction::WrongNumber{given, limit}; });
  }
  // The directions may differ in their functions: a loop for each of them.
  auto emitSteps = [&](OpBuilder &nested, int64_t ofDirection) {
    bool isReverse =
        op.getDirection() == Direction::Reverse || ofDirection == 1;
    IndexBuilder indices(nested, loc, 1);
    emitLoop(nested, loc, indices.value(0), indices.value(length),
             [&](OpBuilder &inner, Value step) {
               DimBuilder dims(inner, loc);
               Dim time = isReverse ? dims.sub(dims.sub(length, 1), Dim(step))
                                    : Dim(step);
               emitStep(inner, ofDirection, time);
             });
  };
  if (op.getDirection() == Direction::Bidirectional)
    scf::IfOp::create(
        builder, loc, indices.less(direction, 1),
        [&](OpBuilder &nested, Location) {
          emitSteps(nested, 0);
          scf::YieldOp::create(nested, loc);
        },
        [&](OpBuilder &nested, Location) {
          emitSteps(nested, 1);
          scf::YieldOp::create(nested, loc);
        });
  else
    emitSteps(builder, 0);

  auto getOutputBegin = [&](DimBuilder &dims, Dim time) {
    Dim row = dims.add(dims.mul(time, numDirections), direction);
    return dims.mul(dims.add(dims.mul(row, batch), batchIndex), hidden);
  };
  if (op.getLengths())
    emitLoop(builder, loc, indices.value(length), indices.value(numSteps),
             [&](OpBuilder &nested, Value time) {
               DimBuilder dims(nested, loc);
               Dim begin = getOutputBegin(dims, Dim(time));
               overState(nested, [&](ElementEmitter &emitter, Dim i) {
                 storeResult(emitter, 0, begin, i,
                             emitter.broadcast(emitter.constant(type, 0)));
               });
             });
  overState(builder, [&](ElementEmitter &emitter, Dim i) {
    storeResult(emitter, 1, stateBegin, i, load(emitter, state, i));
    storeResult(emitter, 2, stateBegin, i,
                load(emitter, cell ? cell : state, i));
  });
}

/// Rows [begin, begin + count) of the recurrence times `vector`, with the bias
/// and, if so wanted, with the input's part.
void RecurrentEmitter::emitProduct(OpBuilder &builder, Value vector,
                                   int64_t begin, int64_t count, bool addsGates,
                                   Dim time) {
  IndexBuilder indices(builder, loc, 1);
  Value weights = function.getFlat(op.getRecurrence());
  emitLoop(
      builder, loc, indices.value(begin), indices.value(begin + count),
      [&](OpBuilder &nested, Value gate) {
        IndexBuilder indices(nested, loc, 1);
        DimBuilder &dims = indices.uniform();
        Dim row = dims.add(dims.mul(direction, numGates * hidden), Dim(gate));
        Dim rowBegin = dims.mul(row, hidden);
        auto addProduct = [&](ElementEmitter &emitter, Dim i, Value sum) {
          DimBuilder &dims = emitter.getIndices().uniform();
          return emitMultiplyAdd(
              emitter.getBuilder(), loc, load(emitter, vector, i),
              load(emitter, weights, dims.add(rowBegin, i)), sum);
        };
        ElementEmitter outer(function, nested, width);
        int64_t whole = hidden / width * width;
        Value sum = outer.broadcast(outer.constant(type, 0));
        if (whole != 0) {
          auto loop = scf::ForOp::create(
              nested, loc, indices.value(0), indices.value(whole),
              indices.value(width), sum,
              [&](OpBuilder &inner, Location, Value i, ValueRange carried) {
                ElementEmitter emitter(function, inner, width);
                scf::YieldOp::create(inner, loc,
                                     addProduct(emitter, Dim(i), carried[0]));
              });
          sum = loop.getResult(0);
        }
        if (whole != hidden) {
          Value mask = vector::CreateMaskOp::create(
              nested, loc, VectorType::get({width}, nested.getI1Type()),
              ValueRange(indices.value(hidden - whole)));
          ElementEmitter emitter(function, nested, width, mask);
          sum = addProduct(emitter, whole, sum);
        }
        if (width > 1)
          sum = vector::ReductionOp::create(nested, loc,
                                            vector::CombiningKind::ADD, sum,
                                            arith::FastMathFlags::reassoc);
        ElementEmitter scalar(function, nested, 1);
        Value total = arith::AddFOp::create(
            nested, loc, sum,
            load(scalar, function.getFlat(op.getBias()), row));
        if (addsGates) {
          Dim at = dims.add(getGatesBegin(dims, time), Dim(gate));
          total = arith::AddFOp::create(
              nested, loc, total,
              load(scalar, function.getFlat(op.getGates()), at));
        }
        store(scalar, gates, Dim(gate), total);
      });
}

void RecurrentEmitter::emitStep(OpBuilder &builder, int64_t ofDirection,
                                Dim time) {
  bool isGru = op.getCell() == CellKind::Gru;
  DimBuilder dims(builder, loc);
  Dim gatesBegin = getGatesBegin(dims, time);
  if (!isGru) {
    emitProduct(builder, state, 0, numGates * hidden, /*addsGates=*/true, time);
  } else {
    emitProduct(builder, state, 0, 2 * hidden, /*addsGates=*/true, time);
    if (op.getLinearBeforeReset()) {
      emitProduct(builder, state, 2 * hidden, hidden, /*addsGates=*/false,
                  time);
    } else {
      overState(builder, [&](ElementEmitter &emitter, Dim i) {
        CellMath math(op, emitter, type, ofDirection);
        emitGruReset(emitter, math, i);
      });
      emitProduct(builder, reset, 2 * hidden, hidden, /*addsGates=*/true, time);
    }
  }
  Dim row = dims.add(dims.mul(time, numDirections), direction);
  Dim outputBegin =
      dims.mul(dims.add(dims.mul(row, batch), batchIndex), hidden);
  overState(builder, [&](ElementEmitter &emitter, Dim i) {
    CellMath math(op, emitter, type, ofDirection);
    emitCell(emitter, math, i, gatesBegin);
    storeResult(emitter, 0, outputBegin, i, load(emitter, state, i));
  });
}

/// The state behind the reset gate.
void RecurrentEmitter::emitGruReset(ElementEmitter &emitter, CellMath &math,
                                    Dim i) {
  DimBuilder &dims = emitter.getIndices().uniform();
  Value gate = math.activate(0, load(emitter, gates, dims.add(i, hidden)));
  store(emitter, reset, i, math.mul(gate, load(emitter, state, i)));
}

/// The next state from what stands before the gates' functions.
void RecurrentEmitter::emitCell(ElementEmitter &emitter, CellMath &math, Dim i,
                                Dim gatesBegin) {
  DimBuilder &dims = emitter.getIndices().uniform();
  auto gate = [&](int64_t k) {
    return load(emitter, gates, dims.add(i, k * hidden));
  };
  if (op.getCell() == CellKind::Rnn)
    return store(emitter, state, i, math.activate(0, gate(0)));

  Value one = math.constant(1);
  if (op.getCell() == CellKind::Gru) {
    Value update = math.activate(0, gate(0));
    Value candidate = gate(2);
    if (op.getLinearBeforeReset()) {
      Value resets = math.activate(0, gate(1));
      Value fromInput = load(emitter, function.getFlat(op.getGates()),
                             dims.add(gatesBegin, dims.add(i, 2 * hidden)));
      candidate = math.add(fromInput, math.mul(resets, candidate));
    }
    candidate = math.activate(1, candidate);
    Value kept = math.mul(update, load(emitter, state, i));
    Value taken = math.mul(math.sub(one, update), candidate);
    return store(emitter, state, i, math.add(taken, kept));
  }

  // Gates of an LSTM: input, output, forget, cell. Peepholes: input, output,
  // forget.
  auto peep = [&](Value x, int64_t k, Value cellValue) {
    Value peepholes = op.getPeepholes();
    if (!peepholes)
      return x;
    Dim at = dims.add(dims.add(dims.mul(direction, 3 * hidden), k * hidden), i);
    Value weight = load(emitter, function.getFlat(peepholes), at);
    return math.add(x, math.mul(weight, cellValue));
  };
  Value old = load(emitter, cell, i);
  Value input = math.activate(0, peep(gate(0), 0, old));
  Value forget = op.getInputForget() ? math.sub(one, input)
                                     : math.activate(0, peep(gate(2), 2, old));
  Value candidate = math.activate(1, gate(3));
  Value next = math.add(math.mul(forget, old), math.mul(input, candidate));
  Value output = math.activate(0, peep(gate(1), 1, next));
  store(emitter, cell, i, next);
  store(emitter, state, i, math.mul(output, math.activate(2, next)));
}

static bool matches(KernelOp kernel) {
  auto op = getOnlyOp<RecurrentOp>(kernel);
  return op &&
         cast<RankedTensorType>(op.getRecurrence().getType()).getDimSize(2) <=
             kMaxHidden;
}

const KernelEmitter kRecurrentEmitter = {
    "recurrent", matches, /*collapses=*/false, emitUnitsOf<RecurrentEmitter>,
    emitBodyOf<RecurrentEmitter>};

} // namespace tenon::cpu
