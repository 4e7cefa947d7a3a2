"""Element types: Tenon's, NumPy's and ONNX's names of them.

NumPy has no type for some of them. With the package `ml_dtypes` arrays have its types; without it they are integers of
the same size that hold the bits: unsigned, but for int4 and int2, which are int8. Elements of fewer than eight bits have
a byte each.
"""

from __future__ import annotations

from typing import Dict, NamedTuple

import numpy as np

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None


class DType(NamedTuple):
    """An element type."""

    code: int  # TenonDType, which is ONNX's TensorProto.DataType
    name: str  # as tools print it
    onnx: str  # as ONNX Runtime prints it
    numpy: np.dtype  # what outputs have
    bits: np.dtype  # what inputs may have beside it


def _type(code: int, name: str, onnx: str, numpy: str, missing: str = "") -> DType:
    """`missing`: what ml_dtypes calls a type that NumPy lacks."""
    bits = np.dtype(numpy)
    if missing:
        type_ = getattr(ml_dtypes, missing, None)
        return DType(code, name, f"tensor({onnx})", np.dtype(type_) if type_ else bits, bits)
    return DType(code, name, f"tensor({onnx})", bits, bits)


_ALL = [
    _type(1, "f32", "float", "float32"),
    _type(2, "u8", "uint8", "uint8"),
    _type(3, "i8", "int8", "int8"),
    _type(4, "u16", "uint16", "uint16"),
    _type(5, "i16", "int16", "int16"),
    _type(6, "i32", "int32", "int32"),
    _type(7, "i64", "int64", "int64"),
    _type(9, "bool", "bool", "bool"),
    _type(10, "f16", "float16", "float16"),
    _type(11, "f64", "double", "float64"),
    _type(12, "u32", "uint32", "uint32"),
    _type(13, "u64", "uint64", "uint64"),
    _type(16, "bf16", "bfloat16", "uint16", missing="bfloat16"),
    _type(17, "f8e4m3fn", "float8e4m3fn", "uint8", missing="float8_e4m3fn"),
    _type(18, "f8e4m3fnuz", "float8e4m3fnuz", "uint8", missing="float8_e4m3fnuz"),
    _type(19, "f8e5m2", "float8e5m2", "uint8", missing="float8_e5m2"),
    _type(20, "f8e5m2fnuz", "float8e5m2fnuz", "uint8", missing="float8_e5m2fnuz"),
    _type(21, "u4", "uint4", "uint8", missing="uint4"),
    _type(22, "i4", "int4", "int8", missing="int4"),
    _type(23, "f4e2m1", "float4e2m1", "uint8", missing="float4_e2m1fn"),
    _type(24, "f8e8m0", "float8e8m0", "uint8", missing="float8_e8m0fnu"),
    _type(25, "u2", "uint2", "uint8", missing="uint2"),
    _type(26, "i2", "int2", "int8", missing="int2"),
]
BY_CODE: Dict[int, DType] = {t.code: t for t in _ALL}
# The first one wins: an array of uint16 is of u16 where no input says otherwise.
BY_NUMPY: Dict[np.dtype, DType] = {t.numpy: t for t in reversed(_ALL)}
# Where `numpy` is `bits`, their arrays hold no numbers.
FLOATS_AS_BITS = {t.name for t in _ALL if "float" in t.onnx and t.bits.kind == "u"}
