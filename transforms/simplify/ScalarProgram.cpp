//===- ScalarProgram.cpp - Running an elementwise body on arrays ----------===//

#include "transforms/simplify/ScalarProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "transforms/simplify/Constants.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon {

//===----------------------------------------------------------------------===//
// The meaning of each operation on one element
//===----------------------------------------------------------------------===//

using FloatFunction = double (*)(double);

/// Functions of one float.
static FloatFunction getUnaryFloat(Operation *op) {
  return llvm::TypeSwitch<Operation *, FloatFunction>(op)
      .Case([](arith::NegFOp) { return [](double x) { return -x; }; })
      .Case([](math::AbsFOp) { return [](double x) { return std::fabs(x); }; })
      .Case([](math::ExpOp) { return [](double x) { return std::exp(x); }; })
      .Case([](math::Exp2Op) { return [](double x) { return std::exp2(x); }; })
      .Case(
          [](math::ExpM1Op) { return [](double x) { return std::expm1(x); }; })
      .Case([](math::LogOp) { return [](double x) { return std::log(x); }; })
      .Case(
          [](math::Log1pOp) { return [](double x) { return std::log1p(x); }; })
      .Case([](math::Log2Op) { return [](double x) { return std::log2(x); }; })
      .Case(
          [](math::Log10Op) { return [](double x) { return std::log10(x); }; })
      .Case([](math::SqrtOp) { return [](double x) { return std::sqrt(x); }; })
      .Case([](math::RsqrtOp) {
        return [](double x) { return 1 / std::sqrt(x); };
      })
      .Case([](math::CbrtOp) { return [](double x) { return std::cbrt(x); }; })
      .Case([](math::SinOp) { return [](double x) { return std::sin(x); }; })
      .Case([](math::CosOp) { return [](double x) { return std::cos(x); }; })
      .Case([](math::TanOp) { return [](double x) { return std::tan(x); }; })
      .Case([](math::AsinOp) { return [](double x) { return std::asin(x); }; })
      .Case([](math::AcosOp) { return [](double x) { return std::acos(x); }; })
      .Case([](math::AtanOp) { return [](double x) { return std::atan(x); }; })
      .Case([](math::SinhOp) { return [](double x) { return std::sinh(x); }; })
      .Case([](math::CoshOp) { return [](double x) { return std::cosh(x); }; })
      .Case([](math::TanhOp) { return [](double x) { return std::tanh(x); }; })
      .Case(
          [](math::AsinhOp) { return [](double x) { return std::asinh(x); }; })
      .Case(
          [](math::AcoshOp) { return [](double x) { return std::acosh(x); }; })
      .Case(
          [](math::AtanhOp) { return [](double x) { return std::atanh(x); }; })
      .Case([](math::ErfOp) { return [](double x) { return std::erf(x); }; })
      .Case([](math::ErfcOp) { return [](double x) { return std::erfc(x); }; })
      .Case(
          [](math::FloorOp) { return [](double x) { return std::floor(x); }; })
      .Case([](math::CeilOp) { return [](double x) { return std::ceil(x); }; })
      .Case(
          [](math::TruncOp) { return [](double x) { return std::trunc(x); }; })
      .Case(
          [](math::RoundOp) { return [](double x) { return std::round(x); }; })
      .Case([](math::RoundEvenOp) {
        return [](double x) { return std::nearbyint(x); };
      })
      // Rounding to the type of the result is all that these do.
      .Case<arith::ExtFOp, arith::TruncFOp>(
          [](auto) { return [](double x) { return x; }; })
      .Default([](Operation *) { return nullptr; });
}

using BinaryFloatFunction = double (*)(double, double);

/// The larger or smaller of two; not a number if either is not.
static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}
static double minimum(double a, double b) { return -maximum(-a, -b); }

static BinaryFloatFunction getBinaryFloat(Operation *op) {
  return llvm::TypeSwitch<Operation *, BinaryFloatFunction>(op)
      .Case([](arith::AddFOp) {
        return [](double a, double b) { return a + b; };
      })
      .Case([](arith::SubFOp) {
        return [](double a, double b) { return a - b; };
      })
      .Case([](arith::MulFOp) {
        return [](double a, double b) { return a * b; };
      })
      .Case([](arith::DivFOp) {
        return [](double a, double b) { return a / b; };
      })
      .Case([](arith::RemFOp) {
        return [](double a, double b) { return std::fmod(a, b); };
      })
      .Case([](arith::MaximumFOp) { return &maximum; })
      .Case([](arith::MinimumFOp) { return &minimum; })
      .Case([](arith::MaxNumFOp) {
        return [](double a, double b) { return std::fmax(a, b); };
      })
      .Case([](arith::MinNumFOp) {
        return [](double a, double b) { return std::fmin(a, b); };
      })
      .Case([](math::PowFOp) {
        return [](double a, double b) { return std::pow(a, b); };
      })
      .Case([](math::Atan2Op) {
        return [](double a, double b) { return std::atan2(a, b); };
      })
      .Case([](math::CopySignOp) {
        return [](double a, double b) { return std::copysign(a, b); };
      })
      .Default([](Operation *) { return nullptr; });
}

