//===- ElementwiseTest.cpp - What elementwise bodies compute --------------===//
//
// A body that is built of constants folds to a constant: arith's and math's own
// folders are the reference evaluation.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace tenon;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class ElementwiseTest : public ::testing::Test {
protected:
  ElementwiseTest() : builder(&context) {
    context.loadDialect<TenonDialect, arith::ArithDialect, math::MathDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  Type f16() { return builder.getF16Type(); }
  Type f32() { return builder.getF32Type(); }
  Type i1() { return builder.getI1Type(); }
  Type i8() { return builder.getI8Type(); }
  Type i32() { return builder.getI32Type(); }
  Type i64() { return builder.getI64Type(); }
  Type ui8() { return builder.getIntegerType(8, /*isSigned=*/false); }

  /// Values of these types that nothing is known of.
  SmallVector<Value> makeUnknowns(TypeRange types) {
    OperationState state(builder.getUnknownLoc(),
                         UnrealizedConversionCastOp::getOperationName());
    state.addTypes(types);
    SmallVector<Value> values;
    for (Value value : builder.create(state)->getResults())
      values.push_back(value);
    return values;
  }

  Value makeConstant(Type element, double value) {
    TypedAttr attribute;
    if (isa<FloatType>(element))
      attribute = builder.getFloatAttr(element, value);
    else
      attribute = builder.getIntegerAttr(getSignless(element), int64_t(value));
    return arith::ConstantOp::create(builder, builder.getUnknownLoc(),
                                     attribute);
  }

  /// Folds a value down to a constant; null if that fails.
  Attribute evaluate(Value value) {
    // What is used often is computed once.
    DenseMap<Value, Attribute> known;
    return evaluate(value, known);
  }

  Attribute evaluate(Value value, DenseMap<Value, Attribute> &known) {
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant)))
      return constant;
    if (Attribute result = known.lookup(value))
      return result;
    Operation *op = value.getDefiningOp();
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands())
      operands.push_back(evaluate(operand, known));
    SmallVector<OpFoldResult> results;
    if (failed(op->fold(operands, results))) {
      ADD_FAILURE() << "can't fold " << op->getName().getStringRef().str();
      return {};
    }
    Attribute result;
    if (results.empty())
      result = evaluate(value, known);
    else if (auto attribute = dyn_cast<Attribute>(results.front()))
      result = attribute;
    else
      result = evaluate(cast<Value>(results.front()), known);
    known[value] = result;
    return result;
  }

  double toDouble(Attribute attribute, Type element) {
    if (auto real = dyn_cast_or_null<FloatAttr>(attribute))
      return real.getValueAsDouble();
    if (auto integer = dyn_cast_or_null<IntegerAttr>(attribute)) {
      bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
      return isUnsigned ? double(integer.getValue().getZExtValue())
                        : double(integer.getValue().getSExtValue());
    }
    ADD_FAILURE() << "not a number";
    return kNan;
  }

  /// What `OpTy` computes from scalars of one type.
  template <typename OpTy>
  double run(Type element, ArrayRef<double> values,
             ArrayRef<NamedAttribute> attributes = {}) {
    SmallVector<Type> types(values.size(), RankedTensorType::get({4}, element));
    OperationState state(builder.getUnknownLoc(), OpTy::getOperationName());
    state.addOperands(makeUnknowns(types));
    state.addAttributes(attributes);
    state.addTypes(inferType<OpTy>(state));
    auto op = cast<OpTy>(builder.create(state));
    EXPECT_TRUE(succeeded(verify(op)));
    SmallVector<Value> operands;
    for (double value : values)
      operands.push_back(makeConstant(element, value));
    Value body = op.buildBody(builder, builder.getUnknownLoc(), operands);
    return toDouble(evaluate(body), getElementTypeOrSelf(op.getOutput()));
  }

  template <typename OpTy> Type inferType(OperationState &state) {
    typename OpTy::Properties storage;
    DictionaryAttr dictionary = state.attributes.getDictionary(&context);
    EXPECT_TRUE(succeeded(OpTy::setPropertiesFromAttr(
        storage, dictionary, [&] { return mlir::emitError(state.location); })));
    OpaqueProperties properties(&storage);
    SmallVector<Type> types;
    EXPECT_TRUE(succeeded(OpTy::inferReturnTypes(&context, state.location,
                                                 state.operands, dictionary,
                                                 properties, {}, types)));
    return types.front();
  }

  /// Builds a scalar and a vector body of an operation with `count` operands
  /// of one element type (a condition apart) and verifies them. Returns how
  /// many there were: none if the operation doesn't take such operands.
  unsigned checkBodies(OperationName name, Type element, unsigned count) {
    Location loc = builder.getUnknownLoc();
    SmallVector<Type> types(count, RankedTensorType::get({4}, element));
    if (count == 3)
      types.front() = RankedTensorType::get({4}, i1());
    OperationState state(loc, name);
    state.addOperands(makeUnknowns(types));
    if (name.getStringRef() == "tenon.cast")
      state.addAttributes(to(i32()));
    if (name.getStringRef() == "tenon.encode" ||
        name.getStringRef() == "tenon.decode")
      state.addAttribute("format",
                         TypeAttr::get(Float8E5M2Type::get(&context)));
    if (name.getStringRef() == "tenon.selu")
      state.addAttributes({real("alpha", 1.5), real("gamma", 2)});
    for (Type result : {element, i1(), i32(), f32(), ui8()}) {
      state.types = {RankedTensorType::get({4}, result)};
      Operation *op = builder.create(state);
      if (failed(verify(op))) {
        op->erase();
        continue;
      }
      for (bool isVector : {false, true}) {
        SmallVector<Type> operands;
        for (Type type : types) {
          Type scalar = getSignless(getElementTypeOrSelf(type));
          operands.push_back(isVector ? VectorType::get({2, 4}, scalar)
                                      : scalar);
        }
        Value body = cast<ElementwiseOpInterface>(op).buildBody(
            builder, loc, makeUnknowns(operands));
        Type expected = getSignless(result);
        if (isVector)
          expected = VectorType::get({2, 4}, expected);
        EXPECT_EQ(body.getType(), expected) << name.getStringRef().str();
      }
      EXPECT_TRUE(succeeded(verify(*module))) << name.getStringRef().str();
      return 2;
    }
    return 0;
  }

  NamedAttribute real(StringRef name, double value) {
    return builder.getNamedAttr(name, builder.getF64FloatAttr(value));
  }
  NamedAttribute to(Type type) {
    return builder.getNamedAttr("to", TypeAttr::get(type));
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};

