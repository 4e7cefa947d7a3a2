//===- InferenceTest.cpp - Shape inference on operations nobody checked ---===//
//
// An importer asks for result types before anything is verified. Whatever the
// operands and attributes are, inference answers or fails; and what it infers
// it accepts.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace tenon;

namespace {

class InferenceTest : public ::testing::Test {
protected:
  InferenceTest() : builder(&context), random(1) {
    context.loadDialect<TenonDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
  }

  int64_t pick(int64_t below) { return random() % below; }
  template <typename T> T pickFrom(ArrayRef<T> values) {
    return values[pick(values.size())];
  }

  int64_t pickInteger() {
    // Most are small, or nothing but rank checks would be seen.
    static const int64_t extremes[] = {INT64_MAX,     INT64_MIN,  INT32_MAX,
                                       INT64_MAX / 2, -INT32_MAX, 1ll << 40};
    return pick(8) == 0 ? pickFrom<int64_t>(extremes) : pick(9) - 2;
  }

  Type pickElement() {
    return pickFrom<Type>({builder.getF32Type(), builder.getF16Type(),
                           builder.getI64Type(), builder.getI1Type(),
                           builder.getIntegerType(8, /*isSigned=*/false)});
  }

  RankedTensorType pickType(int64_t rank) {
    SmallVector<int64_t> shape;
    for (int64_t i = 0; i != rank; ++i)
      shape.push_back(pick(3)
                          ? ShapedType::kDynamic
                          : pickFrom<int64_t>({0, 1, 2, 3, 8, 16, 1ll << 33}));
    return RankedTensorType::get(shape, pickElement());
  }

  /// A value that nothing is known of, or constant integers.
  Value pickOperand(int64_t rank, bool isShape) {
    if (isShape && pick(4)) {
      SmallVector<int64_t> values;
      for (int64_t i = 0, e = pick(2) ? rank : pick(6); i != e; ++i)
        values.push_back(pickInteger());
      auto type =
          RankedTensorType::get({int64_t(values.size())}, builder.getI64Type());
      return ConstantOp::create(
          builder, builder.getUnknownLoc(),
          DenseElementsAttr::get(type, ArrayRef<int64_t>(values)));
    }
    RankedTensorType type = pickType(pick(4) ? rank : pick(7));
    if (pick(8) == 0)
      return ConstantOp::create(
          builder, builder.getUnknownLoc(),
          DenseElementsAttr::get(
              RankedTensorType::get({}, builder.getF32Type()),
              pickFrom<float>({0.0f, -1.0f, 1e30f, NAN, INFINITY, 0.1f})));
    OperationState state(builder.getUnknownLoc(),
                         UnrealizedConversionCastOp::getOperationName());
    state.addTypes(type);
    return builder.create(state)->getResult(0);
  }

  SmallVector<int64_t> pickIntegers(StringRef name, int64_t rank) {
    // Two of three suit the name.
    bool isWindow = llvm::is_contained(
        {"strides", "dilations", "kernel", "output_padding"}, name);
    if ((isWindow || name == "pads") && pick(3)) {
      int64_t count = std::max<int64_t>(rank - 2, 0);
      return SmallVector<int64_t>(
          isWindow ? count : 2 * count,
          isWindow && name != "output_padding" ? 1 + pick(3) : pick(2));
    }
    SmallVector<int64_t> values;
    int64_t count =
        pickFrom<int64_t>({rank, rank - 2, 2 * (rank - 2), pick(7)});
    bool isOrder = pick(3) == 0;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(isOrder ? i : pickInteger());
    return values;
  }

