//===- TenonDialect.cpp - The tenon dialect -------------------------------===//

#include "dialects/tenon/TenonDialect.h"

#include "dialects/tenon/TenonArrayOps.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/tenon/TenonDialect.cpp.inc"
#include "dialects/tenon/TenonEnums.cpp.inc"
#include "dialects/tenon/TenonInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/tenon/TenonAttributes.cpp.inc"

using namespace mlir;

void tenon::TenonDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/tenon/TenonOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/tenon/TenonArrayOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tenon/TenonAttributes.cpp.inc"
      >();
}

bool tenon::TargetAttr::hasFeature(StringRef feature) const {
  SmallVector<StringRef> features;
  getFeatures().split(features, ',');
  return llvm::any_of(features, [&](StringRef text) {
    return text.consume_front("+") && text == feature;
  });
}

LogicalResult
tenon::TargetAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                          StringRef triple, StringRef cpu, StringRef features,
                          unsigned vectorBits, ArrayAttr providers,
                          ArrayAttr gpus) {
  if (!llvm::isPowerOf2_32(vectorBits) || vectorBits < 64 || vectorBits > 4096)
    return emitError() << "expected vectors of a power of two from 64 to 4096 "
                          "bits, but found "
                       << vectorBits;
  for (Attribute provider : providers)
    if (!isa<StringAttr>(provider))
      return emitError() << "expected the names of providers, but found "
                         << provider;
  if (!gpus)
    return success();
  if (gpus.empty())
    return emitError() << "expected GPUs, or no list of them";
  int64_t last = 0;
  for (Attribute gpu : gpus) {
    auto name = dyn_cast<StringAttr>(gpu);
    StringRef digits = name ? name.getValue() : StringRef();
    int64_t number = 0;
    if (!digits.consume_front("sm_") || digits.getAsInteger(10, number) ||
        number <= 0)
      return emitError() << "expected a GPU such as \"sm_90\", but found "
                         << gpu;
    if (number <= last)
      return emitError() << "expected the oldest GPU first and each once, but "
                         << gpu << " stands behind \"sm_" << last << "\"";
    last = number;
  }
  return success();
}

/// Folders return tensors as elements and indices as integers.
Operation *tenon::TenonDialect::materializeConstant(OpBuilder &builder,
                                                    Attribute value, Type type,
                                                    Location loc) {
  if (auto elements = dyn_cast<ElementsAttr>(value))
    if (elements.getType() == type)
      return ConstantOp::create(builder, loc, elements);
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
