//===- Tensor.cpp - Element types and sizes of tensors -------------------===//

#include "tenon/tenon.h"

size_t tenon_dtype_size(TenonDType dtype) {
  switch (dtype) {
  case TENON_U8:
  case TENON_I8:
  case TENON_BOOL:
  case TENON_F8E4M3FN:
  case TENON_F8E4M3FNUZ:
  case TENON_F8E5M2:
  case TENON_F8E5M2FNUZ:
  case TENON_F8E8M0:
  case TENON_F4E2M1:
  case TENON_U4:
  case TENON_I4:
  case TENON_U2:
  case TENON_I2:
    return 1;
  case TENON_U16:
  case TENON_I16:
  case TENON_F16:
  case TENON_BF16:
    return 2;
  case TENON_F32:
  case TENON_I32:
  case TENON_U32:
    return 4;
  case TENON_F64:
  case TENON_I64:
  case TENON_U64:
    return 8;
  }
  return 0;
}

const char *tenon_dtype_name(TenonDType dtype) {
  switch (dtype) {
  case TENON_F32:
    return "f32";
  case TENON_U8:
    return "u8";
  case TENON_I8:
    return "i8";
  case TENON_U16:
    return "u16";
  case TENON_I16:
    return "i16";
  case TENON_I32:
    return "i32";
  case TENON_I64:
    return "i64";
  case TENON_BOOL:
    return "bool";
  case TENON_F16:
    return "f16";
  case TENON_F64:
    return "f64";
  case TENON_U32:
    return "u32";
  case TENON_U64:
    return "u64";
  case TENON_BF16:
    return "bf16";
  case TENON_F8E4M3FN:
    return "f8e4m3fn";
  case TENON_F8E4M3FNUZ:
    return "f8e4m3fnuz";
  case TENON_F8E5M2:
    return "f8e5m2";
  case TENON_F8E5M2FNUZ:
    return "f8e5m2fnuz";
  case TENON_U4:
    return "u4";
  case TENON_I4:
    return "i4";
  case TENON_F4E2M1:
    return "f4e2m1";
  case TENON_F8E8M0:
    return "f8e8m0";
  case TENON_U2:
    return "u2";
  case TENON_I2:
    return "i2";
  }
  return nullptr;
}

size_t tenon_tensor_bytes(const TenonTensor *tensor) {
  size_t bytes = tenon_dtype_size(tensor->dtype);
  if (!bytes || tensor->rank < 0)
    return SIZE_MAX;
  bool isEmpty = false;
  for (int32_t i = 0; i < tensor->rank; ++i) {
    if (tensor->dims[i] < 0)
      return SIZE_MAX;
    isEmpty |= tensor->dims[i] == 0;
  }
  if (isEmpty)
    return 0;
  for (int32_t i = 0; i < tensor->rank; ++i)
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(tensor->dims[i]),
                               &bytes) ||
        bytes > INT64_MAX)
      return SIZE_MAX;
  return bytes;
}