  Attribute pickAttribute(StringRef op, StringRef name, int64_t rank) {
    if (name == "to")
      return TypeAttr::get(pickElement());
    if (name == "axis" || name == "groups")
      return builder.getI64IntegerAttr(pick(2) ? pick(4) : pickInteger());
    if (name == "scales")
      return builder.getDenseF64ArrayAttr(
          SmallVector<double>(pick(4), pickFrom<double>({2.0, 0.0, NAN})));
    if (name == "layout")
      return LayoutAttr::get(&context, Layout(pick(2)));
    if (name == "direction")
      return DirectionAttr::get(&context, Direction(pick(3)));
    if (name == "mode" && op == "tenon.pad")
      return PadModeAttr::get(&context, PadMode(pick(4)));
    if (name == "mode")
      return ResizeModeAttr::get(&context, ResizeMode(pick(3)));
    if (name == "kind" && op == "tenon.reduce")
      return ReduceKindAttr::get(&context, ReduceKind(pick(10)));
    if (llvm::is_contained(
            {"transpose_a", "transpose_b", "ceil_mode", "count_include_pad"},
            name))
      return pick(2) ? builder.getUnitAttr() : Attribute();
    if (llvm::is_contained({"axes", "permutation", "strides", "pads",
                            "dilations", "kernel", "output_padding", "steps"},
                           name))
      return builder.getDenseI64ArrayAttr(pickIntegers(name, rank));
    return {};
  }

  /// Infers the results of one operation with random operands; returns whether
  /// there were some.
  bool inferOnce(RegisteredOperationName name, unsigned numOperands) {
    Block *block = module->getBody();
    builder.setInsertionPointToEnd(block);
    int64_t rank = pick(6);
    SmallVector<Value> operands;
    for (unsigned i = 0; i != numOperands; ++i)
      operands.push_back(pickOperand(rank, /*isShape=*/i != 0 && pick(2)));
    NamedAttrList attributes;
    for (StringAttr attribute : name.getAttributeNames())
      if (Attribute value = pickAttribute(name.getStringRef(), attribute, rank))
        attributes.set(attribute, value);
    SmallVector<char> storage(name.getOpPropertyByteSize() + 16);
    OpaqueProperties properties(reinterpret_cast<void *>(
        llvm::alignAddr(storage.data(), llvm::Align(16))));
    name.initOpProperties(properties, OpaqueProperties(nullptr));
    DictionaryAttr dictionary = attributes.getDictionary(&context);
    auto emitError = [&] { return mlir::emitError(builder.getUnknownLoc()); };
    SmallVector<Type> types;
    bool inferred =
        (attributes.empty() || succeeded(name.setOpPropertiesFromAttribute(
                                   name, properties, dictionary, emitError))) &&
        succeeded(name.getInterface<InferTypeOpInterface>()->inferReturnTypes(
            &context, builder.getUnknownLoc(), operands, dictionary, properties,
            {}, types));
    name.destroyOpProperties(properties);
    if (inferred)
      EXPECT_FALSE(types.empty());
    for (Type type : types)
      for (int64_t size : cast<RankedTensorType>(type).getShape())
        EXPECT_TRUE(size >= 0 || ShapedType::isDynamic(size));
    while (!block->empty())
      block->back().erase();
    return inferred;
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
  std::mt19937 random;
};

/// How many operands each operation has that infers more than a copy.
const std::pair<StringRef, unsigned> kOps[] = {
    {"tenon.add", 2},          {"tenon.where", 3},
    {"tenon.cast", 1},         {"tenon.conv", 3},
    {"tenon.conv", 2},         {"tenon.conv_transpose", 2},
    {"tenon.matmul", 2},       {"tenon.max_pool", 1},
    {"tenon.average_pool", 1}, {"tenon.batch_norm", 5},
    {"tenon.layer_norm", 3},   {"tenon.softmax", 1},
    {"tenon.reduce", 1},       {"tenon.attention", 4},
    {"tenon.lstm", 6},         {"tenon.reshape", 2},
    {"tenon.squeeze", 1},      {"tenon.unsqueeze", 1},
    {"tenon.transpose", 1},    {"tenon.expand", 2},
    {"tenon.concat", 3},       {"tenon.concat", 0},
    {"tenon.slice", 3},        {"tenon.pad", 3},
    {"tenon.pad", 2},          {"tenon.tile", 2},
    {"tenon.gather", 2},       {"tenon.resize", 2},
    {"tenon.shape", 1},        {"tenon.range", 3}};

TEST_F(InferenceTest, AnythingGoes) {
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) {});
  for (auto [op, numOperands] : kOps) {
    auto name = RegisteredOperationName::lookup(op, &context);
    ASSERT_TRUE(name) << op.str();
    unsigned numInferred = 0;
    for (unsigned i = 0; i != 1000; ++i)
      numInferred += inferOnce(*name, numOperands);
    RecordProperty(op.str(), numInferred);
  }
}

} // namespace