TEST_F(ElementwiseTest, Rounding) {
  EXPECT_EQ(run<RoundOp>(f32(), {0.5}), 0);
  EXPECT_EQ(run<RoundOp>(f32(), {1.5}), 2);
  EXPECT_EQ(run<RoundOp>(f32(), {-2.5}), -2);
  EXPECT_EQ(run<FloorOp>(f32(), {-0.5}), -1);
  EXPECT_EQ(run<CeilOp>(f32(), {-0.5}), 0);
}

TEST_F(ElementwiseTest, Signs) {
  EXPECT_EQ(run<SignOp>(f32(), {-3}), -1);
  EXPECT_EQ(run<SignOp>(f32(), {0}), 0);
  EXPECT_TRUE(std::isnan(run<SignOp>(f32(), {kNan})));
  EXPECT_EQ(run<SignOp>(i32(), {-7}), -1);
  EXPECT_EQ(run<SignOp>(ui8(), {200}), 1);
  EXPECT_EQ(run<AbsOp>(i32(), {-7}), 7);
  EXPECT_EQ(run<AbsOp>(ui8(), {200}), 200);
  EXPECT_EQ(run<NegOp>(i32(), {7}), -7);
}

TEST_F(ElementwiseTest, Activations) {
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (double x : {-20.0, -3.0, -0.5, 0.0, 0.5, 3.0, 20.0}) {
    double near = 2e-6 * std::max(1.0, std::abs(x));
    EXPECT_NEAR(run<SigmoidOp>(f32(), {x}), sigmoid(x), near);
    EXPECT_NEAR(run<SiluOp>(f32(), {x}), x * sigmoid(x), near);
    double softplus = std::log1p(std::exp(x));
    EXPECT_NEAR(run<SoftplusOp>(f32(), {x}), softplus, near);
    EXPECT_NEAR(run<MishOp>(f32(), {x}), x * std::tanh(softplus), near);
    EXPECT_NEAR(run<SoftsignOp>(f32(), {x}), x / (1 + std::abs(x)), near);
    EXPECT_NEAR(run<HardSwishOp>(f32(), {x}),
                x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0), near);
    EXPECT_NEAR(run<HardSigmoidOp>(f32(), {x}),
                std::min(std::max(0.2 * x + 0.5, 0.0), 1.0), near);
    EXPECT_NEAR(run<LeakyReluOp>(f32(), {x}), x >= 0 ? x : 0.01 * x, near);
    EXPECT_NEAR(run<EluOp>(f32(), {x}), x >= 0 ? x : std::expm1(x), near);
    EXPECT_NEAR(run<SeluOp>(f32(), {x}, {real("alpha", 1.5), real("gamma", 2)}),
                2 * (x > 0 ? x : 1.5 * std::expm1(x)), 2 * near);
    EXPECT_NEAR(run<GeluOp>(f32(), {x}),
                x / 2 * (1 + std::erf(x / std::sqrt(2.0))), near);
    auto kind = GeluKindAttr::get(&context, GeluKind::Tanh);
    EXPECT_NEAR(
        run<GeluOp>(f32(), {x}, {builder.getNamedAttr("kind", kind)}),
        x / 2 *
            (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))),
        near);
  }
  EXPECT_EQ(run<SigmoidOp>(f32(), {-kInf}), 0);
  EXPECT_EQ(run<SoftplusOp>(f32(), {1000}), 1000);
}