/// Functions of two integers, on 64-bit arithmetic; `mask` keeps the bits of
/// the type.
using IntegerFunction = std::optional<int64_t> (*)(int64_t, int64_t,
                                                   uint64_t mask);
#define TENON_INTEGER(expression)                                              \
  [](int64_t a, int64_t b, uint64_t mask) -> std::optional<int64_t> {          \
    [[maybe_unused]] uint64_t ua = uint64_t(a) & mask,                         \
                              ub = uint64_t(b) & mask;                         \
    return int64_t(expression);                                                \
  }
#define TENON_DIVISION(expression)                                             \
  [](int64_t a, int64_t b, uint64_t mask) -> std::optional<int64_t> {          \
    [[maybe_unused]] uint64_t ua = uint64_t(a) & mask,                         \
                              ub = uint64_t(b) & mask;                         \
    if (b == 0 || (b == -1 && a == INT64_MIN))                                 \
      return std::nullopt;                                                     \
    return int64_t(expression);                                                \
  }

/// a to the power b, wrapping; 0 for a negative b unless |a| is 1.
static int64_t integerPower(int64_t a, int64_t b) {
  if (b < 0)
    return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  uint64_t result = 1, base = a;
  for (; b; b >>= 1, base *= base)
    if (b & 1)
      result *= base;
  return int64_t(result);
}

static IntegerFunction getBinaryInteger(Operation *op) {
  return llvm::TypeSwitch<Operation *, IntegerFunction>(op)
      .Case([](arith::AddIOp) { return TENON_INTEGER(ua + ub); })
      .Case([](arith::SubIOp) { return TENON_INTEGER(ua - ub); })
      .Case([](arith::MulIOp) { return TENON_INTEGER(ua * ub); })
      .Case([](arith::AndIOp) { return TENON_INTEGER(ua & ub); })
      .Case([](arith::OrIOp) { return TENON_INTEGER(ua | ub); })
      .Case([](arith::XOrIOp) { return TENON_INTEGER(ua ^ ub); })
      .Case([](arith::MaxSIOp) { return TENON_INTEGER(a > b ? a : b); })
      .Case([](arith::MinSIOp) { return TENON_INTEGER(a < b ? a : b); })
      .Case([](arith::MaxUIOp) { return TENON_INTEGER(ua > ub ? ua : ub); })
      .Case([](arith::MinUIOp) { return TENON_INTEGER(ua < ub ? ua : ub); })
      .Case([](arith::ShLIOp) { return TENON_INTEGER(ub < 64 ? ua << ub : 0); })
      .Case(
          [](arith::ShRUIOp) { return TENON_INTEGER(ub < 64 ? ua >> ub : 0); })
      .Case([](arith::ShRSIOp) {
        return TENON_INTEGER(a >> (ub < 63 ? ub : 63));
      })
      .Case([](arith::DivSIOp) { return TENON_DIVISION(a / b); })
      .Case([](arith::DivUIOp) { return TENON_DIVISION(ua / ub); })
      .Case([](arith::RemSIOp) { return TENON_DIVISION(a % b); })
      .Case([](arith::RemUIOp) { return TENON_DIVISION(ua % ub); })
      .Case([](arith::FloorDivSIOp) {
        return TENON_DIVISION(llvm::divideFloorSigned(a, b));
      })
      .Case([](arith::CeilDivSIOp) {
        return TENON_DIVISION(llvm::divideCeilSigned(a, b));
      })
      .Case([](math::IPowIOp) { return TENON_INTEGER(integerPower(a, b)); })
      .Default([](Operation *) { return nullptr; });
}
#undef TENON_INTEGER
#undef TENON_DIVISION

static bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::ORD:
    return !unordered;
  case P::UNO:
    return unordered;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  }
  return false;
}

/// The low `width` bits of `value`, sign-extended; `i1` is 0 or 1.
static int64_t wrap(int64_t value, unsigned width) {
  if (width == 1)
    return value & 1;
  return width >= 64 ? value
                     : int64_t(uint64_t(value) << (64 - width)) >> (64 - width);
}

