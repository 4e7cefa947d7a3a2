/*===- tenon/types.h - Element types and error codes ------------------------===
 *
 * The numbers that the public API and compiled models share. Plain C.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_TYPES_H
#define TENON_TYPES_H

/* In C++ an enumeration without a type holds its own values only; these also
 * hold what a wrong caller or a damaged model puts there. */
#ifdef __cplusplus
#define TENON_ENUM_TYPE : int
#else
#define TENON_ENUM_TYPE
#endif

/** Element types. The values are those of ONNX's TensorProto.DataType. */
typedef enum TenonDType TENON_ENUM_TYPE {
  TENON_F32 = 1,
  TENON_U8 = 2,
  TENON_I8 = 3,
  TENON_U16 = 4,
  TENON_I16 = 5,
  TENON_I32 = 6,
  TENON_I64 = 7,
  /** One byte an element, 0 or 1. */
  TENON_BOOL = 9,
  TENON_F16 = 10,
  TENON_F64 = 11,
  TENON_U32 = 12,
  TENON_U64 = 13,
  TENON_BF16 = 16,
  /* The types below have one byte an element, in memory as in files of arrays.
   * Of a float it has the code, the lowest bits first; an integer fills it,
   * with its sign. What else stands in the byte of an input means nothing. */
  TENON_F8E4M3FN = 17,
  TENON_F8E4M3FNUZ = 18,
  TENON_F8E5M2 = 19,
  TENON_F8E5M2FNUZ = 20,
  TENON_U4 = 21,
  TENON_I4 = 22,
  TENON_F4E2M1 = 23,
  TENON_F8E8M0 = 24,
  TENON_U2 = 25,
  TENON_I2 = 26
} TenonDType;

/** In place of an element type: tensors, see TenonTensor. */
#define TENON_TENSORS ((TenonDType)255)

/** What an input or output of a model is. */
typedef enum TenonKind TENON_ENUM_TYPE {
  TENON_TENSOR = 0,
  /** Any number of tensors of one element type. */
  TENON_SEQUENCE = 1,
  /** A tensor or nothing. */
  TENON_OPTIONAL = 2,
  /** A sequence or nothing. */
  TENON_OPTIONAL_SEQUENCE = 3
} TenonKind;

/** What kind of error happened. The tools exit with the same numbers. */
typedef enum TenonErrorCode TENON_ENUM_TYPE {
  TENON_OK = 0,
  /** The caller used the function or the command line wrongly. */
  TENON_ERROR_USAGE = 1,
  /** A model or an input that is not valid: wrong contents, type or shape. */
  TENON_ERROR_INVALID = 2,
  /** Valid, but beyond what this version, this build or this machine can do. */
  TENON_ERROR_UNSUPPORTED = 3,
  /** A file, memory or another part of the system failed. */
  TENON_ERROR_SYSTEM = 4,
  /** A result is not the expected one (tools only). */
  TENON_ERROR_DIFFERS = 5,
  /** A defect of Tenon itself. */
  TENON_ERROR_INTERNAL = 70
} TenonErrorCode;

#endif /* TENON_TYPES_H */