TEST_F(ElementwiseTest, NotANumber) {
  EXPECT_TRUE(std::isnan(run<ReluOp>(f32(), {kNan})));
  EXPECT_TRUE(std::isnan(run<MaxOp>(f32(), {kNan, 1})));
  EXPECT_TRUE(std::isnan(run<MinOp>(f32(), {1, kNan})));
  EXPECT_TRUE(
      std::isnan(run<ClipOp>(f32(), {kNan}, {real("min", 0), real("max", 6)})));
  EXPECT_EQ(run<IsNanOp>(f32(), {kNan}), 1);
  EXPECT_EQ(run<IsNanOp>(f32(), {kInf}), 0);
  EXPECT_EQ(run<EqualOp>(f32(), {kNan, kNan}), 0);
}

TEST_F(ElementwiseTest, Clip) {
  EXPECT_EQ(run<ClipOp>(f32(), {7}, {real("min", 0), real("max", 6)}), 6);
  EXPECT_EQ(run<ClipOp>(i8(), {-100}, {real("min", -5)}), -5);
  // A bound beyond the type's limits is no bound.
  EXPECT_EQ(run<ClipOp>(i8(), {-100}, {real("min", -1e9), real("max", 1e9)}),
            -100);
  EXPECT_EQ(run<ClipOp>(ui8(), {200}, {real("min", -1), real("max", 150)}),
            150);
}

TEST_F(ElementwiseTest, IntegerDivision) {
  EXPECT_EQ(run<DivOp>(i32(), {-7, 2}), -3);
  EXPECT_EQ(run<DivOp>(i32(), {7, 0}), 0);
  EXPECT_EQ(run<DivOp>(i32(), {INT32_MIN, -1}), INT32_MIN);
  EXPECT_EQ(run<DivOp>(ui8(), {200, 3}), 66);
  EXPECT_EQ(run<ModOp>(i32(), {-7, 3}), 2);
  EXPECT_EQ(run<ModOp>(i32(), {7, -3}), -2);
  EXPECT_EQ(run<ModOp>(i32(), {-6, 3}), 0);
  EXPECT_EQ(run<ModOp>(i32(), {7, 0}), 0);
  EXPECT_EQ(run<ModOp>(i32(), {INT32_MIN, -1}), 0);
  EXPECT_EQ(run<ModOp>(ui8(), {200, 3}), 2);
  EXPECT_EQ(run<FmodOp>(i32(), {-7, 3}), -1);
  EXPECT_EQ(run<FmodOp>(f32(), {-7.5, 2}), -1.5);
  EXPECT_EQ(run<ModOp>(f32(), {-7.5, 2}), 0.5);
}

