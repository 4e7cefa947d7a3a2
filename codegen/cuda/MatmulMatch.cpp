//===- MatmulMatch.cpp - Kernels that cuBLASLt can run --------------------===//

#include "codegen/cuda/MatmulMatch.h"

#include "mlir/IR/BuiltinOps.h"
#include "transforms/compress/Passes.h"
#include "llvm/ADT/bit.h"

#include <array>
#include <cmath>

using namespace mlir;

namespace tenon::cuda {

static Type getElement(Value value) {
  return getElementTypeOrSelf(value.getType());
}

/// What stands in memory of an operand that is widened when it is read.
static Value getSource(Value operand) {
  auto cast = operand.getDefiningOp<CastOp>();
  return cast && isa<BlockArgument>(cast.getInput()) ? cast.getInput()
                                                     : operand;
}

static int64_t getArg(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? int64_t(argument.getArgNumber()) : -1;
}

/// One element for each column of `result`.
static bool isRow(Value value, Value result) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  ArrayRef<int64_t> whole = cast<RankedTensorType>(result.getType()).getShape();
  return !shape.empty() && shape.size() <= whole.size() &&
         ShapedType::isStatic(shape.back()) && shape.back() == whole.back() &&
         llvm::all_of(shape.drop_back(),
                      [](int64_t size) { return size == 1; });
}

namespace {

/// Reads a kernel's operations in order.
class Matcher {
public:
  Matcher(KernelOp kernel, std::string &reason)
      : kernel(kernel), reason(reason) {}
  std::optional<MatmulMatch> match();

private:
  bool fail(const Twine &why) {
    reason = why.str();
    return false;
  }
  bool matchProduct(MatMulOp op);
  bool matchTail(Operation &op);
  bool matchSum(AddOp op);
  bool checkTypes();

  KernelOp kernel;
  std::string &reason;
  MatmulMatch found{};
  TenonLibraryMatmul &matmul = found.matmul;
  Value value;         // what the operations so far compute
  bool isDone = false; // after the activation
};

} // namespace

bool Matcher::matchProduct(MatMulOp op) {
  Type factor = getElement(op.getLhs());
  if (!factor.isF32() && !factor.isF16() && !factor.isBF16())
    return fail("its factors are no floats that cuBLASLt has");
  matmul = {TENON_LIBRARY_MATMUL,
            getArg(op.getLhs()),
            getArg(op.getRhs()),
            op.getTransposeA(),
            op.getTransposeB(),
            /*bias=*/-1,
            /*residual=*/-1,
            TENON_LIBRARY_NO_ACTIVATION,
            factor.isF32() &&
                kernel->getParentOfType<ModuleOp>()->hasAttr(kTf32Attr),
            /*alpha=*/1};
  if (matmul.lhs < 0 || matmul.rhs < 0)
    return fail("it computes a factor");
  value = op.getOutput();
  return true;
}

bool Matcher::matchSum(AddOp op) {
  Value operand = op.getLhs() == value ? op.getRhs() : op.getLhs();
  Value source = getSource(operand);
  int64_t arg = getArg(source);
  if (arg < 0)
    return fail("it adds what it computes");
  if (matmul.bias < 0 && isRow(operand, value)) {
    matmul.bias = arg;
    return true;
  }
  if (matmul.residual < 0 && operand.getType() == value.getType()) {
    matmul.residual = arg;
    return true;
  }
  return fail("it adds more than a bias of columns and a residual");
}

bool Matcher::matchTail(Operation &op) {
  if (isDone || !llvm::is_contained(op.getOperands(), value) ||
      op.getNumResults() != 1)
    return fail(op.getName().getStringRef() + " doesn't continue the product");
  bool isFirst = matmul.bias < 0 && matmul.residual < 0;
  if (auto product = dyn_cast<MulOp>(op); product && isFirst) {
    Value factor =
        product.getLhs() == value ? product.getRhs() : product.getLhs();
    std::optional<double> scale = getConstantScalar(factor);
    if (!scale)
      return fail("it is multiplied with more than a number");
    // Zero or infinite, it would make NaN, or nothing, of products that have
    // another result one factor after the other.
    matmul.alpha *= *scale;
    if (!std::isnormal(static_cast<float>(matmul.alpha)))
      return fail("what it is multiplied with is beyond the floats");
  } else if (auto sum = dyn_cast<AddOp>(op);
             sum && sum.getLhs() != sum.getRhs()) {
    if (!matchSum(sum))
      return false;
  } else if (isa<ReluOp>(op)) {
    matmul.activation = TENON_LIBRARY_RELU;
    isDone = true;
  } else if (auto gelu = dyn_cast<GeluOp>(op);
             gelu && gelu.getKind() == GeluKind::Tanh) {
    matmul.activation = TENON_LIBRARY_GELU_TANH;
    isDone = true;
  } else if (auto cast = dyn_cast<CastOp>(op);
             cast && (cast.getTo().isF16() || cast.getTo().isBF16())) {
    isDone = true;
  } else {
    return fail(op.getName().getStringRef() + " is not what cuBLASLt has");
  }
  if (cast<RankedTensorType>(op.getResult(0).getType()).getShape() !=
      cast<RankedTensorType>(value.getType()).getShape())
    return fail("its tail has another shape");
  value = op.getResult(0);
  return true;
}

/// The library adds what has the result's type.
bool Matcher::checkTypes() {
  Type result = getElement(value);
  Block &body = kernel.getBody().front();
  Type factor = getElement(body.getArgument(matmul.lhs));
  if (result != factor && !result.isF32())
    return fail("its result is of another type than its factors");
  if (matmul.residual >= 0 &&
      getElement(body.getArgument(matmul.residual)) != result)
    return fail("its residual is of another type than its result");
  if (matmul.bias < 0 || getElement(body.getArgument(matmul.bias)) == result)
    return true;
  Value bias = body.getArgument(matmul.bias);
  if (!getElement(bias).isF32() ||
      !kernel.getInputs()[matmul.bias].getDefiningOp<ConstantOp>() ||
      !bias.hasOneUse())
    return fail("its bias is of another type than its result");
  found.wideBias = matmul.bias;
  return true;
}

std::optional<MatmulMatch> Matcher::match() {
  if (kernel.getNumResults() != 1) {
    fail("it has several results");
    return std::nullopt;
  }
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    // Numbers, and operands that are widened.
    if (isa<ConstantOp>(op) ||
        (isa<CastOp>(op) && isa<BlockArgument>(op.getOperand(0)) &&
         getElement(op.getResult(0)).isF32()))
      continue;
    if (!value) {
      auto product = dyn_cast<MatMulOp>(op);
      if (!product) {
        fail(op.getName().getStringRef() + " is no matrix product");
        return std::nullopt;
      }
      if (!matchProduct(product))
        return std::nullopt;
    } else if (!matchTail(op)) {
      return std::nullopt;
    }
  }
  if (!value || kernel.getYield().getOperand(0) != value) {
    fail("it is no matrix product");
    return std::nullopt;
  }
  if (!checkTypes())
    return std::nullopt;
  return found;
}

std::optional<MatmulMatch> matchMatmul(KernelOp kernel, std::string &reason) {
  return Matcher(kernel, reason).match();
}

SmallVector<int64_t> MatmulMatch::encode() const {
  auto words = llvm::bit_cast<
      std::array<int64_t, sizeof(TenonLibraryMatmul) / sizeof(int64_t)>>(
      matmul);
  return SmallVector<int64_t>(words.begin(), words.end());
}

} // namespace tenon::cuda
