"""Element types: Tenon's, NumPy's and ONNX's names of them.

NumPy has no type for some of them. With the package `ml_dtypes` arrays have its types; without it they are unsigned
integers of the same size that hold the bits.
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


def _type(code: int, name: str, onnx: str, numpy: str, missing: bool = False) -> DType:
    bits = np.dtype(numpy)
    if missing:
        type_ = getattr(ml_dtypes, onnx, None)
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
    _type(16, "bf16", "bfloat16", "uint16", missing=True),
]
BY_CODE: Dict[int, DType] = {t.code: t for t in _ALL}
# The first one wins: an array of uint16 is of u16 where no input says otherwise.
BY_NUMPY: Dict[np.dtype, DType] = {t.numpy: t for t in reversed(_ALL)}