TEST_F(ElementwiseTest, Powers) {
  EXPECT_NEAR(run<PowOp>(f32(), {2, 0.3}), std::pow(2, 0.3), 1e-6);
  for (double exponent : {-1.0, 0.5, 1.0, 2.0, 3.0})
    EXPECT_NEAR(run<PowOp>(f32(), {1.7, exponent}), std::pow(1.7, exponent),
                1e-6);
  EXPECT_EQ(run<PowOp>(i64(), {3, 4}), 81);
  EXPECT_EQ(run<PowOp>(i64(), {-2, 63}), -std::pow(2.0, 63));
  EXPECT_EQ(run<PowOp>(i64(), {-1, 1001}), -1);
  EXPECT_EQ(run<PowOp>(i64(), {5, 0}), 1);
  EXPECT_EQ(run<PowOp>(i64(), {5, -2}), 0);
  EXPECT_EQ(run<PowOp>(i64(), {-1, -3}), -1);
  EXPECT_EQ(run<PowOp>(ui8(), {2, 7}), 128);
}

TEST_F(ElementwiseTest, Casts) {
  EXPECT_EQ(run<CastOp>(f32(), {-1.9}, to(i32())), -1);
  EXPECT_EQ(run<CastOp>(f32(), {1e20}, to(i32())), 2147483520);
  EXPECT_EQ(run<CastOp>(f32(), {-1e20}, to(i8())), -128);
  EXPECT_EQ(run<CastOp>(f32(), {300}, to(ui8())), 255);
  EXPECT_EQ(run<CastOp>(f32(), {-3}, to(ui8())), 0);
  EXPECT_EQ(run<CastOp>(f32(), {0.1}, to(i1())), 1);
  EXPECT_EQ(run<CastOp>(f32(), {kNan}, to(i1())), 1);
  EXPECT_EQ(run<CastOp>(i32(), {256}, to(i8())), 0);
  EXPECT_EQ(run<CastOp>(i32(), {256}, to(i1())), 1);
  EXPECT_EQ(run<CastOp>(ui8(), {200}, to(i32())), 200);
  EXPECT_EQ(run<CastOp>(i8(), {-56}, to(i32())), -56);
  EXPECT_EQ(run<CastOp>(ui8(), {200}, to(f32())), 200);
  EXPECT_EQ(run<CastOp>(i1(), {1}, to(i32())), 1);
  EXPECT_EQ(run<CastOp>(i1(), {1}, to(f16())), 1);
  EXPECT_EQ(run<CastOp>(f16(), {1.5}, to(builder.getBF16Type())), 1.5);
}

TEST_F(ElementwiseTest, Comparisons) {
  EXPECT_EQ(run<LessOp>(i8(), {-1, 1}), 1);
  EXPECT_EQ(run<LessOp>(ui8(), {200, 1}), 0);
  EXPECT_EQ(run<MaxOp>(i8(), {-1, 1}), 1);
  EXPECT_EQ(run<MinOp>(ui8(), {200, 100}), 100);
  EXPECT_EQ(run<XorOp>(i1(), {1, 1}), 0);
  EXPECT_EQ(run<NotOp>(i1(), {1}), 0);
}

/// Every operation builds a valid body, for scalars and vectors, from every
/// element type that it accepts.
TEST_F(ElementwiseTest, AllBodiesAreValid) {
  SmallVector<Type> elements = {
      f16(), builder.getBF16Type(),
      f32(), builder.getF64Type(),
      i1(),  i8(),
      i32(), i64(),
      ui8(), builder.getIntegerType(32, /*isSigned=*/false)};
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) {});
  unsigned numOps = 0, numBodies = 0;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (!name.hasInterface<ElementwiseOpInterface>())
      continue;
    ++numOps;
    unsigned before = numBodies;
    for (Type element : elements)
      for (unsigned count = 1; count != 4; ++count)
        numBodies += checkBodies(name, element, count);
    EXPECT_GT(numBodies, before) << name.getStringRef().str();
  }
  EXPECT_GT(numOps, 50u);
}

} // namespace