static unsigned getWidth(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

static uint64_t getMask(Type type) {
  return getWidth(type) >= 64 ? ~uint64_t(0)
                              : (uint64_t(1) << getWidth(type)) - 1;
}

/// A float as an integer: truncated, and limited to the type's range.
static int64_t truncateFloat(double value, unsigned width, bool isSigned) {
  if (std::isnan(value))
    return 0;
  double low = isSigned ? -std::ldexp(1.0, width - 1) : 0;
  double high = std::ldexp(1.0, isSigned ? width - 1 : width);
  value = std::trunc(value);
  if (value < low)
    return isSigned ? wrap(int64_t(1) << (width - 1), width) : 0;
  if (value >= high)
    return isSigned ? int64_t((uint64_t(1) << (width - 1)) - 1)
                    : wrap(-1, width);
  return isSigned || width < 64 ? wrap(int64_t(value), width)
                                : int64_t(uint64_t(value));
}

//===----------------------------------------------------------------------===//
// ScalarProgram
//===----------------------------------------------------------------------===//

static bool isKnown(Operation *op) {
  return isa<arith::ConstantOp, arith::SelectOp, arith::CmpFOp, arith::CmpIOp,
             arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::SIToFPOp,
             arith::UIToFPOp, arith::FPToSIOp, arith::FPToUIOp,
             arith::IndexCastOp, arith::BitcastOp, math::AbsIOp, math::FmaOp,
             math::IsNaNOp, math::IsInfOp, math::IsFiniteOp>(op) ||
         getUnaryFloat(op) || getBinaryFloat(op) || getBinaryInteger(op);
}

ScalarProgram::~ScalarProgram() = default;

std::unique_ptr<ScalarProgram>
ScalarProgram::compile(ElementwiseOpInterface op) {
  std::unique_ptr<ScalarProgram> program(new ScalarProgram());
  if (!program->build(op))
    return nullptr;
  return program;
}

bool ScalarProgram::build(ElementwiseOpInterface op) {
  block = std::make_unique<Block>();
  Location loc = op->getLoc();
  DenseMap<Value, unsigned> slots;
  auto addLanes = [&](Value value) {
    Lanes &added = lanes.emplace_back();
    added.type = value.getType();
    if (isa<FloatType>(added.type))
      added.floats.resize(kBatch);
    else
      added.integers.resize(kBatch);
    slots[value] = lanes.size() - 1;
    return unsigned(lanes.size() - 1);
  };
  for (Value operand : op->getOperands()) {
    Type type = getSignless(getElementTypeOrSelf(operand));
    if (!type.isIntOrFloat())
      return false;
    addLanes(block->addArgument(type, loc));
  }
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(block.get());
  Value yielded = op.buildBody(builder, loc, block->getArguments());
  if (!yielded)
    return false;
  for (Operation &step : *block) {
    if (step.getNumResults() != 1 || !isKnown(&step) ||
        !step.getResult(0).getType().isIntOrIndexOrFloat())
      return false;
    Step added{&step, {}, 0};
    for (Value operand : step.getOperands())
      added.operands.push_back(slots.lookup(operand));
    added.result = addLanes(step.getResult(0));
    steps.push_back(std::move(added));
  }
  result = slots.lookup(yielded);
  return true;
}

LogicalResult ScalarProgram::run(int64_t count) {
  for (const Step &step : steps)
    if (failed(runStep(step, count)))
      return failure();
  return success();
}

LogicalResult ScalarProgram::runStep(const Step &step, int64_t count) {
  Operation *op = step.op;
  Lanes &out = lanes[step.result];
  auto in = [&](unsigned i) -> Lanes & { return lanes[step.operands[i]]; };
  auto setFloats = [&](auto compute) {
    if (out.type.isF32())
      for (int64_t i = 0; i != count; ++i)
        out.floats[i] = float(compute(i));
    else
      for (int64_t i = 0; i != count; ++i)
        out.floats[i] = roundTo(out.type, compute(i));
    return success();
  };
  auto setIntegers = [&](auto compute) {
    unsigned width = getWidth(out.type);
    for (int64_t i = 0; i != count; ++i)
      out.integers[i] = wrap(compute(i), width);
    return success();
  };

  if (FloatFunction function = getUnaryFloat(op))
    return setFloats([&](int64_t i) { return function(in(0).floats[i]); });
  if (BinaryFloatFunction function = getBinaryFloat(op))
    return setFloats(
        [&](int64_t i) { return function(in(0).floats[i], in(1).floats[i]); });
  if (IntegerFunction function = getBinaryInteger(op)) {
    uint64_t mask = getMask(out.type);
    for (int64_t i = 0; i != count; ++i) {
      std::optional<int64_t> value =
          function(in(0).integers[i], in(1).integers[i], mask);
      if (!value)
        return failure();
      out.integers[i] = wrap(*value, getWidth(out.type));
    }
    return success();
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::ConstantOp constant) {
        if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
          return setFloats(
              [v = value.getValueAsDouble()](int64_t) { return v; });
        auto value = dyn_cast<IntegerAttr>(constant.getValue());
        if (!value)
          return failure();
        return setIntegers(
            [v = value.getValue().getSExtValue()](int64_t) { return v; });
      })
      .Case([&](arith::SelectOp) {
        auto pick = [&](int64_t i) -> Lanes & {
          return in(in(0).integers[i] ? 1 : 2);
        };
        if (isa<FloatType>(out.type))
          return setFloats([&](int64_t i) { return pick(i).floats[i]; });
        return setIntegers([&](int64_t i) { return pick(i).integers[i]; });
      })
      .Case([&](arith::CmpFOp compare) {
        return setIntegers([&](int64_t i) {
          return compareFloats(compare.getPredicate(), in(0).floats[i],
                               in(1).floats[i]);
        });
      })
      .Case([&](arith::CmpIOp compare) {
        unsigned width = getWidth(in(0).type);
        return setIntegers([&](int64_t i) {
          return arith::applyCmpPredicate(
              compare.getPredicate(),
              APInt(width, in(0).integers[i] & getMask(in(0).type)),
              APInt(width, in(1).integers[i] & getMask(in(1).type)));
        });
      })
      .Case<arith::TruncIOp, arith::IndexCastOp, arith::ExtSIOp>(
          [&](auto cast) {
            // An i1 is held as 0 or 1, but its sign-extension is 0 or -1.
            bool negate = isa<arith::ExtSIOp>(op) && in(0).type.isInteger(1);
            return setIntegers([&](int64_t i) {
              return negate ? -in(0).integers[i] : in(0).integers[i];
            });
          })
      .Case([&](arith::ExtUIOp) {
        uint64_t mask = getMask(in(0).type);
        return setIntegers(
            [&](int64_t i) { return int64_t(in(0).integers[i] & mask); });
      })
      .Case([&](arith::SIToFPOp) {
        bool negate = in(0).type.isInteger(1);
        return setFloats([&](int64_t i) {
          return double(negate ? -in(0).integers[i] : in(0).integers[i]);
        });
      })
      .Case([&](arith::UIToFPOp) {
        uint64_t mask = getMask(in(0).type);
        return setFloats([&](int64_t i) {
          return double(uint64_t(in(0).integers[i]) & mask);
        });
      })
      .Case<arith::FPToSIOp, arith::FPToUIOp>([&](auto cast) {
        unsigned width = getWidth(out.type);
        return setIntegers([&](int64_t i) {
          return truncateFloat(in(0).floats[i], width,
                               isa<arith::FPToSIOp>(op));
        });
      })
      .Case([&](arith::BitcastOp) {
        // Between f32 and i32 only: nothing else is asked for.
        bool toFloat = isa<FloatType>(out.type);
        if (!(toFloat ? out.type : in(0).type).isF32())
          return failure();
        if (toFloat)
          return setFloats([&](int64_t i) {
            return double(llvm::bit_cast<float>(uint32_t(in(0).integers[i])));
          });
        return setIntegers([&](int64_t i) {
          return int64_t(llvm::bit_cast<int32_t>(float(in(0).floats[i])));
        });
      })
      .Case([&](math::AbsIOp) {
        return setIntegers([&](int64_t i) {
          int64_t value = in(0).integers[i];
          return value < 0 ? int64_t(-uint64_t(value)) : value;
        });
      })
      .Case([&](math::FmaOp) {
        return setFloats([&](int64_t i) {
          return std::fma(in(0).floats[i], in(1).floats[i], in(2).floats[i]);
        });
      })
      .Case([&](math::IsNaNOp) {
        return setIntegers(
            [&](int64_t i) { return std::isnan(in(0).floats[i]); });
      })
      .Case([&](math::IsInfOp) {
        return setIntegers(
            [&](int64_t i) { return std::isinf(in(0).floats[i]); });
      })
      .Case([&](math::IsFiniteOp) {
        return setIntegers(
            [&](int64_t i) { return std::isfinite(in(0).floats[i]); });
      })
      .Default([](Operation *) { return failure(); });
}

} // namespace tenon
