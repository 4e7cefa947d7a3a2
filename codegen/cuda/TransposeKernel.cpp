//===- TransposeKernel.cpp - Pointwise work on what is transposed ---------===//
//
// Where operands are contiguous along another dimension than the results,
// threads that write neighbouring elements would read elements that are far
// from each other. Here a unit is a square of the results in these two
// dimensions. The threads of a block read it of each such operand as it lies in
// memory, leave it in shared memory, and go on with the elements of the results
// as those will lie.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/BlockCode.h"
#include "codegen/cuda/Emitters.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cuda {

static constexpr int64_t kBlockThreads = 256;
/// Where one of the two dimensions is shorter, most of a square would be empty.
static constexpr int64_t kMinSize = TENON_WARP_SIZE / 2;
/// What a block has for the squares of all operands. One of f32 takes 4 KB.
static constexpr int64_t kSharedBytes = 48 << 10;

static bool isTransposed(KernelOp kernel) {
  cpu::TransposedArguments transposed = cpu::getTransposedArguments(kernel);
  if (transposed.rows < 0)
    return false;
  auto type = cast<RankedTensorType>(kernel.getYield().getOperand(0).getType());
  return llvm::all_of(
      ArrayRef{transposed.rows, type.getRank() - 1}, [&](int64_t dim) {
        return type.isDynamicDim(dim) || type.getDimSize(dim) >= kMinSize;
      });
}

static int64_t chooseThreads(KernelOp kernel) {
  if (!cpu::haveResultsOneShape(kernel) ||
      kernel.getBody().front().getOps<TransposeOp>().empty())
    return 0;
  OwningOpRef<KernelOp> collapsed(cast<KernelOp>(kernel->clone()));
  cpu::collapseDims(*collapsed);
  return isTransposed(*collapsed) ? kBlockThreads : 0;
}

namespace {

class TransposeKernel {
public:
  TransposeKernel(cpu::KernelFunction &function, int64_t numThreads);

  Value emitUnits() { return cpu::emitUnitCount(function, units); }
  void emitBody();

private:
  using Argument = cpu::TransposedArguments::Argument;
  /// What a thread takes at once of a line of a square: where it begins in the
  /// results, the line, and whether it is within the results. If not, it is
  /// their last line or column, so that loads need not ask.
  struct Piece {
    SmallVector<cpu::LaneIndex> index;
    Value line, isThere;
  };
  /// The pieces of a thread in lines along dimension `along` of the results.
  SmallVector<Piece> getPieces(ArrayRef<Dim> unit, int64_t along);
  /// What its square is of.
  Type getMemoryType(const Argument &argument) {
    return cpu::getMemoryType(function.getElementType(argument.value));
  }
  /// Where an element is in shared memory. Lines are an element longer than a
  /// square, so that those of a column are in different banks: all but a pair
  /// of 8 or 16 bits, and pairs where a thread has two of 8 bits.
  cpu::LaneIndex getPlace(Value line, Value i) {
    return Dim(code.add(code.mul(line, side + 1), i));
  }
  int64_t getSquareSize() const { return side * (side + 1); }
  void loadSquare(const Argument &argument, Value square,
                  ArrayRef<Piece> pieces);
  Value readSquare(const Argument &argument, Value square, Value line);
  /// The elements of a piece of each result.
  SmallVector<Value> emitElements(const Piece &piece);
  void store(const Piece &piece, ArrayRef<Value> elements);

  cpu::KernelFunction &function;
  BlockCode code;
  int64_t linesAtOnce;
  cpu::TransposedArguments transposed;
  SmallVector<Dim> shape, units;
  int64_t last;
  /// Elements of a piece and of the side of a square.
  int64_t width, side;
  /// Of the transposed arguments.
  SmallVector<Value> squares;
  /// Where the thread's pieces begin in their lines.
  Value begin;
};

} // namespace

TransposeKernel::TransposeKernel(cpu::KernelFunction &function,
                                 int64_t numThreads)
    : function(function), code(function.getBuilder(), function.getLoc()),
      linesAtOnce(numThreads / TENON_WARP_SIZE),
      transposed(cpu::getTransposedArguments(function.getKernel())),
      shape(function.getShape(function.getYielded(0))), units(shape),
      last(shape.size() - 1) {
  // The lanes of a warp read lines of up to 128 bytes, by 4 each.
  constexpr int64_t kPieceBits = 32, kMaxWidth = 2;
  width = std::min(kMaxWidth,
                   cpu::getKernelWidth(function, shape.back(), kPieceBits));
  for (int64_t dim : {transposed.rows, last})
    if (!shape[dim].isConstant() || shape[dim].getConstant() % width != 0)
      width = 1;
  side = TENON_WARP_SIZE * width;
  // Those for which there is no room are read where they are.
  int64_t room = kSharedBytes;
  llvm::erase_if(transposed.arguments, [&](const Argument &argument) {
    room -=
        getSquareSize() * getMemoryType(argument).getIntOrFloatBitWidth() / 8;
    return room < 0;
  });
  DimBuilder dims(function.getBuilder(), function.getLoc());
  for (int64_t dim : {transposed.rows, last})
    units[dim] = dims.ceilDiv(shape[dim], side);
}

