//===- ElementTypes.cpp - Element types as the runtime knows them ---------===//

#include "codegen/common/ElementTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "tenon/types.h"

using namespace mlir;

int32_t tenon::codegen::getDType(Type type) {
  if (type.isF32())
    return TENON_F32;
  if (type.isF64())
    return TENON_F64;
  if (type.isF16())
    return TENON_F16;
  if (type.isBF16())
    return TENON_BF16;
  if (isa<Float8E4M3FNType>(type))
    return TENON_F8E4M3FN;
  if (isa<Float8E4M3FNUZType>(type))
    return TENON_F8E4M3FNUZ;
  if (isa<Float8E5M2Type>(type))
    return TENON_F8E5M2;
  if (isa<Float8E5M2FNUZType>(type))
    return TENON_F8E5M2FNUZ;
  if (isa<Float8E8M0FNUType>(type))
    return TENON_F8E8M0;
  if (isa<Float4E2M1FNType>(type))
    return TENON_F4E2M1;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return 0;
  switch (integer.getWidth()) {
  case 1:
    return TENON_BOOL;
  case 2:
    return integer.isUnsigned() ? TENON_U2 : TENON_I2;
  case 4:
    return integer.isUnsigned() ? TENON_U4 : TENON_I4;
  case 8:
    return integer.isUnsigned() ? TENON_U8 : TENON_I8;
  case 16:
    return integer.isUnsigned() ? TENON_U16 : TENON_I16;
  case 32:
    return integer.isUnsigned() ? TENON_U32 : TENON_I32;
  case 64:
    return integer.isUnsigned() ? TENON_U64 : TENON_I64;
  }
  return 0;
}
