//===- ConstantsTest.cpp - Reading constants ------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace tenon;

namespace {

class ConstantsTest : public ::testing::Test {
protected:
  ConstantsTest() : builder(&context) {
    context.loadDialect<TenonDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  template <typename T>
  DenseResourceElementsAttr makeResource(RankedTensorType type,
                                         ArrayRef<T> values) {
    return DenseResourceElementsAttr::get(
        type, "w", HeapAsmResourceBlob::allocateAndCopyInferAlign(values));
  }
  Value makeConstant(ElementsAttr value) {
    return ConstantOp::create(builder, builder.getUnknownLoc(), value);
  }
  RankedTensorType tensor(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};

TEST_F(ConstantsTest, RawBytes) {
  auto type = tensor({2}, builder.getF32Type());
  auto dense = DenseElementsAttr::get(type, ArrayRef<float>{1, 2});
  EXPECT_EQ(getRawBytes(dense).size(), 8u);
  auto splat = DenseElementsAttr::get(type, 1.0f);
  EXPECT_TRUE(getRawBytes(splat).empty());
  auto resource = makeResource<float>(type, {1, 2});
  EXPECT_EQ(getRawBytes(resource).size(), 8u);
}

TEST_F(ConstantsTest, Integers) {
  auto i32 = tensor({3}, builder.getI32Type());
  Value resource = makeConstant(makeResource<int32_t>(i32, {-1, 0, 7}));
  EXPECT_EQ(getConstantInts(resource), (SmallVector<int64_t>{-1, 0, 7}));
  auto ui8 = tensor({2}, builder.getIntegerType(8, /*isSigned=*/false));
  Value bytes = makeConstant(makeResource<uint8_t>(ui8, {255, 1}));
  EXPECT_EQ(getConstantInts(bytes), (SmallVector<int64_t>{255, 1}));
  Value dense = makeConstant(DenseElementsAttr::get(
      tensor({2}, builder.getI64Type()), ArrayRef<int64_t>{INT64_MIN, 3}));
  EXPECT_EQ(getConstantInts(dense), (SmallVector<int64_t>{INT64_MIN, 3}));
  Value many = makeConstant(
      DenseElementsAttr::get(tensor({100}, builder.getI64Type()), int64_t(0)));
  EXPECT_EQ(getConstantInts(many, /*limit=*/99), std::nullopt);
  // Fewer bytes than the shape says.
  Value cut = makeConstant(makeResource<int32_t>(i32, {-1, 0}));
  EXPECT_EQ(getConstantInts(cut), std::nullopt);
}

TEST_F(ConstantsTest, Scalars) {
  auto f32 = tensor({}, builder.getF32Type());
  EXPECT_EQ(getConstantScalar(makeConstant(makeResource<float>(f32, {0.5f}))),
            0.5);
  Value splat = makeConstant(
      DenseElementsAttr::get(tensor({9}, builder.getF32Type()), 3.0f));
  EXPECT_EQ(getConstantScalar(splat), 3.0);
  Value two = makeConstant(DenseElementsAttr::get(
      tensor({2}, builder.getF32Type()), ArrayRef<float>{1, 2}));
  EXPECT_EQ(getConstantScalar(two), std::nullopt);
  Value truth = makeConstant(
      DenseElementsAttr::get(tensor({}, builder.getI1Type()), true));
  EXPECT_EQ(getConstantScalar(truth), 1.0);
}

} // namespace