SmallVector<TransposeKernel::Piece>
TransposeKernel::getPieces(ArrayRef<Dim> unit, int64_t along) {
  int64_t across = along == last ? transposed.rows : last;
  Value warp = code.div(code.thread(), TENON_WARP_SIZE);
  SmallVector<Piece> pieces;
  for (int64_t first = 0; first != side; first += linesAtOnce) {
    Piece piece{SmallVector<cpu::LaneIndex>(unit.begin(), unit.end()),
                code.add(warp, first),
                {}};
    auto place = [&](int64_t dim, Value offset) {
      Value i = code.add(code.mul(code.value(unit[dim]), side), offset);
      Value size = code.value(shape[dim]);
      piece.index[dim] = cpu::LaneIndex(
          code.min(i, code.add(size, dim == along ? -width : -1)));
      Value isInside = code.less(i, size);
      piece.isThere =
          piece.isThere ? code.both(piece.isThere, isInside) : isInside;
    };
    place(along, begin);
    place(across, piece.line);
    if (width != 1)
      piece.index[along].step = 1;
    pieces.push_back(piece);
  }
  return pieces;
}

void TransposeKernel::loadSquare(const Argument &argument, Value square,
                                 ArrayRef<Piece> pieces) {
  OpBuilder &builder = code.getBuilder();
  cpu::ElementEmitter emitter(function, builder, width);
  emitter.alignVectors();
  Value flat = function.getFlat(argument.value);
  SmallVector<Dim> argumentShape = function.getShape(argument.value);
  Type type = getMemoryType(argument);
  // No load waits for another.
  SmallVector<Value> loaded;
  for (const Piece &piece : pieces) {
    SmallVector<cpu::LaneIndex> index;
    for (int64_t dim : argument.dims)
      index.push_back(dim < 0 ? cpu::LaneIndex(0) : piece.index[dim]);
    loaded.push_back(emitter.load(
        flat, emitter.getIndices().linearize(index, argumentShape), type));
  }
  cpu::ElementEmitter single(function, builder, /*width=*/1);
  for (auto [piece, elements] : llvm::zip_equal(pieces, loaded))
    for (int64_t i = 0; i != width; ++i) {
      Value element = elements;
      if (width != 1)
        element =
            vector::ExtractOp::create(builder, code.getLoc(), elements, i);
      single.store(square, getPlace(piece.line, code.add(begin, i)), element);
    }
}

/// The elements of a piece of line `line` of the results: a column of what was
/// loaded.
Value TransposeKernel::readSquare(const Argument &argument, Value square,
                                  Value line) {
  Type type = function.getElementType(argument.value);
  cpu::ElementEmitter single(function, code.getBuilder(), /*width=*/1);
  SmallVector<Value> elements;
  for (int64_t i = 0; i != width; ++i)
    elements.push_back(
        single.load(square, getPlace(code.add(begin, i), line), type));
  if (width == 1)
    return elements.front();
  return vector::FromElementsOp::create(
      code.getBuilder(), code.getLoc(),
      VectorType::get({width}, elements.front().getType()), elements);
}

SmallVector<Value> TransposeKernel::emitElements(const Piece &piece) {
  cpu::ElementEmitter emitter(function, code.getBuilder(), width);
  emitter.alignVectors();
  for (auto [argument, square] : llvm::zip_equal(transposed.arguments, squares))
    emitter.bind(argument.value, readSquare(argument, square, piece.line));
  SmallVector<Value> elements;
  for (Value yielded : function.getKernel().getYield().getOperands())
    elements.push_back(emitter.get(yielded, piece.index));
  return elements;
}

void TransposeKernel::store(const Piece &piece, ArrayRef<Value> elements) {
  cpu::ElementEmitter emitter(function, code.getBuilder(), width);
  emitter.alignVectors();
  for (auto [i, element] : llvm::enumerate(elements))
    emitter.storeOutput(i, piece.index, element);
}

void TransposeKernel::emitBody() {
  for (const Argument &argument : transposed.arguments)
    squares.push_back(allocateShared(code.getBuilder(), code.getLoc(),
                                     getSquareSize(), getMemoryType(argument)));
  begin = code.mul(code.rem(code.thread(), TENON_WARP_SIZE), width);
  cpu::emitUnitLoop(function, units, [&](OpBuilder &, ArrayRef<Dim> unit) {
    SmallVector<Piece> pieces = getPieces(unit, transposed.rows);
    for (auto [argument, square] :
         llvm::zip_equal(transposed.arguments, squares))
      loadSquare(argument, square, pieces);
    code.barrier();
    // No load waits for a store.
    pieces = getPieces(unit, last);
    auto results = llvm::map_to_vector(
        pieces, [&](const Piece &piece) { return emitElements(piece); });
    for (auto [piece, elements] : llvm::zip_equal(pieces, results))
      code.branch(piece.isThere, [&] { store(piece, elements); });
  });
}

const cpu::KernelEmitter kTransposeEmitter =
    makeEmitter<TransposeKernel, chooseThreads, kBlockThreads>(
        "transpose", /*collapses=*/true);

} // namespace tenon::cuda
